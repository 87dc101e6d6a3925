"""Test FooterPainter: the footer stays whole, and the scrollback equals the one-shot render."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from termchat.core.sanitize import Safe, safe
from termchat.ui.markdown import Document, Row, render
from termchat.ui.terminal.row_diff import ERASE_DOWN, move_rows
from termchat.ui.terminal.row_painter import Footer, FooterPainter
from tests.bench.corpus import corpus
from tests.ui.markdown.terminal import Terminal
from tests.ui.markdown.test_document import places
from tests.ui.markdown.texts import TRAPS, cut, safe_documents, small_pieces
from tests.ui.terminal.test_row_painter import EXACTLY, PALETTE, check, drawn

sizes = st.sampled_from([(80, 24), (40, 12), (200, 60), (20, 8)])
footers = st.tuples(st.integers(1, 5), st.integers(0, 4), st.integers(0, 15)).map(lambda f: (f[0], min(f[1:2]), f[2]))


@dataclass
class FakeFooter:
    """A footer of some lines, drawn at the cursor, which it leaves at `row` and `column` of the footer."""

    terminal: Terminal
    lines: int
    row: int
    column: int
    height: int = 0

    @property
    def position(self) -> Footer:
        return Footer(self.height, self.row, self.column) if self.height else Footer(0, 0, 0)

    @property
    def text(self) -> list[str]:
        return [f"footer {n}" for n in range(self.lines)]

    def reset_position(self) -> None:
        self.height = 0

    def draw(self) -> None:
        if not self.height:
            self.terminal.write("\r\n".join(self.text))
            self.terminal.write(f"\r{move_rows(self.row + 1 - self.lines)}")
            self.terminal.write(f"\x1b[{self.column}C" if self.column else "")
            self.height = self.lines

    def is_whole(self) -> bool:
        """Return True if the footer is whole, below all other text, with the cursor in its place."""
        text = self.terminal.text()
        while text and not text[-1]:
            text.pop()
        top = len(text) - self.lines
        return text[top:] == self.text and (self.terminal.row, self.terminal.column) == (top + self.row, self.column)


class Stage:
    """A document above a footer on an emulated terminal."""

    def __init__(self, width: int, height: int, footer: tuple[int, int, int]) -> None:
        lines, row, column = footer
        self.width, self.height = width, height
        self.terminal = Terminal(width, height)
        self.footer = FakeFooter(self.terminal, lines, min(row, lines - 1), column)
        self.above = FooterPainter(width, PALETTE)
        self.document = Document(width)
        self.rows: list[Row] = []
        self.draw()

    def draw(self) -> None:
        final = self.document.take()
        self.rows += final
        window = max(0, min(12, self.height // 3, self.height - 1 - self.footer.lines))
        self.write(self.frame(final, self.document.preview(), window))
        self.footer.draw()
        assert self.footer.is_whole()

    def frame(self, final: Sequence[Row], live: Sequence[Row], window: int) -> str:
        text, erased = self.above.frame(final, live, window=window, height=self.height, footer=self.footer.position)
        if erased:
            self.footer.reset_position()
        return text

    def resize(self, width: int, height: int) -> None:
        self.terminal.resize(width, height)
        self.width, self.height = width, height
        self.erase()
        self.document.resize(width)
        self.draw()

    def erase(self) -> None:
        up = f"{move_rows(-self.footer.position.row)}\r"
        self.write(f"{up}{self.above.erase_sequence(self.width, self.height, reflows=True)}{ERASE_DOWN}")
        self.footer.reset_position()

    def write(self, text: str) -> None:
        self.terminal.write(f"\x1b[?2026h{text}\x1b[?2026l")

    def close(self) -> Terminal:
        self.document.close()
        final = self.document.take()
        self.rows += final
        self.write(self.frame(final, [], 0))
        self.above.forget()
        self.erase()
        while len(self.terminal.lines) > self.terminal.row + 1:
            assert not self.terminal.lines.pop().text
        return self.terminal


def play(pieces: list[Safe], width: int, height: int, footer: tuple[int, int, int] = (3, 1, 2)) -> Terminal:
    stage = Stage(width, height, footer)
    for piece in pieces:
        stage.document.feed(piece)
        stage.draw()
    return stage.close()


@given(safe_documents, places, sizes, footers)
@example(safe("x" * 18 + "&#x202e;- `"), [23], (20, 8), (3, 1, 2))
@example(safe("x" * 21 + "\n\n" + "x" * 18 + "|-|-|"), [], (20, 6), (3, 1, 2))
def test_footer_painter_scrollback_equals_one_shot_render(
    text: Safe, where: list[int], size: tuple[int, int], footer: tuple[int, int, int]
) -> None:
    check(play(cut(text, where), *size, footer), render(text, size[0]))


@pytest.mark.parametrize("text", TRAPS.values(), ids=TRAPS)
@pytest.mark.parametrize("size", [(80, 24), (20, 8)])
def test_painter_trap_text_equals_one_shot_render(text: str, size: tuple[int, int]) -> None:
    whole = safe(text)
    check(play(small_pieces(whole, 5), *size), render(whole, size[0]))


@given(safe_documents, places, st.data())
def test_footer_painter_interrupting_line_loses_no_text(text: Safe, where: list[int], data: st.DataObject) -> None:
    """Erase the live rows, write a line and draw the live rows below it."""
    stage = Stage(80, 24, (3, 1, 2))
    written = 0
    for piece in cut(text, where):
        stage.document.feed(piece)
        stage.draw()
        if data.draw(st.booleans()):
            stage.erase()
            stage.terminal.write(f"%{written}%\r\n")
            written += 1
            stage.draw()
    shown = "".join("".join(drawn(line) for line in stage.close().text()).split())
    for n in range(written):
        assert shown.count(f"%{n}%") == 1
        shown = shown.replace(f"%{n}%", "")
    assert shown == "".join("".join(drawn(row.text) for row in stage.rows).split())


@given(safe_documents, places, st.lists(st.sampled_from([(80, 24), (60, 30), (40, 40), (100, 24)]), min_size=1))
@example(safe(TRAPS["nested images"]), [164], [(60, 30)])
@example(safe("长" * 299), EXACTLY, [(80, 24), (100, 24), (40, 40), (60, 30)])
@example(safe("长" * 496 + "x" * 450), [180, 764, 870, 945], [(100, 24), (60, 30), (80, 24), (80, 24), (40, 40)])
def test_footer_painter_resize_leaves_no_debris(text: Safe, where: list[int], changes: list[tuple[int, int]]) -> None:
    stage = Stage(80, 24, (3, 1, 2))
    for index, piece in enumerate(cut(text, where)):
        stage.document.feed(piece)
        stage.draw()
        if index % 3 == 1:
            stage.resize(*changes[index % len(changes)])
    shown = "".join("".join(drawn(line) for line in stage.close().text()).split())
    assert shown == "".join("".join(drawn(row.text) for row in stage.rows).split())


@pytest.mark.parametrize("burst", [1, 300, 900])
def test_footer_painter_long_reply_does_not_rewrite_footer(burst: int) -> None:
    """The largest burst has more rows than the screen."""
    text = "".join(corpus(600))
    stage = Stage(80, 24, (3, 1, 2))
    wrote: list[str] = []
    write = stage.terminal.write
    stage.terminal.write = lambda data: (wrote.append(data), write(data))[1]  # type: ignore[method-assign]
    for at in range(0, len(text), burst):
        stage.document.feed(safe(text[at : at + burst]))
        stage.draw()
    assert not any("footer" in data for data in wrote)
    check(stage.close(), render(safe(text), 80))
