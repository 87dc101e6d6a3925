"""The screen: the only writer to the terminal, and the only module that touches prompt_toolkit's private names.

What is committed goes into the terminal's own scrollback, once and in order; only the small live region below it
(the unfinished reply, the input, the status line) is ever repainted. Every frame is one write, bracketed as one
update where the terminal knows how. Nothing asks the terminal for its cursor, nothing clears the screen.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point, Size
from prompt_toolkit.layout import Layout
from prompt_toolkit.layout.screen import Screen as Cells
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.renderer import Renderer
from prompt_toolkit.styles import Attrs

from termchat.ui.terminal.row_painter import Footer

_SETTLED = 0.08
_SYNC_ON, _SYNC_OFF = "\x1b[?2026h", "\x1b[?2026l"


class FrameOutput(Vt100_Output):
    """An output that holds a frame back until it is whole, and never asks for the cursor's position.

    sync   whether frames are bracketed as one update
    gone   the terminal does not take anything any more
    """

    def __init__(self, stdout: TextIO, size: Callable[[], Size], term: str, *, sync: bool) -> None:
        super().__init__(stdout, size, term=term, enable_cpr=False)
        self.sync = sync
        self.closed = False
        self._depth = 0
        self._plain = False  # whether no look is on, so that nothing needs to be switched off

    @contextmanager
    def frame(self) -> Generator[None, None, None]:
        """All that is written inside leaves in one write."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            self.flush()

    def flush(self) -> None:
        if self._depth or not self._buffer:
            return
        if self.sync:
            self._buffer.insert(0, _SYNC_ON)
            self._buffer.append(_SYNC_OFF)
        try:
            super().flush()
        except OSError:
            self.closed = True

    def reset_attributes(self) -> None:
        if not self._plain:
            self.write_raw("\x1b[m")
            self._plain = True

    def set_attributes(self, attrs: Attrs, color_depth: ColorDepth) -> None:
        sequence = self._escape_code_caches[color_depth][attrs]
        if sequence == "\x1b[0m":
            self.reset_attributes()
            return
        self.write_raw(sequence)
        self._plain = False

    def show_cursor(self) -> None:
        if self._cursor_visible is not True:
            self._cursor_visible = True
            self.write_raw("\x1b[?25h")

    def erase_down(self) -> None:
        # A plain CSI J at the home position makes tmux push the whole screen into its history.
        self.write_raw("\x1b[K\x1b7\x1b[C\x1b[J\x1b8")


class ReplyArea(Protocol):
    """The rows of an unfinished reply: they stand right above the live region and are drawn by themselves."""

    @property
    def any(self) -> bool:
        """Whether there are some, on the screen or about to be."""
        ...

    def frame(self, footing: int) -> str:
        """What brings them up to date, `footing` rows being taken below them; the cursor stays where it is."""
        ...

    def erase_sequence(self, *, reflows: bool) -> str:
        """From the row below to where they begin, to be erased from there; the next frame draws them again."""
        ...


