"""Segments to lines of a given width, one word after another.

The wrapper is greedy and never looks back, so a text may be pushed in any pieces and its lines come out the same.
Words are kept whole; CJK text breaks between characters as kinsoku allows. A word wider than a row starts on a
fresh one and fills it to the very edge, where the terminal itself wraps: a copied URL stays one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from termchat.core.sanitize import Safe
from termchat.ui.text.row import Roles, Segment
from termchat.ui.text.width import JOINING, WIDTHS, breakable, grapheme_overlap, ideographic, stable_prefix

HARD = Safe("\n")
"""The text of a segment that ends the row."""
SOFT = Safe("\r")
"""The text of a segment that stands for a line end of the source: a blank, or nothing between two ideographs."""

_EMPTY = Segment(Safe(""))
_RUNS = re.compile(rf" +|[!-~]+(?![{JOINING}])|[!-~]?[^ -~]+|[!-~]")


class OpenLine(NamedTuple):
    """A finished line without its margin; `soft` as in `Row`."""

    segments: list[Segment]
    cells: int
    soft: bool


@dataclass(frozen=True, slots=True)
class LineSpace:
    """The space for text, in cells: the terminal's width, and the margin on the left.

    A row that continues a line because the terminal wraps it (`soft`) has no margin.
    """

    width: int
    indent: int = 0

    def limit(self, soft: bool) -> int:
        """Return the cells of a row."""
        return self.width - (0 if soft else self.indent)


class Wrapper:
    """Push segments, read `lines`; `flush` ends the last one. A copy goes on independently."""

    def __init__(self, room: LineSpace) -> None:
        self.lines: list[OpenLine] = []
        self.room = room
        self._row: list[Segment] = []
        self._row_cells = 0
        self._row_soft = False
        self._disputed = False  # whether terminals disagree on the width of the row
        self._gap: Segment | None = None
        self._word: list[Segment] = []
        self._word_cells = 0
        self._folding = False  # whether the row holds the beginning of a word that goes on
        self._held = _EMPTY  # what a streamed line may end with: blanks, or a part of a cluster
        self._last = ""
        self._line_end = False  # whether a line end of the source awaits its neighbour

    def copy(self) -> Wrapper:
        """The same state; what is pushed to one is not seen by the other."""
        twin = Wrapper.__new__(Wrapper)
        vars(twin).update(vars(self), lines=list(self.lines), _row=list(self._row), _word=list(self._word))
        return twin

    def resize(self, room: LineSpace) -> None:
        """Go on in another room; the unfinished row is laid out again."""
        pieces = [*self._row, *([self._gap] if self._gap and self._word else []), *self._word]
        fresh = Wrapper(room)
        for piece in pieces:
            fresh.push_unbroken(piece) if self._folding else fresh.push(piece)
        vars(self).update(
            vars(fresh),
            lines=[*self.lines, *fresh.lines],
            _held=self._held,
            _line_end=self._line_end,
            _gap=self._gap if not self._word else vars(fresh)["_gap"],
        )

    def push(self, segment: Segment) -> None:
        """Lay out one more piece of text."""
        text = segment.text
        if text == SOFT:
            self._line_end = True
            return
        if text == HARD:
            self._end_word()
            self._break(soft=False)
            self._last = ""
            return
        for run in _RUNS.findall(text):
            self._run(run, segment)

    def push_unbroken(self, segment: Segment) -> None:
        """Lay out a piece of a line that is broken by the terminal alone, wherever the edge is."""
        self._folding = True
        if segment.text.isascii():
            self._fill(segment, len(segment.text), len(segment.text))
            return
        for text, cells, widest in WIDTHS.clusters(segment.text):
            self._fill(_like(segment, text), cells, widest)

    def stream(self, text: str, roles: Roles = ()) -> None:
        """More of a line to `fold`, however it is cut: what the next piece may belong to waits for it."""
        text = self._held.text + text
        end = stable_prefix(text)
        if end:
            self.push_unbroken(Segment(Safe(text[:end]), roles))
        self._held = Segment(Safe(text[end:]), roles)

    def flush(self) -> None:
        """The text ends here."""
        if rest := self._held.text.rstrip(" "):
            self.push_unbroken(_like(self._held, rest))
        self._held = _EMPTY
        self._end_word()
        if self._row:
            self._break(soft=False)

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
        """One unbreakable piece: it goes on with the word, or begins a new one."""
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
        if self._word_cells > self.room.limit(soft=False):
            self._fold()

    def _join(self, text: str, segment: Segment) -> None:
        """Decide what a line end of the source was."""
        self._line_end = False
        self._end_word()
        if self._last and self._gap is None and not (ideographic(self._last[0]) and ideographic(text[0])):
            self._gap = Segment(Safe(" "), segment.roles if self._same_look(segment) else (), "")

    def _same_look(self, segment: Segment) -> bool:
        return bool(self._row) and self._row[-1].roles == segment.roles

    def _end_word(self) -> None:
        """The word is whole: it goes to this row or to the next."""
        self._folding = False
        if not self._word:
            return
        gap = self._gap if self._row else None
        need = self._row_cells + (len(gap.text) if gap else 0) + self._word_cells
        if self._row and need > self.room.limit(self._row_soft):
            self._wrap(soft=gap is None and self._wraps_itself())
        elif gap:
            self._row.append(gap)
            self._row_cells += len(gap.text)
        self._row += self._word
        self._row_cells += self._word_cells
        self._word, self._word_cells, self._gap = [], 0, None

    def _wraps_itself(self) -> bool:
        """Whether the terminal breaks at this very place, and the next line would begin at its left edge."""
        exact = self._row_cells == self.room.limit(self._row_soft)
        return exact and not self.room.indent and not self._disputed

    def _fold(self) -> None:
        """The word is wider than a row: give it a fresh row and let it run over the edge."""
        word, self._word, self._word_cells = self._word, [], 0
        if self._row:
            self._wrap(soft=False)
        self._gap = None
        self._folding = True
        for piece in word:
            for text, cells, widest in WIDTHS.clusters(piece.text):
                self._fill(_like(piece, text), cells, widest)

    def _fill(self, piece: Segment, cells: int, widest: int) -> None:
        """One piece of a word that is being folded; long ASCII pieces are cut here."""
        room = self.room.limit(self._row_soft) - self._row_cells
        while widest > room:
            breaks = cells > room and not self._disputed  # else not every terminal wraps here
            if piece.text.isascii():
                self._row += [_like(piece, piece.text[:room])] if room else []
                piece = _like(piece, piece.text[room:])
                cells = widest = widest - room
            elif not self._row:
                break  # wider than any row; there is no better place for it
            self._break(soft=breaks)
            room = self.room.limit(self._row_soft)
        self._row.append(piece)
        self._row_cells += widest
        self._disputed = self._disputed or cells != widest

    def _wrap(self, *, soft: bool) -> None:
        """The next word is on another row; a row of nothing but ideographic blanks is none."""
        if any(not piece.text.isspace() for piece in self._row):
            self._break(soft=soft)
        else:
            self._row, self._row_cells, self._row_soft, self._gap = [], 0, False, None

    def _break(self, *, soft: bool) -> None:
        """The row is final; the next one continues it softly or not."""
        segments = merge_segments(self._row) if soft else rstrip(merge_segments(self._row))
        width = WIDTHS.width("".join(segment.text for segment in segments))
        if segments or not self._row_soft:
            self.lines.append(OpenLine(segments, width, self._row_soft))
        self._row, self._row_cells, self._row_soft = [], 0, soft
        self._disputed = any(not piece.text.isascii() and WIDTHS.is_disputed(piece.text) for piece in self._word)
        self._gap = None


def merge_segments(pieces: list[Segment]) -> list[Segment]:
    """Neighbours of one look as one segment."""
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
    """The segments, each grapheme cluster whole in the one it begins in: no terminal changes its look half-way."""
    glue: list[Segment] = []
    for segment in segments:
        size = grapheme_overlap(glue[-1].text, segment.text) if glue else 0
        if size:
            glue[-1] = _like(glue[-1], glue[-1].text + segment.text[:size])
            segment = _like(segment, segment.text[size:])
        if segment.text:
            glue.append(segment)
    return glue


def rstrip(segments: list[Segment]) -> list[Segment]:
    """Segments without the blanks at their end, in place."""
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
