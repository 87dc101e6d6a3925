"""Text as it is: for `--plain`, dumb terminals and `markdown = "raw"`."""

from __future__ import annotations

from termchat.core.sanitize import Safe
from termchat.ui.markdown.layout import NARROWEST
from termchat.ui.text.row import Row
from termchat.ui.text.width import width_table
from termchat.ui.text.wrap import LineSpace, Wrapper


class PlainDocument:
    """The rows of a text that is shown as it is and wrapped by the terminal alone; append-only."""

    def __init__(self, width: int, *, ambiguous: int = 1) -> None:
        self._cells = width_table(ambiguous)
        self._wrapper = Wrapper(self._cells, LineSpace(max(NARROWEST, width), blind=True))
        self._begun = False  # whether there is any of the line
        self._started = False  # whether a row of it is final
        self._rows: list[Row] = []

    def feed(self, text: Safe) -> None:
        head, *lines = text.split("\n")
        self._more(head)
        for line in lines:
            self._end()
            self._more(line)

    def close(self) -> None:
        if self._begun:
            self._end()

    def take(self) -> list[Row]:
        rows, self._rows = self._rows, []
        return rows

    def live(self) -> list[Row]:
        if not self._begun:
            return []
        twin = self._wrapper.copy()
        twin.lines.clear()
        twin.flush()
        return [Row(tuple(line.segments), line.cells, line.soft) for line in twin.lines]

    def resize(self, width: int) -> None:
        self._wrapper.resize(LineSpace(max(NARROWEST, width), blind=True))
        self._drain()

    def _more(self, text: str) -> None:
        if not text:
            return
        self._begun = True
        self._wrapper.stream(text.replace("\t", "    "))
        self._drain()

    def _end(self) -> None:
        self._wrapper.flush()
        self._drain()
        if not self._started:
            self._rows.append(Row())
        self._wrapper = Wrapper(self._cells, self._wrapper.room)
        self._begun = self._started = False

    def _drain(self) -> None:
        lines = self._wrapper.lines
        self._started = self._started or bool(lines)
        self._rows += [Row(tuple(line.segments), line.cells, line.soft) for line in lines]
        self._wrapper.lines = []
