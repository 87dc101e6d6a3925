"""Replies in the format of Anthropic Messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.gateway.quirks import Quirk
from tests.gateway.render.errors import error_body
from tests.gateway.render.frames import Ask, Frame, Item, Json, Stream, compact
from tests.gateway.script import (
    PASSED,
    Block,
    Call,
    Citation,
    ErrorEvent,
    Finish,
    Garbage,
    Piece,
    Reasoning,
    Refusal,
    Reply,
    Search,
    Text,
    pieces,
)

FINISHES = {
    Finish.STOP: "end_turn",
    Finish.TOOL_CALLS: "tool_use",
    Finish.LENGTH: "max_tokens",
    Finish.CONTENT_FILTER: "refusal",
    Finish.REFUSAL: "refusal",
    Finish.CONTEXT_FULL: "model_context_window_exceeded",
    Finish.PAUSED: "pause_turn",
    Finish.MALFORMED_TOOL: "end_turn",
}


def stream(reply: Reply, ask: Ask) -> Stream:
    """The events of a reply, from `message_start` to `message_stop`."""
    for item in _events(reply, ask):
        if isinstance(item, dict):
            named = Quirk.NO_EVENT_LINE not in reply.quirks
            yield Frame(item["type"] if named else None, compact(item))
        else:
            yield item


def whole(reply: Reply, ask: Ask) -> Json:
    """The same reply as one body."""
    content: list[Json] = []
    for number, step in enumerate(reply.steps):
        if isinstance(step, Text):
            content.append({"type": "text", "text": step.text})
        elif isinstance(step, Reasoning):
            nth = sum(str(block["type"]).endswith("thinking") for block in content)
            content.append(_thinking(step, ask, len(content), nth))
        elif isinstance(step, Call):
            known = ask.call_id(step, number, "toolu_")
            content.append({"type": "tool_use", "id": known, "name": step.name, "input": step.value})
        elif isinstance(step, Search):
            content += _search(step, number, ask)
    message = _message(reply, ask) | _stop(reply)
    return message | {"content": content, "usage": usage(reply) | {"output_tokens": reply.usage.output}}


def usage(reply: Reply) -> Json:
    """Token counts at the start; cache reads and writes are not part of `input_tokens`."""
    u = reply.usage
    return {
        "input_tokens": u.input - u.cached - u.cache_write,
        "cache_creation_input_tokens": u.cache_write,
        "cache_read_input_tokens": u.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": u.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 1,
        "service_tier": u.tier if u.tier not in ("", "fast") else "standard",
        "speed": "fast" if u.tier == "fast" else "standard",
    }


class _Blocks:
    """Content blocks by their index; one is open at a time."""

    def __init__(self, reply: Reply, ask: Ask) -> None:
        self._quirks = reply.quirks
        self._ask = ask
        self._step = 2 if Quirk.INDEX_GAPS in reply.quirks else 1
        self._count = 0
        self._thoughts = 0
        self._open = ""

    @property
    def index(self) -> int:
        return (self._count - 1) * self._step

    def text(self, chunk: str) -> list[Json]:
        begun = [] if self._open == "text" else self._begin("text", {"type": "text", "text": ""})
        return [*begun, self._delta({"type": "text_delta", "text": chunk})] if chunk else begun

    def citation(self, step: Citation) -> list[Json]:
        found = {"type": "web_search_result_location", "url": step.url, "title": step.title}
        found |= {"encrypted_index": self._ask.seal("citation", step.url), "cited_text": "so"}
        begun = [] if self._open == "text" else self._begin("text", {"type": "text", "text": ""})
        return [*begun, self._delta({"type": "citations_delta", "citation": found})]

    def search(self, step: Search, number: int) -> list[Json]:
        use, result = _search(step, number, self._ask)
        events = self._begin("server_tool_use", use | {"input": {}})
        text = compact(use["input"])
        for piece in ("", text[:7], text[7:]):
            events.append(self._delta({"type": "input_json_delta", "partial_json": piece}))
        return [*events, *self._begin("web_search_tool_result", result), *self.close()]

    def reasoning(self, step: Reasoning, piece: Piece) -> list[Json]:
        block = _thinking(step, self._ask, self._count, self._thoughts)
        self._thoughts += piece.first if step.redacted else piece.last
        if step.redacted:
            return [*self._begin("thinking", block), *self.close()] if piece.first else []
        events: list[Json] = []
        if piece.first:
            events += self._begin("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        events.append(self._delta({"type": "thinking_delta", "thinking": piece.chunk}))
        if piece.last:
            if step.signed:
                signature = _thinking(step, self._ask, self._count - 1, self._thoughts - 1)["signature"]
                events.append(self._delta({"type": "signature_delta", "signature": signature}))
            events += self.close()
        return events

    def call(self, step: Call, piece: Piece) -> list[Json]:
        events: list[Json] = []
        at_once = Quirk.INPUT_IN_START in self._quirks
        if piece.first:
            known = self._ask.call_id(step, piece.number, "toolu_")
            start: Json = {"type": "tool_use", "id": known, "name": step.name}
            events += self._begin("tool_use", start | {"input": step.value if at_once else {}})
            if not at_once:
                events.append(self._delta({"type": "input_json_delta", "partial_json": ""}))
        if piece.chunk and not at_once and step.raw != "{}":
            events.append(self._delta({"type": "input_json_delta", "partial_json": piece.chunk}))
        return [*events, *self.close()] if piece.last else events

    def close(self) -> list[Json]:
        """End the open block."""
        if not self._open:
            return []
        self._open = ""
        return [{"type": "content_block_stop", "index": self.index}]

    def _begin(self, kind: str, block: Json) -> list[Json]:
        events = self.close()
        self._open, self._count = kind, self._count + 1
        if Quirk.NO_BLOCK_START not in self._quirks:
            events.append({"type": "content_block_start", "index": self.index, "content_block": block})
        return [*events, *self._ping()]

    def _ping(self) -> list[Json]:
        return [{"type": "ping"}] if self._count == 1 or Quirk.PINGS in self._quirks else []

    def _delta(self, delta: Json) -> Json:
        return {"type": "content_block_delta", "index": self.index, "delta": delta}


def _events(reply: Reply, ask: Ask) -> Iterator[Json | Item]:
    """Events as objects, and acts between them."""
    yield {"type": "message_start", "message": _message(reply, ask)}
    if Quirk.UNKNOWN_EVENTS in reply.quirks:
        yield {"type": "message_note", "note": "processing"}
    blocks = _Blocks(reply, ask)
    for piece in pieces(reply):
        if isinstance(piece.step, PASSED):
            yield piece.step
        elif isinstance(piece.step, Garbage):
            yield Frame("content_block_delta", '{"type":"content_block_delta","index":0,"delta":{"ty')
        elif isinstance(piece.step, ErrorEvent):
            yield _error(piece.step, ask)
            return
        else:
            for event in _content(blocks, piece):
                yield event
    for event in blocks.close():
        yield event
    if reply.ends == Finish.ERROR:
        yield _error(ErrorEvent(500), ask)
        return
    yield {"type": "message_delta", "delta": _stop(reply), "usage": _final_usage(reply)}
    yield {"type": "message_stop"}


def _content(blocks: _Blocks, piece: Piece) -> list[Json]:
    step = piece.step
    if isinstance(step, Text):
        return blocks.text(piece.chunk)
    if isinstance(step, Reasoning):
        return blocks.reasoning(step, piece)
    if isinstance(step, Call):
        return blocks.call(step, piece)
    if isinstance(step, Citation):
        return blocks.citation(step)
    if isinstance(step, Search):
        return blocks.search(step, piece.number)
    if isinstance(step, (Refusal, Block)):
        return blocks.close()
    raise TypeError(f"no content: {step}")


def _thinking(step: Reasoning, ask: Ask, place: int, nth: int) -> Json:
    """A complete thinking block, signed for its place."""
    if step.redacted:
        return {"type": "redacted_thinking", "data": ask.seal("redacted", "", place, nth)}
    signature = ask.seal("thinking", step.text, place, nth) if step.signed else ""
    return {"type": "thinking", "thinking": step.text, "signature": signature}


def _search(step: Search, number: int, ask: Ask) -> tuple[Json, Json]:
    """A server-side search and its results, each page sealed."""
    known = f"srvtoolu_{ask.word('search', number)}"
    use: Json = {"type": "server_tool_use", "id": known, "name": "web_search", "input": {"query": step.query}}
    content: Any = [
        {
            "type": "web_search_result",
            "url": page.url,
            "title": page.title,
            "encrypted_content": ask.seal("page", page.url),
            "page_age": None,
        }
        for page in step.found
    ]
    if step.failed:
        content = {"type": "web_search_tool_result_error", "error_code": step.failed}
    return use, {"type": "web_search_tool_result", "tool_use_id": known, "content": content}


def _message(reply: Reply, ask: Ask) -> Json:
    counted = None if {Quirk.NULL_USAGE, Quirk.NO_USAGE} & reply.quirks else usage(reply)
    return {
        "id": f"msg_{ask.word('id')}",
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": counted,
    }


def _stop(reply: Reply) -> Json:
    reason = FINISHES[Finish(reply.ends)] if reply.ends in list(Finish) else reply.ends
    stop: Json = {"stop_reason": reason, "stop_sequence": None}
    if reason == "refusal":
        explanation = next((step.text for step in reply.steps if isinstance(step, Refusal)), None)
        stop["stop_details"] = {"type": "refusal", "category": "general_harms", "explanation": explanation}
    return stop


def _final_usage(reply: Reply) -> Json | None:
    """Cumulative counts at the end."""
    if {Quirk.NULL_USAGE, Quirk.NO_USAGE} & reply.quirks:
        return None
    u = reply.usage
    return {
        "input_tokens": u.input - u.cached - u.cache_write,
        "cache_creation_input_tokens": u.cache_write,
        "cache_read_input_tokens": u.cached,
        "output_tokens": u.output,
        "output_tokens_details": {"thinking_tokens": u.reasoning},
    }


def _error(event: ErrorEvent, ask: Ask) -> Item:
    body = error_body(ask.origin.protocol, event.status, message=event.message)
    if event.form == "bare":
        return Frame(None, compact(body))
    if event.form == "nested":
        return Frame("error", compact({"error": body["error"]}))
    return Frame("error", compact(body))
