"""Wrap segments into lines of a given width.

The wrapper is greedy and never changes a finished line, so a text gives the same lines however it is cut into
segments. Words are kept whole; CJK text breaks between characters where kinsoku allows it. A word wider than a row
begins on a new row and fills it to the last cell, where the terminal wraps: a copied URL stays one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from termchat.core.sanitize import Safe
from termchat.ui.text.row import Roles, Segment
from termchat.ui.text.width import JOINING, WIDTHS, breakable, grapheme_overlap, ideographic, stable_prefix

HARD = Safe("\n")  # the text of a segment that ends the row
SOFT = Safe("\r")  # the text of a segment for a line end in the source: one blank, or nothing between two ideographs

_EMPTY = Segment(Safe(""))
_WORDS = re.compile(r" [ -~]{15,}[!-~](?= )")  # ASCII words that nothing before or after them can change
# blanks | ASCII without joining characters after it | other text, with the ASCII character it may join | the rest
_RUNS = re.compile(rf" +|[!-~]+(?![{JOINING}])|[!-~]?[^ -~]+|[!-~]")


class OpenLine(NamedTuple):
    """A finished line without its margin.

    segments   the text
    cells      its width
    soft       True if it continues the line before it, as in `Row`
    """

    segments: list[Segment]
    cells: int
    soft: bool


@dataclass(frozen=True, slots=True)
class LineSpace:
    """The space for text in a row, in cells.

    width    the width of the terminal
    indent   the width of the left margin; a soft row has none, because the terminal wraps the row before it
    """

    width: int
    indent: int = 0

    def limit(self, soft: bool) -> int:
        """Return the cells for text in a row."""
        return self.width - (0 if soft else self.indent)


class Wrapper:
    """Wrap the segments that are pushed.

    `lines` holds the finished lines; the caller may clear it. `flush` finishes the last line.
    """

    def __init__(self, space: LineSpace) -> None:
        self.lines: list[OpenLine] = []
        self.space = space
        self._row: list[Segment] = []
        self._row_cells = 0
        self._row_soft = False
        self._disputed = False  # True if terminals disagree on the width of the row
        self._gap: Segment | None = None  # the blanks before the word; dropped at a line break
        self._word: list[Segment] = []
        self._word_cells = 0
        self._folding = False  # True if the row holds the beginning of a word that is wider than a row
        self._held = _EMPTY  # the end of a streamed line: blanks to drop at its end, or a part of a cluster
        self._last = ""  # the last grapheme cluster of the line
        self._line_end = False  # True if the character after a line end of the source has not come yet

    def copy(self) -> Wrapper:
        """Return an independent wrapper in the same state."""
        copied = Wrapper.__new__(Wrapper)
        vars(copied).update(vars(self), lines=list(self.lines), _row=list(self._row), _word=list(self._word))
        return copied

    def resize(self, space: LineSpace) -> None:
        """Continue with another width or indent; the unfinished row is wrapped again."""
        pieces = [*self._row, *([self._gap] if self._gap and self._word else []), *self._word]
        wrapped = Wrapper(space)
        for piece in pieces:
            wrapped.push_unbroken(piece) if self._folding else wrapped.push(piece)
        vars(self).update(
            vars(wrapped),
            lines=[*self.lines, *wrapped.lines],
            _held=self._held,
            _line_end=self._line_end,
            _gap=self._gap if not self._word else vars(wrapped)["_gap"],
        )

    def push(self, segment: Segment) -> None:
        """Wrap a segment; its text is `HARD`, `SOFT`, or text without line ends."""
        text = segment.text
        if text == SOFT:
            self._line_end = True
            return
        if text == HARD:
            self._end_word()
            self._break(soft=False)
            self._last = ""
            return
        at = 0
        for words in _WORDS.finditer(text):
            self._runs(text[at : words.start()], segment)
            self._words(words[0], segment)
            at = words.end()
        self._runs(text[at:] if at else text, segment)

    def push_unbroken(self, segment: Segment) -> None:
        """Wrap a piece of code: it fills each row to the last cell, without regard to words."""
        self._folding = True
        if segment.text.isascii():
            self._fill(segment, len(segment.text), len(segment.text))
            return
        for text, cells, widest in WIDTHS.clusters(segment.text):
            self._fill(_like(segment, text), cells, widest)

    def stream(self, text: str, roles: Roles = ()) -> None:
        """Wrap a piece of a long line as `push_unbroken` does, however the line is cut into pieces.

        Blanks at the end, and a grapheme cluster the next piece may extend, are held until it comes.
        """
        text = self._held.text + text
        end = stable_prefix(text)
        if end:
            self.push_unbroken(Segment(Safe(text[:end]), roles))
        self._held = Segment(Safe(text[end:]), roles)

    def flush(self) -> None:
        """Finish the last line."""
        if rest := self._held.text.rstrip(" "):
            self.push_unbroken(_like(self._held, rest))
        self._held = _EMPTY
        self._end_word()
        if self._row:
            self._break(soft=False)

    def _words(self, text: str, segment: Segment) -> None:
        """Put whole words with blanks before them into rows, as many at once as fit."""
        self._end_word()
        self._line_end = False
        at = 0
        while at < len(text):
            if self._row:
                before = self._gap.text if self._gap else ""
                end = _last_end(text, at, at + self.space.limit(self._row_soft) - self._row_cells - len(before))
                if end > at:
                    self._row.append(_like(segment, before + text[at:end]))
                    self._row_cells += len(before) + end - at
                    self._gap, at = None, end
                    continue
                self._wrap(soft=False)
            self._gap = None
            at = len(text) - len(text[at:].lstrip(" "))
            end = _last_end(text, at, at + self.space.limit(self._row_soft))
            if end > at:
                self._row.append(_like(segment, text[at:end]))
                self._row_cells = end - at
            else:
                end = at + len(text[at:].partition(" ")[0])
                self._part(text[at:end], end - at, end - at, segment)
                self._end_word()
            at = end
        self._last = text[-1]

    def _runs(self, text: str, segment: Segment) -> None:
        for run in _RUNS.findall(text):
            self._run(run, segment)

    def _run(self, run: str, segment: Segment) -> None:
        if run[0] == " ":
            self._end_word()
            self._blank(run, segment)
        elif run.isascii():
            self._part(run, len(run), len(run), segment)
        else:
            for text, cells, widest in WIDTHS.clusters(run):
                self._part(text, cells, widest, segment)

    def _blank(self, run: str, segment: Segment) -> None:
        self._gap = _like(segment, self._gap.text + run if self._gap else run)
        self._line_end = False

    def _part(self, text: str, cells: int, widest: int, segment: Segment) -> None:
        """Add an unbreakable piece to the word, or begin a new word with it."""
        if self._line_end:
            self._join(text, segment)
        elif self._last and not (self._last.isascii() and text.isascii()) and breakable(self._last, text):
            self._end_word()
        self._last = text
        piece = _like(segment, text)
        if self._folding:
            self._fill(piece, cells, widest)
            return
        self._word.append(piece)
        self._word_cells += widest
        self._disputed = self._disputed or cells != widest
        if self._word_cells > self.space.limit(soft=False):
            self._fold()

    def _join(self, text: str, segment: Segment) -> None:
        """Turn a line end of the source into a blank, or into nothing between two ideographs."""
        self._line_end = False
        self._end_word()
        if self._last and self._gap is None and not (ideographic(self._last[0]) and ideographic(text[0])):
            self._gap = Segment(Safe(" "), segment.roles if self._same_roles(segment) else (), "")

    def _same_roles(self, segment: Segment) -> bool:
        return bool(self._row) and self._row[-1].roles == segment.roles

    def _end_word(self) -> None:
        """Put the finished word into this row or, if it is too wide, into the next."""
        self._folding = False
        if not self._word:
            return
        gap = self._gap if self._row else None
        need = self._row_cells + (len(gap.text) if gap else 0) + self._word_cells
        if self._row and need > self.space.limit(self._row_soft):
            self._wrap(soft=gap is None and self._wraps_itself())
        elif gap:
            self._row.append(gap)
            self._row_cells += len(gap.text)
        self._row += self._word
        self._row_cells += self._word_cells
        self._word, self._word_cells, self._gap = [], 0, None

    def _wraps_itself(self) -> bool:
        """Return True if the terminal itself wraps here: the row is full, and the next has no margin."""
        exact = self._row_cells == self.space.limit(self._row_soft)
        return exact and not self.space.indent and not self._disputed

    def _fold(self) -> None:
        """Begin a new row with a word wider than a row, and let the terminal wrap it."""
        word, self._word, self._word_cells = self._word, [], 0
        if self._row:
            self._wrap(soft=False)
        self._gap = None
        self._folding = True
        for piece in word:
            for text, cells, widest in WIDTHS.clusters(piece.text):
                self._fill(_like(piece, text), cells, widest)

    def _fill(self, piece: Segment, cells: int, widest: int) -> None:
        """Add a piece of a word that is wider than a row, and break the row where it is full.

        An ASCII piece may be longer than a row; any other piece is one grapheme cluster.
        """
        free = max(0, self.space.limit(self._row_soft) - self._row_cells)  # a cluster may go over the edge
        while widest > free:
            breaks = cells > free and not self._disputed  # otherwise not every terminal wraps here
            if piece.text.isascii():
                self._row += [_like(piece, piece.text[:free])] if free else []
                piece = _like(piece, piece.text[free:])
                cells = widest = widest - free
            elif not self._row:
                break  # a cluster wider than any row goes over the edge
            self._break(soft=breaks)
            free = self.space.limit(self._row_soft)
        self._row.append(piece)
        self._row_cells += widest
        self._disputed = self._disputed or cells != widest

    def _wrap(self, *, soft: bool) -> None:
        """Break the row before the next word; a row of ideographic blanks alone is dropped."""
        if any(not piece.text.isspace() for piece in self._row):
            self._break(soft=soft)
        else:
            self._row, self._row_cells, self._row_soft, self._gap = [], 0, False, None

    def _break(self, *, soft: bool) -> None:
        """Finish the row; `soft` if the next row continues the same line."""
        segments = merge_segments(self._row) if soft else rstrip(merge_segments(self._row))
        width = WIDTHS.width("".join(segment.text for segment in segments))
        if segments or not self._row_soft:
            self.lines.append(OpenLine(segments, width, self._row_soft))
        self._row, self._row_cells, self._row_soft = [], 0, soft
        self._disputed = any(not piece.text.isascii() and WIDTHS.is_disputed(piece.text) for piece in self._word)
        self._gap = None


def _last_end(text: str, start: int, limit: int) -> int:
    """Return the end of the last word that ends after `start` and at most at `limit`, `start` if none does."""
    if limit >= len(text):
        return len(text)
    blank = text.rfind(" ", start, limit + 1) if limit >= start else -1
    return start + len(text[start:blank].rstrip(" ")) if blank > start else start


def merge_segments(pieces: list[Segment]) -> list[Segment]:
    """Join neighbouring segments of the same roles and link; return a new list."""
    segments: list[Segment] = []
    run: list[str] = []
    for index, piece in enumerate(pieces):
        run.append(piece.text)
        after = pieces[index + 1] if index + 1 < len(pieces) else None
        if after is None or after.roles != piece.roles or after.url != piece.url:
            segments.append(Segment(Safe("".join(run)), piece.roles, piece.url))
            run.clear()
    return segments


def merge_graphemes(segments: Iterable[Segment]) -> list[Segment]:
    """Move each grapheme cluster into the segment it begins in; return a new list without empty segments.

    A terminal cannot change the style inside a cluster.
    """
    merged: list[Segment] = []
    for segment in segments:
        size = grapheme_overlap(merged[-1].text, segment.text) if merged else 0
        if size:
            merged[-1] = _like(merged[-1], merged[-1].text + segment.text[:size])
            segment = _like(segment, segment.text[size:])
        if segment.text:
            merged.append(segment)
    return merged


def rstrip(segments: list[Segment]) -> list[Segment]:
    """Remove the blanks at the end of the segments in place, and return the list."""
    while segments:
        last = segments[-1]
        text = last.text.rstrip()
        if text == last.text:
            break
        segments.pop()
        if text:
            segments.append(_like(last, text))
    return segments


def _like(segment: Segment, text: str) -> Segment:
    return Segment(Safe(text), segment.roles, segment.url)
