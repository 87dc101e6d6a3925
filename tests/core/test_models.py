"""Model references, routes and limits."""

from __future__ import annotations

import pytest

from termchat.core.models import ApiProtocol, ModelRef, ProviderConfig, Timeouts


@pytest.mark.parametrize(
    ("name", "provider", "model"),
    [
        ("openai/gpt-5.2", "openai", "gpt-5.2"),
        ("ofox/anthropic/claude-sonnet-4.5", "ofox", "anthropic/claude-sonnet-4.5"),
        ("ollama/qwen3:8b", "ollama", "qwen3:8b"),
    ],
)
def test_model_ref_splits_at_first_slash(name: str, provider: str, model: str) -> None:
    ref = ModelRef.parse(name)
    assert ref == ModelRef(provider, model)
    assert str(ref) == name


@pytest.mark.parametrize("name", ["gpt-5.2", "", "/x", "x/", "/"])
def test_model_ref_without_provider_is_refused(name: str) -> None:
    assert ModelRef.parse(name) is None


def test_route_first_matching_row_wins() -> None:
    bases = {ApiProtocol.CHAT: "https://a/v1", ApiProtocol.ANTHROPIC: "https://a"}
    config = ProviderConfig(
        "gw", base_urls=bases, route={"claude-*": ApiProtocol.ANTHROPIC, "*-chat": ApiProtocol.CHAT}
    )
    assert config.protocol_for("claude-x-chat") is ApiProtocol.ANTHROPIC
    assert config.protocol_for("other") is ApiProtocol.CHAT
    assert ProviderConfig("none").protocol_for("any") is None


def test_max_tokens_for_model_matches_first_pattern_else_none() -> None:
    config = ProviderConfig("a", max_tokens={"*haiku*": 4096, "claude-*": 64000})
    assert [config.max_tokens_for(m) for m in ("claude-haiku", "claude-opus", "gpt")] == [4096, 64000, None]


def test_timeouts_idle_also_sets_first_content() -> None:
    assert Timeouts().with_idle(5) == Timeouts(first_content=5, idle=5, no_event=300)
    assert Timeouts().with_idle(900).no_event == 900
