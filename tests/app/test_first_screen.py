"""Test that the first screen of a user without a key names only what exists."""

from __future__ import annotations

import re

from termchat.app.start.first_screen import first_screen
from termchat.config.providers import presets
from tests.packaging.test_package import ROOT


def test_first_screen_names_only_known_key_variables_and_providers() -> None:
    words = "\n".join(first_screen(()))
    known = {name for preset in presets().values() for name in preset.key.removeprefix("env:").split(",")}
    named = set(re.findall(r"\b[A-Z]+_API_KEY\b", words))
    assert "OPENROUTER_API_KEY" in named
    assert named <= known
    assert set(re.findall(r"-m (\w+)/", words)) <= set(presets())


def test_first_screen_offers_rehearsals_of_guide() -> None:
    tried = first_screen(())[1].split(" · ")[1:]
    page = (ROOT / "termchat/docs/en/tour.md").read_text("utf-8")
    assert tried
    assert all(f"`{name}`" in page for name in tried)


def test_first_screen_with_usable_models_names_them() -> None:
    assert first_screen(("openai/gpt-6.1-sol", "ollama/qwen"))[-1] == (
        "To use a model, choose openai/gpt-6.1-sol or ollama/qwen with /model."
    )


def test_first_screen_with_provider_without_model_names_it() -> None:
    assert first_screen((), ("mine",))[-2:] == (
        "To use a model, choose one of mine with /model.",
        "/set model NAME --save makes it the default.",
    )
    assert not any("key and restart" in line for line in first_screen((), ("mine",)))
