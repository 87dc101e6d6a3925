"""The rich console: it agrees with our detection, shows a theme's styles, and gives its lines to the front ends."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from termchat.core.sanitize import Safe
from termchat.core.style import Style, TextRole, Theme
from termchat.ui.text.ansi import encode_segments
from termchat.ui.text.console import make_console, render_lines, to_text
from termchat.ui.text.line import plain_text
from termchat.ui.text.palette import ColorDepth, Palette, detect_color_depth
from termchat.ui.text.row import Segment

TERMS = ["", "dumb", "unknown", "linux", "vt100", "xterm", "xterm-16color", "xterm-256color", "XTERM-256COLOR ",
         "screen-256color", "tmux-256color", "xterm-kitty", "rxvt-unicode", "ansi"]  # fmt: skip
THEME = Theme(
    "test",
    "any",
    {TextRole.STRONG: Style(bold=True), TextRole.LINK: Style("#123456", underline=True), TextRole.DIM: Style(dim=True)},
)


@given(
    env=st.fixed_dictionaries(
        {},
        optional={
            "TERM": st.sampled_from(TERMS),
            "COLORTERM": st.sampled_from(["", "truecolor", "24bit", " TrueColor ", "1"]),
            "NO_COLOR": st.sampled_from(["", "0", "1"]),
            "FORCE_COLOR": st.sampled_from(["", "yes", "true"]),
        },
    )
)
def test_color_depth_agrees_with_rich_console(env: dict[str, str]) -> None:
    console = Console(file=StringIO(), force_terminal=True, legacy_windows=False, _environ=env)
    depth = detect_color_depth(env)
    if depth is ColorDepth.MONO:
        assert console.no_color
    else:
        assert console.color_system == depth.color_system
        assert not console.no_color or depth is ColorDepth.PLAIN


@pytest.mark.parametrize("depth", ColorDepth)
def test_console_made_for_palette_has_its_depth(depth: ColorDepth) -> None:
    console = make_console(Palette(THEME, depth), file=StringIO())
    assert console.color_system == depth.color_system
    assert console.no_color is (depth is ColorDepth.MONO)
    assert console.is_terminal is (depth is not ColorDepth.PLAIN)


@pytest.mark.parametrize(("depth", "color"), [(ColorDepth.ANSI, "#a01020"), (ColorDepth.INDEXED, "#a01021")])
def test_console_and_palette_choose_the_same_colors(depth: ColorDepth, color: str) -> None:
    # a colour for each depth: rich keeps the escape sequence of a style that it rendered before
    palette = Palette(Theme("test", "any", {TextRole.ERROR: Style(color, bold=True)}), depth)
    file = StringIO()
    make_console(palette, file=file).print(to_text((Segment(Safe("a"), (TextRole.ERROR,)),)), end="")
    assert file.getvalue().removesuffix("\x1b[0m") == palette.transition((), (TextRole.ERROR,)) + "a"


def test_console_prints_brackets_and_colons_as_they_are() -> None:
    file = StringIO()
    make_console(Palette(THEME, ColorDepth.TRUE), file=file).print("[bold]x[/bold] :smile: 42")
    assert file.getvalue() == "[bold]x[/bold] :smile: 42\n"


def test_render_lines_keeps_roles_and_links_and_drops_trailing_blanks() -> None:
    line = (Segment(Safe("a")), Segment(Safe("b"), (TextRole.STRONG, TextRole.LINK), "https://x.y"))
    (rendered,) = render_lines(to_text(line), 10)
    assert rendered == line
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_row(to_text(line), "")
    (row,) = render_lines(table, 40)
    assert plain_text(row) == "ab"


def test_render_lines_draws_ascii_guides_without_signs() -> None:
    tree = Tree("a")
    tree.add("b")
    assert [plain_text(line) for line in render_lines(tree, 20)] == ["a", "└── b"]
    assert [plain_text(line) for line in render_lines(tree, 20, signs=False)] == ["a", "`-- b"]


def test_render_lines_output_is_encoded_with_any_palette() -> None:
    (line,) = render_lines(Text("x", style="link"), 10)
    assert encode_segments(line, Palette(THEME, ColorDepth.MONO)) == "\x1b[4mx\x1b[m"
