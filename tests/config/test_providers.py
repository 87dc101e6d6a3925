"""The rows of presets.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.config.base_urls import normalise_base_url
from termchat.config.load import Config, load_config
from termchat.config.providers import presets
from termchat.core.models import ApiProtocol, ProviderConfig

NAMED = {
    *("openai", "anthropic", "gemini", "ollama", "lmstudio", "llamacpp", "vllm", "openrouter", "deepseek", "groq"),
    *("mistral", "xai", "together", "litellm", "ofox", "ulovegpt", "myopenhub", "demo"),
}


def test_presets_are_the_known_providers() -> None:
    assert set(presets()) == NAMED


@pytest.mark.parametrize("provider", presets().values(), ids=lambda p: p.name)
def test_preset_row_is_consistent(provider: ProviderConfig) -> None:
    for protocol, url in provider.base_urls.items():
        assert protocol is ApiProtocol.DEMO or normalise_base_url(url, protocol) == (url, ())
    assert provider.title
    assert provider.local or (provider.key.startswith("env:") and provider.key_page.startswith("https://"))
    assert all(page.startswith("https://") for page in (provider.status_page, provider.credit_page) if page)
    assert set(provider.route.values()) <= set(provider.base_urls)
    assert provider.quirks <= {"max_tokens", "no_stream_options", "proxy", "reasoning_back", "think_tags"}
    assert ApiProtocol.ANTHROPIC not in provider.base_urls or provider.max_tokens_for("anything")


@pytest.mark.parametrize(
    ("provider", "model", "protocol"),
    [
        ("openai", "gpt-5.2", ApiProtocol.RESPONSES),
        ("ofox", "anthropic/claude-sonnet-4.5", ApiProtocol.ANTHROPIC),
        ("ofox", "openai/gpt-5.2", ApiProtocol.CHAT),
        ("ulovegpt", "gemini-3-pro-preview", ApiProtocol.GEMINI),
        ("ulovegpt", "claude-opus-5", ApiProtocol.ANTHROPIC),
        ("ulovegpt", "gpt-5.2", ApiProtocol.CHAT),
        ("myopenhub", "auto-fast", ApiProtocol.CHAT),
        ("demo", "tour", ApiProtocol.DEMO),
    ],
)
def test_preset_route_selects_protocol_of_model(provider: str, model: str, protocol: ApiProtocol) -> None:
    assert presets()[provider].protocol_for(model) is protocol


@pytest.mark.parametrize(
    ("model", "limit"),
    [("claude-opus-5", 64000), ("anthropic/claude-3.5-sonnet", 8192), ("claude-opus-4-20250514", 32000),
     ("claude-opus-4-5", 64000), ("claude-3-haiku-20240307", 4096), ("minimax-m2", 8192)],
)  # fmt: skip
def test_preset_max_tokens_match_model_pattern(model: str, limit: int) -> None:
    assert presets()["ofox"].max_tokens_for(model) == limit


def test_presets_alone_give_no_notes() -> None:
    config = load_config({"HOME": "/nonexistent"})
    assert isinstance(config, Config)
    assert config.notes == ()


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("192.168.1.5", "http://192.168.1.5:11434/v1"),
        ("box.lan:8080", "http://box.lan:8080/v1"),
        (":8080", "http://127.0.0.1:8080/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("[::]:9000", "http://127.0.0.1:9000/v1"),
        ("[::1]", "http://[::1]:11434/v1"),
        ("https://ollama.example.com/", "https://ollama.example.com/v1"),
        ("http://127.0.0.1:11434/sub", "http://127.0.0.1:11434/sub/v1"),
    ],
)
def test_ollama_host_is_the_address_of_ollama(tmp_path: Path, value: str, url: str) -> None:
    found = load_config({"HOME": str(tmp_path), "OLLAMA_HOST": value})
    assert isinstance(found, Config)
    assert found.providers["ollama"].base_urls == {ApiProtocol.CHAT: url}
    assert found.origin("providers.ollama.openai") == "OLLAMA_HOST"
    assert found.notes == ()


@pytest.mark.parametrize("value", ["ftp://a", "a:port", "::1", "a b", "http://u:p@a", "a?b=c", "a:99999"])
def test_ollama_host_that_is_no_address_is_ignored_with_a_notice(tmp_path: Path, value: str) -> None:
    found = load_config({"HOME": str(tmp_path), "OLLAMA_HOST": value})
    assert isinstance(found, Config)
    assert found.providers["ollama"] == presets()["ollama"]
    assert [note for note in found.notes if note.startswith("OLLAMA_HOST is ignored: ")]


def test_ollama_host_leaves_address_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[providers.ollama]\nopenai = "http://localhost:5000/v1"\n')
    found = load_config({"HOME": str(tmp_path), "OLLAMA_HOST": "elsewhere"}, file)
    assert isinstance(found, Config)
    assert found.providers["ollama"].base_urls == {ApiProtocol.CHAT: "http://localhost:5000/v1"}
