"""Decode events of the Messages API into deltas.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import field, replace
from typing import Any

from termchat.core.events import (
    CitationDelta,
    Delta,
    ProviderNotice,
    ReasoningDelta,
    SearchDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from termchat.core.messages import Citation, Json
from termchat.core.outcomes import FinishReason
from termchat.core.sanitize import safe_format, safe_line
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass
from termchat.providers.decoder import (
    HeldFinish,
    MergedUsage,
    NewId,
    PartNumbers,
    ServerError,
    as_cost,
    as_count,
    as_list,
    as_object,
    as_text,
    as_tier,
    is_object,
    new_call_id,
)
from termchat.providers.protocols.dropped_reasoning import dropped_reasoning


@dataclass(slots=True)
class _PendingSearch:
    """A web search whose input is still streaming, as JSON in pieces."""

    block: dict[str, Any]
    pieces: list[str] = field(default_factory=list[str])

    def done(self, index: int) -> SearchDelta:
        """Return the delta of the complete search, without a query if the input is not JSON."""
        tool_input = self.block.get("input")
        try:
            tool_input = json.loads("".join(self.pieces)) if any(self.pieces) else tool_input
        except ValueError:
            return SearchDelta(index)
        query = as_text(as_object(tool_input).get("query"))
        return SearchDelta(index, (query,) if query else (), {"block": {**self.block, "input": as_object(tool_input)}})


class AnthropicDecoder(HeldFinish):
    """Decoder of one reply. `prefix` is the `prefix_digest` of the request, stored with each signature."""

    def __init__(self, *, prefix: str = "", new_id: NewId = new_call_id) -> None:
        self._bound: dict[str, Json] = {"prefix": prefix} if prefix else {}
        super().__init__()
        self._new_id = new_id
        self._parts = PartNumbers()
        self._calls: dict[int, str] = {}  # part -> input of its start block, used if no piece follows
        self._searches: dict[int, _PendingSearch] = {}
        self._cited: dict[int, list[Json]] = {}  # part -> citations with an encrypted index, sent back with the text
        self._usage = MergedUsage()
        self._cache_miss = ""
        self._handlers: dict[str, Callable[[dict[str, Any]], Iterator[Delta]]] = {
            "message_start": self._start,
            "content_block_start": self._block_start,
            "content_block_delta": self._block_delta,
            "content_block_stop": self._block_stop,
            "message_delta": self._message_delta,
            "message_stop": self._message_stop,
            "error": self._error,
        }

    def decode_event(self, name: str, data: dict[str, Any]) -> Iterator[Delta]:
        handler = self._handlers.get(as_text(data.get("type")) or name)
        if handler:
            yield from handler(data)
        elif data.get("error"):
            raise ServerError(data)

    def decode_response(self, data: dict[str, Any]) -> Iterator[Delta]:
        if data.get("type") == "error" or data.get("error"):
            raise ServerError(data)
        if "content" not in data:
            return
        yield from self._start({"message": data})
        for number, block in enumerate(as_list(data.get("content"))):
            yield from self._block_start({"index": number, "content_block": block})
            yield from self._block_stop({"index": number})
        yield from self._message_delta({"delta": data})
        yield from self._message_stop(data)

    def _start(self, data: dict[str, Any]) -> Iterator[Delta]:
        message = as_object(data.get("message"))
        yield from dropped_reasoning(message.get("input_transformations"))
        self._reply_id = as_text(message.get("id"))
        self._diagnose(message)
        yield from self._count(message.get("usage"))

    def _diagnose(self, data: dict[str, Any]) -> None:
        """Note the reason of a cache miss: https://platform.claude.com/docs/en/build-with-claude/cache-diagnostics."""
        reason = as_object(as_object(data.get("diagnostics")).get("cache_miss_reason"))
        self._cache_miss = as_text(reason.get("type")) or self._cache_miss

    def _block_start(self, data: dict[str, Any]) -> Iterator[Delta]:
        self._note_content()
        block = as_object(data.get("content_block"))
        index = self._part(data)
        match block.get("type"):
            case "text":
                if as_text(block.get("text")):
                    yield TextDelta(index, block["text"])
                for citation in as_list(block.get("citations")):
                    yield from self._citation(index, as_object(citation))
            case "thinking":
                yield from _thought(index, block.get("thinking"))
                yield from self._signature(index, block.get("signature"))
            case "redacted_thinking":
                yield ReasoningDelta(
                    index, "", redacted=True, provider_data={"data": as_text(block.get("data")), **self._bound}
                )
            case "tool_use":
                tool_input = block.get("input")
                self._calls[index] = json.dumps(tool_input, ensure_ascii=False) if tool_input else ""
                call_id = str(block.get("id") or "") or self._new_id()
                yield ToolCallDelta(index, call_id, as_text(block.get("name")))
            case "server_tool_use" if block.get("name") == "web_search":
                self._searches[index] = _PendingSearch(block)
                yield SearchDelta(index)
            case "web_search_tool_result":
                yield SearchDelta(index, provider_data={"block": block})
                why = as_text(as_object(block.get("content")).get("error_code"))
                if why:
                    yield ProviderNotice(safe_format("The web search failed: {why}.", why=safe_line(why[:60])))
            case _:
                pass

    def _block_delta(self, data: dict[str, Any]) -> Iterator[Delta]:
        self._note_content()
        index, delta = self._part(data), as_object(data.get("delta"))
        match delta.get("type"):
            case "text_delta":
                if as_text(delta.get("text")):
                    yield TextDelta(index, delta["text"])
            case "thinking_delta":
                yield from _thought(index, delta.get("thinking"))
            case "signature_delta":
                yield from self._signature(index, delta.get("signature"))
            case "input_json_delta":
                piece = as_text(delta.get("partial_json"))
                if index in self._searches:
                    self._searches[index].pieces.append(piece)
                elif piece:
                    self._calls[index] = ""
                    yield ToolCallDelta(index, arguments=piece)
            case "citations_delta":
                yield from self._citation(index, as_object(delta.get("citation")))
            case _:
                pass

    def _signature(self, index: int, signature: Any) -> Iterator[Delta]:
        if as_text(signature):
            yield ReasoningDelta(index, "", provider_data={"signature": signature, **self._bound})

    def _block_stop(self, data: dict[str, Any]) -> Iterator[Delta]:
        index = self._part(data)
        if index in self._searches:
            yield self._searches.pop(index).done(index)
        if index in self._cited:
            yield TextDelta(index, "", provider_data={"citations": self._cited.pop(index)})
        if index in self._calls:
            yield ToolCallDelta(index, arguments=self._calls.pop(index), complete=True)

    def _message_delta(self, data: dict[str, Any]) -> Iterator[Delta]:
        delta = as_object(data.get("delta"))
        self._diagnose(delta)
        self._diagnose(data)
        word, why = as_text(delta.get("stop_reason")), _refusal_reason(as_object(delta.get("stop_details")))
        if word:
            self._note_finish(word, why)
        yield from dropped_reasoning(data.get("input_transformations"))
        yield from self._count(data.get("usage"))

    def _message_stop(self, data: dict[str, Any]) -> Iterator[Delta]:
        if self._reason is None:
            self._note_finish("", reason=FinishReason.STOP)
        self.closed = True
        yield from self.end()

    def _last_deltas(self, reason: FinishReason) -> Iterator[Delta]:
        if reason in (FinishReason.STOP, FinishReason.TOOL_CALLS):
            for index, tool_input in self._calls.items():  # a gateway sent no content_block_stop
                yield ToolCallDelta(index, arguments=tool_input, complete=True)

    def _error(self, data: dict[str, Any]) -> Iterator[Delta]:
        yield from ()
        raise ServerError(data)

    def _citation(self, index: int, citation: dict[str, Any]) -> Iterator[Delta]:
        url = as_text(citation.get("url"))
        if citation.get("encrypted_index"):
            self._cited.setdefault(index, []).append(citation)
        if url:
            yield CitationDelta(index, Citation(url, as_text(citation.get("title"))))

    def _count(self, usage: Any) -> Iterator[Delta]:
        """Update the usage. Counts are cumulative; a missing one keeps its last value."""
        if not is_object(usage):
            return
        yield UsageDelta(replace(_usage(self._usage.add(usage)), cache_miss=self._cache_miss))

    def _part(self, data: dict[str, Any]) -> int:
        return self._parts.for_key(as_count(data.get("index")))


def _refusal_reason(details: dict[str, Any]) -> str:
    """Describe the reason of a refusal: `explanation (category)`."""
    why, category = as_text(details.get("explanation")), as_text(details.get("category")).replace("_", " ")
    return f"{why} ({category})" if why and category else why or category


def _thought(index: int, text: Any) -> Iterator[Delta]:
    if as_text(text):
        yield ReasoningDelta(index, text)


def _usage(data: dict[str, Any]) -> Usage:
    cached = as_count(data.get("cache_read_input_tokens"))
    written = as_count(data.get("cache_creation_input_tokens"))
    details = as_object(data.get("output_tokens_details"))
    tier, speed = as_tier(data.get("service_tier")), as_tier(data.get("speed"))
    return Usage(
        input=as_count(data.get("input_tokens")) + cached + written,
        output=as_count(data.get("output_tokens")),
        cached=cached,
        cache_write=written,
        reasoning=as_count(details.get("thinking_tokens")),
        cost=as_cost(data.get("cost")),
        tier=speed if tier in ("", "standard") else tier,
    )
