"""LaTeX formulas as Unicode, on one line or in two dimensions.

pylatexenc parses a formula and names its symbols; `formula_tree.py` keeps what can be shown, and a formula with
anything else is shown as written, because a formula with a part left out is wrong. Rejected alternatives:
pylatexenc's own conversion drops unknown commands and turns `\\sum_{i=1}^{n}` into `∑_i=1^n`; unicodeit has had no
release since 2023 and knows no fractions, matrices or cases.

Importing this package is cheap; pylatexenc is imported for the first formula.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

LONGEST = 2000  # characters; a longer formula is shown as written
_DEEPEST = 20  # groups within each other; a formula with more is shown as written

_NESTING = re.compile(r"\\(?:left|right|begin|end)(?![A-Za-z])|[{}()\[\]]")
_KINDS = {"{": "}", "(": ")", "[": "]", r"\left": r"\right", r"\begin": r"\end"}  # openers and their closers


@lru_cache(maxsize=256)
def formula_text(source: str) -> str:
    """Return a formula, without its delimiters, as one line of Unicode; "" if it must be shown as written."""
    if not _readable(source):
        return ""
    from termchat.ui.markdown.math.linear import linear
    from termchat.ui.markdown.math.reader import read_formula

    formula = read_formula(source)
    return linear(formula).strip() if formula else ""


@lru_cache(maxsize=64)
def formula_rows(source: str, width: int) -> tuple[str, ...]:
    """Return a display formula, without its delimiters, as rows of Unicode.

    The rows are two-dimensional if none is wider than `width` cells, else one row for each line of the formula, of any
    width. The result is empty if the formula must be shown as written.
    """
    if not _readable(source):
        return ()
    from termchat.ui.markdown.math.boxes import fitting_rows
    from termchat.ui.markdown.math.linear import linear_rows
    from termchat.ui.markdown.math.reader import read_formula

    formula = read_formula(source)
    if formula is None:
        return ()
    return fitting_rows(formula, width) or linear_rows(formula)


def _readable(source: str) -> bool:
    """Return True if parsing the formula is cheap and cannot nest too deeply."""
    if len(source) > LONGEST:
        return False
    depths = Counter[str]()
    for found in _NESTING.finditer(source):
        kind = _KINDS.get(found[0], found[0])
        depths[kind] = max(0, depths[kind] + (1 if found[0] in _KINDS else -1))
        if depths.total() > _DEEPEST:
            return False
    return True
