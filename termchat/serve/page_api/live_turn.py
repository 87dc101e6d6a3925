"""A turn that runs: its events for the page, and its state for a client that connects meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from termchat.core.chats import NodeFigures, OpenReply
from termchat.core.conversation import Node
from termchat.core.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CitationDelta,
    Delta,
    Event,
    MessageDone,
    Notice,
    ProviderNotice,
    ReasoningDelta,
    Retrying,
    SearchDelta,
    StepCounted,
    StepStarted,
    Streamed,
    TextBecameReasoning,
    TextDelta,
    ToolCallDelta,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from termchat.core.models import ModelRef
from termchat.core.sanitize import Safe
from termchat.core.usage import add_costs
from termchat.serve.faults import client_words
from termchat.serve.page_api.live_calls import LiveCalls
from termchat.serve.page_api.page_json import cost_text, failure_document, node_document, part_document, usage_document

_FIELDS = {"text": "text", "reasoning": "text", "tool_call": "arguments"}  # what a delta extends


class LivePart:
    """A part that grows; its pieces are joined when somebody asks."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.pieces: list[str] = []
        self.more: dict[str, Any] = {}

    def document(self) -> dict[str, Any]:
        text = "".join(self.pieces)
        self.pieces = [text]
        field = _FIELDS.get(self.kind)
        return {"kind": self.kind, **self.more, **({field: text} if field else {})}


