"""The events of a turn as updates of a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from acp.schema import (
    AgentMessageChunk,
    AgentThoughtChunk,
    AvailableCommandsUpdate,
    ConfigOptionUpdate,
    CurrentModeUpdate,
    SessionInfoUpdate,
    TextContentBlock,
    ToolCallProgress,
    ToolCallStart,
    UsageUpdate,
    UserMessageChunk,
)

from termchat.core.approval import Approve
from termchat.core.events import (
    ApprovalAnswered,
    Event,
    Notice,
    ProviderNotice,
    Retrying,
    Streamed,
    ToolFinished,
    ToolProgress,
    ToolStarted,
)
from termchat.core.messages import ToolCall
from termchat.core.sanitize import Safe, repair_surrogates, safe, safe_format
from termchat.serve.acp.tool_updates import as_code_block, call_ended, call_started
from termchat.serve.faults import client_words
from termchat.serve.pieces import PartKind, PieceReader

Update: TypeAlias = (
    UserMessageChunk
    | AgentMessageChunk
    | AgentThoughtChunk
    | ToolCallStart
    | ToolCallProgress
    | AvailableCommandsUpdate
    | CurrentModeUpdate
    | ConfigOptionUpdate
    | SessionInfoUpdate
    | UsageUpdate
)
_PRINTED = 20_000  # the last characters of what a running call prints


class TurnUpdates:
    """Reads the events of one turn in their order.

    The texts of all `agent_message_chunk`s are the exact text of the reply; what termchat itself says is a thought.
    """

    def __init__(self, cwd: Path) -> None:
        self.pieces = PieceReader()
        self._cwd = cwd
        self._printed: dict[str, str] = {}  # what a running call has printed

    def read(self, event: Event) -> Iterator[Update]:
        """Yield the updates of an event."""
        for piece in self.pieces.read(event):
            if piece.kind is PartKind.TEXT:
                yield text_chunk(piece.text, f"{event.turn_id}-{piece.part}")
            elif piece.kind is PartKind.REASONING:
                yield thought_chunk(piece.text, f"{event.turn_id}-{piece.part}")
        match event:
            case Streamed(delta=Retrying() as retry):
                yield notice_chunk(_retrying(retry))
            case Streamed(delta=ProviderNotice() as notice):
                yield notice_chunk(client_words(notice.words))
            case Notice():
                yield notice_chunk(client_words(event.words))
            case ToolStarted():
                yield call_started(call_name(event.turn_id, event.call), event.call, self._cwd)
            case ApprovalAnswered(decision=Approve() | None):
                yield _running(call_name(event.turn_id, event.request.call))
            case ToolProgress():
                yield self._progress(event)
            case ToolFinished():
                yield call_ended(call_name(event.turn_id, event.call), event.call, event.result, self._cwd)
            case _:
                return

    def _progress(self, event: ToolProgress) -> ToolCallProgress:
        printed = (self._printed.get(event.call.id, "") + event.text)[-_PRINTED:]
        self._printed[event.call.id] = printed
        update = _running(call_name(event.turn_id, event.call))
        return update.model_copy(update={"content": [as_code_block(printed)]})


def call_name(turn_id: str, call: ToolCall) -> str:
    """Return the id of a call in its session; vendors repeat theirs in later turns."""
    return f"{turn_id[:8]}-{safe(call.id)}"


def text_chunk(text: str, message: str) -> AgentMessageChunk:
    """Return a piece of a reply."""
    return AgentMessageChunk(session_update="agent_message_chunk", content=_block(text), message_id=message)


def thought_chunk(text: str, message: str) -> AgentThoughtChunk:
    """Return a piece of the reasoning."""
    return AgentThoughtChunk(session_update="agent_thought_chunk", content=_block(text), message_id=message)


def notice_chunk(words: Safe) -> AgentThoughtChunk:
    """Return a sentence of termchat; a thought, so that it does not become a part of the reply."""
    return AgentThoughtChunk(session_update="agent_thought_chunk", content=_block(f"termchat: {words}\n\n"))


def _block(text: str) -> TextContentBlock:
    return TextContentBlock(type="text", text=repair_surrogates(text))


def _running(call_id: str) -> ToolCallProgress:
    return ToolCallProgress(session_update="tool_call_update", tool_call_id=call_id, status="in_progress")


def _retrying(retry: Retrying) -> Safe:
    tries = f"{retry.attempt}/{retry.tries}" if retry.tries else f"{retry.attempt}"
    return safe_format(
        "{what} Retrying in {wait} s ({tries}).",
        what=retry.failure.message,
        wait=safe(f"{retry.delay:.1f}"),
        tries=safe(tries),
    )
