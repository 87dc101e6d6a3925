"""The README's pictures show what the program shows today; those of the page are small."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from tests.picture import THEMES, picture, picture_file

README = Path(__file__).parents[2] / "README.md"


def texts(svg: str) -> list[str]:
    """The rows of text in a picture without blanks; colours depend on the theme and the version of Pygments."""
    rows: dict[str, str] = {}
    for y, text in re.findall(r'<text [^>]*?y="([\d.]+)"[^>]*>([^<]*)</text>', svg):
        rows[y] = rows.get(y, "") + unescape(text)
    return ["".join(row.split()) for row in rows.values()]


def test_readme_pictures_show_what_the_program_shows() -> None:
    shown = [texts(picture_file(background).read_text("utf-8")) for background in THEMES]
    assert shown == [texts(picture("dark"))] * len(THEMES), "run `python -m tests.picture`"
    assert any("iterate" in row for row in shown[0])
    readme = README.read_text("utf-8")
    assert [f".github/images/{picture_file(background).name}" in readme for background in THEMES] == [True, True]


@pytest.mark.parametrize("background", THEMES)
def test_readme_picture_loads_nothing_from_elsewhere(background: str) -> None:
    svg = picture_file(background).read_text("utf-8")
    assert "url(http" not in svg
    assert "@font-face" not in svg


def test_readme_pictures_of_page_exist_and_are_small() -> None:
    text = README.read_text("utf-8")
    names = re.findall(r"\.github/images/(page-\w+-\w+\.webp)", text)
    assert len(set(names)) == 4
    assert sum((README.parent / ".github" / "images" / name).stat().st_size for name in names) < 400_000
