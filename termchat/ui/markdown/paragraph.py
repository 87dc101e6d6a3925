"""Lay out paragraphs and headings; their text becomes final piece by piece.

The first characters wait, because a line of `=` may make a heading of the paragraph. The last line waits if it may be
the header of a table. Otherwise the source is cut where an inline parse leaves no markup open: the text before the cut
is parsed and wrapped, and all its rows but the last are final. A delimiter that stays open too long becomes literal.
"""

from __future__ import annotations

import re

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.markdown.layout import BlockKind, LayoutBuffer
from termchat.ui.text.row import Roles, Segment
from termchat.ui.text.width import grapheme_boundary, ideographic
from termchat.ui.text.wrap import Wrapper

# All sizes are in characters of the source.
UNDERLINED = 240  # a longer paragraph does not become a heading by the line below it
OPEN = 2000  # a cut here is made even if markup is open
_STEPS = (120, 200, 300, 400, 600, 900, 1300)  # the places where a cut is tried before that
_DENSE = 80  # signs; a source with more is cut even if markup is open, because parsing it again is slow
_SEARCH = 200  # a cut is at most so far behind the place where it is tried

_WORD = re.compile(r"(?<=[ \n])[^ \n]")  # the first character of a word
_SIGNS = re.compile(r"[*_~\[`<]")
_LEVELS = (TextRole.TITLE, TextRole.HEADING)


class Paragraph:
    """A leaf for a paragraph or a heading.

    level   0 for a paragraph, 1 to 6 for a heading
    lead    the checkbox of a task or the number of a footnote, shown before the text
    """

    def __init__(self, level: int = 0, lead: str = "") -> None:
        self.level = level
        self._lead = lead
        self._source = ""  # the text that is not final yet
        self._size = 0  # characters of the whole paragraph
        self._step = 0  # the index in _STEPS of the next try
        self._header = -1  # the index of the last line in the source if it may be the header of a table
        self._started = False
        self._wrapper: Wrapper | None = None

    def copy(self) -> Paragraph:
        """Return an independent paragraph in the same state."""
        copied = Paragraph.__new__(Paragraph)
        vars(copied).update(vars(self), _wrapper=self._wrapper.copy() if self._wrapper else None)
        return copied

    @property
    def can_be_heading(self) -> bool:
        """True if a line of `=` or `-` below the paragraph makes it a heading."""
        return self._size <= UNDERLINED

    @property
    def header(self) -> str:
        """The last line if it may be the header of a table, else ""."""
        return self._source[self._header :] if self._header >= 0 else ""

    def take_header(self) -> bool:
        """Remove the last line, which became the header of a table; return True if any text is left."""
        self._source = self._source[: self._header].rstrip()
        self._header = -1
        return bool(self._source) or self._wrapper is not None

    def line(self, buffer: LayoutBuffer, text: str, *, header: bool = False) -> None:
        if self._source or self._size:
            self._source += "\n"
        self._header = len(self._source) if header and not self._lead else -1
        self.more(buffer, text)

    def more(self, buffer: LayoutBuffer, text: str) -> None:
        self._source += text
        self._size += len(text) + 1
        if self._size > UNDERLINED:
            self._advance(buffer)

    def end(self, buffer: LayoutBuffer) -> None:
        pass

    def resize(self, buffer: LayoutBuffer) -> None:
        if self._wrapper:
            self._wrapper.resize(buffer.line_space)
            self._emit(buffer, self._wrapper)

    def close(self, buffer: LayoutBuffer, *, preview: bool = False) -> None:
        source = self._source
        if preview and self._header >= 0 and source.startswith("|", self._header):
            source = source[: self._header]
        if preview:
            from termchat.ui.markdown.autoclose import autoclose

            source = autoclose(source)
        self._push(buffer, source.rstrip())
        wrapper = self._wrapped(buffer)
        wrapper.flush()
        self._emit(buffer, wrapper)
        if not self._started and not preview:
            buffer.emit_pending_markers()

    def _advance(self, buffer: LayoutBuffer) -> None:
        """Make the source final as far as it can be."""
        while True:
            cut = self._cut()
            if not cut:
                return
            if not self._commit(buffer, cut):
                self._step += 1

    def _cut(self) -> int:
        """Return the next index to cut the source at, or 0 if more text must come first."""
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

    def _commit(self, buffer: LayoutBuffer, cut: int) -> bool:
        """Make the source before the cut final; return False if markup is open there and may still be closed."""
        last = self._step >= len(_STEPS) or self._dense(cut)
        if not self._push(buffer, self._source[:cut], anyway=last):
            return False
        self._source = self._source[cut:]
        self._step = 0
        self._header = max(-1, self._header - cut)
        self._emit(buffer, self._wrapped(buffer))
        return True

    def _dense(self, end: int) -> bool:
        """Return True if the source up to `end` has so many signs that parsing it again is slow."""
        return len(_SIGNS.findall(self._source, 0, end)) > _DENSE

    def _push(self, buffer: LayoutBuffer, source: str, *, anyway: bool = True) -> bool:
        from termchat.ui.markdown.inline import parse

        options = buffer.options
        inline = parse(source, self._roles(), hyperlinks=options.hyperlinks, math=options.math, signs=options.signs)
        if inline.open and not anyway:
            return False
        wrapper = self._wrapped(buffer)
        for segment in inline.segments:
            wrapper.push(segment)
        return True

    def _wrapped(self, buffer: LayoutBuffer) -> Wrapper:
        if self._wrapper is None:
            self._wrapper = Wrapper(buffer.line_space)
            if self._lead:
                self._wrapper.push(Segment(Safe(self._lead), (TextRole.MARKER,)))
                self._wrapper.push(Segment(Safe(" ")))
        return self._wrapper

    def _emit(self, buffer: LayoutBuffer, wrapper: Wrapper) -> None:
        if wrapper.lines and not self._started:
            self._started = True
            buffer.begin(BlockKind.HEADING if self.level else BlockKind.TEXT)
        buffer.put(wrapper.lines)
        wrapper.lines.clear()

    def _roles(self) -> Roles:
        if not self.level:
            return ()
        return (_LEVELS[self.level - 1] if self.level <= len(_LEVELS) else TextRole.SUBHEADING,)


def _place(source: str, start: int, end: int) -> int:
    """Return the first index in `start` to `end` where a cut splits no word and no grapheme cluster, or 0."""
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
