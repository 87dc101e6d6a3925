"""Replies of the Responses dialect.

Source: https://platform.openai.com/docs/api-reference/responses-streaming; the final `[DONE]` is that of Open
Responses.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from termchat.core.messages import Reasoning, Text, ToolCall
from termchat.core.outcomes import Outcome
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass
from termchat.serve.face_request import FaceRequest
from termchat.serve.faults import Fault, openai_error
from termchat.serve.pieces import PartKind, Piece, PieceReader
from termchat.serve.replies import EndedReply, event_bytes


@dataclass(slots=True)
class _Item:
    """An item of the output that has begun: its place, its id, and its text or arguments so far."""

    kind: PartKind
    index: int
    id: str
    text: str = ""
    call_id: str = ""
    name: str = ""
    space: str = ""
    done: bool = False

    def json(self, status: str) -> dict[str, Any]:
        """Return the item as far as it is known."""
        if self.kind is PartKind.TEXT:
            content = [_text_part(self.text)] if self.text else []
            return {"type": "message", "id": self.id, "role": "assistant", "status": status, "content": content}
        if self.kind is PartKind.REASONING:
            summary = [{"type": "summary_text", "text": self.text}] if self.text else []
            return {"type": "reasoning", "id": self.id, "summary": summary}
        return {
            "type": "function_call", "id": self.id, "call_id": self.call_id, "name": self.name,
            "arguments": self.text, "status": status, **({"namespace": self.space} if self.space else {}),
        }  # fmt: skip


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


_PREFIXES = {PartKind.TEXT: "msg", PartKind.REASONING: "rs", PartKind.CALL: "fc"}


class ResponsesEncoder:
    """Encodes a reply as Responses."""

    def __init__(self, reply_id: str, model: str, asked: FaceRequest) -> None:
        self._id = reply_id
        self._echo = asked.echo
        self._spaces = asked.spaces
        self._model = model
        self._created = int(time.time())
        self._number = 0
        self._items: dict[int, _Item] = {}

    def piece(self, piece: Piece, read: PieceReader) -> Iterable[bytes]:
        yield from self._begin()
        item = self._items.get(piece.part)
        if item is None:
            yield from self._close_all(keep_calls=True)
            item = self._new(piece.kind, piece.id, piece.name)
            self._items[piece.part] = item
            yield from self._added(item)
        item.text += piece.text
        if piece.kind is PartKind.CALL_END:
            yield from self._close(item)
        elif piece.text:
            yield self._of_item(item, f"{_DELTAS[item.kind]}.delta", delta=piece.text)

    def _new(self, kind: PartKind, call_id: str = "", name: str = "") -> _Item:
        index = len(self._items)
        space, name = self._spaces.get(name, ("", name))
        return _Item(kind, index, f"{_PREFIXES[kind]}_{self._id}_{index}", call_id=call_id, name=name, space=space)

    def _begin(self) -> Iterable[bytes]:
        if not self._number:
            response = self._response("in_progress", [])
            yield self._event("response.created", response=response)
            yield self._event("response.in_progress", response=response)

    def _event(self, kind: str, **fields: Any) -> bytes:
        self._number += 1
        return event_bytes({"type": kind, "sequence_number": self._number - 1, **fields}, kind)

    def _of_item(self, item: _Item, event: str, **fields: Any) -> bytes:
        more = {"content_index": 0} if item.kind is PartKind.TEXT else {}
        more = {"summary_index": 0} if item.kind is PartKind.REASONING else more
        if item.kind is PartKind.TEXT and event.startswith("response.output_text"):
            fields["logprobs"] = []
        return self._event(event, item_id=item.id, output_index=item.index, **more, **fields)

    def _added(self, item: _Item) -> Iterable[bytes]:
        yield self._event("response.output_item.added", output_index=item.index, item=item.json("in_progress"))
        if item.kind is PartKind.TEXT:
            yield self._of_item(item, "response.content_part.added", part=_text_part(""))
        elif item.kind is PartKind.REASONING:
            part = {"type": "summary_text", "text": ""}
            yield self._of_item(item, "response.reasoning_summary_part.added", part=part)

    def _close_all(self, *, keep_calls: bool = False) -> Iterable[bytes]:
        for item in self._items.values():
            if not (keep_calls and item.kind is PartKind.CALL):
                yield from self._close(item)

    def _close(self, item: _Item) -> Iterable[bytes]:
        if item.done:
            return
        item.done = True
        name = f"{_DELTAS[item.kind]}.done"
        if item.kind is PartKind.CALL:
            yield self._of_item(item, name, arguments=item.text, name=item.name)
        else:
            yield self._of_item(item, name, text=item.text)
        if item.kind is PartKind.TEXT:
            yield self._of_item(item, "response.content_part.done", part=_text_part(item.text))
        elif item.kind is PartKind.REASONING:
            part = {"type": "summary_text", "text": item.text}
            yield self._of_item(item, "response.reasoning_summary_part.done", part=part)
        yield self._event("response.output_item.done", output_index=item.index, item=item.json("completed"))

    def end(self, reply: EndedReply) -> Iterable[bytes]:
        yield from self._begin()
        yield from self._close_all()
        response = self._ended(reply, [item.json("completed") for item in self._items.values()])
        yield self._event(f"response.{response['status']}", response=response)
        yield b"data: [DONE]\n\n"

    def broken(self, fault: Fault, read: PieceReader) -> Iterable[bytes]:
        yield from self._begin()
        status = {id(item): "completed" if item.done else "incomplete" for item in self._items.values()}
        output = [item.json(status[id(item)]) for item in self._items.values()]
        error = {"code": fault.code or "server_error", "message": fault.message}
        yield self._event("response.failed", response=self._response("failed", output, error=error))
        # SDKs raise an exception for this one only: clients that do not look for response.failed would see a clean end.
        yield self._event("error", **error, param=None, **openai_error(fault))

    def document(self, reply: EndedReply) -> Mapping[str, Any]:
        for number, part in enumerate(reply.read.parts):
            if isinstance(part, Text | Reasoning) and part.text:
                item = self._new(PartKind.TEXT if isinstance(part, Text) else PartKind.REASONING)
                item.text = part.text
            elif isinstance(part, ToolCall) and part.complete:
                item = self._new(PartKind.CALL, part.id, part.name)
                item.text = part.arguments
            else:
                continue
            self._items[number] = item
        return self._ended(reply, [item.json("completed") for item in self._items.values()])

    def error(self, fault: Fault) -> Mapping[str, Any]:
        return openai_error(fault)

    def _ended(self, reply: EndedReply, output: list[dict[str, Any]]) -> dict[str, Any]:
        reason = _INCOMPLETE.get(reply.ended.outcome)
        status = "incomplete" if reason else "completed"
        details = {"incomplete_details": {"reason": reason}} if reason else {}
        return self._response(status, output, usage=_usage(reply.ended.usage), **details)

    def _response(self, status: str, output: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {
            "id": f"resp_{self._id}", "object": "response", "created_at": self._created, "status": status,
            "model": self._model, "output": output, "error": None, "incomplete_details": None, "usage": None,
            "instructions": None, "metadata": {}, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
            "previous_response_id": None, "store": False, "temperature": None, "top_p": None,
            **self._echo,
            **more,
        }  # fmt: skip


_DELTAS = {
    PartKind.TEXT: "response.output_text",
    PartKind.REASONING: "response.reasoning_summary_text",
    PartKind.CALL: "response.function_call_arguments",
}
_INCOMPLETE = {
    Outcome.LENGTH: "max_output_tokens",
    Outcome.FILTERED: "content_filter",
    Outcome.REFUSED: "content_filter",
}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
