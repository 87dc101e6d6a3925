"""Emulate a terminal that accepts only the sequences that the painters may write, and fails on any other.

The emulator keeps the scrollback, knows pending wrap, wide characters and grapheme clusters, and reflows wrapped lines
when its width changes, as most terminals do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import wcwidth

_GRAMMAR = re.compile(
    r"\x1b\[(?P<count>\d*)(?P<move>[ABCDKJLM])|\x1b(?P<mark>[78])|\x1b\[\?7(?P<wrap>[hl])|\x1b\[(?P<sgr>[\d;]*)m|\x1b\[\?2026(?P<sync>[hl])"
    r"|\x1b\]8;(?:id=[0-9a-f]+)?;(?P<url>[\x21-\x7e]*)\x1b\\|(?P<control>[\r\n])|(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
)


@dataclass
class Line:
    """One row of the scrollback or the screen."""

    cells: list[str] = field(default_factory=list)  # one cluster each, "" after a wide one
    wrapped: bool = False  # True if the next row continues the line (soft wrap)

    @property
    def text(self) -> str:
        return "".join(self.cells).rstrip()


class Terminal:
    """The emulator; rows count from the top of the scrollback."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.lines = [Line()]  # the scrollback and the screen
        self.row = self.column = 0  # the cursor
        self.pending = False
        self.erased = 0  # cells blanked outside a synchronized frame
        self.reach = 0  # the topmost row written or erased since the test reset it
        self.wraps = True
        self._sync = False
        self._saved = 0, 0, False

    @property
    def top(self) -> int:
        """The first row of the screen."""
        return max(0, len(self.lines) - self.height)

    def write(self, data: str) -> None:
        at = 0
        while at < len(data):
            found = _GRAMMAR.match(data, at)
            assert found, f"unexpected sequence: {data[at : at + 20]!r}"
            at = found.end()
            if found["text"]:
                for cluster in wcwidth.iter_graphemes(found["text"]):
                    for part in _parts(cluster):
                        self._put(part)
            elif found["control"]:
                self._control(found["control"])
            elif found["sync"]:
                self._sync = found["sync"] == "h"
            elif found["wrap"]:
                self.wraps = found["wrap"] == "h"
            elif found["mark"] == "7":
                self._saved = self.row - self.top, self.column, self.pending
            elif found["mark"] == "8":
                row, self.column, self.pending = self._saved
                self.row = self.top + row
            elif found["move"]:
                self._move(found["move"], int(found["count"] or 1))

    def text(self) -> list[str]:
        return [line.text for line in self.lines]

    def logical(self) -> list[str]:
        """Return the lines as a copy of the screen has them: wrapped rows joined, without trailing blanks."""
        lines: list[str] = []
        joined = False
        for line in self.lines:
            text = "".join(line.cells)
            if joined:
                lines[-1] += text
            else:
                lines.append(text)
            joined = line.wrapped
        return [line.rstrip() for line in lines]

    def resize(self, width: int, height: int) -> None:
        """Set the size and reflow: join wrapped rows and wrap them to the new width; the cursor stays at its text."""
        old, self.lines = self.lines, []
        while len(old) > self.row + 1 and not old[-1].cells:
            old.pop()  # unused rows below the cursor are dropped first
        self.width, self.height = width, height
        logical: list[list[str]] = []
        joined = False
        cursor_at = (0, 0)
        for index, line in enumerate(old):
            if not joined:
                logical.append([])
            if index == self.row:
                cursor_at = len(logical) - 1, len(logical[-1]) + self.column + self.pending
            logical[-1] += line.cells
            joined = line.wrapped
        for index, cells in enumerate(logical):
            self._reflow(cells, cursor_at[1] if index == cursor_at[0] else None)

    def _reflow(self, cells: list[str], cursor: int | None) -> None:
        lines = [Line()]
        if cursor is not None:
            self.row, self.column, self.pending = len(self.lines), min(cursor, self.width - 1), False
        for at, cell in enumerate(cells):
            wide = at + 1 < len(cells) and cells[at + 1] == ""
            if len(lines[-1].cells) + (2 if wide else 1) > self.width:
                lines[-1].wrapped = True
                lines.append(Line())
            lines[-1].cells.append(cell)
            if cursor is not None and at == cursor - 1:
                self.row, self.column = len(self.lines) + len(lines) - 1, len(lines[-1].cells)
        if self.column >= self.width:
            self.column, self.pending = self.width - 1, True
        self.lines += lines

    def _put(self, cluster: str) -> None:
        width = wcwidth.wcswidth(cluster)
        if width <= 0:
            self._combine(cluster)
            return
        if not self.wraps and self.column + width > self.width:
            self.column, self.pending = self.width - width, False
        if self.pending and not self.wraps:
            self.column, self.pending = self.width - width, False
        if self.pending or self.column + width > self.width:
            self.lines[self.row].wrapped = True
            self.column, self.pending = 0, False
            self._feed()
        cells = self.lines[self.row].cells
        cells += [" "] * (self.column - len(cells))
        cells[self.column : self.column + width] = [cluster, *[""] * (width - 1)]
        self.reach = min(self.reach, self.row)
        self.column += width
        if self.column >= self.width:
            self.column, self.pending = self.width - 1, True

    def _combine(self, cluster: str) -> None:
        """Append a cluster of width zero to the cell before the cursor, if any."""
        cells = self.lines[self.row].cells
        at = self.column if self.pending else self.column - 1
        while at > 0 and cells[at : at + 1] == [""]:
            at -= 1
        if 0 <= at < len(cells):
            cells[at] += cluster

    def _control(self, sign: str) -> None:
        if sign == "\r":
            self.column, self.pending = 0, False
            return
        self.pending = False
        self.lines[self.row].wrapped = False
        self._feed()

    def _feed(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append(Line())

    def _move(self, sign: str, count: int) -> None:
        assert not (self.pending and sign in "KJ"), "erasing in the pending column takes the last cell"
        if sign == "A":
            assert self.row - count >= self.top, "above the screen"
            self.row, self.pending = self.row - count, False
        elif sign == "B":
            assert self.row + count < len(self.lines)
            self.row, self.pending = self.row + count, False
        elif sign == "C":
            assert self.column + count < self.width or count == 1
            self.column, self.pending = min(self.width - 1, self.column + count), False
        elif sign == "D":
            self.column, self.pending = max(0, self.column - count), False
        elif sign == "L":
            self._insert(count)
        elif sign == "M":
            del self.lines[self.row : self.row + count]
            self.lines += [Line() for _ in range(count)]
        else:
            self._erase(sign)

    def _insert(self, count: int) -> None:
        """Insert blank lines at the cursor and drop as many at the bottom of the screen, which must be blank."""
        end = self.top + self.height
        self.lines[self.row : self.row] = [Line() for _ in range(count)]
        assert not any(line.text for line in self.lines[end:]), "pushed off the screen"
        del self.lines[end:]

    def _erase(self, sign: str) -> None:
        self._cut(self.row, self.column)
        if sign == "J":
            for row in range(self.row + 1, len(self.lines)):
                self._cut(row, 0)

    def _cut(self, row: int, column: int) -> None:
        gone = self.lines[row].cells[column:]
        if not self._sync:
            self.erased += sum(cell not in ("", " ") for cell in gone)
        del self.lines[row].cells[column:]
        self.lines[row].wrapped = False
        self.reach = min(self.reach, row)


def _parts(cluster: str) -> list[str]:
    """Split a cluster into parts of at most two cells, as terminals without cluster support draw it."""
    parts: list[str] = [""]
    for char in cluster:
        if parts[-1] and wcwidth.wcswidth(parts[-1] + char) > 2:
            parts.append("")
        parts[-1] += char
    return parts
