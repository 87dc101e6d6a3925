"""prompt_toolkit renderer and application that draw the live region below the reply."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point
from prompt_toolkit.layout import Layout
from prompt_toolkit.layout.screen import Screen as Cells
from prompt_toolkit.renderer import Renderer
from prompt_toolkit.styles import BaseStyle
from prompt_toolkit.utils import Event

from termchat.ui.terminal.output import FrameOutput
from termchat.ui.terminal.row_painter import Footer
from termchat.ui.terminal.streaming_reply import StreamingReply
from termchat.ui.text.palette import Palette

_SETTLED = 0.08  # seconds after the last resize of a burst


class LiveRenderer(Renderer):
    """A renderer that finds its place again after a resize, and that draws the unfinished reply above its own rows.

    reply     the rows above
    reflows   True if the terminal wraps its text again when it gets narrower
    recalls   True if it then counts erased text of a row as well, as tmux does
    """

    def __init__(
        self, style: BaseStyle, output: FrameOutput, palette: Palette, *, reflows: bool, recalls: bool
    ) -> None:
        self.reflows = reflows
        self.recalls = recalls
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
            self._widths[y] = max(width, self._widths.get(y, 0) if self.recalls else 0)
        last.height = used + 1  # rows that became free below are given up

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
        if self.reflows and old and columns < old.columns:
            above = sum(max(1, -(-self._widths.get(y, 0) // columns)) for y in range(at.y))
            self._cursor_pos = Point(at.x % columns, above + at.x // columns)
        self.erase_live_region()

    def erase_live_region(self) -> None:
        """Erase the live region and the unfinished rows of the reply; the cursor is where they began.

        Unlike `erase`, this changes no mode.
        """
        self.output.write_raw("\r")
        self.output.cursor_up(self._cursor_pos.y)
        self.output.reset_attributes()
        if up := self.reply.erase_sequence(self.output.get_size(), reflows=self.reflows):
            self.output.write_raw(up)
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

    def __init__(
        self, output: FrameOutput, palette: Palette, *, reflows: bool = True, recalls: bool = False, **options: Any
    ) -> None:
        super().__init__(output=output, **options)
        self.renderer = LiveRenderer(self._merged_style, output, palette, reflows=reflows, recalls=recalls)
        self.on_resized: Event[LiveApplication] = Event(self)
        self.frames = 0
        self._settling: asyncio.TimerHandle | None = None
        self.takes_row = False  # the first frame begins on a row that has text already

    def paint(self) -> None:
        """Paint all changes in one frame."""
        self._redraw()

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
        self._settling = asyncio.get_running_loop().call_later(_SETTLED, self._settle)

    def _settle(self) -> None:
        self._settling = None
        self.on_resized.fire()

    @property
    def settling(self) -> bool:
        """Return True for a moment after a resize."""
        return self._settling is not None


def reflows(env: Mapping[str, str]) -> bool:
    """Return True if the terminal wraps its text again when it gets narrower."""
    term = env.get("TERM", "")
    if env.get("TMUX"):
        return True
    return not (env.get("XTERM_VERSION") or term == "linux" or term.startswith("screen"))


def _width(cells: Cells, y: int) -> int:
    """Return the columns that a painted row takes."""
    row: dict[int, Any] = cells.data_buffer[y]
    return max((x + (cell.width or 1) for x, cell in row.items() if cell.char != " "), default=0)
