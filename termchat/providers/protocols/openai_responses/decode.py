"""Decode events of the Responses API into deltas.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from termchat.core.events import (
    CitationDelta,
    Delta,
    ReasoningDelta,
    SearchDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from termchat.core.messages import Citation, Json
from termchat.core.outcomes import FinishReason
from termchat.core.usage import Usage
from termchat.providers.catalog.finish_words import finish_reason
from termchat.providers.decoder import (
    HeldFinish,
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
    output_tokens,
    unsupported_part,
)
from termchat.providers.protocols.dropped_reasoning import dropped_reasoning


class ResponsesDecoder(HeldFinish):
    """Decoder of one reply."""

    def __init__(self, *, new_id: NewId = new_call_id) -> None:
        super().__init__()
        self._new_id = new_id
        self._parts = PartNumbers()
        self._items = _Items()
        self._seen: set[str] = set()  # types of items of which anything has arrived
        self._streamed: set[int] = set()  # parts with a delta so far: their `done` events repeat the content
        self._summaries: dict[int, int] = {}
        self._calls = 0
        self._refused = False
        self._handlers: dict[str, Callable[[dict[str, Any]], Iterator[Delta]]] = {
            "response.output_item.added": self._item_added,
            "response.output_item.done": self._item_done,
            "response.output_text.delta": self._text,
            "response.output_text.annotation.added": self._annotation,
            "response.refusal.delta": self._refusal,
            "response.reasoning_summary_text.delta": self._reasoning_text,
            "response.reasoning_text.delta": self._reasoning_text,
            "response.function_call_arguments.delta": self._arguments,
            "response.completed": self._end,
            "response.incomplete": self._end,
            "response.cancelled": self._end,
            "response.failed": self._failed,
            "error": self._error,
        }

    def decode_event(self, name: str, data: dict[str, Any]) -> Iterator[Delta]:
        kind = as_text(data.get("type")) or name
        if kind not in self._handlers and data.get("error"):
            raise ServerError(data)
        handler = self._handlers.get(kind)
        if handler:
            for delta in handler(data):
                self._has_content = True
                yield delta

    def decode_response(self, data: dict[str, Any]) -> Iterator[Delta]:
        if data.get("error"):
            raise ServerError(data)
        if "output" not in data:
            return
        yield from self._end({"response": data})

    def _item_added(self, data: dict[str, Any]) -> Iterator[Delta]:
        item = as_object(data.get("item"))
        self._items.begin(data, item)
        match item.get("type"):
            case "function_call":
                yield self._begin_call(data, item)
            case "web_search_call":
                yield SearchDelta(self._part(data, "search"))
            case _:
                pass

    def _begin_call(self, data: dict[str, Any], item: dict[str, Any]) -> ToolCallDelta:
        self._calls += 1
        call_id = str(item.get("call_id") or item.get("id") or "") or self._new_id()
        index = self._part(data, "call")
        self._streamed.add(index)
        return ToolCallDelta(index, call_id, as_text(item.get("name")))

    def _arguments(self, data: dict[str, Any]) -> Iterator[Delta]:
        index = self._part(data, "call")
        self._streamed.add(~index)
        yield ToolCallDelta(index, arguments=as_text(data.get("delta")))

    def _item_done(self, data: dict[str, Any]) -> Iterator[Delta]:
        item = as_object(data.get("item"))
        self._items.end(data, item)
        self._seen.add(as_text(item.get("type")))
        match item.get("type"):
            case "function_call":
                yield from self._call_done(data, item)
            case "reasoning":
                yield from self._reasoning_done(data, item)
            case "message":
                yield from self._message_done(data, item)
            case "web_search_call":
                yield SearchDelta(self._part(data, "search"), _queries(as_object(item.get("action"))), {"item": item})
            case "image_generation_call":
                yield unsupported_part("image")
            case _:
                pass

    def _call_done(self, data: dict[str, Any], item: dict[str, Any]) -> Iterator[Delta]:
        index = self._part(data, "call")
        if index not in self._streamed:
            yield self._begin_call(data, item)
        whole = as_text(item.get("arguments"))
        complete = item.get("status") != "incomplete"  # "incomplete": truncated by the output limit
        yield ToolCallDelta(index, arguments="" if ~index in self._streamed else whole, complete=complete)

    def _reasoning_done(self, data: dict[str, Any], item: dict[str, Any]) -> Iterator[Delta]:
        index = self._part(data, "reasoning")
        streamed = index in self._streamed
        pieces = as_list(item.get("summary")) or as_list(item.get("content"))
        text = "\n\n".join(as_text(as_object(piece).get("text")) for piece in pieces)
        provider_data: dict[str, Json] = {"item": item}
        redacted = not (streamed or text)
        yield ReasoningDelta(index, "" if streamed else text, redacted=redacted, provider_data=provider_data)

    def _message_done(self, data: dict[str, Any], item: dict[str, Any]) -> Iterator[Delta]:
        for number, part in enumerate(as_list(item.get("content"))):
            part = as_object(part)
            location = {**data, "content_index": number}
            index = self._part(location, "text")
            refusal = as_text(part.get("refusal"))
            self._refused = self._refused or bool(refusal)
            text = "" if index in self._streamed else as_text(part.get("text")) or refusal
            phase: dict[str, Json] | None = {"phase": item["phase"]} if item.get("phase") else None
            if text or (phase and index in self._streamed):
                yield TextDelta(index, text, phase)
            if index not in self._streamed:
                for note in as_list(part.get("annotations")):
                    yield from self._annotation({**location, "annotation": note})

    def _text(self, data: dict[str, Any]) -> Iterator[Delta]:
        index = self._part(data, "text")
        self._streamed.add(index)
        text = as_text(data.get("delta"))
        if text:
            yield TextDelta(index, text)

    def _refusal(self, data: dict[str, Any]) -> Iterator[Delta]:
        self._refused = True
        yield from self._text(data)

    def _reasoning_text(self, data: dict[str, Any]) -> Iterator[Delta]:
        text = as_text(data.get("delta"))
        if not text:
            return
        index = self._part(data, "reasoning")
        part = as_count(data.get("summary_index")) or as_count(data.get("content_index"))
        gap = "\n\n" if index in self._streamed and part != self._summaries.get(index, part) else ""
        self._summaries[index] = part
        self._streamed.add(index)
        yield ReasoningDelta(index, gap + text)

    def _annotation(self, data: dict[str, Any]) -> Iterator[Delta]:
        note = as_object(data.get("annotation"))
        url = as_text(note.get("url"))
        if url:
            yield CitationDelta(self._part(data, "text"), Citation(url, as_text(note.get("title"))))

    def _end(self, data: dict[str, Any]) -> Iterator[Delta]:
        response = as_object(data.get("response"))
        yield from dropped_reasoning(response.get("input_transformations"))
        self._reply_id = as_text(response.get("id"))
        yield from self._missing_items(as_list(response.get("output")))
        if is_object(response.get("usage")):
            diagnostics = as_object(response.get("prompt_cache_diagnostics"))
            miss = as_text(diagnostics.get("reason"))
            yield UsageDelta(replace(_usage(response), cache_miss=miss))
        self.closed = True
        why = as_text(as_object(response.get("incomplete_details")).get("reason"))
        status = as_text(response.get("status")) or "completed"
        if status == "completed" and not why:
            self._note_finish("refusal" if self._refused else status)
        else:  # an unfinished response ends well by no word
            word = why or status
            reason = finish_reason(word)
            self._note_finish(word, reason=FinishReason.OTHER if reason in _GOOD else reason)
        yield from self.end()

    def _missing_items(self, output: list[Any]) -> Iterator[Delta]:
        """Decode the items of which no event has arrived: some servers send them with the last event only."""
        kinds = set(self._seen)
        for number, item in enumerate(map(as_object, output)):
            if as_text(item.get("type")) not in kinds:
                yield from self._item_done({"output_index": number, "item": item})

    def _final_reason(self, reason: FinishReason) -> FinishReason:
        return FinishReason.TOOL_CALLS if reason is FinishReason.STOP and self._calls else reason

    def _failed(self, data: dict[str, Any]) -> Iterator[Delta]:
        response = as_object(data.get("response"))
        if is_object(response.get("usage")):
            yield UsageDelta(_usage(response))
        raise ServerError(response if response.get("error") else {"error": {"message": "the response failed"}})

    def _error(self, data: dict[str, Any]) -> Iterator[Delta]:
        yield from ()
        raise ServerError(data if is_object(data.get("error")) else {"error": data})

    def _part(self, data: dict[str, Any], kind: str) -> int:
        """Return the number of the part that an event belongs to."""
        self._seen.add(_ITEM_TYPES[kind])
        location = as_count(data.get("content_index")) if kind == "text" else 0
        return self._parts.for_key((kind, self._items.number(data), location))


_GOOD = (FinishReason.STOP, FinishReason.TOOL_CALLS)
_ITEM_TYPES = {"text": "message", "call": "function_call", "reasoning": "reasoning", "search": "web_search_call"}


class _Items:
    """Numbers the output items. A new item begins a new one even if another one has its `output_index`.

    Some bridges send the index 0 for all items, others a new `item_id` with each event.
    """

    def __init__(self) -> None:
        self._count = 0
        self._by_id: dict[str, int] = {}
        self._at: dict[Any, int] = {}  # output_index -> the last item that has it
        self._done: set[int] = set()

    def begin(self, data: dict[str, Any], item: dict[str, Any]) -> None:
        """Begin an item."""
        self._new(as_text(item.get("id")), _index(data))

    def end(self, data: dict[str, Any], item: dict[str, Any]) -> None:
        """End the item, and begin it if its beginning was not sent."""
        server_id, index = as_text(item.get("id")), _index(data)
        if server_id in self._by_id:
            self._at[index] = self._by_id[server_id]
        elif index not in self._at or self._at[index] in self._done:
            self._new(server_id, index)
        self._done.add(self._at[index])

    def number(self, data: dict[str, Any]) -> int:
        """Return the number of the item that an event belongs to."""
        server_id = as_text(data.get("item_id")) or as_text(as_object(data.get("item")).get("id"))
        index = _index(data)
        if server_id in self._by_id:
            return self._by_id[server_id]
        if index not in self._at:
            self._new(server_id, index)
        return self._at[index]

    def _new(self, server_id: str, index: Any) -> None:
        self._at[index] = self._count
        if server_id:
            self._by_id[server_id] = self._count
        self._count += 1


def _index(data: dict[str, Any]) -> Any:
    """Return the key of the place of an item in the output."""
    index = data.get("output_index")
    return index if isinstance(index, int) else as_text(data.get("item_id"))


def _queries(action: dict[str, Any]) -> tuple[str, ...]:
    """Return the queries of a search; for an opened page, its URL."""
    queries = [as_text(query) for query in as_list(action.get("queries"))]
    queries = queries or [as_text(action.get("query")) or as_text(action.get("url"))]
    return tuple(query for query in queries if query)


def _usage(response: dict[str, Any]) -> Usage:
    data = as_object(response.get("usage"))
    input_details = as_object(data.get("input_tokens_details"))
    output_details = as_object(data.get("output_tokens_details"))
    sent, reasoning = as_count(data.get("input_tokens")), as_count(output_details.get("reasoning_tokens"))
    total = as_count(data.get("total_tokens"))
    return Usage(
        input=sent,
        output=output_tokens(as_count(data.get("output_tokens")), reasoning, sent, total),
        cached=as_count(input_details.get("cached_tokens")),
        cache_write=as_count(input_details.get("cache_write_tokens")),
        reasoning=reasoning,
        cost=as_cost(data.get("cost")),
        tier=as_tier(response.get("service_tier")),
    )
