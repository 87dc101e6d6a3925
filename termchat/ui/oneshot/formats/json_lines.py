"""`--ndjson`: every event of the run as one line of JSON, as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from termchat.core.errors import Failure, failure_record
from termchat.core.events import (
    Event,
    MessageDone,
    Notice,
    ProviderNotice,
    ReasoningDelta,
    Retrying,
    StepCounted,
    Streamed,
    TextDelta,
    ToolFinished,
    TurnStarted,
)
from termchat.core.messages import Citation, Role
from termchat.core.sanitize import Safe
from termchat.core.usage import Usage, add_costs, usage_record
from termchat.ui.oneshot.formats import RunEnd
from termchat.ui.oneshot.formats.output import write
from termchat.ui.oneshot.formats.records import (
    VERSION,
    call_record,
    cost_record,
    end_record,
    json_line,
    result_record,
    source_records,
)

# A line of text is below 4096 bytes, which a pipe takes as a whole: a character has six bytes at most, and the other
# fields fewer than 200.
_PIECE = 600


class NdjsonFormat:
    """Writes lines to a file descriptor: `start` first, exactly one `end` last.

    Provisional text waits until it is certain to be no reasoning, as in a pipe of plain text.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._turn = ""
        self._waiting: list[str] = []
        self._wrote = False
        self._held = {"text": "", "reasoning": ""}  # a high surrogate whose other half is in the next delta

    async def show(self, event: Event) -> None:
        for kind, fields in self._records(event):
            await self._line(kind, **fields)

    def _records(self, event: Event) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the lines of an event: their types and fields."""
        match event:
            case TurnStarted() if not self._turn:
                self._turn = event.turn_id
                yield "start", {"model": str(event.model)}
            case Streamed(delta=TextDelta(text=text, provisional=provisional)) if text:
                self._waiting.append(text)
                if not provisional:
                    yield from self._settled()
            case Streamed(delta=ReasoningDelta(text=text)) if text:
                yield from self._settled()
                yield from self._pieces("reasoning", text)
            case Streamed(delta=Retrying() as retry):
                error = failure_record(retry.failure)
                tries = retry.tries or None
                yield "retry", {"attempt": retry.attempt, "tries": tries, "delay": retry.delay, "error": error}
            case Streamed(delta=ProviderNotice(words=words)) | Notice(words=words):
                yield from self._settled()
                yield "notice", {"text": str(words)}
            case MessageDone(message=message) if message.role is Role.ASSISTANT:
                yield from self._settled()
                yield from (("tool_call", call_record(call)) for call in message.calls if call.complete)
                self._wrote = False
            case ToolFinished():
                yield "tool_result", result_record(event.call, event.result, event.seconds)
            case StepCounted() if event.requests:
                yield "usage", _counted(event)
            case _:
                pass

    async def inline_note(self, words: Safe) -> bool:
        await self._write(self._settled())
        await self._line("notice", text=str(words))
        return True

    async def withdraw(self) -> bool:
        text = "".join(self._waiting)
        self._waiting.clear()
        await self._write(self._pieces("reasoning", text))
        return not self._wrote

    async def cite(self, sources: tuple[Citation, ...]) -> bool:
        await self._line("notice", text="sources", sources=source_records(sources))
        return True

    async def close(self) -> None:
        await self._write(self._settled())

    async def finish(self, end: RunEnd) -> Failure | None:
        await self.close()
        for kind in [kind for kind, half in self._held.items() if half]:
            await self._line(kind, text="\ufffd")
        await self._line("end", **end_record(end))
        return None

    def _settled(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the waiting text."""
        text = "".join(self._waiting)
        self._waiting.clear()
        self._wrote = self._wrote or bool(text)
        yield from self._pieces("text", text)

    def _pieces(self, kind: str, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
        text = self._held[kind] + text
        self._held[kind] = text[-1] if text and "\ud800" <= text[-1] <= "\udbff" else ""
        text = text[: len(text) - len(self._held[kind])]
        while text:
            size = _PIECE + ("\ud800" <= text[_PIECE - 1 : _PIECE] <= "\udbff")
            yield kind, {"text": text[:size]}
            text = text[size:]

    async def _write(self, records: Iterator[tuple[str, dict[str, Any]]]) -> None:
        for kind, fields in records:
            await self._line(kind, **fields)

    async def _line(self, kind: str, **fields: Any) -> None:
        self._turn = self._turn or uuid4().hex  # of a run that fails before its first turn
        await write(self._fd, json_line({"v": VERSION, "turn": self._turn, "type": kind, **fields}))


def _counted(event: StepCounted) -> dict[str, Any]:
    """Return the usage of the requests of a step."""
    usage, cost = Usage(), event.requests[0].cost
    for request in event.requests:
        usage = usage + request.usage if request.usage else usage
    for request in event.requests[1:]:
        cost = add_costs(cost, request.cost)
    model = str(event.requests[-1].origin.ref)
    return {"model": model, "usage": usage_record(usage), "cost": cost_record(cost)}
