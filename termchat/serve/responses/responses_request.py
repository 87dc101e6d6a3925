"""Requests of the Responses dialect, stateless: the whole conversation is in `input`.

Source: https://platform.openai.com/docs/api-reference/responses, https://www.openresponses.org/specification
"""

from __future__ import annotations

from collections.abc import Iterator

from termchat.core.messages import Message, Part, Role, Text, ToolCall
from termchat.core.provider import Params, Request, ToolSpec
from termchat.serve import bodies
from termchat.serve.bodies import Fields
from termchat.serve.chat_face import add_result
from termchat.serve.face_request import (
    FaceRequest,
    ReplyMemory,
    answerable,
    asks_single_call,
    content_parts,
    effort_of,
    file_from_url,
    image_from_address,
    objects_in,
    openai_choice,
    speed_of,
    tool_spec,
    with_format,
    with_tool_choice,
)
from termchat.serve.faults import bad_request

_REFUSED = ("previous_response_id", "conversation", "background", "prompt", "top_logprobs", "max_tool_calls")
_ECHOED = (
    "instructions", "metadata", "parallel_tool_calls", "tool_choice", "tools", "temperature", "top_p",
    "max_output_tokens", "reasoning", "text",
)  # fmt: skip
_TEXTS = ("input_text", "output_text", "text", "summary_text")


def decode_responses(body: Fields, memory: ReplyMemory) -> FaceRequest:
    """Decode a request. Raises FaceError."""
    bodies.refuse(body, *_REFUSED)
    reader = _InputReader(memory)
    if isinstance(body.get("input"), str):
        reader.messages.append(Message(Role.USER, (Text(bodies.text_of(body, "input")),)))
    else:
        for item in objects_in(body, "input"):
            reader.add(item)
        reader.end_reply()
    systems = [bodies.text_of(body, "instructions"), *reader.systems]
    offered, search = _tools(body)
    text = bodies.object_of(body, "text") or {}
    params = Params(
        max_tokens=bodies.count_of(body, "max_output_tokens"),
        think=effort_of(bodies.object_of(body, "reasoning"), "effort"),
        temperature=bodies.float_of(body, "temperature"),
        top_p=bodies.float_of(body, "top_p"),
        search=search,
        speed=speed_of(body),
        single_call=asks_single_call(body),
        exact=True,
    )
    params, tools = with_tool_choice(
        with_format(params, bodies.object_of(text, "format")), offered, *openai_choice(body)
    )
    echo = {name: body[name] for name in _ECHOED if body.get(name) is not None}
    request = Request(answerable(reader.messages), "\n\n".join(filter(None, systems)), tools, params)
    return FaceRequest(
        bodies.text_of(body, "model"), request, bodies.flag_of(body, "stream"), echo=echo, spaces=_spaces(body)
    )


class _InputReader:
    """Joins the items of an input to messages: the items of one reply follow each other."""

    def __init__(self, memory: ReplyMemory) -> None:
        self.messages: list[Message] = []
        self.systems: list[str] = []
        self._memory = memory
        self._reply: list[Part] = []

    def add(self, item: Fields) -> None:
        match item.get("type", "message"):
            case "message":
                self._add_message(item)
            case "function_call":
                arguments = bodies.text_of(item, "arguments") or "{}"
                name = _spaced(bodies.text_of(item, "namespace"), bodies.text_of(item, "name"))
                self._reply.append(ToolCall(bodies.text_of(item, "call_id"), name, arguments))
            case "function_call_output":
                self.end_reply()
                add_result(self.messages, bodies.text_of(item, "call_id"), content_parts(item, "output", _part))
            case "reasoning" | "web_search_call":
                return  # restored with the calls that follow, or left out
            case _:
                raise bad_request("An item of input is a message, function_call, function_call_output or reasoning.")

    def _add_message(self, item: Fields) -> None:
        role, parts = bodies.text_of(item, "role"), content_parts(item, "content", _part)
        if role == "assistant":
            self._reply += parts
            return
        self.end_reply()
        if role in ("system", "developer"):
            self.systems.append("".join(part.text for part in parts if isinstance(part, Text)))
        elif role == "user":
            self.messages.append(Message(Role.USER, parts))
        else:
            raise bad_request("The role of a message is system, developer, user or assistant.")

    def end_reply(self) -> None:
        """Add the reply whose items were read, if any."""
        if self._reply:
            self.messages.append(self._memory.restored(self._reply))
        self._reply = []


def _part(part: Fields) -> Part:
    kind = part.get("type")
    if kind in _TEXTS:
        return Text(bodies.text_of(part, "text"))
    if kind == "refusal":
        return Text(bodies.text_of(part, "refusal"))
    if kind == "input_image":
        return image_from_address(bodies.text_of(part, "image_url"))
    if kind == "input_file":
        return file_from_url(bodies.text_of(part, "filename"), bodies.text_of(part, "file_data"))
    raise bad_request("A part of a message is input_text, output_text, input_image or input_file.")


def _rows(row: Fields) -> Iterator[Fields]:
    """Yield a tool, or those of a namespace under the names that a model sees."""
    if row.get("type") != "namespace":
        yield row
        return
    space = bodies.text_of(row, "name")
    for inner in objects_in(row, "tools"):
        yield {**inner, "name": _spaced(space, bodies.text_of(inner, "name"))}


def _spaced(space: str, name: str) -> str:
    """Return the name of a tool for a model: no other protocol has namespaces."""
    return f"{space}__{name}" if space else name


def _spaces(body: Fields) -> dict[str, tuple[str, str]]:
    """Return namespace and name of each tool in a namespace, by the name that a model sees."""
    spaces = [row for row in objects_in(body, "tools") if row.get("type") == "namespace"]
    named = [(bodies.text_of(row, "name"), inner) for row in spaces for inner in objects_in(row, "tools")]
    pairs = [(space, bodies.text_of(inner, "name")) for space, inner in named]
    return {_spaced(space, name): (space, name) for space, name in pairs}


def _tools(body: Fields) -> tuple[tuple[ToolSpec, ...], bool]:
    """Return the tools of the client, and True if the vendor may search the web."""
    rows = [inner for row in objects_in(body, "tools") for inner in _rows(row)]
    own = [row for row in rows if not str(row.get("type")).startswith("web_search")]
    if any(row.get("type") != "function" for row in own):
        raise bad_request("The only types of a tool are function, namespace and web_search.")
    return tuple(tool_spec(row, "parameters") for row in own), len(own) < len(rows)
