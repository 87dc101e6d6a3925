"""The running replies of a comparison side by side, live: for each its state and the last rows of its text.

Columns exist in the live region only. What is printed is each whole reply by itself, so that the scrollback is exact
and a copied reply has no other one between its lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from termchat.core.sanitize import Safe, safe
from termchat.core.style import TextRole
from termchat.ui.text.fit import fitting_head, text_width, wrap
from termchat.ui.text.line import Line
from termchat.ui.text.row import Segment

GAP = 3  # cells between two columns, which leaves room for a character that a terminal draws wider
_LEAST_WIDTH = 36  # cells of a column whose text can be read
_INDENT = "  "  # below the mark of the first row


def column_width(columns: int, number: int) -> int | None:
    """Return the cells of each of `number` columns on a terminal; None where they are too narrow to read."""
    width = (columns - 1 - GAP * (number - 1)) // max(1, number)
    return width if number and width >= _LEAST_WIDTH else None


def text_tail(text: str, columns: int, rows: int) -> list[Safe]:
    """Return the last rows of a text from a model, wrapped to `columns`."""
    room = columns - len(_INDENT)
    shown = safe(text[-rows * room * 2 :].replace("\t", "    "))
    found: list[Safe] = []
    for line in shown.rstrip("\n").split("\n"):
        for row in wrap((Segment(Safe(line)),), room):
            found += _pieces("".join(segment.text for segment in row), room)
    return [Safe(f"{_INDENT}{row}" if row else "") for row in found[-rows:]]


def _pieces(row: str, room: int) -> list[Safe]:
    """Cut a row that is one long word."""
    pieces: list[Safe] = []
    while text_width(row) > room:
        head = fitting_head(row, room)
        pieces.append(Safe(head))
        row = row[len(head) :]
    return [*pieces, Safe(row)]


def side_by_side(heads: Sequence[Line], texts: Sequence[Sequence[Safe]], width: int) -> list[Line]:
    """Return the rows of columns of `width` cells: their first rows, then their texts, all to the same last row."""
    rows = [_joined(heads, width)]
    height = max(map(len, texts), default=0)
    for at in range(height):
        cells = [text[at] if at < len(text) else Safe("") for text in texts]
        rows.append(_joined([(Segment(cell, (TextRole.DIM,)),) for cell in cells], width))
    return rows


def _joined(cells: Sequence[Line], width: int) -> Line:
    """Put cells beside each other; no blanks follow the last one that is not empty."""
    segments: list[Segment] = []
    gap = 0
    for cell in cells:
        words = [segment for segment in cell if segment.text]
        if words:
            segments += [Segment(Safe(" " * gap)), *words] if gap else words
            gap = 0
        gap += width - sum(text_width(segment.text) for segment in words) + GAP
    return tuple(segments) or (Segment(Safe("")),)
