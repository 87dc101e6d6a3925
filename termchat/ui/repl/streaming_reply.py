"""Rows of the reply that is being written, right above the live region."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.ui.terminal.row_painter import FooterPainter
from termchat.ui.terminal.screen import Screen
from termchat.ui.text.ansi import encode_rows
from termchat.ui.text.palette import Palette
from termchat.ui.text.row import Row

_MOST = 12


class StreamingReply:
    """Shows the rows of one reply after another; final ones stay in the scrollback.

    palette   how they look from now on
    While something else has the terminal rows wait, and are shown when it is back.
    """

    def __init__(self, screen: Screen, palette: Palette) -> None:
        self.palette = palette
        self._screen = screen
        self._footer = screen.attach(self)
        self._final: list[Row] = []
        self._live: Sequence[Row] = ()
        self._above = self._begin()

    @property
    def any(self) -> bool:
        """Return True if there are rows, on the screen or pending."""
        return bool(self._above.rows or self._final or self._live)

    def show(self, final: Sequence[Row], live: Sequence[Row]) -> None:
        """Add final rows, and replace the live ones after them."""
        begins = not self._above.rows
        self._final += final
        self._live = live
        if not self._screen.ready:
            return
        if begins:
            self._screen.redraw()
        else:
            self._screen.draw()

    def end(self) -> None:
        """End the reply; pending rows are written in order with the other pending output."""
        self._live = ()
        if self._final:
            final, self._final = self._final, []
            self._screen.commit(encode_rows(final, self.palette))
        else:
            self._above.forget()

    def frame(self, footing: int) -> str:
        """Return the sequence that updates the rows, with `footing` rows below them; the cursor does not move."""
        size = self._screen.size
        self._above.palette = self.palette
        window = max(0, min(_MOST, size.rows // 3, size.rows - 1 - footing))
        final, self._final = self._final, []
        return self._above.frame(final, self._live, window=window, height=size.rows)

    def erase_sequence(self, *, reflows: bool) -> str:
        """Return the sequence from the row below to the first live row; the next frame draws the rows again."""
        size = self._screen.size
        return self._above.erase_sequence(size.columns, size.rows, reflows=reflows)

    def _begin(self) -> FooterPainter:
        return FooterPainter(self._screen.size.columns, self.palette, self._footer)
