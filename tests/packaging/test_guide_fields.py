"""The guide documents every field of a provider's table, and every quirk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from termchat.config.provider_fields import FIELDS
from termchat.config.providers import presets

DOCS = Path(__file__).parents[2] / "termchat" / "docs"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_guide_documents_every_field_of_provider_and_every_quirk(language: str) -> None:
    text = (DOCS / language / "gateways.md").read_text("utf-8")
    documented = set(re.findall(r"`(\w+)`|^(\w+) = ", text, re.MULTILINE))
    names = {name for pair in documented for name in pair if name}
    quirks = {quirk for provider in presets().values() for quirk in provider.quirks}
    assert set(FIELDS) - names == set()
    assert quirks - names == set()
