"""prompt_toolkit output that sends each frame as one write."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TextIO

from prompt_toolkit.data_structures import Size
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Attrs


class FrameOutput(Vt100_Output):
    """An output that sends a frame as a whole, and never asks for the position of the cursor.

    sync    frames are bracketed as one update (mode 2026)
    closed  the terminal takes no more output
    """

    def __init__(self, stdout: TextIO, size: Callable[[], Size], term: str, *, sync: bool) -> None:
        super().__init__(stdout, size, term=term, enable_cpr=False)
        self.sync = sync
        self.closed = False
        self._depth = 0
        self._plain = False  # no attribute is on, so none has to be switched off

    @contextmanager
    def frame(self) -> Generator[None, None, None]:
        """Send everything written inside in one write."""
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


def make_output(stdout: TextIO, env: Mapping[str, str]) -> FrameOutput:
    """Return the output for a terminal. Its size is read from the kernel each time; 80x24 if unknown."""

    def size() -> Size:
        try:
            columns, rows = os.get_terminal_size(stdout.fileno())
        except (OSError, ValueError):
            columns, rows = 0, 0
        return Size(rows=rows or 24, columns=columns or 80)

    return FrameOutput(stdout, size, env.get("TERM", ""), sync=syncs(env))


def syncs(env: Mapping[str, str]) -> bool:
    """Return True if frames may be bracketed before the terminal reports support: most ignore unknown modes."""
    term = env.get("TERM", "")
    if term in ("dumb", "linux") or env.get("TERM_PROGRAM") == "Apple_Terminal":
        return False
    return not (env.get("TMUX") or term.startswith(("screen", "tmux")))


_SYNC_ON, _SYNC_OFF = "\x1b[?2026h", "\x1b[?2026l"
