"""A decoded request, and what the dialects have in common: parts, tools, parameters, remembered replies."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from mimetypes import guess_type
from typing import Any

from termchat.core.messages import File, Image, Message, Part, Role, Text, ToolCall
from termchat.core.outcomes import Outcome
from termchat.core.provider import Effort, Params, Request, Speed, ToolChoice, ToolMode, ToolSpec
from termchat.late_dataclass import dataclass
from termchat.serve.bodies import Fields, flag_of, list_of, object_of, required_object, text_of
from termchat.serve.faults import bad_request

_MOST_REPLIES = 2000


@dataclass(frozen=True, slots=True)
class FaceRequest:
    """A request of a client.

    model          its name for the model
    stream         True for events, False for one document
    counts         True if the stream ends with the tokens, where the dialect leaves the choice
    echo           the fields of the request that the reply repeats, where the dialect does
    spaces         namespace and name of tools in a namespace, by the name that the model sees
    """

    model: str
    request: Request
    stream: bool
    counts: bool = True
    echo: Fields = field(default_factory=dict[str, Any])
    spaces: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])


class ReplyMemory:
    """The last replies with tool calls, by the ids of their calls.

    Vendors want signatures of their own beside a call and its reasoning, which the other dialects cannot carry.
    """

    def __init__(self) -> None:
        self._replies: OrderedDict[str, Message] = OrderedDict()

    def keep(self, message: Message) -> None:
        """Remember a reply if it has tool calls."""
        for call in message.calls:
            self._replies.pop(call.id, None)
            self._replies[call.id] = message
        while len(self._replies) > _MOST_REPLIES:
            self._replies.popitem(last=False)

    def restored(self, parts: Sequence[Part]) -> Message:
        """Return the reply that has the same text and calls, else a reply of the parts without an origin."""
        calls = [part for part in parts if isinstance(part, ToolCall)]
        made = Message(Role.ASSISTANT, tuple(parts), None, Outcome.COMPLETE)
        known = self._replies.get(calls[0].id) if calls else None
        same = known and known.text == made.text and _shape(known.calls) == _shape(calls)
        return known if known and same else made


def _shape(calls: Sequence[ToolCall]) -> list[tuple[str, str, object]]:
    return [(call.id, call.name, _value(call.arguments)) for call in calls]


def _value(arguments: str) -> object:
    """Return arguments as a value: clients write the same JSON in other words."""
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def answerable(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages of a request; a reply at their end is one to continue. Raises FaceError without a question.

    The provider refuses to continue a reply where the model cannot.
    """
    if not messages:
        raise bad_request("There are no messages.")
    last = messages[-1]
    if last.calls:
        raise bad_request("The last message has tool calls without results.")
    if last.role is not Role.ASSISTANT:
        return tuple(messages)
    if len(messages) == 1 or not last.text.strip():
        raise bad_request("There is no question before the reply at the end.")
    return (*messages[:-1], replace(last, outcome=Outcome.LENGTH))


def content_parts(fields: Fields, name: str, read: Callable[[Fields], Part | None]) -> tuple[Part, ...]:
    """Return the parts of a content, which is a text or a list. Raises FaceError.

    read   returns the part of one of the list in its dialect, None for one without
    """
    if isinstance(fields.get(name), str):
        text = text_of(fields, name)
        return (Text(text),) if text else ()
    return tuple(part for item in objects_in(fields, name) if (part := read(item)) is not None)


def image_from_address(address: str) -> Image:
    """Return an image by its data URL or its address. Raises FaceError."""
    if address.startswith("data:"):
        return Image(*data_from_url(address))
    if not address.startswith(("http://", "https://")):
        raise bad_request("An image needs a data URL or an http address.")
    return Image(guess_type(address.partition("?")[0])[0] or "image/jpeg", url=address)


def data_from_url(address: str) -> tuple[str, bytes]:
    """Return the MIME type and the bytes of a data URL in Base64. Raises FaceError."""
    head, _, data = address.partition(",")
    mime, _, encoding = head.removeprefix("data:").partition(";")
    if not head.startswith("data:") or encoding.rpartition(";")[2] != "base64":
        raise bad_request("A file in a message must be a data URL in Base64.")
    return mime, decoded(data)


def decoded(data: str) -> bytes:
    """Return the bytes of Base64. Raises FaceError."""
    try:
        return b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise bad_request("A file in a message is not valid Base64.") from None


def file_from_url(name: str, address: str) -> Part:
    """Return a document by its data URL. Raises FaceError."""
    mime, data = data_from_url(address)
    return File(name or "file", mime, data)


