"""Test the palette: styles to escape sequences, color depths, encoded rows, and the bundled themes."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import pytest

from termchat.core.sanitize import Safe
from termchat.core.style import Style, TextRole, Theme
from termchat.ui.text.ansi import encode_row, encode_rows
from termchat.ui.text.palette import ColorDepth, Palette, detect_color_depth
from termchat.ui.text.row import Row, Segment

THEMES = Path(__file__).parents[3] / "themes"
NAMES = ["dark", "light", "neutral"]


def load(name: str) -> Theme:
    data = tomllib.loads((THEMES / f"{name}.toml").read_text("utf-8"))
    return Theme(data["name"], data["kind"], {TextRole(key): Style(**value) for key, value in data["styles"].items()})


def palette(depth: ColorDepth = ColorDepth.TRUE) -> Palette:
    return Palette(
        Theme(
            "test",
            "any",
            {
                TextRole.STRONG: Style(bold=True),
                TextRole.DIM: Style(dim=True),
                TextRole.LINK: Style("#123456", underline=True),
                TextRole.CODE: Style("bright-blue"),
                TextRole.ERROR: Style("red", bold=True),
                TextRole.KEYWORD: Style("#ff87af"),
            },
        ),
        depth,
    )


@pytest.mark.parametrize(
    ("before", "after", "sequence"),
    [
        ((), (TextRole.STRONG,), "\x1b[1m"),
        ((TextRole.STRONG,), (), "\x1b[m"),
        ((TextRole.STRONG,), (TextRole.STRONG, TextRole.CODE), "\x1b[94m"),
        ((TextRole.CODE,), (TextRole.KEYWORD,), "\x1b[38;5;211m"),
        ((TextRole.ERROR,), (TextRole.STRONG,), "\x1b[39m"),
        ((TextRole.ERROR,), (TextRole.CODE,), "\x1b[;94m"),
        ((TextRole.STRONG,), (TextRole.DIM,), "\x1b[;2m"),
        ((TextRole.LINK,), (TextRole.LINK, TextRole.STRONG), "\x1b[1m"),
        ((TextRole.TEXT,), (), ""),
        ((), (TextRole.LINK,), "\x1b[4;38;2;18;52;86m"),
    ],
)
def test_palette_transition_is_shortest_sequence(
    before: tuple[TextRole, ...], after: tuple[TextRole, ...], sequence: str
) -> None:
    assert palette().transition(before, after) == sequence


@pytest.mark.parametrize(
    ("depth", "sequence"),
    [
        (ColorDepth.PLAIN, ""),
        (ColorDepth.MONO, "\x1b[4m"),
        (ColorDepth.ANSI, "\x1b[4;90m"),
        (ColorDepth.INDEXED, "\x1b[4;38;5;23m"),
        (ColorDepth.TRUE, "\x1b[4;38;2;18;52;86m"),
    ],
)
def test_palette_color_depth_selects_sequence(depth: ColorDepth, sequence: str) -> None:
    assert palette(depth).transition((), (TextRole.LINK,)) == sequence


@pytest.mark.parametrize(
    ("environ", "depth"),
    [
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, ColorDepth.PLAIN),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, ColorDepth.MONO),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, ColorDepth.INDEXED),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, ColorDepth.TRUE),
        ({"TERM": "xterm-direct"}, ColorDepth.TRUE),
        ({"TERM": "xterm", "FORCE_COLOR": "3"}, ColorDepth.TRUE),
        ({"TERM": "xterm-256color", "FORCE_COLOR": "1"}, ColorDepth.ANSI),
        ({"TERM": "xterm-256color", "FORCE_COLOR": "3", "NO_COLOR": "1"}, ColorDepth.MONO),
        ({"TERM": "xterm-256color", "FORCE_COLOR": "0", "COLORTERM": "truecolor"}, ColorDepth.MONO),
        ({"TERM": "linux"}, ColorDepth.ANSI),
        ({}, ColorDepth.ANSI),
    ],
)
def test_detect_color_depth_follows_environment(environ: dict[str, str], depth: ColorDepth) -> None:
    assert detect_color_depth(environ) is depth


@pytest.mark.parametrize("name", NAMES)
def test_theme_styles_every_role(name: str) -> None:
    theme = load(name)
    assert theme.name == name
    assert set(theme.styles) == set(TextRole)


@pytest.mark.parametrize(("name", "depth"), list(itertools.product(NAMES, ColorDepth)))
def test_palette_resets_every_theme_role(name: str, depth: ColorDepth) -> None:
    shades = Palette(load(name), depth)
    for role in TextRole:
        assert shades.transition((), (role,)) == "" or shades.transition((role,), ()) == "\x1b[m"


def test_neutral_theme_uses_ansi_colors_without_black_and_white() -> None:
    colours = {style.color for style in load("neutral").styles.values()} - {""}
    assert colours <= {"red", "green", "yellow", "blue", "magenta", "cyan"}


def test_theme_heading_levels_differ_without_color() -> None:
    for name in NAMES:
        shades = Palette(load(name), ColorDepth.MONO)
        assert shades.transition((), (TextRole.HEADING,))
        assert shades.transition((), (TextRole.TITLE,)) != shades.transition((), (TextRole.HEADING,))


def test_encode_row_with_link_ends_in_reset() -> None:
    row = Row((Segment(Safe("a ")), Segment(Safe("b"), (TextRole.LINK,), "http://x.y"), Segment(Safe(" c"))), 5)
    assert encode_row(row, palette(ColorDepth.MONO)) == "a \x1b]8;id=0;http://x.y\x1b\\\x1b[4mb\x1b]8;;\x1b\\\x1b[m c"


def test_encode_row_blank_keeps_current_style() -> None:
    row = Row((Segment(Safe("a"), (TextRole.KEYWORD,)), Segment(Safe(" ")), Segment(Safe("b"), (TextRole.KEYWORD,))), 3)
    assert encode_row(row, palette()) == "\x1b[38;5;211ma b\x1b[m"


def test_encode_rows_joins_soft_rows() -> None:
    rows = [Row((Segment(Safe("abc")),), 3), Row((Segment(Safe("d")),), 1, soft=True), Row()]
    assert encode_rows(rows, palette()) == "abcd\r\n\r\n"
