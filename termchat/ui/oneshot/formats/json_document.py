"""`--json`: the whole run as one object of JSON, written at its end."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from termchat.core.errors import Failure
from termchat.core.events import Event, MessageDone, Notice, ProviderNotice, Streamed, ToolFinished, TurnStarted
from termchat.core.messages import Citation, Role, ToolCall
from termchat.core.sanitize import Safe
from termchat.ui.oneshot.formats import RunEnd
from termchat.ui.oneshot.formats.collected_reply import CollectedReply
from termchat.ui.oneshot.formats.output import write
from termchat.ui.oneshot.formats.records import (
    VERSION,
    call_record,
    end_record,
    json_line,
    result_record,
    source_records,
)


class JsonFormat:
    """Collects the run and writes one object to a file descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._turn = ""
        self._reply = CollectedReply()
        self._calls: list[ToolCall] = []
        self._results: list[dict[str, Any]] = []
        self._notices: list[str] = []
        self._sources: tuple[Citation, ...] = ()

    async def show(self, event: Event) -> None:
        self._reply.add(event)
        match event:
            case TurnStarted():
                self._turn = self._turn or event.turn_id
            case MessageDone(message=message) if message.role is Role.ASSISTANT:
                self._calls += [call for call in message.calls if call.complete]
            case ToolFinished():
                self._results.append(result_record(event.call, event.result, event.seconds))
            case Streamed(delta=ProviderNotice(words=words)) | Notice(words=words):
                self._notices.append(str(words))
            case _:
                pass

    async def inline_note(self, words: Safe) -> bool:
        self._notices.append(str(words))
        return True

    async def withdraw(self) -> bool:
        return True  # nothing is written yet

    async def cite(self, sources: tuple[Citation, ...]) -> bool:
        self._sources = sources
        return True

    async def close(self) -> None:
        pass

    async def finish(self, end: RunEnd) -> Failure | None:
        document = {
            "v": VERSION,
            "turn": self._turn or uuid4().hex,
            "text": self._reply.text,
            "reasoning": self._reply.reasoning,
            "tool_calls": [call_record(call) for call in self._calls],
            "tool_results": self._results,
            "notices": self._notices,
            "sources": source_records(self._sources),
            **end_record(end),
        }
        await write(self._fd, json_line(document))
        return None
