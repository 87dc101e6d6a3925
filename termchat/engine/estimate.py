"""Token estimates for requests and replies whose provider reported no usage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from termchat.core.messages import File, Image, Message, Reasoning, Text, ToolCall, ToolResult
from termchat.core.provider import Request, ToolSpec
from termchat.core.usage import Usage, estimate_tokens
from termchat.core.wire.assemble import MessageBuilder
from termchat.engine.spending.prompt_bound import bounds, stated_pages


def usage_or_estimate(builder: MessageBuilder, request: Request, parts: tuple[object, ...]) -> Usage:
    """Return the reported usage, with estimates for a missing report and for the output of an incomplete reply."""
    guess = _estimate(request, parts)
    counted = builder.usage
    if counted is None:
        return guess
    if not counted.input:  # no request is empty: the provider does not count
        return replace(guess, output=counted.output or guess.output, cost=counted.cost)
    if builder.finished or guess.output <= counted.output:
        return counted
    return replace(counted, output=guess.output, reasoning=max(counted.reasoning, guess.reasoning), estimated=True)


def _estimate(request: Request, parts: tuple[object, ...]) -> Usage:
    """Estimate the usage of a request and its reply."""
    sent = estimate_messages(request.messages, request.system) + estimate_tools(request.tools)
    thought = sum(_size(part) for part in parts if isinstance(part, Reasoning))
    return Usage(input=sent, output=sum(map(_size, parts)), reasoning=thought, estimated=True)


def estimate_messages(messages: Sequence[Message], system: str) -> int:
    """Estimate the tokens of messages and a system prompt."""
    return sum(_size(part) for message in messages for part in message.parts) + estimate_tokens(system)


def estimate_tools(tools: Sequence[ToolSpec]) -> int:
    """Estimate the tokens of the descriptions of tools."""
    return sum(estimate_tokens(f"{tool.name} {tool.description} {dict(tool.parameters)}") for tool in tools)


def _size(part: object) -> int:
    match part:
        case Text(text=text) | Reasoning(text=text) | ToolCall(arguments=text):
            return estimate_tokens(text)
        case ToolResult(parts=inner):
            return sum(map(_size, inner))
        case Image():
            return bounds()["typical_image"]
        case File(mime="application/pdf", data=data):
            return (stated_pages(data) or 1) * bounds()["typical_page"]
        case _:
            return 0
