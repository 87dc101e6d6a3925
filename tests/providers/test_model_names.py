"""The models that presets, README, guide and messages name must have a row in the price table of genai-prices."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from genai_prices import Usage, calc_price

from termchat.config.providers import presets
from termchat.core.models import ProviderConfig

ROOT = Path(__file__).parents[2]
ROUTERS = {"auto", "auto-fast", "openrouter/auto"}  # the gateway chooses the model
VENDORS = {"gpt": "openai", "o": "openai", "gemini": "google", "claude": "anthropic", "grok": "x-ai"}
# A name with a version; `gpt-oss` and `claude-*` are none.
_NAME = re.compile(r"(?<![\w.:/-])(?:[\w.-]+/)*((gpt|gemini|claude|grok)-[a-z0-9][\w.-]*[a-z0-9])(?![*\w-])")


def _has_price(vendor: str, name: str) -> bool:
    try:
        calc_price(Usage(input_tokens=1, output_tokens=1), model_ref=name, provider_id=vendor)
    except LookupError:
        return False
    return True


def _named(text: str) -> set[tuple[str, str]]:
    return {(VENDORS[found[2]], found[1]) for found in _NAME.finditer(text) if any(c.isdigit() for c in found[1])}


@pytest.mark.parametrize("provider", [p for p in presets().values() if not p.local], ids=lambda p: p.name)
def test_preset_models_have_prices(provider: ProviderConfig) -> None:
    for model in {provider.model, *provider.models} - ROUTERS:
        known = {provider.vendor: model} if provider.vendor else dict(_named(model))
        assert known, f"{provider.name}/{model} has no vendor to look it up"
        assert all(_has_price(vendor, name) for vendor, name in known.items()), f"{provider.name}/{model} has no price"


@pytest.mark.parametrize(
    "file",
    [
        *(ROOT / "README.md", ROOT / "termchat/config/load.py", ROOT / "termchat/config/toml_file.py"),
        *(ROOT / "termchat/commands").glob("*.py"),
        *(ROOT / "termchat/docs").glob("*/*.md"),
        *(ROOT / "tests/gateway").glob("*.py"),
        *(ROOT / "tests/engine/golden").glob("*.txt"),
    ],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_named_models_have_prices(file: Path) -> None:
    unknown = {name for vendor, name in _named(file.read_text("utf-8")) if not _has_price(vendor, name)}
    assert not unknown, f"the price table knows no {', '.join(sorted(unknown))}"
