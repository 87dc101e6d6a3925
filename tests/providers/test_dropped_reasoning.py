"""Notices about reasoning that a server has removed from the request."""

from __future__ import annotations

from typing import Any

from termchat.core.events import ProviderNotice
from termchat.providers.decoder import Decoder
from termchat.providers.protocols.anthropic.decode import AnthropicDecoder
from termchat.providers.protocols.openai_responses.decode import ResponsesDecoder

CHANGED = "The server left out 2 parts of earlier reasoning: the conversation before it has changed."


def notices(decoder: Decoder, *events: dict[str, Any]) -> list[str]:
    deltas = [delta for event in events for delta in decoder.decode_event("", event)]
    return [delta.words for delta in deltas if isinstance(delta, ProviderNotice)]


def test_anthropic_thinking_dropped_is_shown_once_with_its_reason() -> None:
    dropped = {"type": "thinking_dropped", "path": "messages.1.content.0", "reason": "prefix_binding_mismatch"}
    other = dropped | {"reason": "something_new"}
    events = (
        {"type": "message_start", "message": {"usage": {}}},
        {"type": "message_delta", "delta": {}, "input_transformations": [dropped, dropped, other, 7, None]},
    )
    assert notices(AnthropicDecoder(), *events) == [
        CHANGED,
        "The server left out 1 part of earlier reasoning: something new.",
    ]


def test_responses_removed_reasoning_is_shown_unless_its_turn_is_over() -> None:
    removed = {"type": "reasoning", "id": "rs_1", "action": "removed", "reason": "prefix_mismatch"}
    response = {
        "status": "completed",
        "output": [],
        "input_transformations": [removed, removed, removed | {"reason": "turn_boundary"}],
    }
    assert notices(ResponsesDecoder(), {"type": "response.completed", "response": response}) == [CHANGED]