class LiveTurn:
    """The state of one turn.

    kind     that of the request, `elsewhere` for a turn of another process
    question the node that the turn answers
    parent   the node that the next message of the turn hangs on
    calls    those of the last message, while they run
    runs_tools  True while a turn of another process runs the calls of its last message
    """

    def __init__(self, turn: str, chat: str, kind: str, parent: str, model: ModelRef) -> None:
        self.id = turn
        self.chat = chat
        self.kind = kind
        self.question = self.parent = parent
        self.model = model
        self.began = time.time()
        self.runs_tools = False
        self.calls = LiveCalls()
        self.notices: list[str] = []
        self.parts: list[LivePart] = []
        self._numbers: dict[tuple[str, int], int] = {}
        self._retrying: dict[str, Any] | None = None
        self._step_began = time.monotonic()
        self._figures = NodeFigures(0.0)

    def document(self) -> dict[str, Any]:
        """Return the state."""
        return {
            "id": self.id,
            "turn": self.id,
            "chat": self.chat,
            "kind": self.kind,
            "parent": self.parent,
            "model": str(self.model),
            "started": self.began,
            "parts": [part.document() for part in self.parts],
            "asks": self.calls.questions(),
            "tools": self.calls.documents(),
            "retrying": self._retrying,
            "notices": self.notices,
        }

    def apply(self, event: Event, head: str | None) -> Iterator[dict[str, Any]]:
        """Apply an event; yield those for the page. `head` is that of the chat after the event."""
        match event:
            case Streamed():
                yield from self._stream(event.delta)
            case StepStarted():
                self._step_began, self._figures = time.monotonic(), NodeFigures(0.0)
            case StepCounted():
                self._count(event)
            case ToolStarted() | ToolProgress() | ToolFinished() | ApprovalAsked() | ApprovalAnswered():
                yield self.calls.apply(event)
            case MessageDone():
                yield self._message(event, head)
            case Notice():
                yield self._notice(event.words)
            case TurnEnded():
                yield {"type": "ended", **self._end(event), "head": head}
            case TurnStarted():
                return

    def _stream(self, delta: Delta) -> Iterator[dict[str, Any]]:
        if self._retrying and not isinstance(delta, Retrying):
            self._retrying = None
        match delta:
            case TextDelta():
                yield from self._grow("text", delta.index, delta.text)
            case ReasoningDelta():
                yield from self._grow("reasoning", delta.index, delta.text)
            case ToolCallDelta():
                yield from self._call(delta)
            case SearchDelta():
                number, part = self._open("search", delta.index)
                part.more["queries"] = list(delta.queries) or part.more.get("queries", [])
                yield self._whole(number)
            case CitationDelta():
                number, part = self._open("text", delta.index)
                cited = {"url": delta.citation.url, "title": delta.citation.title}
                part.more["citations"] = [*part.more.get("citations", []), cited]
                yield self._whole(number)
            case TextBecameReasoning():
                number, part = self._open("text", delta.index)
                part.kind = "reasoning"
                self._numbers["reasoning", delta.index] = self._numbers.pop(("text", delta.index))
                yield self._whole(number)
            case Retrying():
                self._retrying = {"attempt": delta.attempt, "of": delta.tries, "delay": delta.delay,
                                  "message": delta.failure.message}  # fmt: skip
                yield {"type": "retrying", **self._retrying}
            case ProviderNotice():
                yield self._notice(delta.words)
            case _:
                return

    def _notice(self, words: Safe) -> dict[str, Any]:
        words = client_words(words)
        self.notices.append(words)
        return {"type": "notice", "text": words, "level": "info"}

    def _open(self, kind: str, index: int) -> tuple[int, LivePart]:
        number = self._numbers.setdefault((kind, index), len(self.parts))
        if number == len(self.parts):
            self.parts.append(LivePart(kind))
        return number, self.parts[number]

    def _grow(self, kind: str, index: int, text: str) -> Iterator[dict[str, Any]]:
        if text:
            number, part = self._open(kind, index)
            part.pieces.append(text)
            yield {"type": "delta", "index": number, "kind": kind, "text": text}

    def _call(self, delta: ToolCallDelta) -> Iterator[dict[str, Any]]:
        number, part = self._open("tool_call", delta.index)
        name = part.more.get("name", "")
        part.more["id"] = part.more.get("id") or delta.id
        part.more["name"] = delta.name if delta.name.startswith(name) else name
        part.pieces.append(delta.arguments)
        named = {"id": part.more["id"], "name": part.more["name"]}
        yield {"type": "delta", "index": number, "kind": "tool_call", "text": delta.arguments, **named}

    def _whole(self, number: int) -> dict[str, Any]:
        return {"type": "part", "index": number, "value": self.parts[number].document()}

    def _count(self, event: StepCounted) -> None:
        cost = event.requests[-1].cost
        for request in event.requests[:-1]:
            cost = add_costs(cost, request.cost)
        about = any(request.basis.value == "similar" for request in event.requests)
        self._figures = NodeFigures(0.0, time.monotonic() - self._step_began, cost, about)

    def _message(self, event: MessageDone, head: str | None) -> dict[str, Any]:
        reply = bool(event.message.origin)
        seen = self._figures
        figures = NodeFigures(time.time(), seen.seconds, seen.cost, seen.about) if reply else NodeFigures(time.time())
        self.parts, self._numbers, self.calls = [], {}, LiveCalls()
        self.parent = event.node
        node = node_document(Node(event.node, event.parent, event.message), figures)
        return {"type": "message", "node": node, "head": head}

    def _end(self, event: TurnEnded) -> dict[str, Any]:
        return {
            "outcome": event.outcome.value,
            "model": str(event.model),
            "usage": usage_document(event.usage) if event.steps else None,
            "cost": cost_text(event.cost),
            "about": event.about,
            "seconds": event.timing.total,
            "has_content": event.has_content,
            "failure": failure_document(event.failure),
        }

    def follow(self, reply: OpenReply) -> Iterator[dict[str, Any]]:
        """Take over the state of a reply in another process; yield what is new."""
        self.parent, self.model, self.began = reply.parent, reply.model, reply.began
        self.runs_tools = False
        parts = reply.message.parts if reply.message else ()
        if len(parts) < len(self.parts):
            self.parts = []
            yield {"type": "reset"}
        for number, part in enumerate(parts):
            found = part_document(part)
            if number == len(self.parts):
                self.parts.append(LivePart(found["kind"]))
                self.parts[number].more = _without_text(found)
            elif self.parts[number].document() == found:
                continue
            yield self._followed(number, found)

    def _followed(self, number: int, found: dict[str, Any]) -> dict[str, Any]:
        live = self.parts[number]
        before, kind, field = live.document(), found["kind"], _FIELDS.get(found["kind"], "")
        live.kind = kind
        live.pieces = [found[field]] if field else []
        live.more = _without_text(found)
        same = field and {**before, field: ""} == {**found, field: ""}
        if same and kind != "tool_call" and found[field].startswith(before[field]):
            return {"type": "delta", "index": number, "kind": kind, "text": found[field][len(before[field]) :]}
        return {"type": "part", "index": number, "value": found}


def _without_text(part: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a part beside its kind and the text that grows."""
    return {key: value for key, value in part.items() if key not in ("kind", _FIELDS.get(part["kind"]))}