class LiveRenderer(Renderer):
    """A renderer that finds its place again after a resize, and that is the footer of an unfinished reply.

    reflows   whether the terminal wraps what it shows anew when it gets narrower
    recalls   whether it then counts what once stood in a row and was erased, as tmux does
    upper     the reply above, if there is one
    """

    reflows = True
    recalls = False
    upper: ReplyArea | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._widths: dict[int, int] = {}
        super().__init__(*arguments, **options)

    def render(self, app: Application[Any], layout: Layout, is_done: bool = False) -> None:
        super().render(app, layout, is_done)
        last = self._last_screen
        if last is None:
            return
        used = self._cursor_pos.y
        for y in range(last.height):
            width = _width(last, y)
            used = y if width and y > used else used
            self._widths[y] = max(width, self._widths.get(y, 0) if self.recalls else 0)
        last.height = used + 1  # what became free below is not held for ever

    @property
    def height(self) -> int:
        """The rows that are taken; 0 while nothing is painted."""
        return self._last_screen.height if self._last_screen else 0

    @property
    def cursor(self) -> tuple[int, int]:
        """The row and the column of the cursor."""
        return self._cursor_pos.y, self._cursor_pos.x

    def reset_position(self) -> None:
        """All was erased, and the cursor stands where the live region may begin."""
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
        """Whether a live region stands on the screen."""
        return self._last_screen is not None

    @property
    def stale(self) -> bool:
        """Whether the terminal has another size than the live region was painted for."""
        return self._last_size is not None and self._last_size != self.output.get_size()

    def relocate(self) -> None:
        """Erase the live region as it lies after the terminal has re-wrapped it to its new width."""
        columns, at = self.output.get_size().columns, self._cursor_pos
        old = self._last_size
        if self.reflows and old and columns < old.columns:
            above = sum(max(1, -(-self._widths.get(y, 0) // columns)) for y in range(at.y))
            self._cursor_pos = Point(at.x % columns, above + at.x // columns)
        self.erase_live_region()

    def erase_live_region(self) -> None:
        """Erase the live region and the reply's unfinished rows; the cursor stands where they began.

        Unlike `erase`, no mode is touched.
        """
        self.output.write_raw("\r")
        self.output.cursor_up(self._cursor_pos.y)
        self.output.reset_attributes()
        if self.upper and (way := self.upper.erase_sequence(reflows=self.reflows)):
            self.output.write_raw(way)
        self.output.erase_down()
        self.output.enable_autowrap()
        self.reset_position()


class LiveApplication(Application[int]):
    """An Application whose frames are atomic; see `LiveRenderer`."""

    output: FrameOutput
    renderer: LiveRenderer

    def __init__(self, output: FrameOutput, **options: Any) -> None:
        super().__init__(output=output, **options)
        self.renderer = LiveRenderer(self._merged_style, output, full_screen=False)
        self.resized: Callable[[], None] = lambda: None
        self.settled: Callable[[], None] = lambda: None
        self._settling: asyncio.TimerHandle | None = None
        self.takes_row = False  # whether the first frame stands on a row that has something on it already

    def paint(self) -> None:
        """Bring the terminal up to date, in one frame."""
        self._redraw()

    @property
    def suspended(self) -> bool:
        """Whether something else has the terminal: an editor, a pager, the shell."""
        return self._running_in_terminal

    def _redraw(self, render_as_done: bool = False) -> None:
        if self.settling and not render_as_done:
            return
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
        """The reply above gets the rows that the live region leaves to it, as it is and as it is to be painted."""
        upper = self.renderer.upper
        if upper and upper.any and self._is_running and not self._running_in_terminal:
            size = self.output.get_size()
            wanted = self.layout.container.preferred_height(size.columns, size.rows).preferred
            if text := upper.frame(max(wanted, self.renderer.height)):
                self.output.write_raw(text)

    def _on_resize(self) -> None:
        """Sizes come in bursts, and a multiplexer wraps its screen before it tells: nothing is written for a moment."""
        if self._settling:
            self._settling.cancel()
        self._settling = asyncio.get_running_loop().call_later(_SETTLED, self._settle)

    def _settle(self) -> None:
        self._settling = None
        self.resized()
        self.settled()

    @property
    def settling(self) -> bool:
        """Whether the terminal has got another size this moment."""
        return self._settling is not None


class Screen:
    """Commits text into the scrollback and keeps the live region below it."""

    def __init__(self, app: LiveApplication) -> None:
        self.app = app
        self.out = app.output
        app.settled = self._settled
        self._waiting: list[str] = []

    @property
    def size(self) -> Size:
        return self.out.get_size()

    @property
    def runs(self) -> bool:
        """Whether there is a live region at all."""
        return self.app.is_running

    @property
    def ready(self) -> bool:
        """Whether the live region may be painted now."""
        return self.app.is_running and not self.app.suspended and not self.app.settling

    def commit(self, ansi: str) -> None:
        """Append text to the scrollback, above the live region, in one frame. Line ends are LF or CR LF.

        While something else has the terminal it waits; an empty commit afterwards writes it.
        """
        if self.app.suspended or self.app.settling:
            self._waiting.append(ansi)
            return
        if self._waiting:
            ansi = "".join((*self._waiting, ansi))
            self._waiting.clear()
        if not ansi:
            return
        with self.out.frame():
            if self.app.renderer.stale:
                self.app.renderer.relocate()
            elif self.app.renderer.painted:
                self.app.renderer.erase_live_region()
            self.out.write_raw(ansi.replace("\r\n", "\n").replace("\n", "\r\n"))
            self.app.paint()

    def _settled(self) -> None:
        if self._waiting:
            self.commit("")
        else:
            self.app.paint()

    def attach(self, upper: ReplyArea) -> Footer:
        """From now on these rows stand above the live region, which is their footer."""
        self.app.renderer.upper = upper
        return self.app.renderer

    def draw(self) -> None:
        """Bring the reply's rows up to date; the live region moves with them and is not painted again."""
        renderer = self.app.renderer
        if renderer.upper is None or not self.ready:
            return
        with self.out.frame():
            if renderer.stale or not renderer.painted:
                self.app.paint()
            elif text := renderer.upper.frame(renderer.height):
                self.out.write_raw(text)
                if not renderer.painted:
                    self.app.paint()

    def redraw(self) -> None:
        """Paint what has changed, now."""
        if self.ready:
            self.app.paint()

    def repaint(self) -> None:
        """Paint the whole live region again, over whatever has happened to it."""
        if not self.ready:
            return
        with self.out.frame():
            self.app.renderer.erase_live_region()
            self.app.paint()

    def invalidate(self) -> None:
        """Paint what has changed, soon."""
        self.app.invalidate()

    def write_control(self, sequence: str) -> None:
        """A mode, a title or a question for the terminal: bytes that move nothing on the screen."""
        self.out.write_raw(sequence)
        self.out.flush()


def make_output(stdout: TextIO, env: Mapping[str, str]) -> FrameOutput:
    """The output for a terminal. Its size is asked of the kernel each time, 80x24 when it does not know."""

    def size() -> Size:
        try:
            columns, rows = os.get_terminal_size(stdout.fileno())
        except (OSError, ValueError):
            columns, rows = 0, 0
        return Size(rows=rows or 24, columns=columns or 80)

    return FrameOutput(stdout, size, env.get("TERM", ""), sync=syncs(env))


def syncs(env: Mapping[str, str]) -> bool:
    """Whether to bracket frames before the terminal has said that it knows how; unknown modes are ignored by most."""
    term = env.get("TERM", "")
    if term in ("dumb", "linux") or env.get("TERM_PROGRAM") == "Apple_Terminal":
        return False
    return not (env.get("TMUX") or term.startswith(("screen", "tmux")))


def reflows(env: Mapping[str, str]) -> bool:
    """Whether the terminal wraps what it shows anew when it gets narrower."""
    term = env.get("TERM", "")
    if env.get("TMUX"):
        return True
    return not (env.get("XTERM_VERSION") or term == "linux" or term.startswith("screen"))


def _width(cells: Cells, y: int) -> int:
    """The columns a painted row takes."""
    row: dict[int, Any] = cells.data_buffer[y]
    return max((x + (cell.width or 1) for x, cell in row.items() if cell.char != " "), default=0)
