"""Where a piece of LaTeX ends: it is shown as it was written, so its signs must mean nothing to Markdown."""

from __future__ import annotations

import re

REACH = 300
"""How far the second `$` of a formula may be from the first."""

_PAIRS = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}
_WORD = re.compile(r"\w")
_SINGLE = re.compile(rf"\$(?=[^\s$])(?:\\.|[^$\\]){{1,{REACH}}}?(?<=\S)\$(?!\d)", re.DOTALL)


def math_end(source: str, at: int, limit: int) -> int:
    """Behind the formula that begins at `at`, or 0 if none does."""
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
    """The line that closes a display formula which this line alone opens, or `""`."""
    return {"\\[": "\\]", "$$": "$$"}.get(line.strip(), "")
