"""Test InlinePainter: the terminal shows exactly the rendered rows, and nothing above the window is rewritten."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pyte
import pytest
import wcwidth
from hypothesis import example, given
from hypothesis import strategies as st

from termchat.core.sanitize import Safe, safe
from termchat.core.style import Style, TextRole, Theme
from termchat.ui.markdown import Document, Row, render
from termchat.ui.terminal.row_painter import InlinePainter
from termchat.ui.text.palette import ColorDepth, Palette
from tests.bench.corpus import corpus, kinds
from tests.ui.markdown.terminal import Terminal
from tests.ui.markdown.test_document import lines, places
from tests.ui.markdown.texts import TRAPS, cut, safe_documents, small_pieces

_DATA = tomllib.loads((Path(__file__).parents[3] / "themes" / "dark.toml").read_text())
# Places to cut a line so that its final part fills rows of another width to the edge.
EXACTLY = [5, 6, 9, 26, 31, 37, 64, 72, 91, 101, 123, 134, 149, 159, 163, 239, 272, 273, 297]
PALETTE = Palette(
    Theme("dark", "dark", {TextRole(key): Style(**value) for key, value in _DATA["styles"].items()}), ColorDepth.TRUE
)
SIZES: list[tuple[int, int]] = [(80, 24), (40, 12), (200, 60), (20, 6)]
sizes = st.sampled_from(SIZES)


def play(pieces: list[Safe], width: int, height: int) -> Terminal:
    """Draw one frame per piece on an emulated terminal; check that no frame writes above its window."""
    terminal = Terminal(width, height)
    document, painter = Document(width), InlinePainter(width, height, PALETTE, terminal.write)
    for piece in pieces:
        document.feed(piece)
        terminal.reach = terminal.row
        final, live = document.take(), document.preview()
        painter.frame(final, live)
        assert terminal.reach >= len(terminal.lines) - len(final) - height - 1
    document.close()
    painter.frame(document.take(), [])
    painter.close()
    return terminal


def shown(terminal: Terminal) -> list[str]:
    """Return the rows above the cursor; check that the cursor's row and those below are empty."""
    assert not any(terminal.text()[terminal.row :])
    return [drawn(line) for line in terminal.text()[: terminal.row]]


def drawn(text: str) -> str:
    """Return the visible clusters of a text, without those of width zero and without trailing blanks."""
    return "".join(cluster for cluster in wcwidth.iter_graphemes(text) if wcwidth.wcswidth(cluster) > 0).rstrip()


def check(terminal: Terminal, rows: list[Row]) -> None:
    """Check that scrollback and screen equal the rows, that a copy joins soft rows, and that nothing was erased."""
    if not rows:
        return
    assert shown(terminal) == [drawn(row.text) for row in rows]
    assert [drawn(line) for line in terminal.logical()[: len(lines(rows))]] == [drawn(line) for line in lines(rows)]
    assert terminal.erased == 0
    assert not [line.text for line in terminal.lines if line.cells[-1:] == [" "] and not line.wrapped]


@given(safe_documents, places, sizes)
@example(safe("        <http://a.b>👨‍👩‍👧"), [], (20, 6))
@example(safe(f"\t {'长' * 300}"), [], (40, 12))
@example(safe("\\👍🏽" + "x" * 450), [], (40, 12))
@example(safe("\\⚠️" + "x" * 450), [], (40, 12))
@example(safe("x" * 18 + "&#x202e;- `"), [23], (20, 6))
def test_inline_painter_screen_equals_one_shot_render(text: Safe, where: list[int], size: tuple[int, int]) -> None:
    check(play(cut(text, where), *size), render(text, size[0]))


@pytest.mark.parametrize("text", TRAPS.values(), ids=TRAPS)
@pytest.mark.parametrize("size", SIZES)
def test_painter_trap_text_equals_one_shot_render(text: str, size: tuple[int, int]) -> None:
    whole = safe(text)
    check(play(small_pieces(whole, 5), *size), render(whole, size[0]))


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
def test_inline_painter_correct_rows_regress_only_in_tables(kind: str, size: tuple[int, int]) -> None:
    from tests.bench.render import regress

    lost = regress(corpus(400, kind), *size)
    assert lost == 0 or kind == "tables"


