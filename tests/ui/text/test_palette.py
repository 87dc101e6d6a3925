"""Looks to escape sequences, and the themes that come with termchat."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import pytest

from termchat.core.sanitize import Safe
from termchat.core.style import Style, TextRole, Theme
from termchat.ui.text.ansi import encode_row, encode_rows
from termchat.ui.text.palette import ANSI_NAMES, ColorDepth, Palette, detect_color_depth
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
def test_a_turn_is_as_short_as_it_can_be(
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
def test_every_depth_of_colour(depth: ColorDepth, sequence: str) -> None:
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
        ({"TERM": "linux"}, ColorDepth.ANSI),
        ({}, ColorDepth.ANSI),
    ],
)
def test_the_terminal_says_how_much_colour_it_has(environ: dict[str, str], depth: ColorDepth) -> None:
    assert detect_color_depth(environ) is depth


@pytest.mark.parametrize("name", NAMES)
def test_a_theme_knows_every_role(name: str) -> None:
    theme = load(name)
    assert theme.name == name
    assert set(theme.styles) == set(TextRole)


@pytest.mark.parametrize(("name", "depth"), list(itertools.product(NAMES, ColorDepth)))
def test_every_look_of_a_theme_can_be_written(name: str, depth: ColorDepth) -> None:
    shades = Palette(load(name), depth)
    for role in TextRole:
        assert shades.transition((), (role,)) == "" or shades.transition((role,), ()) == "\x1b[m"


def test_the_neutral_theme_keeps_to_what_reads_on_any_background() -> None:
    colours = {style.color for style in load("neutral").styles.values()} - {""}
    assert colours <= set(ANSI_NAMES) - {"black", "white"}


def test_the_headings_differ_without_colour() -> None:
    for name in NAMES:
        shades = Palette(load(name), ColorDepth.MONO)
        assert shades.transition((), (TextRole.HEADING,))
        assert shades.transition((), (TextRole.TITLE,)) != shades.transition((), (TextRole.HEADING,))


def test_rows_are_encoded_with_links_and_end_in_the_plain_look() -> None:
    row = Row((Segment(Safe("a ")), Segment(Safe("b"), (TextRole.LINK,), "http://x.y"), Segment(Safe(" c"))), 5)
    assert encode_row(row, palette(ColorDepth.MONO)) == "a \x1b]8;id=0;http://x.y\x1b\\\x1b[4mb\x1b]8;;\x1b\\\x1b[m c"


def test_blanks_need_no_sequence_of_their_own() -> None:
    row = Row((Segment(Safe("a"), (TextRole.KEYWORD,)), Segment(Safe(" ")), Segment(Safe("b"), (TextRole.KEYWORD,))), 3)
    assert encode_row(row, palette()) == "\x1b[38;5;211ma b\x1b[m"


def test_soft_rows_are_joined() -> None:
    rows = [Row((Segment(Safe("abc")),), 3), Row((Segment(Safe("d")),), 1, soft=True), Row()]
    assert encode_rows(rows, palette()) == "abcd\r\n\r\n"
