"""Effort and output limit in each protocol."""

from __future__ import annotations

from typing import Any

import pytest

from termchat.core.messages import Origin, user_message
from termchat.core.models import ApiProtocol, ProviderConfig
from termchat.core.provider import Effort, Params, Request
from termchat.providers.protocols.anthropic import encode as anthropic
from termchat.providers.protocols.gemini import encode as gemini
from termchat.providers.protocols.openai_chat import encode as chat
from termchat.providers.protocols.openai_responses import encode as responses


def origin(protocol: ApiProtocol) -> Origin:
    return Origin("home", protocol, "m")


THINK = {
    Effort.OFF: (
        {"reasoning_effort": "none"},
        {"reasoning": {"effort": "none"}},
        {"thinking": {"type": "disabled"}},
        {"thinking_config": {"thinking_budget": 0}},
    ),
    Effort.HIGH: (
        {"reasoning_effort": "high"},
        {"reasoning": {"effort": "high", "summary": "auto"}},
        {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}},
        {"thinking_config": {"include_thoughts": True, "thinking_level": "HIGH"}},
    ),
}


def param_fields(request: Request) -> tuple[dict[str, Any], ...]:
    """The parameters of each protocol's body, without its fixed fields."""
    provider_config = ProviderConfig("home")
    bodies = (
        chat.encode(request, origin(ApiProtocol.CHAT), provider_config),
        responses.encode(request, origin(ApiProtocol.RESPONSES), provider_config),
        anthropic.encode(request, origin(ApiProtocol.ANTHROPIC), provider_config, 4096),
        gemini.encode_config(request, origin(ApiProtocol.GEMINI)),
    )
    fixed = ("model", "messages", "input", "include", "stream", "stream_options", "store", "automatic_function_calling")
    return tuple({k: v for k, v in b.items() if k not in (*fixed, "automatic_continuation")} for b in bodies)


@pytest.mark.parametrize("effort", THINK)
def test_encode_effort_in_each_protocol(effort: Effort) -> None:
    *others, third, fourth = param_fields(Request((user_message("q"),), params=Params(think=effort)))
    assert (*others, {k: v for k, v in third.items() if k != "max_tokens"}, fourth) == THINK[effort]


def test_encode_max_tokens_in_each_protocol() -> None:
    assert param_fields(Request((user_message("q"),), params=Params(max_tokens=50))) == (
        {"max_completion_tokens": 50},
        {"max_output_tokens": 50},
        {"max_tokens": 50},
        {"max_output_tokens": 50},
    )