@given(safe_documents, places, st.lists(st.sampled_from([(80, 24), (60, 30), (40, 40), (100, 24)]), min_size=1))
@example(safe(TRAPS["very long code line"]), [*range(1, 11), *range(1011, 1015)], [*[(80, 24)] * 2, *[(40, 40)] * 2])
@example(safe(TRAPS["nested links"]), [*range(1, 8), 321, 322, 323], [(80, 24), (80, 24), (60, 30), (80, 24)])
@example(safe("长" * 299), EXACTLY, [(80, 24), (100, 24), (40, 40), (60, 30)])
def test_inline_painter_resize_with_reflow_leaves_no_debris(
    text: Safe, where: list[int], changes: list[tuple[int, int]]
) -> None:
    terminal = Terminal(80, 24)
    document, painter = Document(80), InlinePainter(80, 24, PALETTE, terminal.write)
    rows: list[Row] = []
    for index, piece in enumerate(cut(text, where)):
        document.feed(piece)
        final = document.take()
        rows += final
        painter.frame(final, document.preview())
        width, height = changes[index % len(changes)]
        if index % 3 == 1 and _fits(document.preview(), width, height):
            terminal.resize(width, height)
            painter.resize(width, height)
            document.resize(width)
            final = document.take()
            rows += final
            painter.frame(final, document.preview())
    document.close()
    rows += (final := document.take())
    painter.frame(final, [])
    painter.close()
    assert "".join("".join(drawn(line) for line in terminal.text()).split()) == "".join(
        "".join(drawn(row.text) for row in rows).split()
    )


def _fits(rows: list[Row], width: int, height: int) -> bool:
    """Return True if the rows fit the screen at another size."""
    return sum(len(line.text) * 2 // width + 1 for line in rows) < height


@given(safe_documents, places, st.integers(0, 40))
def test_inline_painter_cancelled_reply_equals_render_of_prefix(text: Safe, where: list[int], after: int) -> None:
    pieces = cut(text, where)[: after + 1]
    check(play(pieces, 80, 24), render(Safe("".join(pieces)), 80))


def test_inline_painter_appended_text_needs_no_cursor_movement() -> None:
    frames: list[str] = []
    document, painter = Document(80), InlinePainter(80, 24, PALETTE, frames.append)
    for piece in ("Hello", " world", ", how **are", " you", "** today?", "\n\n", "Next"):
        document.feed(safe(piece))
        painter.frame(document.take(), document.preview())
    assert frames == ["Hello", " world", ", how \x1b[1mare\x1b[m", "\x1b[1m you\x1b[m", " today?", "\r\n\r\nNext"]


def test_inline_painter_frame_with_cursor_movement_is_synchronized() -> None:
    frames: list[str] = []
    document, painter = Document(80), InlinePainter(80, 24, PALETTE, frames.append)
    for piece in ("Title", "\n=", "=\n"):
        document.feed(safe(piece))
        painter.frame(document.take(), document.preview())
    assert frames[0] == "Title"
    assert len(frames) == 2
    assert frames[1].startswith("\x1b[?2026h\r")
    assert frames[1].endswith("\x1b[?2026l")


def test_inline_painter_unchanged_frame_writes_nothing() -> None:
    frames: list[str] = []
    painter = InlinePainter(80, 24, PALETTE, frames.append)
    rows = render(safe("one\n\ntwo"), 80)
    painter.frame([], rows)
    painter.frame([], rows)
    assert len(frames) == 1


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (200, 60)])
def test_inline_painter_pyte_screen_equals_one_shot_render(size: tuple[int, int]) -> None:
    width, height = size
    pieces = [piece for kind in ("prose", "bullets", "tables", "code", "ordered") for piece in corpus(300, kind)]
    screen = pyte.HistoryScreen(width, height, history=100_000, ratio=1)
    stream = pyte.Stream(screen)

    def write(text: str) -> None:
        stream.feed(_without_links(text))

    document, painter = Document(width), InlinePainter(width, height, PALETTE, write)
    for at in range(0, len(pieces), 9):
        document.feed(safe("".join(pieces[at : at + 9])))
        painter.frame(document.take(), document.preview())
    document.close()
    painter.frame(document.take(), [])
    history = ["".join(line[x].data for x in range(width)).rstrip() for line in screen.history.top]
    now = [line.rstrip() for line in screen.display]
    while now and not now[-1]:
        now.pop()
    assert history + now == [row.text.rstrip() for row in render(safe("".join(pieces)), width)]


def _without_links(text: str) -> str:
    """Remove hyperlinks, since pyte ends OSC strings at other places than terminals do."""
    return re.sub(r"\x1b\]8;[^\x1b]*\x1b\\", "", text)
