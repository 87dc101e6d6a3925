"""The output of a program as text: without escape sequences, overwritten parts and full screens, in a bounded size."""

from __future__ import annotations

import re

from termchat.core.sanitize import Safe, safe

_SCREEN = re.compile(r"\x1b\[\?(?:1049|1047|47)h.*?(?:\x1b\[\?(?:1049|1047|47)l|\Z)", re.DOTALL)
_SEQUENCE = re.compile(
    r"\x1b\[([0-?]*)[ -/]*(?:([@-~])|\Z)"  # CSI
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)"  # OSC and other strings
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]",
    re.DOTALL,
)


class BoundedOutput:
    """The first and the last bytes of an output: at most `limit` bytes of each are kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0

    def feed(self, data: bytes) -> None:
        """Add a piece."""
        room = self._limit - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        over = len(self._tail) - self._limit
        if over > 0:
            del self._tail[:over]
            self._left_out += over

    def text(self, limit: int) -> Safe:
        """Return the output as safe text of about `limit` characters at most; a line marks what is left out."""
        if not self._left_out:
            return shortened(plain_output(bytes(self._head + self._tail)), limit)
        head, tail, half = plain_output(bytes(self._head)), plain_output(bytes(self._tail)), limit // 2
        cut = max(0, len(head) - half) + max(0, len(tail) - half)
        return _joined(head[:half], tail[-half:], cut + self._left_out)


def plain_output(data: bytes) -> Safe:
    """Return what an output leaves on the screen, line by line: safe text without blanks at the ends of the lines.

    A carriage return overwrites the line, as a progress bar does. Full screens, such as those of an editor, are left
    out, and so is a blank end.
    """
    text = _SCREEN.sub("", data.decode("utf-8", "replace")).replace("\r\n", "\n")
    return Safe("\n".join(safe(_line(row)).rstrip() for row in text.split("\n")).rstrip("\n"))


def shortened(text: Safe, limit: int) -> Safe:
    """Cut the middle out of a text of more than `limit` characters, and mark the cut."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return _joined(text[:half], text[-half:], len(text) - 2 * half)


def _joined(head: str, tail: str, left_out: int) -> Safe:
    head = head[: head.rfind("\n") + 1] or head
    tail = tail[tail.find("\n") + 1 :] or tail
    return Safe(f"{head.rstrip()}\n[… about {left_out} characters left out …]\n{tail}")


def _line(row: str) -> str:
    """Return a line as a terminal shows it, after the overwrites in it."""
    if "\x1b" not in row and "\r" not in row and row.isprintable():
        return row
    cells: list[str] = []
    at = end = 0
    for found in _SEQUENCE.finditer(row):
        at = _write(cells, at, row[end : found.start()])
        end = found.end()
        if found[0] == "\r":
            at = 0
        elif found[0] == "\b":
            at = max(0, at - 1)
        elif found[2] == "K" and found[1] == "1":
            cells[: at + 1] = " " * len(cells[: at + 1])
        elif found[2] == "K":
            del cells[0 if found[1] == "2" else at :]
            at = min(at, len(cells)) if found[1] == "2" else at
    _write(cells, at, row[end:])
    return "".join(cells)


def _write(cells: list[str], at: int, text: str) -> int:
    """Write a text over the cells from the column `at` on; return the column after it."""
    if at > len(cells):
        cells += " " * (at - len(cells))
    cells[at : at + len(text)] = text
    return at + len(text)