def tool_spec(fields: Fields, schema: str) -> ToolSpec:
    """Return a tool that the client runs; `schema` is the field of its parameters. Raises FaceError."""
    name = text_of(fields, "name")
    if not name:
        raise bad_request("A tool needs a name.")
    parameters = object_of(fields, schema) or {"type": "object", "properties": {}}
    return ToolSpec(name, text_of(fields, "description"), parameters, flag_of(fields, "strict"))


def with_format(params: Params, form: Fields | None) -> Params:
    """Return parameters with the format that `response_format` or `text.format` asks for. Raises FaceError."""
    kind = text_of(form, "type") if form else "text"
    if not form or kind == "text":
        return params
    if kind == "json_object":
        return replace(params, json_object=True)
    fields = object_of(form, "json_schema") or form
    schema = object_of(fields, "schema")
    if kind != "json_schema" or not schema:
        raise bad_request("A format of a reply is text, json_object, or json_schema with a schema.")
    return replace(params, schema=schema, strict=flag_of(fields, "strict"))


def with_tool_choice(
    params: Params, tools: tuple[ToolSpec, ...], choice: ToolChoice | None, allowed: Sequence[str] | None = None
) -> tuple[Params, tuple[ToolSpec, ...]]:
    """Return parameters with a choice of tools, and the tools, of those allowed only. Raises FaceError."""
    if allowed is not None:
        tools = tuple(tool for tool in tools if tool.name in allowed)
    if choice and choice.name and choice.name not in {tool.name for tool in tools}:
        raise bad_request("tool_choice names no tool of the request.")
    offered = bool(tools) or params.search
    if choice and choice.mode is ToolMode.REQUIRED and not offered:
        raise bad_request("tool_choice needs a tool to choose.")
    return replace(params, tool_choice=choice if offered else None), tools


def openai_choice(body: Fields) -> tuple[ToolChoice | None, list[str] | None]:
    """Return the `tool_choice` of OpenAI's dialects, and the names of the allowed tools. Raises FaceError.

    Chat Completions puts the name into `function`, and the allowed tools into `allowed_tools`; Responses does not.
    """
    if body.get("tool_choice") is None or isinstance(body.get("tool_choice"), str):
        return _mode(text_of(body, "tool_choice")), None
    choice = object_of(body, "tool_choice") or {}
    if choice.get("type") == "function":
        name = text_of(object_of(choice, "function") or choice, "name")
        return ToolChoice(ToolMode.REQUIRED, _present(name, "tool_choice")), None
    if choice.get("type") != "allowed_tools":
        raise bad_request("tool_choice is auto, none, required, a function, or allowed_tools.")
    inner = object_of(choice, "allowed_tools") or choice
    rows = objects_in(inner, "tools")
    names = [text_of(object_of(row, "function") or row, "name") for row in rows]
    return _mode(text_of(inner, "mode")), names


def _mode(word: str) -> ToolChoice | None:
    if word in ("", "auto"):
        return None
    if word not in ("none", "required"):
        raise bad_request("tool_choice is auto, none, required, a function, or allowed_tools.")
    return ToolChoice(ToolMode(word))


def _present(name: str, field: str) -> str:
    if not name:
        raise bad_request(f"{field} needs the name of a function.")
    return name


def asks_single_call(body: Fields) -> bool:
    """Return True if `parallel_tool_calls` of OpenAI's dialects is off. Raises FaceError."""
    return body.get("parallel_tool_calls") is not None and not flag_of(body, "parallel_tool_calls")


def speed_of(body: Fields) -> Speed | None:
    """Return the `service_tier` of OpenAI's dialects. Raises FaceError."""
    return {"flex": Speed.CHEAP, "default": Speed.NORMAL, "priority": Speed.FAST}.get(text_of(body, "service_tier"))


def effort_of(fields: Fields | None, name: str) -> Effort | None:
    """Return the reasoning effort that a field names. Raises FaceError."""
    word = text_of(fields, name) if fields else ""
    try:
        return Effort(word) if word else None
    except ValueError:
        levels = ", ".join(effort.value for effort in Effort)
        raise bad_request(f"{name} must be one of {levels}.") from None


def stop_of(fields: Fields, name: str) -> tuple[str, ...]:
    """Return the sequences that end the reply: a text or a list of texts. Raises FaceError."""
    value: object = fields.get(name)
    values = [value] if isinstance(value, str) else list_of(fields, name)
    found = tuple(text for text in values if isinstance(text, str) and text)
    if len(found) != len(values):
        raise bad_request(f"{name} must be a text or a list of texts.")
    return found


def objects_in(fields: Fields, name: str) -> list[Fields]:
    """Return a field that is a list of objects. Raises FaceError."""
    return [required_object(value, f"Each of {name}") for value in list_of(fields, name)]
