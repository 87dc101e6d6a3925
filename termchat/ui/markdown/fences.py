"""Blocks of verbatim lines up to a closing line: fences and display formulas."""

from __future__ import annotations

import re

from termchat.core.sanitize import Safe, safe_line
from termchat.core.style import TextRole
from termchat.ui.markdown import line_syntax
from termchat.ui.markdown.code import Code, LineHighlighter, NoHighlight
from termchat.ui.markdown.latex import closes_display, without_delimiters
from termchat.ui.markdown.layout import LayoutBuffer
from termchat.ui.markdown.math import LONGEST, formula_rows
from termchat.ui.text.row import Segment
from termchat.ui.text.width import WIDTHS
from termchat.ui.text.wrap import LineSpace, OpenLine, Wrapper, merge_graphemes, rstrip

_LANGUAGE = re.compile(r"\w[\w+#.-]{0,19}")
_INDENT = 2  # cells before a display formula
_TAIL = 240  # characters; a longer line of a formula is passed in pieces


class Fence(Code):
    """A fenced code block; without a closing fence it extends to the end of its container.

    `done` is True once the closing fence was passed to `accepts`.
    """

    def __init__(self, fencing: line_syntax.Fencing, indent: int = 0, number: int = 1) -> None:
        super().__init__(_highlighter(fencing.info))
        self._header = (_language(fencing.info), number)
        self._fencing = fencing
        self._indent = indent
        self.done = False

    def accepts(self, rest: str, *, whole: bool) -> bool:
        """Return True if the line is code, False if it is the closing fence; `whole` if `rest` is all of the line."""
        body = rest.lstrip(" ")
        self.done = whole and len(rest) - len(body) <= 3 and line_syntax.closes(body, self._fencing)
        return not self.done

    def hidden_in_preview(self, rest: str) -> bool:
        """Return True if an unfinished line is blank or may be the beginning of the closing fence."""
        body = rest.strip(" ")
        return body == self._fencing.sign * len(body)

    def line(self, buffer: LayoutBuffer, text: str) -> None:
        indent = min(self._indent, len(text) - len(text.lstrip(" ")))
        super().line(buffer, text[indent:])

    def close(self, buffer: LayoutBuffer, *, preview: bool = False) -> None:
        super().close(buffer, preview=preview)
        if not preview and not self._started:
            buffer.emit_pending_markers()


def _language(info: str) -> str:
    """Return the name of the language in the info string of a fence, "" without one."""
    found = _LANGUAGE.search(info)
    return found[0] if found else ""


def _highlighter(info: str) -> LineHighlighter:
    if not info:
        return NoHighlight(TextRole.CODE)
    from termchat.ui.markdown.highlight import highlighter

    return highlighter(info)


class Formula(Code):
    """A display formula; an empty line ends it as well.

    It is held until it is closed, then laid out as Unicode. A formula that is not closed, is too long to hold or has
    an unknown command is shown as written, with the lines that open and close it.

    `done` is True once the closing line was passed to `accepts`, or ended after it was passed in pieces.
    """

    def __init__(self, closer: str, *, math: bool) -> None:
        super().__init__(NoHighlight(TextRole.MATH))
        self._closer = closer
        self._held: str | None = "" if math else None  # the source; None once it is shown as written
        self._tail = ""  # the last characters of the open line
        self.done = False

    def accepts(self, rest: str, *, whole: bool) -> bool:
        """Return True if the line belongs to the formula; the closing line does, an empty one does not."""
        self.done = whole and closes_display(rest, self._closer)
        return rest.strip(" ") != ""

    def hidden_in_preview(self, rest: str) -> bool:
        """Return True if an unfinished line may be the beginning of the closing delimiter."""
        return self._closer.startswith(rest.strip(" "))

    def more(self, buffer: LayoutBuffer, text: str) -> None:
        self._tail = (self._tail + text)[-_TAIL:]
        if self._held is None:
            super().more(buffer, text)
            return
        self._held += text
        if len(self._held) > LONGEST:
            self._show_as_written(buffer)

    def end(self, buffer: LayoutBuffer) -> None:
        self.done = self.done or (len(self._tail) == _TAIL and closes_display(self._tail, self._closer))
        self._tail = ""
        if self._held is None:
            super().end(buffer)
        else:
            self._held += "\n"

    def close(self, buffer: LayoutBuffer, *, preview: bool = False) -> None:
        if self._held is not None:
            beside = buffer.line_space
            space = LineSpace(beside.width, beside.indent + _INDENT)
            rows = formula_rows(without_delimiters(self._held), space.limit(soft=False)) if self.done else ()
            if rows:
                lines = [line for row in rows for line in _lines(safe_line(row), space)]
                self._put(buffer, lines)
                return
            self._show_as_written(buffer)
        super().close(buffer, preview=preview)

    def _show_as_written(self, buffer: LayoutBuffer) -> None:
        held, self._held = self._held or "", None
        *lines, last = held.split("\n")
        for line in lines:
            super().more(buffer, line)
            super().end(buffer)
        if last:
            super().more(buffer, last)


def _lines(row: str, space: LineSpace) -> list[OpenLine]:
    """Return a row of a formula indented, wrapped between words if it is too wide."""
    indent = Segment(Safe(" " * _INDENT))
    text = row.lstrip(" ")
    if WIDTHS.width(row) <= space.limit(soft=False):
        if not text:
            return [OpenLine([], 0, False)]
        lead = Segment(Safe(" " * (_INDENT + len(row) - len(text))))
        segments = merge_graphemes([lead, Segment(Safe(text), (TextRole.MATH,))])
        return [OpenLine(segments, sum(WIDTHS.width(segment.text) for segment in segments), False)]
    wrapper = Wrapper(space)
    wrapper.push(Segment(Safe(text), (TextRole.MATH,)))
    wrapper.flush()
    return [
        line if line.soft else OpenLine([indent, *rstrip(line.segments)], line.cells + _INDENT, False)
        for line in wrapper.lines
    ]
