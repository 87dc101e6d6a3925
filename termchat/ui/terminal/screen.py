"""Screen: the only writer to the terminal.

Committed text goes to the terminal's own scrollback, once and in order. Only the live region below it (the unfinished
reply, the input, the status line) is repainted. Every frame is one write, bracketed as one update if the terminal
supports it. The position of the cursor is never queried, and the screen is never cleared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prompt_toolkit.data_structures import Size

from termchat.ui.terminal.renderer import LiveApplication
from termchat.ui.terminal.streaming_reply import StreamingReply
from termchat.ui.text.ansi import encode_rows
from termchat.ui.text.row import Row


class Screen:
    """Commits text to the scrollback and keeps the live region below it."""

    def __init__(self, app: LiveApplication) -> None:
        self.app = app
        self.out = app.output
        app.on_resized += self._resized
        self._waiting: list[str] = []
        self._on_resize: list[Callable[[], None]] = []

    @property
    def size(self) -> Size:
        return self.out.get_size()

    @property
    def runs(self) -> bool:
        """Return True if there is a live region."""
        return self.app.is_running

    @property
    def ready(self) -> bool:
        """Return True if the live region may be painted now."""
        return self.app.is_running and not self.app.suspended and not self.app.settling

    def commit(self, ansi: str) -> None:
        """Append text to the scrollback, above the live region, in one frame. Line ends are LF or CR LF.

        While another program has the terminal the text waits; an empty commit afterwards writes it.
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

    def on_resize(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever the terminal has got another size, before the screen is painted for it."""
        self._on_resize.append(listener)

    def _resized(self, _: object) -> None:
        for listener in self._on_resize:
            listener()
        if self._waiting:
            self.commit("")
        else:
            self.app.paint()

    @property
    def reply(self) -> StreamingReply:
        """The rows above the live region."""
        return self.app.renderer.reply

    def show_reply(self, final: Sequence[Row], live: Sequence[Row]) -> None:
        """Add final rows to the reply, and replace its live rows.

        The live region moves with them and is painted again only if it has to be. While another program has the
        terminal, rows wait.
        """
        renderer = self.app.renderer
        begins = not renderer.reply.on_screen
        renderer.reply.update(final, live)
        if not self.ready:
            return
        with self.out.frame():
            if begins or renderer.stale or not renderer.painted:
                self.app.paint()
                return
            renderer.draw_reply(renderer.height)
            if not renderer.painted:
                self.app.paint()

    def end_reply(self) -> None:
        """End the reply: all of its rows are final."""
        if rows := self.reply.end():
            self.commit(encode_rows(rows, self.reply.palette))

    def redraw(self) -> None:
        """Paint all changes now."""
        if self.ready:
            self.app.paint()

    def repaint(self) -> None:
        """Erase and paint the whole live region."""
        if not self.ready:
            return
        with self.out.frame():
            self.app.renderer.erase_live_region()
            self.app.paint()

    def invalidate(self) -> None:
        """Paint all changes soon."""
        self.app.invalidate()

    def write_control(self, sequence: str) -> None:
        """Write a mode, a title or a query: a sequence that moves nothing on the screen."""
        self.out.write_raw(sequence)
        self.out.flush()
