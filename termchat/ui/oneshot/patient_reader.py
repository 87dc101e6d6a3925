"""Read a file descriptor of any kind with a limit on the wait."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable

_NOTICE_DELAY = 2.0  # seconds without data before a notice
_PIECE = 1 << 16  # bytes
_SLICE = 0.5  # seconds; Windows interrupts a wait for Ctrl-C only at its end


class PatientReader:
    """Reads pieces on a thread, because on Windows nothing else can give up waiting for a pipe.

    slow      called once, when nothing has come for two seconds
    seconds   the longest wait for a piece, None for any
    """

    def __init__(self, fd: int, slow: Callable[[], None], seconds: float | None) -> None:
        self._fd = fd
        self._slow: Callable[[], None] | None = slow
        self._seconds = seconds
        self._pieces: queue.Queue[bytes | OSError] = queue.Queue(maxsize=4)
        threading.Thread(target=self._fill, name="standard input", daemon=True).start()

    def read(self, deadline: float | None = None) -> bytes | None:
        """Return the next piece, empty at the end, None if it did not come in time. Raises OSError.

        deadline   the time of the monotonic clock until which it must come, whatever the longest wait, None for any
        """
        seconds = self._seconds
        if deadline is not None:
            seconds = min(max(0.0, deadline - time.monotonic()), float("inf") if seconds is None else seconds)
        first = _NOTICE_DELAY if seconds is None else min(_NOTICE_DELAY, seconds)
        if self._slow is None:
            return self._next(seconds)
        piece = self._next(first)
        if piece is not None or (seconds is not None and seconds <= first):
            return piece
        self._slow()
        self._slow = None
        return self._next(None if seconds is None else seconds - first)

    def _next(self, seconds: float | None) -> bytes | None:
        end = time.monotonic() + seconds if seconds is not None else float("inf")
        while (left := end - time.monotonic()) > 0:
            try:
                piece = self._pieces.get(timeout=min(left, _SLICE))
            except queue.Empty:
                continue
            if isinstance(piece, OSError):
                raise piece
            return piece
        return None

    def _fill(self) -> None:
        piece: bytes | OSError = b"-"
        while piece and not isinstance(piece, OSError):
            try:
                piece = os.read(self._fd, _PIECE)
            except OSError as error:
                piece = error
            self._pieces.put(piece)
