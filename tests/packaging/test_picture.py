"""The README's picture shows what the renderer draws today."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from tests.picture import picture

FILE = Path(__file__).parents[2] / ".github" / "images" / "reply.svg"


def texts(svg: str) -> list[str]:
    """The rows of text in a picture; colours depend on the version of Pygments."""
    rows: dict[str, str] = {}
    for y, text in re.findall(r'<text [^>]*?y="([\d.]+)"[^>]*>([^<]*)</text>', svg):
        rows[y] = rows.get(y, "") + unescape(text)
    return [row.rstrip() for row in rows.values()]


def test_readme_picture_matches_renderer() -> None:
    svg = FILE.read_text("utf-8")
    assert texts(svg) == texts(picture())
    assert any("iterate" in row for row in texts(svg))


def test_readme_picture_loads_nothing_from_elsewhere() -> None:
    assert "url(http" not in FILE.read_text("utf-8")
    assert "@font-face" not in FILE.read_text("utf-8")
