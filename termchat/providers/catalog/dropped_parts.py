"""Rewrite messages without the parts that a model does not support; a note takes the place of each part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from termchat.core.messages import File, Image, Message, Part, Role, Text, ToolCall, ToolResult, user_message
from termchat.core.provider import Request
from termchat.core.wire.history import sendable

_MAX_RESULT = 20_000  # characters of a tool result that are kept as text


def all_parts(messages: Iterable[Message]) -> Iterator[Part]:
    """Yield the parts of all messages, those inside a tool result too."""
    for message in messages:
        for part in message.parts:
            yield from part.parts if isinstance(part, ToolResult) else (part,)


def without_attachments(messages: Iterable[Message], kind: type[Image | File]) -> tuple[Message, ...]:
    """Return the messages with a note in place of each image or file; a text file becomes text."""
    return with_notes(messages, lambda part: isinstance(part, kind))


def with_notes(messages: Iterable[Message], drops: Callable[[Image | File], bool]) -> tuple[Message, ...]:
    """Return the messages with a note in place of each attachment that is dropped; a text file becomes text."""
    return tuple(
        replace(message, parts=tuple(_attachment_note(part, drops, message.role) for part in message.parts))
        for message in messages
    )


def without_tools(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Return the messages with tool calls and their results as text: the model knows no tools."""
    return tuple(_without_tools(message) for message in messages)


def system_as_question(request: Request) -> Request:
    """Return the request with its system prompt at the beginning of the first question."""
    first = next((n for n, message in enumerate(request.messages) if message.role is Role.USER), None)
    prompt = Text(f"{request.system}\n\n")
    if first is None:
        return replace(request, system="", messages=(user_message(request.system), *request.messages))
    question = request.messages[first]
    question = replace(question, parts=(prompt, *question.parts))
    return replace(request, system="", messages=(*request.messages[:first], question, *request.messages[first + 1 :]))


def _without_tools(message: Message) -> Message:
    if message.role is Role.TOOL:
        return replace(message, role=Role.USER, parts=tuple(part for p in message.parts for part in _result_parts(p)))
    if not message.calls:
        return message
    return replace(message, parts=tuple(_call_note(p) if isinstance(p, ToolCall) else p for p in message.parts))


def _call_note(call: ToolCall) -> Text:
    return Text(f"\n[called {call.name} with {call.arguments or '{}'}]")


def _result_parts(part: Part) -> tuple[Part, ...]:
    if not isinstance(part, ToolResult):
        return (part,)
    images = tuple(inner for inner in part.parts if isinstance(inner, Image))
    return (Text(f"[result of {part.name}: {part.text[:_MAX_RESULT]}]\n"), *images)


def _attachment_note(part: Part, drops: Callable[[Image | File], bool], role: Role) -> Part:
    """Replace an attachment that is dropped by a note, also inside a tool result."""
    if isinstance(part, ToolResult):
        inner = tuple(
            Text("[an image that this model cannot see]") if isinstance(p, Image) and drops(p) else p
            for p in part.parts
        )
        return replace(part, parts=inner)
    if not isinstance(part, Image | File) or not drops(part):
        return part
    if isinstance(text := sendable(part, role), Text):
        return text
    what = f"a file, {part.name}," if isinstance(part, File) else "an image"
    return Text(f"[{what} that this model cannot see]")
