"""The pages of the guide, which are also the user manual, from the package's `docs` folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from termchat.providers.demo.search import GuidePage, Language, parse_page

_FOLDER = Path(__file__).parents[2] / "docs"


@cache
def guide_pages() -> tuple[GuidePage, ...]:
    """Return all pages, sorted by language, then by name."""
    files = ((language, file) for language in Language for file in sorted((_FOLDER / language.value).glob("*.md")))
    return tuple(parse_page(file.stem, language, file.read_text("utf-8")) for language, file in files)
