"""The output of a process: its head and tail for a result, the whole in a file when it is long."""

from __future__ import annotations

import codecs
import os
import secrets
from collections import deque
from pathlib import Path

HEAD_BYTES = 16_000
TAIL_BYTES = 24_000


class CapturedOutput:
    """Collect output in bounded memory.

    folder   the directory of the file for long output; None to keep only head and tail
    limit    bytes after which `full` is True; the rest is not kept
    """

    def __init__(self, folder: Path | None, limit: int) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._folder = folder
        self._limit = limit
        self._head = ""
        self._tail: deque[str] = deque()
        self._tail_bytes = 0
        self._file = -1
        self._long = False
        self.bytes = 0  # that were taken, of UTF-8
        self.path: Path | None = None

    @property
    def full(self) -> bool:
        """True when the limit is reached."""
        return self.bytes >= self._limit

    def add(self, data: bytes, *, last: bool = False) -> str:
        """Take output and return its text; a character may end in a later piece.

        NUL is replaced: `read_file` takes a file with it for no text. When the disk is full, there is no file.
        """
        text = self._decoder.decode(data, last).replace("\0", "\ufffd")
        raw = text.encode()[: self._limit - self.bytes]
        text = raw.decode("utf-8", "ignore")
        self.bytes += len(raw)
        self._keep(text)
        return text

    def text(self) -> str:
        """Return all output, or its head and tail around a line that tells the rest."""
        tail = "".join(self._tail)
        if not self._long:
            return self._head + tail
        tail = tail.encode()[-TAIL_BYTES:].decode("utf-8", "ignore")
        kept = len(self._head.encode()) + len(tail.encode())
        where = f", the whole is in {self.path}" if self.path else ""
        return f"{self._head}\n[output cut: {kept} of {self.bytes} bytes{where}]\n{tail}"

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _keep(self, text: str) -> None:
        room = HEAD_BYTES - len(self._head.encode())
        head = text.encode()[: max(room, 0)].decode("utf-8", "ignore") if not self._tail else ""
        self._head += head
        rest = text[len(head) :]
        if not rest:
            return
        self._tail.append(rest)
        self._tail_bytes += len(rest.encode())
        self._long = self._long or self._tail_bytes > TAIL_BYTES
        self._save(rest)
        while self._tail and self._tail_bytes - len(self._tail[0].encode()) >= TAIL_BYTES:
            self._tail_bytes -= len(self._tail.popleft().encode())

    def _save(self, rest: str) -> None:
        try:
            if self._file >= 0:
                self._write(rest)
            elif self._folder and self._long:
                self._open(self._folder)
                self._write(self._head + "".join(self._tail))
        except OSError:
            self.close()
            if self.path:
                self.path.unlink(missing_ok=True)
            self.path = self._folder = None

    def _open(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / f"run_shell-{secrets.token_hex(6)}.txt"
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)

    def _write(self, text: str) -> None:
        data = memoryview(text.encode())
        while data:
            data = data[os.write(self._file, data) :]
