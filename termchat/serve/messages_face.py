"""Messages, the dialect of Anthropic: its requests and replies.

Source: https://docs.anthropic.com/en/api/messages and /messages-streaming
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from termchat.core.messages import File, Image, Message, Part, Reasoning, Role, Text, ToolCall, user_message
from termchat.core.outcomes import Outcome
from termchat.core.provider import Effort, Params, Request, ToolChoice, ToolMode, ToolSpec
from termchat.core.usage import Usage
from termchat.serve import bodies
from termchat.serve.bodies import Fields
from termchat.serve.chat_face import add_result
from termchat.serve.face_request import (
    FaceRequest,
    ReplyMemory,
    answerable,
    content_parts,
    decoded,
    effort_of,
    image_from_address,
    objects_in,
    stop_of,
    tool_spec,
    with_format,
    with_tool_choice,
)
from termchat.serve.faults import Fault, anthropic_error, bad_request
from termchat.serve.message_blocks import block_json, compact_json, delta_json, input_object
from termchat.serve.pieces import PartKind, Piece, PieceReader
from termchat.serve.replies import EndedReply, event_bytes

# A system message between others stays where it is, in the form that clients of Anthropic use where a model has none:
# moved to the front, it would cost the prompt cache of all messages.
_REMINDER = "<system-reminder>\n{words}\n</system-reminder>"
_STOPPED = "stop_sequence"  # why a reply ended
_EFFORTS = ((2_048, Effort.LOW), (12_288, Effort.MEDIUM))  # tokens of reasoning -> effort


def decode_messages(body: Fields, memory: ReplyMemory) -> FaceRequest:
    """Decode a request. Raises FaceError."""
    bodies.refuse(body, "mcp_servers", "container", "top_k")
    messages: list[Message] = []
    for row in objects_in(body, "messages"):
        role = bodies.text_of(row, "role")
        if role == "assistant":
            if kept := [part for part in content_parts(row, "content", _block) if not isinstance(part, Reasoning)]:
                messages.append(memory.restored(kept))
        elif role == "user":
            _add_user(messages, row)
        elif role == "system":
            words = "".join(part.text for part in content_parts(row, "content", _block) if isinstance(part, Text))
            messages.append(user_message(_REMINDER.format(words=words)))
        else:
            raise bad_request("The role of a message is user, assistant or system.")
    offered, search = _tools(body)
    system = "\n\n".join(part.text for part in content_parts(body, "system", _block) if isinstance(part, Text))
    params, tools = with_tool_choice(_params(body, search=search), offered, _choice(body))
    request = Request(answerable(messages), system, tools, params)
    return FaceRequest(bodies.text_of(body, "model"), request, bodies.flag_of(body, "stream"))


def _add_user(messages: list[Message], row: Fields) -> None:
    if isinstance(row.get("content"), str):
        messages.append(Message(Role.USER, content_parts(row, "content", _block)))
        return
    said: list[Part] = []
    for block in objects_in(row, "content"):
        if block.get("type") == "tool_result":
            parts = content_parts(block, "content", _block)
            call_id = bodies.text_of(block, "tool_use_id")
            add_result(messages, call_id, parts, is_error=bodies.flag_of(block, "is_error"))
        elif (part := _block(block)) is not None:
            said.append(part)
    if said:
        messages.append(Message(Role.USER, tuple(said)))


def _block(block: Fields) -> Part | None:
    match block.get("type"):
        case "text":
            return Text(bodies.text_of(block, "text"))
        case "image":
            return _image(bodies.object_of(block, "source") or {})
        case "document":
            return _document(block)
        case "tool_use":
            value = bodies.object_of(block, "input") or {}
            return ToolCall(bodies.text_of(block, "id"), bodies.text_of(block, "name"), compact_json(value))
        case "thinking":
            return Reasoning(bodies.text_of(block, "thinking"))
        case "redacted_thinking":
            return Reasoning("", redacted=True)
        case "tool_result":
            return None
        case _:
            raise bad_request("A block is text, image, document, tool_use, tool_result or thinking.")


def _image(source: Fields) -> Image:
    if source.get("type") == "url":
        return image_from_address(bodies.text_of(source, "url"))
    if source.get("type") != "base64":
        raise bad_request("The source of an image is base64 or url.")
    return Image(bodies.text_of(source, "media_type"), decoded(bodies.text_of(source, "data")))


def _document(block: Fields) -> Part:
    source, name = bodies.object_of(block, "source") or {}, bodies.text_of(block, "title") or "document"
    if source.get("type") == "text":
        return Text(bodies.text_of(source, "data"))
    if source.get("type") != "base64":
        raise bad_request("The source of a document is base64 or text.")
    return File(name, bodies.text_of(source, "media_type"), decoded(bodies.text_of(source, "data")))


def _tools(body: Fields) -> tuple[tuple[ToolSpec, ...], bool]:
    """Return the tools of the client, and True if the vendor may search the web."""
    rows = objects_in(body, "tools")
    search = any(str(row.get("type")).startswith("web_search") for row in rows)
    own = [row for row in rows if not str(row.get("type")).startswith("web_search")]
    if any(row.get("type") not in (None, "custom") for row in own):
        raise bad_request("The only types of a tool are custom and web_search.")
    return tuple(tool_spec(row, "input_schema") for row in own), search


def _choice(body: Fields) -> ToolChoice | None:
    choice = bodies.object_of(body, "tool_choice") or {}
    match choice.get("type"):
        case None | "auto":
            return None
        case "none":
            return ToolChoice(ToolMode.NONE)
        case "any":
            return ToolChoice(ToolMode.REQUIRED)
        case "tool" if name := bodies.text_of(choice, "name"):
            return ToolChoice(ToolMode.REQUIRED, name)
        case _:
            raise bad_request("tool_choice is auto, any, none, or a tool with its name.")


def _params(body: Fields, *, search: bool) -> Params:
    output = bodies.object_of(body, "output_config")
    choice = bodies.object_of(body, "tool_choice") or {}
    params = Params(
        max_tokens=bodies.count_of(body, "max_tokens"),
        think=_effort(bodies.object_of(body, "thinking"), output),
        temperature=bodies.float_of(body, "temperature"),
        top_p=bodies.float_of(body, "top_p"),
        stop=stop_of(body, "stop_sequences"),
        search=search,
        single_call=bodies.flag_of(choice, "disable_parallel_tool_use"),
        exact=True,
    )
    return with_format(params, bodies.object_of(output or {}, "format") or bodies.object_of(body, "output_format"))


def _effort(thinking: Fields | None, output: Fields | None) -> Effort | None:
    """Return the effort that `output_config` names, or that the tokens for reasoning amount to."""
    if thinking and thinking.get("type") == "disabled":
        return Effort.OFF
    named = effort_of(output, "effort")
    tokens = bodies.count_of(thinking or {}, "budget_tokens")
    if named or not tokens:
        return named
    return next((effort for most, effort in _EFFORTS if tokens <= most), Effort.HIGH)


class MessagesEncoder:
    """Encodes a reply as Messages. Blocks come one after the other: an open one ends when another begins."""

    def __init__(self, reply_id: str, model: str, stops: Sequence[str] = ()) -> None:
        self._stops = stops
        self._id = f"msg_{reply_id}"
        self._model = model
        self._began = False
        self._blocks = 0
        self._open: int | None = None  # the part whose block is open
        self._in_call = False  # it is a call that has not ended
        self._waiting: dict[int, list[Piece]] = {}  # by part: what comes while another call is open

    def piece(self, piece: Piece, read: PieceReader) -> Iterable[bytes]:
        yield from self._begin(read.usage)
        if self._in_call and piece.part != self._open:
            self._waiting.setdefault(piece.part, []).append(piece)
            return
        yield from self._place(piece)
        if not self._in_call:
            yield from self._place_waiting()

    def _begin(self, usage: Usage) -> Iterable[bytes]:
        if not self._began:
            self._began = True
            yield event_bytes({"type": "message_start", "message": self._message([], None, usage)}, "message_start")

    def _place(self, piece: Piece) -> Iterable[bytes]:
        if piece.kind is PartKind.CALL_END:
            yield from self._close()
            return
        if piece.part != self._open:
            yield from self._close()
            self._open, self._in_call = piece.part, piece.kind is PartKind.CALL
            yield self._event("content_block_start", index=self._blocks, content_block=block_json(piece))
        if delta := delta_json(piece):
            yield self._event("content_block_delta", index=self._blocks, delta=delta)

    def _close(self) -> Iterable[bytes]:
        if self._open is not None:
            yield self._event("content_block_stop", index=self._blocks)
            self._blocks += 1
        self._open, self._in_call = None, False

    def _place_waiting(self) -> Iterable[bytes]:
        """Encode what came while a call was open, up to the next call that has not ended."""
        while self._waiting and not self._in_call:
            for piece in self._waiting.pop(next(iter(self._waiting))):
                yield from self._place(piece)

    @staticmethod
    def _event(name: str, **fields: Any) -> bytes:
        return event_bytes({"type": name, **fields}, name)

    def end(self, reply: EndedReply) -> Iterable[bytes]:
        yield from self._begin(reply.ended.usage)
        yield from self._close()
        while self._waiting:
            yield from self._place_waiting()
            yield from self._close()
        reason = _stop_reason(reply)
        delta = {"stop_reason": reason, "stop_sequence": self._stopped_by(reason)}
        yield self._event("message_delta", delta=delta, usage=_usage(reply.ended.usage))
        yield self._event("message_stop")

    def broken(self, fault: Fault, read: PieceReader) -> Iterable[bytes]:
        yield event_bytes(anthropic_error(fault), "error")

    def document(self, reply: EndedReply) -> Mapping[str, Any]:
        blocks: list[Mapping[str, Any]] = []
        for part in reply.read.parts:
            if isinstance(part, Text):
                blocks.append({"type": "text", "text": part.text})
            elif isinstance(part, Reasoning) and part.text:
                blocks.append({"type": "thinking", "thinking": part.text, "signature": ""})
            elif isinstance(part, ToolCall) and part.complete:
                value = input_object(part.arguments)
                blocks.append({"type": "tool_use", "id": part.id, "name": part.name, "input": value})
        return self._message(blocks, _stop_reason(reply), reply.ended.usage)

    def error(self, fault: Fault) -> Mapping[str, Any]:
        return anthropic_error(fault)

    def _stopped_by(self, reason: str | None) -> str | None:
        """Return the sequence that ended the reply, if it is the only one asked for; vendors do not all name it."""
        return self._stops[0] if reason == _STOPPED and len(self._stops) == 1 else None

    def _message(self, content: list[Mapping[str, Any]], stop: str | None, usage: Usage) -> Mapping[str, Any]:
        return {
            "id": self._id, "type": "message", "role": "assistant", "model": self._model, "content": content,
            "stop_reason": stop, "stop_sequence": self._stopped_by(stop), "usage": _usage(usage),
        }  # fmt: skip


def _stop_reason(reply: EndedReply) -> str:
    match reply.ended.outcome:
        case Outcome.LENGTH:
            return "max_tokens"
        case Outcome.FILTERED | Outcome.REFUSED:
            return "refusal"
        case _:
            called = any(isinstance(part, ToolCall) for part in reply.read.parts)
            return "tool_use" if called else _STOPPED if reply.read.word == _STOPPED else "end_turn"


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": max(0, usage.input - usage.cached - usage.cache_write),
        "cache_read_input_tokens": usage.cached,
        "cache_creation_input_tokens": usage.cache_write,
        "output_tokens": usage.output,
    }
