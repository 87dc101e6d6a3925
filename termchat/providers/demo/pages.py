"""The guide's pages, read from the package; they are the user manual as well."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from termchat.providers.demo.search import GuidePage, Language, parse_page

FOLDER = Path(__file__).parents[2] / "docs"


@cache
def guide_pages() -> tuple[GuidePage, ...]:
    """All pages, those of one language after those of the other, in the order of their names."""
    files = ((language, file) for language in Language for file in sorted((FOLDER / language.value).glob("*.md")))
    return tuple(parse_page(file.stem, language, file.read_text("utf-8")) for language, file in files)
