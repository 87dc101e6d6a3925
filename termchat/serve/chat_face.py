"""Chat Completions: its requests and replies.

Source: https://platform.openai.com/docs/api-reference/chat; `reasoning_content` is the field that vLLM, DeepSeek and
OpenRouter's clients read.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from termchat.core.messages import File, Message, Part, Reasoning, Role, Text, ToolCall, ToolResult
from termchat.core.outcomes import FinishReason, Outcome
from termchat.core.provider import Params, Request, ToolSpec
from termchat.core.usage import Usage
from termchat.serve import bodies
from termchat.serve.bodies import Fields
from termchat.serve.face_request import (
    FaceRequest,
    ReplyMemory,
    answerable,
    asks_single_call,
    content_parts,
    decoded,
    effort_of,
    file_from_url,
    image_from_address,
    objects_in,
    openai_choice,
    speed_of,
    stop_of,
    tool_spec,
    with_format,
    with_tool_choice,
)
from termchat.serve.faults import Fault, bad_request, openai_error
from termchat.serve.pieces import PartKind, Piece, PieceReader
from termchat.serve.replies import EndedReply, event_bytes

_TEXTS = ("text", "input_text", "output_text")
_REFUSED = (
    "logprobs", "top_logprobs", "logit_bias", "audio", "prediction", "functions", "function_call",
    "frequency_penalty", "presence_penalty", "repetition_penalty", "top_k", "min_p",
)  # fmt: skip
_AUDIO = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_DONE = b"data: [DONE]\n\n"


def decode_chat(body: Fields, memory: ReplyMemory) -> FaceRequest:
    """Decode a request. Raises FaceError."""
    bodies.refuse(body, *_REFUSED)
    if body.get("n") not in (None, 1):
        raise bad_request("n is not supported: a request has one reply.")
    systems: list[str] = []
    messages: list[Message] = []
    for row in objects_in(body, "messages"):
        role = bodies.text_of(row, "role")
        if role in ("system", "developer"):
            systems.append("".join(part.text for part in _parts(row) if isinstance(part, Text)))
        else:
            _add_message(messages, role, row, memory)
    options = bodies.object_of(body, "stream_options") or {}
    params, tools = with_tool_choice(_params(body), _tools(body), *openai_choice(body))
    request = Request(answerable(messages), "\n\n".join(filter(None, systems)), tools, params)
    stream = bodies.flag_of(body, "stream")
    return FaceRequest(bodies.text_of(body, "model"), request, stream, bodies.flag_of(options, "include_usage"))


def _add_message(messages: list[Message], role: str, row: Fields, memory: ReplyMemory) -> None:
    if role == "user":
        messages.append(Message(Role.USER, _parts(row)))
    elif role == "assistant":
        if parts := (*_parts(row), *_calls(row)):
            messages.append(memory.restored(parts))
    elif role == "tool":
        add_result(messages, bodies.text_of(row, "tool_call_id"), _parts(row))
    else:
        raise bad_request("The role of a message is system, developer, user, assistant or tool.")


def add_result(messages: list[Message], call_id: str, parts: Sequence[Part], *, is_error: bool = False) -> None:
    """Add the result of a call, to the results before it if there are any. Raises FaceError for an unknown call."""
    calls = {call.id: call.name for message in messages for call in message.calls}
    if call_id not in calls:
        raise bad_request("A tool result belongs to no tool call of the messages before it.")
    kept = tuple(part for part in parts if not isinstance(part, Reasoning | ToolCall | ToolResult))
    result = ToolResult(call_id, calls[call_id], kept, is_error)  # type: ignore[arg-type]
    if messages[-1].role is Role.TOOL:
        messages[-1] = Message(Role.TOOL, (*messages[-1].parts, result))
    else:
        messages.append(Message(Role.TOOL, (result,)))


def _parts(row: Fields) -> tuple[Part, ...]:
    return content_parts(row, "content", _part)


def _part(item: Fields) -> Part:
    kind = item.get("type")
    if kind in _TEXTS:
        return Text(bodies.text_of(item, "text"))
    if kind == "refusal":
        return Text(bodies.text_of(item, "refusal"))
    if kind == "image_url":
        return image_from_address(bodies.text_of(bodies.object_of(item, "image_url") or {}, "url"))
    if kind == "file":
        found = bodies.object_of(item, "file") or {}
        return file_from_url(bodies.text_of(found, "filename"), bodies.text_of(found, "file_data"))
    if kind == "input_audio":
        found = bodies.object_of(item, "input_audio") or {}
        form, data = bodies.text_of(found, "format"), decoded(bodies.text_of(found, "data"))
        return File(f"audio.{form}", _AUDIO.get(form, "application/octet-stream"), data)
    raise bad_request("A part of a message is text, image_url, input_audio or file.")


def _calls(row: Fields) -> Iterator[ToolCall]:
    for call in objects_in(row, "tool_calls"):
        function = bodies.object_of(call, "function") or {}
        name, arguments = bodies.text_of(function, "name"), bodies.text_of(function, "arguments")
        yield ToolCall(bodies.text_of(call, "id"), name, arguments or "{}")


def _tools(body: Fields) -> tuple[ToolSpec, ...]:
    rows = objects_in(body, "tools")
    if any(row.get("type") != "function" for row in rows):
        raise bad_request("The only type of a tool is function.")
    return tuple(tool_spec(bodies.object_of(row, "function") or {}, "parameters") for row in rows)


def _params(body: Fields) -> Params:
    most = bodies.count_of(body, "max_completion_tokens") or bodies.count_of(body, "max_tokens")
    params = Params(
        max_tokens=most,
        think=effort_of(body, "reasoning_effort"),
        temperature=bodies.float_of(body, "temperature"),
        top_p=bodies.float_of(body, "top_p"),
        stop=stop_of(body, "stop"),
        seed=bodies.count_of(body, "seed", -(1 << 63)),
        search=body.get("web_search_options") is not None,
        speed=speed_of(body),
        single_call=asks_single_call(body),
        exact=True,
    )
    return with_format(params, bodies.object_of(body, "response_format"))


class ChatEncoder:
    """Encodes a reply as Chat Completions."""

    def __init__(self, reply_id: str, model: str, *, counts: bool) -> None:
        self._head = {"id": f"chatcmpl-{reply_id}", "created": int(time.time()), "model": model}
        self._counts = counts
        self._began = False
        self._calls: dict[int, int] = {}

    def piece(self, piece: Piece, read: PieceReader) -> Iterable[bytes]:
        yield from self._begin()
        if delta := self._delta(piece):
            yield self._chunk(delta)

    def _begin(self) -> Iterable[bytes]:
        if not self._began:
            self._began = True
            yield self._chunk({"role": "assistant", "content": ""})

    def _delta(self, piece: Piece) -> dict[str, Any]:
        match piece.kind:
            case PartKind.TEXT:
                return {"content": piece.text}
            case PartKind.REASONING:
                return {"reasoning_content": piece.text}
            case PartKind.CALL:
                index = self._calls.setdefault(piece.part, len(self._calls))
                function = {"name": piece.name, "arguments": ""}
                return {"tool_calls": [{"index": index, "id": piece.id, "type": "function", "function": function}]}
            case PartKind.ARGUMENTS:
                function = {"arguments": piece.text}
                return {"tool_calls": [{"index": self._calls[piece.part], "function": function}]}
            case PartKind.CALL_END:
                return {}

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return event_bytes({**self._head, "object": "chat.completion.chunk", "choices": [choice]})

    def end(self, reply: EndedReply) -> Iterable[bytes]:
        yield from self._begin()
        yield self._chunk({}, _finish(reply))
        if self._counts:
            usage = _usage(reply.ended.usage)
            yield event_bytes({**self._head, "object": "chat.completion.chunk", "choices": [], "usage": usage})
        yield _DONE

    def broken(self, fault: Fault, read: PieceReader) -> Iterable[bytes]:
        yield event_bytes(openai_error(fault))

    def document(self, reply: EndedReply) -> Mapping[str, Any]:
        parts = reply.read.parts
        text = "".join(part.text for part in parts if isinstance(part, Text))
        message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
        if thought := "".join(part.text for part in parts if isinstance(part, Reasoning)):
            message["reasoning_content"] = thought
        if calls := [part for part in parts if isinstance(part, ToolCall) and part.complete]:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": _finish(reply), "logprobs": None}
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": _usage(reply.ended.usage)}

    def error(self, fault: Fault) -> Mapping[str, Any]:
        return openai_error(fault)


def _finish(reply: EndedReply) -> str:
    match reply.ended.outcome:
        case Outcome.LENGTH:
            return "length"
        case Outcome.FILTERED | Outcome.REFUSED:
            return "content_filter"
        case _:
            calls = reply.ended.finish is FinishReason.TOOL_CALLS
            return "tool_calls" if calls or any(isinstance(part, ToolCall) for part in reply.read.parts) else "stop"


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
