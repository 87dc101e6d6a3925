"""The tables of the guide state the defaults, codes and keys that are declared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from termchat.config.provider_fields import FIELDS
from termchat.config.providers import presets
from termchat.config.settings import SETTINGS, format_value
from termchat.core.outcomes import ExitCode
from tests.reference.declared import provider_cells

DOCS = Path(__file__).parents[2] / "termchat" / "docs"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_guide_documents_every_field_of_provider_and_every_quirk(language: str) -> None:
    text = (DOCS / language / "gateways.md").read_text("utf-8")
    documented = set(re.findall(r"`(\w+)`|^(\w+) = ", text, re.MULTILINE))
    names = {name for pair in documented for name in pair if name}
    quirks = {quirk for provider in presets().values() for quirk in provider.quirks}
    assert set(FIELDS) - names == set()
    assert quirks - names == set()


def rows(language: str, page: str) -> list[list[str]]:
    """Return the cells of the rows that begin with code, on a page of the guide."""
    text = (DOCS / language / f"{page}.md").read_text("utf-8")
    return [re.split(r"(?<!\\) *\| *", line)[1:-1] for line in text.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_guide_states_declared_default_of_every_setting(language: str) -> None:
    stated = {cells[0].strip("`"): cells[1].strip("`") for cells in rows(language, "configuration") if len(cells) == 3}
    assert stated == {key: format_value(setting.default) for key, setting in SETTINGS.items()}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_guide_lists_exit_codes_and_variables_of_gateways(language: str) -> None:
    codes = [cells[0].strip("`") for cells in rows(language, "errors") if len(cells) == 2]
    assert codes == [str(code.value) for code in ExitCode]
    variables = {name: set(found) for name, _, found, _ in provider_cells()}
    for name, *cells in rows(language, "gateways"):
        assert set(re.findall(r"`(\w+_KEY)`", cells[0])) == variables[name.strip("`")]
