"""Documents, blocks and rows as rich renderables: a console prints what the screen shows."""

from __future__ import annotations

import re
from html import unescape
from io import StringIO

import pytest
from hypothesis import given
from rich.console import Console

from termchat.core.sanitize import Safe, safe
from termchat.core.style import Style, TextRole, Theme
from termchat.ui.markdown import Document, Markdown, render
from termchat.ui.text.ansi import encode_row
from termchat.ui.text.console import make_console
from termchat.ui.text.palette import ColorDepth, Palette
from tests.ui.markdown.texts import TRAPS, safe_documents, widths

TEXT = safe(
    "# Title\n\nSome **bold** text.\n\n- one\n- two\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
)


def printed(renderable: object, width: int) -> list[str]:
    file = StringIO()
    Console(file=file, width=width).print(renderable)
    return file.getvalue().removesuffix("\n").split("\n") if file.getvalue() else []


@given(safe_documents, widths)
def test_console_prints_document_as_screen_shows_it(text: Safe, width: int) -> None:
    assert printed(Markdown(text), width) == [row.text for row in render(text, width)]


@pytest.mark.parametrize("text", TRAPS.values(), ids=TRAPS)
def test_console_prints_trap_text_as_screen_shows_it(text: str) -> None:
    assert printed(Markdown(safe(text)), 40) == [row.text for row in render(safe(text), 40)]


@given(safe_documents, widths)
def test_console_prints_open_document_with_its_preview(text: Safe, width: int) -> None:
    document = Document(width)
    document.feed(text)
    shown = [row.text for row in (*document.take(), *document.preview())]
    assert printed(Markdown(text, complete=False), width) == shown


@given(safe_documents, widths)
def test_blocks_of_document_print_all_its_text(text: Safe, width: int) -> None:
    blocks = [line for block in Markdown(text).blocks for line in printed(block, width)]
    assert [line for line in blocks if line.strip(" │")] == [
        row.text for row in render(text, width) if row.text.strip(" │")
    ]


def test_blocks_are_separate_renderables_in_order() -> None:
    assert [printed(block, 40) for block in Markdown(TEXT).blocks] == [
        ["Title"],
        ["Some bold text."],
        ["• one"],
        ["• two"],
        ["x = 1"],
        ["a  b", "─  ─", "1  2"],
    ]


def test_console_styles_rows_as_the_painter_does() -> None:
    palette = Palette(Theme("t", "any", {TextRole.STRONG: Style("#87afd7", bold=True)}), ColorDepth.INDEXED)
    file = StringIO()
    (row,) = render(safe("a **b**"), 20)
    make_console(palette, file=file).print(row, end="")
    assert file.getvalue() == encode_row(row, palette).replace("\x1b[m", "\x1b[0m") + "\n"


def test_console_exports_every_row_and_style_as_svg_and_html() -> None:
    palette = Palette(Theme("t", "any", {TextRole.TITLE: Style("#87afd7")}), ColorDepth.TRUE)
    console = make_console(palette, file=StringIO(), width=40, record=True)
    console.print(Markdown(TEXT))
    rows = [row.text.rstrip() for row in render(TEXT, 40) if row.text.strip()]
    html = console.export_html(clear=False)
    svg = console.export_svg(title="termchat")
    body = unescape(re.sub("<[^>]+>", "", html[html.index("<pre") : html.index("</pre>")]))
    assert [line.rstrip() for line in body.splitlines() if line.strip()] == rows
    drawn = unescape("".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))).replace("\xa0", "")
    assert all(row.replace(" ", "") in drawn for row in rows)
    assert "#87afd7" in html
    assert "#87afd7" in svg
