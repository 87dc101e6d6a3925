"""Decode Chat Completions chunks into deltas, including the deviations of real servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from termchat.core.events import (
    CitationDelta,
    Delta,
    ReasoningDelta,
    TextBecameReasoning,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from termchat.core.messages import Citation
from termchat.core.numbers import whole_number
from termchat.core.outcomes import FinishReason
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
    output_tokens,
    unsupported_part,
)
from termchat.providers.protocols.openai_chat.think_tags import PieceKind, ThinkTags


@dataclass(slots=True)
class _Call:
    index: int
    id: str
    name: str = ""
    has_arguments: bool = False
    parsed: bool = False  # the server sent the arguments as an object, so they are complete


class ChatDecoder(HeldFinish):
    """Decoder of one reply. `think_tags`: an opening `<think>` tag begins reasoning, not only a lone `</think>`."""

    def __init__(self, *, think_tags: bool = False, new_id: NewId = new_call_id) -> None:
        super().__init__()
        self._new_id = new_id
        self._parts = PartNumbers()
        self._open_part: tuple[type[TextDelta | ReasoningDelta], int] | None = None
        self._first_reasoning: int | None = None  # the first reasoning part, which gets the reasoning details
        self._last_text: int | None = None  # the last text part, which gets the citations
        self._tags = ThinkTags(opening=think_tags)
        self._calls: dict[int, _Call] = {}
        self._order: list[_Call] = []
        self._refused = False
        self._details: list[dict[str, Any]] = []
        self._usage = MergedUsage()
        self._tier = ""
        self._others: list[dict[str, Any]] = []  # choices other than 0, decoded at the end if there is no choice 0

    def decode_event(self, name: str, data: dict[str, Any]) -> Iterator[Delta]:
        if data.get("error") or (name == "error" and "choices" not in data):
            raise ServerError(data)
        self._tier = as_tier(data.get("service_tier")) or self._tier
        choices = [c for c in as_list(data.get("choices")) if is_object(c)]
        for choice in choices:
            if as_count(choice.get("index")):
                self._others.append(choice)
            else:
                yield from self._choice(choice)
        if is_object(data.get("usage")):
            yield UsageDelta(replace(_usage(self._usage.add(data["usage"])), tier=self._tier))
            self.closed = self.finished and not choices

    def _choice(self, choice: dict[str, Any]) -> Iterator[Delta]:
        message = choice.get("delta")
        alone = True
        for delta in self._message(as_object(message if is_object(message) else choice.get("message"))):
            alone = False
            self._note_content()
            yield delta
        word = as_text(choice.get("finish_reason"))
        if word:
            self._note_finish(word, _filters(choice), alone=alone)

    def end(self) -> Iterator[Delta]:
        yield from self._other_choice()
        yield from super().end()

    def held(self) -> Iterator[Delta]:
        yield from self._other_choice()
        if self._has_content:  # white space alone is no reply: the request may be sent again
            yield from self._tagged(self._tags.close())

    def _other_choice(self) -> Iterator[Delta]:
        """Yield the first of the other choices, if there is no choice 0."""
        if not self._has_content and self._others:
            first = self._others[0].get("index")
            for choice in self._others:
                if choice.get("index") == first:
                    yield from self._choice(choice)

    def decode_response(self, data: dict[str, Any]) -> Iterator[Delta]:
        yield from self.decode_event("", data)

    def _message(self, message: dict[str, Any]) -> Iterator[Delta]:
        yield from self._reasoning(message)
        content = message.get("content")
        if isinstance(content, str):
            yield from self._text(content)
        for part in as_list(content):
            yield from self._content_part(as_object(part))
        refusal = as_text(message.get("refusal"))
        if refusal:
            self._refused = True
            yield from self._tagged(self._tags.interrupt(call=False))
            yield from self._add(TextDelta, refusal)
        if as_list(message.get("images")):
            yield unsupported_part("image")
        if is_object(message.get("audio")):
            yield unsupported_part("audio")
        for note in as_list(message.get("annotations")):
            yield from self._citation(as_object(note))
        for piece in as_list(message.get("tool_calls")):
            yield from self._call_piece(as_object(piece))
        if is_object(message.get("function_call")):  # the deprecated form: one call, without an id
            yield from self._call_piece({"index": 0, "function": message["function_call"]})

    def _reasoning(self, message: dict[str, Any]) -> Iterator[Delta]:
        details = [d for d in as_list(message.get("reasoning_details")) if is_object(d)]
        text = as_text(message.get("reasoning")) or as_text(message.get("reasoning_content"))
        text = text or "".join(as_text(d.get("text")) or as_text(d.get("summary")) for d in details)
        if text:
            yield from self._native_reasoning(text)
        for detail in details:
            self._add_detail(detail)

    def _add_detail(self, detail: dict[str, Any]) -> None:
        """Merge a streamed piece of the reasoning details into its item; the items are sent back whole."""
        last = self._details[-1] if self._details else {}
        same = last.get("type") == detail.get("type") and last.get("index") == detail.get("index") and last
        if not same:
            self._details.append(dict(detail))
            return
        for field, value in detail.items():
            grows = field in ("text", "summary", "data") and isinstance(last.get(field), str)
            last[field] = last[field] + as_text(value) if grows else (value if value is not None else last.get(field))

    def _content_part(self, part: dict[str, Any]) -> Iterator[Delta]:
        thinking = part.get("thinking")
        if isinstance(thinking, str):
            yield from self._native_reasoning(thinking)
        for piece in as_list(thinking):
            yield from self._native_reasoning(as_text(as_object(piece).get("text")))
        yield from self._text(as_text(part.get("text")))

    def _text(self, text: str) -> Iterator[Delta]:
        yield from self._tagged(self._tags.feed(text))

    def _native_reasoning(self, text: str) -> Iterator[Delta]:
        if text:
            yield from self._tagged(self._tags.interrupt(call=False))
        yield from self._add(ReasoningDelta, text)

    def _tagged(self, pieces: Iterator[tuple[PieceKind, str]]) -> Iterator[Delta]:
        for kind, text in pieces:
            match kind:
                case PieceKind.THOUGHT:
                    yield from self._add(ReasoningDelta, text)
                case PieceKind.OPEN | PieceKind.TEXT:
                    yield from self._add(TextDelta, text, provisional=kind is PieceKind.OPEN)
                case PieceKind.CLOSED:
                    if self._last_text is not None:
                        yield TextBecameReasoning(self._last_text)
                    self._open_part = self._last_text = None

    def _add(self, kind: type[TextDelta | ReasoningDelta], text: str, *, provisional: bool = False) -> Iterator[Delta]:
        if not text:
            return
        if self._open_part is None or self._open_part[0] is not kind:
            self._open_part = (kind, self._parts.next())
            if kind is ReasoningDelta and self._first_reasoning is None:
                self._first_reasoning = self._open_part[1]
        if kind is TextDelta:
            self._last_text = self._open_part[1]
            yield TextDelta(self._open_part[1], text, provisional=provisional)
        else:
            yield ReasoningDelta(self._open_part[1], text)

    def _citation(self, note: dict[str, Any]) -> Iterator[Delta]:
        source = as_object(note.get("url_citation")) or note
        url = as_text(source.get("url"))
        if url:
            index = self._parts.next() if self._last_text is None else self._last_text
            yield CitationDelta(index, Citation(url, as_text(source.get("title"))))

    def _call_piece(self, piece: dict[str, Any]) -> Iterator[Delta]:
        function = as_object(piece.get("function"))
        if not function and not piece.get("id"):
            return
        yield from self._tagged(self._tags.interrupt(call=True))
        call, first = self._which_call(piece)
        arguments = function.get("arguments")
        if isinstance(arguments, dict | list):
            call.parsed, arguments = True, json.dumps(arguments, ensure_ascii=False)
        name = as_text(function.get("name"))
        if name != call.name and not call.has_arguments:
            call.name += name
        call.has_arguments = call.has_arguments or bool(as_text(arguments))
        extra_content = piece.get("extra_content")
        yield ToolCallDelta(
            call.index,
            id=call.id if first else "",
            name=call.name if name else "",
            arguments=as_text(arguments),
            complete=call.parsed,
            provider_data={"extra_content": extra_content} if extra_content else None,
        )

    def _which_call(self, piece: dict[str, Any]) -> tuple[_Call, bool]:
        """Return the call of a piece, and True if this is its first piece.

        Pieces are joined by their index. A piece with another id begins a call only if it has a name, too: some
        servers number the calls alike, and some send a new id with each piece.
        """
        self._open_part = None
        number, server_id = piece.get("index"), str(piece.get("id") or "")
        name = as_text(as_object(piece.get("function")).get("name"))
        if isinstance(number, str):
            number = whole_number(number)
        if isinstance(number, int):
            known = self._calls.get(number)
        else:
            number = len(self._order)
            known = self._order[-1] if self._order else None
        another = (server_id and server_id != known.id) or (name != known.name and known.has_arguments) if known else ""
        if known and not (another and name):
            return known, False
        call = _Call(self._parts.next(), server_id or self._new_id())
        self._calls[number] = call
        self._order.append(call)
        return call, True

    def _last_deltas(self, reason: FinishReason) -> Iterator[Delta]:
        yield from self._tagged(self._tags.close())
        if self._details:
            index = self._parts.next() if self._first_reasoning is None else self._first_reasoning
            yield ReasoningDelta(index, "", provider_data={"reasoning_details": list(self._details)})
        if reason in (FinishReason.STOP, FinishReason.TOOL_CALLS):
            for call in self._order:
                yield ToolCallDelta(call.index, complete=True)

    def _final_reason(self, reason: FinishReason) -> FinishReason:
        if reason in (FinishReason.STOP, FinishReason.TOOL_CALLS):
            # Servers mix up these two reasons: the calls decide.
            reason = FinishReason.TOOL_CALLS if self._order else FinishReason.STOP
        return FinishReason.REFUSAL if self._refused and reason is FinishReason.STOP else reason


def _filters(choice: dict[str, Any]) -> str:
    """Return the categories that Azure's filter has found."""
    results = as_object(choice.get("content_filter_results"))
    return ", ".join(name.replace("_", " ") for name, found in results.items() if as_object(found).get("filtered"))


def _usage(data: dict[str, Any]) -> Usage:
    input_details = as_object(data.get("prompt_tokens_details"))
    output_details = as_object(data.get("completion_tokens_details"))
    sent, reasoning = as_count(data.get("prompt_tokens")), as_count(output_details.get("reasoning_tokens"))
    return Usage(
        input=sent,
        output=output_tokens(
            as_count(data.get("completion_tokens")), reasoning, sent, as_count(data.get("total_tokens"))
        ),
        cached=as_count(input_details.get("cached_tokens")) or as_count(data.get("prompt_cache_hit_tokens")),
        cache_write=as_count(input_details.get("cache_write_tokens")),
        reasoning=reasoning,
        cost=as_cost(data.get("cost")),
    )
