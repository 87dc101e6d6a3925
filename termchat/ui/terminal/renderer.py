"""prompt_toolkit renderer and application that draw the live region below the reply."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point
from prompt_toolkit.layout import Layout, Window
from prompt_toolkit.layout.screen import Char
from prompt_toolkit.layout.screen import Screen as Cells
from prompt_toolkit.renderer import Renderer
from prompt_toolkit.styles import BaseStyle
from prompt_toolkit.utils import Event, get_cwidth

from termchat.core.sanitize import LINE_AND_BIDI_CONTROLS, safe
from termchat.ui.terminal.output import FrameOutput
from termchat.ui.terminal.row_diff import move_rows
from termchat.ui.terminal.row_painter import Footer
from termchat.ui.terminal.streaming_reply import StreamingReply
from termchat.ui.text.palette import Palette

_XTERM_JS = ("vscode", "Hyper", "Tabby")  # TERM_PROGRAM of terminals made with xterm.js
_SETTLED = 0.08  # seconds after the last resize of a burst
_SETTLED_TMUX = 0.5  # tmux takes a new size at once, and reports it 0.25 seconds after the report before at the soonest

# In the input, which keeps the text as it was pasted, prompt_toolkit shows only C0 and C1 as visible characters.
Char.display_mappings.update({chr(code): safe(chr(code)) for code in LINE_AND_BIDI_CONTROLS})

StyledRow: TypeAlias = Sequence[tuple[str, str]]  # prompt_toolkit's style and the character, for each
Part: TypeAlias = tuple[Window, Sequence[StyledRow]]


class Reflow(NamedTuple):
    """The effect of a narrower terminal on its text.

    wraps     the text is wrapped again; False: it is cut
    recalls   erased text of a row counts as well, as in tmux
    pushes    the cursor moves down by a row for each row that is added, also by those below it, and the row with the
              cursor is cut, unless a row below it was wrapped before, as in xterm.js (Buffer.ts, _reflowSmaller)
    marks     an erased row stays marked as wrapped, and is joined with the next one when the terminal gets wider, as in
              GNU screen (ansi.c, ClearInLine); a deleted row does not
    settled   seconds after a reported size in which nothing is written: the terminal may have taken another size that
              it reports later, as tmux does (server-client.c, server_client_check_pane_resize)
    """

    wraps: bool = True
    recalls: bool = False
    pushes: bool = False
    marks: bool = False
    settled: float = _SETTLED


_USUAL = Reflow()


class LiveRenderer(Renderer):
    """A renderer that finds its place again after a resize, and that draws the unfinished reply above its own rows.

    reply     the rows above
    """

    def __init__(self, style: BaseStyle, output: FrameOutput, palette: Palette, reflow: Reflow) -> None:
        self.reflow = reflow
        self.reply = StreamingReply(palette, output.get_size().columns)
        self._widths: dict[int, int] = {}
        super().__init__(style, output, full_screen=False)

    def render(self, app: Application[Any], layout: Layout, is_done: bool = False) -> None:
        super().render(app, layout, is_done)
        last = self._last_screen
        if last is None:
            return
        used = self._cursor_pos.y
        for y in range(last.height):
            width = _width(last, y)
            used = y if width and y > used else used
            self._widths[y] = max(width, self._widths.get(y, 0) if self.reflow.recalls else 0)
        last.height = used + 1  # rows that became free below are given up

    def redraw_rows(self, parts: Iterable[Part]) -> bool:
        """Write the characters of parts that have changed since they were painted, without laying anything out.

        Return False, with nothing written, if this is not possible: a part has another height now, or a row has
        characters that take other than one column, or that reach the last column.
        """
        last, size = self._last_screen, self._last_size
        if last is None or size is None or self.stale:
            return False
        found: list[tuple[int, StyledRow]] = []
        for window, rows in parts:
            place = last.visible_windows_to_write_positions.get(window)
            if place is None or place.height != len(rows) or place.ypos + len(rows) > last.height:
                return False
            if any(len(row) >= size.columns or not all(map(_is_plain, row)) for row in rows):
                return False
            found += enumerate(rows, place.ypos)
        for y, row in found:
            self._redraw_row(last, y, row)
        return True

    def _redraw_row(self, last: Cells, y: int, wanted: StyledRow) -> None:
        """Write the changed characters of a painted row; the cursor returns to its place."""
        cells: dict[int, Char] = last.data_buffer[y]
        changed = [x for x, (style, char) in enumerate(wanted) if not _shows(cells.get(x), style, char)]
        surplus = [x for x in cells if x >= len(wanted)]
        erases = any(cells[x].char != " " for x in surplus)
        for gone in surplus:  # blanks too: the next painting would write them again
            del cells[gone]
        if not changed and not erases:
            return
        output, at, x, before = self.output, self._cursor_pos, 0, None
        output.write_raw(f"{move_rows(y - at.y)}\r")
        for to in changed:
            style, char = wanted[to]
            if style != before and self._attrs_for_style and self._last_color_depth:
                output.set_attributes(self._attrs_for_style[style], self._last_color_depth)
            output.cursor_forward(to - x)
            output.write(char)
            cells[to], before, x = Char(char, style), style, to + 1
        output.reset_attributes()
        if erases:
            output.cursor_forward(len(wanted) - x)
            output.erase_end_of_line()
        output.write_raw(f"{move_rows(at.y - y)}\r")
        output.cursor_forward(at.x)
        self._widths[y] = max(len(wanted), self._widths.get(y, 0) if self.reflow.recalls else 0)

    @property
    def height(self) -> int:
        """Number of painted rows; 0 if nothing is painted."""
        return self._last_screen.height if self._last_screen else 0

    def draw_reply(self, footing: int) -> None:
        """Update the rows of the reply, with `footing` rows kept free below them; the live region moves with them."""
        position = Footer(self.height, self._cursor_pos.y, self._cursor_pos.x)
        text, erased = self.reply.frame(self.output.get_size(), footing, position)
        if text:
            self.output.write_raw(text)
        if erased:
            self.reset_position()

    def reset_position(self) -> None:
        """Forget the live region, which was erased: the cursor is where it may begin."""
        self._cursor_pos = Point(0, 0)
        self._widths.clear()
        self._last_screen = None
        self._last_size = None
        self._last_style = None

    def erase(self, leave_alternate_screen: bool = True) -> None:
        self.erase_live_region()
        self.output.flush()
        self.reset(leave_alternate_screen=leave_alternate_screen)

    @property
    def painted(self) -> bool:
        """Return True if the live region is on the screen."""
        return self._last_screen is not None

    @property
    def stale(self) -> bool:
        """Return True if the terminal has another size than the live region was painted for."""
        return self._last_size is not None and self._last_size != self.output.get_size()

    def relocate(self) -> None:
        """Erase the live region after the terminal has wrapped it to a new width."""
        columns, at = self.output.get_size().columns, self._cursor_pos
        old = self._last_size
        if self.reflow.wraps and old and columns < old.columns:
            rows = {y: max(1, -(-width // columns)) for y, width in self._widths.items()}
            above = sum(rows.get(y, 1) for y in range(at.y))
            if self.reflow.pushes:
                below = sum(count - 1 for y, count in rows.items() if y > at.y)
                here = rows.get(at.y, 1) - 1 if below else 0
                self._cursor_pos = Point(min(at.x, columns - 1), above + below + here)
            else:
                self._cursor_pos = Point(at.x % columns, above + at.x // columns)
        self.erase_live_region()

    def erase_live_region(self) -> None:
        """Erase the live region and the unfinished rows of the reply; the cursor is where they began.

        Unlike `erase`, this changes no mode.
        """
        self.output.write_raw("\r")
        self.output.cursor_up(self._cursor_pos.y)
        self.output.reset_attributes()
        if up := self.reply.erase_sequence(self.output.get_size(), reflows=self.reflow.wraps):
            self.output.write_raw(up)
        if self.reflow.marks:
            self.output.write_raw(f"\x1b[{self.output.get_size().rows}M")
        self.output.erase_down()
        self.output.enable_autowrap()
        self.reset_position()


class LiveApplication(Application[int]):
    """An Application whose frames are atomic; see `LiveRenderer`.

    on_resized   fired after the last of a burst of resizes, when the screen may be painted again
    frames       number of frames so far; nothing that is shown changes within one
    """

    output: FrameOutput
    renderer: LiveRenderer

    def __init__(self, output: FrameOutput, palette: Palette, *, reflow: Reflow = _USUAL, **options: Any) -> None:
        super().__init__(output=output, **options)
        self.renderer = LiveRenderer(self._merged_style, output, palette, reflow)
        self.on_resized: Event[LiveApplication] = Event(self)
        self.frames = 0
        self._settling: asyncio.TimerHandle | None = None
        self.takes_row = False  # the first frame begins on a row that has text already

    def paint(self) -> None:
        """Paint all changes in one frame."""
        self._redraw()

    def redraw_rows(self, parts: Iterable[Part]) -> bool:
        """Draw parts that have changed in one frame, if they keep their place; else return False. See `LiveRenderer`.

        Also return False if all will be painted soon.
        """
        if not self._is_running or self.suspended or self.settling or self.invalidated:
            return False
        with self.output.frame():
            return self.renderer.redraw_rows(parts)

    @property
    def suspended(self) -> bool:
        """Return True while another program has the terminal: an editor, a pager, the shell."""
        return self._running_in_terminal

    def _redraw(self, render_as_done: bool = False) -> None:
        if self.settling and not render_as_done:
            return
        self.frames += 1
        with self.output.frame():
            if self.takes_row:
                self.output.write_raw("\r\x1b[K")
                self.takes_row = False
            if self.renderer.stale:
                self.renderer.relocate()
            if not render_as_done:
                self._make_room()
            super()._redraw(render_as_done)

    def _make_room(self) -> None:
        """Draw the reply in the rows that the live region leaves free, before and after it is painted."""
        if self.renderer.reply.any and self._is_running and not self._running_in_terminal:
            size = self.output.get_size()
            wanted = self.layout.container.preferred_height(size.columns, size.rows).preferred
            self.renderer.draw_reply(max(wanted, self.renderer.height))

    def _on_resize(self) -> None:
        """Delay all writing: sizes come in bursts, and a multiplexer wraps its screen before it reports them."""
        if self._settling:
            self._settling.cancel()
        self._settling = asyncio.get_running_loop().call_later(self.renderer.reflow.settled, self._settle)

    def _settle(self) -> None:
        self._settling = None
        self.on_resized.fire()

    @property
    def settling(self) -> bool:
        """Return True for a moment after a resize."""
        return self._settling is not None


def reflow_of(env: Mapping[str, str]) -> Reflow:
    """Return the effect of a narrower terminal on its text, by the variables that the terminal sets."""
    wraps = not (env.get("XTERM_VERSION") or env.get("TERM") == "linux")  # tmux and GNU screen wrap
    tmux = bool(env.get("TMUX"))
    screen = not tmux and bool(env.get("STY"))
    xterm_js = not (tmux or screen) and env.get("TERM_PROGRAM") in _XTERM_JS  # both leave the variable as it was
    settled = _SETTLED_TMUX if tmux else _SETTLED
    return Reflow(wraps or tmux or screen, recalls=tmux, pushes=xterm_js, marks=screen, settled=settled)


def _is_plain(cell: tuple[str, str]) -> bool:
    """Return True for a character that certainly takes one column."""
    return cell[1].isprintable() and get_cwidth(cell[1]) == 1


def _shows(cell: Char | None, style: str, char: str) -> bool:
    return cell is not None and cell.char == char and cell.style == style


def _width(cells: Cells, y: int) -> int:
    """Return the columns that a painted row takes."""
    row: dict[int, Any] = cells.data_buffer[y]
    return max((x + (cell.width or 1) for x, cell in row.items() if cell.char != " "), default=0)
