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
from typing import Any, TextIO

from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point, Size
from prompt_toolkit.layout import Layout
from prompt_toolkit.layout.containers import Window
from prompt_toolkit.layout.screen import Screen as Cells
from prompt_toolkit.layout.screen import WritePosition
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.renderer import Renderer
from prompt_toolkit.styles import Attrs

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
        self.gone = False
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
            self.gone = True

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


class TailWindow(Window):
    """A window without a style of its own: its rows are the same cells wherever they stand, also in the last row."""

    def _apply_style(self, new_screen: Cells, write_position: WritePosition, parent_style: str) -> None:
        pass


class LiveRenderer(Renderer):
    """A renderer that can leave rows behind, and that finds its place again after a resize.

    reflows   whether the terminal wraps what it shows anew when it gets narrower
    recalls   whether it then counts what once stood in a row and was erased, as tmux does
    """

    reflows = True
    recalls = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._widths: dict[int, int] = {}
        super().__init__(*arguments, **options)

    def render(self, app: Application[Any], layout: Layout, is_done: bool = False) -> None:
        super().render(app, layout, is_done)
        if self._last_screen:
            for y in range(self._last_screen.height):
                once = self._widths.get(y, 0) if self.recalls else 0
                self._widths[y] = max(once, _width(self._last_screen, y))

    @property
    def painted(self) -> bool:
        """Whether a live region stands on the screen."""
        return self._last_screen is not None

    @property
    def stale(self) -> bool:
        """Whether the terminal has another size than the live region was painted for."""
        return self._last_size is not None and self._last_size != self.output.get_size()

    def find_place(self) -> None:
        """Erase the live region as it lies after the terminal has re-wrapped it to its new width."""
        columns, at = self.output.get_size().columns, self._cursor_pos
        old = self._last_size
        if self.reflows and old and columns < old.columns:
            above = sum(max(1, -(-self._widths.get(y, 0) // columns)) for y in range(at.y))
            self._cursor_pos = Point(at.x % columns, above + at.x // columns)
        self.take_away()

    def take_away(self) -> None:
        """Erase the live region; the cursor stands where it began. Unlike `erase`, no mode is touched."""
        self.output.write_raw("\r")
        self.output.cursor_up(self._cursor_pos.y)
        self.output.reset_attributes()
        self.output.erase_down()
        self.output.enable_autowrap()
        self._cursor_pos = Point(0, 0)
        self._widths.clear()
        self._last_screen = None
        self._last_size = None
        self._last_style = None

    def graduate(self, rows: int) -> None:
        """The first rows of the live region, as they stand on the screen, belong to the scrollback from now on."""
        last = self._last_screen
        assert last is not None
        moved = Cells(initial_width=last.width, initial_height=last.height - rows)
        moved.show_cursor = last.show_cursor
        for y, row in last.data_buffer.items():
            if y >= rows:
                moved.data_buffer[y - rows] = row
        self._last_screen = moved
        self._widths = {y - rows: width for y, width in self._widths.items() if y >= rows}
        self._cursor_pos = Point(self._cursor_pos.x, self._cursor_pos.y - rows)


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
                self.renderer.find_place()
            super()._redraw(render_as_done)

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
    def columns(self) -> int:
        return self.out.get_size().columns

    @property
    def rows(self) -> int:
        return self.out.get_size().rows

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
                self.app.renderer.find_place()
            elif self.app.renderer.painted:
                self.app.renderer.take_away()
            self.out.write_raw(ansi.replace("\r\n", "\n").replace("\n", "\r\n"))
            self.app.paint()

    def _settled(self) -> None:
        if self._waiting:
            self.commit("")
        else:
            self.app.paint()

    def graduate(self, rows: int) -> None:
        """Leave the first rows of the live region where they stand; the next frame no longer has them."""
        if rows > 0:
            self.app.renderer.graduate(rows)

    def redraw(self) -> None:
        """Paint what has changed, now."""
        if self.ready:
            self.app.paint()

    def renew(self) -> None:
        """Paint the whole live region again, over whatever has happened to it."""
        if not self.ready:
            return
        with self.out.frame():
            self.app.renderer.take_away()
            self.app.paint()

    def invalidate(self) -> None:
        """Paint what has changed, soon."""
        self.app.invalidate()

    def fits(self, extra: int = 0) -> bool:
        """Whether the live region as it is laid out now, and `extra` rows, leaves a row of the screen free."""
        size = self.out.get_size()
        wanted = self.app.layout.container.preferred_height(size.columns, size.rows).preferred
        return wanted + extra <= size.rows - 1

    def send(self, sequence: str) -> None:
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
