"""Decode events of the Responses API into deltas.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from termchat.core.events import (
    CitationDelta,
    Delta,
    Finished,
    ReasoningDelta,
    SearchDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from termchat.core.messages import Citation, Json
from termchat.core.outcomes import FinishReason
from termchat.core.usage import Usage
from termchat.providers.decoder import (
    NewId,
    PartNumbers,
    ServerError,
    as_cost,
    as_count,
    as_list,
    as_object,
    as_text,
    is_object,
    new_call_id,
)

_INCOMPLETE = {
    "max_output_tokens": FinishReason.LENGTH,
    "max_messages": FinishReason.LENGTH,
    "content_filter": FinishReason.FILTER,
}


class ResponsesDecoder:
    """Decoder of one reply."""

    def __init__(self, *, new_id: NewId = new_call_id) -> None:
        self.finished = False
        self.closed = False
        self._new_id = new_id
        self._parts = PartNumbers()
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
            "response.failed": self._failed,
            "error": self._error,
        }

    def decode_event(self, name: str, data: dict[str, Any]) -> Iterator[Delta]:
        kind = as_text(data.get("type")) or name
        if kind not in self._handlers and data.get("error"):
            raise ServerError(data)
        handler = self._handlers.get(kind)
        if handler:
            yield from handler(data)

    def decode_response(self, data: dict[str, Any]) -> Iterator[Delta]:
        if data.get("error"):
            raise ServerError(data)
        if "output" not in data:
            return
        for number, item in enumerate(as_list(data.get("output"))):
            yield from self._item_done({"output_index": number, "item": item})
        yield from self._end({"response": data})

    def _item_added(self, data: dict[str, Any]) -> Iterator[Delta]:
        item = as_object(data.get("item"))
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
        match item.get("type"):
            case "function_call":
                yield from self._call_done(data, item)
            case "reasoning":
                yield from self._reasoning_done(data, item)
            case "message":
                yield from self._message_done(data, item)
            case "web_search_call":
                yield SearchDelta(self._part(data, "search"), _queries(as_object(item.get("action"))), {"item": item})
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
        if is_object(response.get("usage")):
            yield UsageDelta(_usage(response["usage"]))
        self.finished = self.closed = True
        why = as_text(as_object(response.get("incomplete_details")).get("reason"))
        if response.get("status") == "incomplete" or why:
            yield Finished(_INCOMPLETE.get(why, FinishReason.OTHER), why or "incomplete")
        elif self._refused:
            yield Finished(FinishReason.REFUSAL, "refusal")
        else:
            yield Finished(FinishReason.TOOL_CALLS if self._calls else FinishReason.STOP, "completed")

    def _failed(self, data: dict[str, Any]) -> Iterator[Delta]:
        response = as_object(data.get("response"))
        if is_object(response.get("usage")):
            yield UsageDelta(_usage(response["usage"]))
        raise ServerError(response if response.get("error") else {"error": {"message": "the response failed"}})

    def _error(self, data: dict[str, Any]) -> Iterator[Delta]:
        yield from ()
        raise ServerError(data if is_object(data.get("error")) else {"error": data})

    def _part(self, data: dict[str, Any], kind: str) -> int:
        """Return the number of the part that an event belongs to."""
        location = as_count(data.get("content_index")) if kind == "text" else 0
        item = data.get("output_index")
        return self._parts.for_key((kind, item if isinstance(item, int) else as_text(data.get("item_id")), location))


def _queries(action: dict[str, Any]) -> tuple[str, ...]:
    """Return the queries of a search; for an opened page, its URL."""
    queries = [as_text(query) for query in as_list(action.get("queries"))]
    queries = queries or [as_text(action.get("query")) or as_text(action.get("url"))]
    return tuple(query for query in queries if query)


def _usage(data: dict[str, Any]) -> Usage:
    input_details = as_object(data.get("input_tokens_details"))
    output_details = as_object(data.get("output_tokens_details"))
    return Usage(
        input=as_count(data.get("input_tokens")),
        output=as_count(data.get("output_tokens")),
        cached=as_count(input_details.get("cached_tokens")),
        cache_write=as_count(input_details.get("cache_write_tokens")),
        reasoning=as_count(output_details.get("reasoning_tokens")),
        cost=as_cost(data.get("cost")),
    )
