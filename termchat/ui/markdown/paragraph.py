"""Paragraphs and headings: inline text, final piece by piece.

A paragraph may still become a heading (a line of `=` below it) or its last line a table's header, so its first
characters wait. From then on it is cut wherever an inline parse leaves nothing open: what is left of the cut is
parsed, wrapped and final, all but its last row. A delimiter that stays open too long is taken literally.
"""

from __future__ import annotations

import re

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.markdown.layout import BlockKind, LayoutBuffer
from termchat.ui.text.row import Roles, Segment
from termchat.ui.text.width import grapheme_boundary, ideographic
from termchat.ui.text.wrap import Wrapper

UNDERLINED = 240
"""A paragraph longer than this is not turned into a heading by the line below it."""
_STEPS = (120, 200, 300, 400, 600, 900, 1300)
"""Where a cut is tried."""
OPEN = 2000
"""Where a cut is made even though something is open."""
_DENSE = 80
"""As early as this many signs that might open something have come."""
_SEARCH = 200
"""How far from there a place to cut may be."""

_WORD = re.compile(r"(?<=[ \n])[^ \n]")
_SIGNS = re.compile(r"[*_~\[`<]")
_LEVELS = (TextRole.TITLE, TextRole.HEADING)


class Paragraph:
    """A paragraph, or a heading with `level`."""

    def __init__(self, level: int = 0, lead: str = "") -> None:
        self.level = level
        self._lead = lead  # the box of a task
        self._source = ""
        self._size = 0
        self._step = 0
        self._header = -1  # where the last line begins, if it may be the header of a table
        self._started = False
        self._wrapper: Wrapper | None = None

    def copy(self) -> Paragraph:
        twin = Paragraph.__new__(Paragraph)
        vars(twin).update(vars(self), _wrapper=self._wrapper.copy() if self._wrapper else None)
        return twin

    @property
    def can_be_heading(self) -> bool:
        """Whether a line of `=` or `-` below makes it a heading."""
        return self._size <= UNDERLINED

    @property
    def header(self) -> str:
        """The last line, if it may be the header of a table."""
        return self._source[self._header :] if self._header >= 0 else ""

    def take_header(self) -> bool:
        """Give the last line away; whether anything is left."""
        self._source = self._source[: self._header].rstrip()
        self._header = -1
        return bool(self._source) or self._wrapper is not None

    def line(self, sheet: LayoutBuffer, text: str, *, header: bool = False) -> None:
        if self._source or self._size:
            self._source += "\n"
        self._header = len(self._source) if header and not self._lead else -1
        self.more(sheet, text)

    def more(self, sheet: LayoutBuffer, text: str) -> None:
        self._source += text
        self._size += len(text) + 1
        if self._size > UNDERLINED:
            self._advance(sheet)

    def end(self, sheet: LayoutBuffer) -> None:
        pass

    def resize(self, sheet: LayoutBuffer) -> None:
        if self._wrapper:
            self._wrapper.resize(sheet.line_space)
            self._emit(sheet, self._wrapper)

    def close(self, sheet: LayoutBuffer, *, preview: bool = False) -> None:
        source = self._source
        if preview and self._header >= 0 and source.startswith("|", self._header):
            source = source[: self._header]
        if preview:
            from termchat.ui.markdown.autoclose import autoclose

            source = autoclose(source)
        self._push(sheet, source.rstrip())
        wrapper = self._wrapped(sheet)
        wrapper.flush()
        self._emit(sheet, wrapper)
        if not self._started and not preview:
            sheet.emit_pending_markers()

    def _advance(self, sheet: LayoutBuffer) -> None:
        """Make final what can be."""
        while True:
            cut = self._cut()
            if not cut:
                return
            if not self._commit(sheet, cut):
                self._step += 1

    def _cut(self) -> int:
        """The next place to try, if it is in sight."""
        limit = self._header if self._header >= 0 else len(self._source)
        start = _STEPS[self._step] if self._step < len(_STEPS) else OPEN
        if limit <= start:
            return 0
        cut = _place(self._source, start, min(limit, start + _SEARCH))
        if cut or limit <= start + _SEARCH:
            return cut
        if self._dense(start):
            return grapheme_boundary(self._source, start) or start
        if start < OPEN:
            self._step += 1
            return self._cut()
        return grapheme_boundary(self._source, start + _SEARCH) or start + _SEARCH

    def _commit(self, sheet: LayoutBuffer, cut: int) -> bool:
        """Make the source before the cut final, unless something is open there."""
        last = self._step >= len(_STEPS) or self._dense(cut)
        if not self._push(sheet, self._source[:cut], anyway=last):
            return False
        self._source = self._source[cut:]
        self._step = 0
        self._header = max(-1, self._header - cut)
        self._emit(sheet, self._wrapped(sheet))
        return True

    def _dense(self, end: int) -> bool:
        """Whether so many signs would make a parse of it dear."""
        return len(_SIGNS.findall(self._source, 0, end)) > _DENSE

    def _push(self, sheet: LayoutBuffer, source: str, *, anyway: bool = True) -> bool:
        from termchat.ui.markdown.inline import parse

        inline = parse(source, self._roles(), hyperlinks=sheet.look.hyperlinks)
        if inline.open and not anyway:
            return False
        wrapper = self._wrapped(sheet)
        for segment in inline.segments:
            wrapper.push(segment)
        return True

    def _wrapped(self, sheet: LayoutBuffer) -> Wrapper:
        if self._wrapper is None:
            self._wrapper = Wrapper(sheet.line_space)
            if self._lead:
                self._wrapper.push(Segment(Safe(self._lead), (TextRole.MARKER,)))
                self._wrapper.push(Segment(Safe(" ")))
        return self._wrapper

    def _emit(self, sheet: LayoutBuffer, wrapper: Wrapper) -> None:
        if wrapper.lines and not self._started:
            self._started = True
            sheet.begin(BlockKind.HEADING if self.level else BlockKind.TEXT)
        sheet.put(wrapper.lines)
        wrapper.lines.clear()

    def _roles(self) -> Roles:
        if not self.level:
            return ()
        return (_LEVELS[self.level - 1] if self.level <= len(_LEVELS) else TextRole.SUBHEADING,)


def _place(source: str, start: int, end: int) -> int:
    """The first place from `start` on where a cut goes through no word and no cluster, or 0."""
    plain = source.isascii()
    at = start
    while found := _WORD.search(source, at):
        at = found.start()
        if at >= end or plain or grapheme_boundary(source, at) == at:
            break
        at += 1
    blank = min(found.start(), end) if found else end
    if not plain:
        for at in range(start, blank):
            if ideographic(source[at - 1]) and ideographic(source[at]) and grapheme_boundary(source, at) == at:
                return at
    return blank if blank < end else 0
