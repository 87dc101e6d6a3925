"""Rows of the reply that is being written, right above the live region."""

from __future__ import annotations

from collections.abc import Sequence

from prompt_toolkit.data_structures import Size

from termchat.ui.terminal.row_painter import Footer, FooterFrame, FooterPainter
from termchat.ui.text.palette import Palette
from termchat.ui.text.row import Row

_MOST = 12  # live rows


class StreamingReply:
    """The rows of one reply after another; final ones stay in the scrollback.

    Rows are pending from `update` until the next `frame`, or until `end` returns them.

    palette   the look of the rows drawn from now on
    """

    def __init__(self, palette: Palette, columns: int) -> None:
        self.palette = palette
        self._final: list[Row] = []
        self._live: Sequence[Row] = ()
        self._painter = FooterPainter(columns, palette)

    @property
    def on_screen(self) -> bool:
        """Return True if rows that may still change are on the screen."""
        return bool(self._painter.rows)

    @property
    def any(self) -> bool:
        """Return True if there are rows, on the screen or pending."""
        return bool(self._painter.rows or self._final or self._live)

    def update(self, final: Sequence[Row], live: Sequence[Row]) -> None:
        """Add final rows, and replace the live ones after them."""
        self._final += final
        self._live = live

    def end(self) -> Sequence[Row]:
        """End the reply; return the pending rows, to be written with the other pending output."""
        self._live = ()
        if not self._final:
            self._painter.forget()
        return self._take()

    def frame(self, size: Size, footing: int, footer: Footer) -> FooterFrame:
        """Return the sequence that updates the rows on a screen of a size, with `footing` rows kept free below them."""
        self._painter.palette = self.palette
        window = max(0, min(_MOST, size.rows // 3, size.rows - 1 - footing))
        return self._painter.frame(self._take(), self._live, window=window, height=size.rows, footer=footer)

    def erase_sequence(self, size: Size, *, reflows: bool) -> str:
        """Return the sequence from the row below to the first live row; the next frame draws the rows again."""
        return self._painter.erase_sequence(size.columns, size.rows, reflows=reflows)

    def _take(self) -> Sequence[Row]:
        final, self._final = self._final, []
        return final
