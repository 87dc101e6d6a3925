"""Find the end of a formula; LaTeX is shown as written, so Markdown must not parse its signs."""

from __future__ import annotations

import re

REACH = 300  # the most characters between the two `$` of a formula

_PAIRS = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}  # opening and closing delimiters
_WORD = re.compile(r"\w")
# `$..$` as pandoc reads it: no blank inside the dollars, no digit after them, so that "$5 and $10" is text.
_SINGLE = re.compile(rf"\$(?=[^\s$])(?:\\.|[^$\\]){{1,{REACH}}}?(?<=\S)\$(?!\d)", re.DOTALL)


def math_end(source: str, at: int, limit: int) -> int:
    """Return the index after the formula that begins at `at` and ends before `limit`, or 0 if there is no formula."""
    opener = source[at : at + 2]
    closer = _PAIRS.get(opener)
    if closer:
        end = source.find(closer, at + 2, limit)
        return end + 2 if end > 0 and _WORD.search(source, at + 2, end) else 0
    if opener[:1] != "$" or (at and source[at - 1].isalnum()):
        return 0
    found = _SINGLE.match(source, at, limit)
    return found.end() if found else 0


def display_closer(line: str) -> str:
    """Return the closing line of a display formula if the line is nothing but its opening delimiter, else ""."""
    return {"\\[": "\\]", "$$": "$$"}.get(line.strip(), "")
