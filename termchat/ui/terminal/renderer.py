"""prompt_toolkit renderer and application that draw the live region below the reply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point
from prompt_toolkit.layout import Layout
from prompt_toolkit.layout.screen import Screen as Cells
from prompt_toolkit.renderer import Renderer

from termchat.ui.terminal.output import FrameOutput

_SETTLED = 0.08


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
