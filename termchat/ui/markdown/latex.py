"""Find formulas in text: their ends, and the signs of money, shells and prose that are none."""

from __future__ import annotations

import re

REACH = 300  # the most characters between the two `$` of a formula

_PAIRS = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}  # opening and closing delimiters
_DISPLAY = {"\\[": re.compile(r"(?<!\\)\\\][ ]*[.,;:。，；]?$"), "$$": re.compile(r"\$\$[ ]*[.,;:。，；]?$")}
_WORD = re.compile(r"\w")
_COMMAND = re.compile(r"\\[A-Za-z]")
# `$..$` as pandoc reads it: no blank inside the dollars, and no letter or digit after them, so that "$5 and $10" and
# `$HOME/$USER` are text. Code binds first, so no backtick is inside.
_SINGLE = re.compile(rf"\$(?=[^\s$])(?:\\.|[^$\\`]){{1,{REACH}}}?(?<=\S)\$(?![\w{{(])", re.DOTALL)
_NAMED = re.compile(r"\\(?:text\w*|mathrm|mbox|operatorname\*?)\s*\{[^{}]*\}|\\[A-Za-z]+")
_PROSE = re.compile(r"[^\W\d_]{2,}[,;:.]? +[^\W\d_]{2,}|[，。；：、！？“”‘’\"#@]|[.;!?] ")
_MONEY = re.compile(r"\d[\d.,]*(?:[kKMB]\b)?[^\w\s]?(?:$|[\s,;/–-])")
_AMOUNT = re.compile(r"\d+(?:[.,]\d+)*")
_OPERATOR = re.compile(r"[\\^_=+*<>{}|!×≤≥]|\s[-/]\s")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{2,}(?![\w^{])|\{[A-Z_][A-Z0-9_]*\}|[_.:#@?*!]")
_ESCAPED = re.compile(r"[\d\s,–-]+")  # between `\[` and `\]`: the number of a source


def math_end(source: str, at: int, limit: int) -> int:
    """Return the index after the formula that begins at `at` and ends before `limit`, or 0 if there is no formula."""
    opener = source[at : at + 2]
    closer = _PAIRS.get(opener)
    if closer:
        end = source.find(closer, at + 2, limit)
        return end + 2 if end > 0 and _is_formula(opener, source[at + 2 : end]) else 0
    if opener[:1] != "$" or (at and source[at - 1].isalnum()):
        return 0
    found = _SINGLE.match(source, at, limit)
    return found.end() if found and _is_dollar_formula(found[0][1:-1]) else 0


def without_delimiters(formula: str) -> str:
    """Return the LaTeX between the delimiters of a formula; punctuation after them stays at its end."""
    source = formula.strip()
    for opener, closer in _PAIRS.items():
        if source.startswith(opener):
            body, _, rest = source[2:].rpartition(closer)
            return (body.rstrip() + rest.strip()).strip()
    return source.strip("$")


def display_closer(line: str) -> str:
    """Return the closing delimiter of a display formula if the line opens one, else "".

    The line is nothing but the opening delimiter, or the formula begins on it.
    """
    line = line.strip()
    opener = line[:2]
    if opener not in _DISPLAY:
        return ""
    if len(line) == 2 or is_display_line(line):
        return _PAIRS[opener]
    opens = _PAIRS[opener] not in line[2:] and "`" not in line and _COMMAND.search(line, 2)
    return _PAIRS[opener] if opens else ""


def is_display_line(line: str) -> bool:
    """Return True if the line is a whole display formula."""
    line = line.strip()
    end = _DISPLAY[line[:2]].search(line, 2) if line[:2] in _DISPLAY else None
    if end is None:
        return False
    body = line[2 : end.start()]
    return _PAIRS[line[:2]] not in body and _is_formula(line[:2], body)


def closes_display(line: str, closer: str) -> bool:
    """Return True if a line of a display formula ends with its closing delimiter."""
    return _DISPLAY["$$" if closer == "$$" else "\\["].search(line.rstrip()) is not None


def _is_formula(opener: str, body: str) -> bool:
    """Return True for LaTeX, False for escaped brackets, as in `\\[1\\]` and `\\(see below\\)`."""
    if "`" in body or not _WORD.search(body):
        return False
    if opener == "$$":
        return True
    if opener == "\\[" and _ESCAPED.fullmatch(body):
        return False
    return bool(_OPERATOR.search(body)) or not _PROSE.search(body)


def _is_dollar_formula(body: str) -> bool:
    """Return True for LaTeX, False for amounts of money, variables of shells, and prose between two of them."""
    words = _NAMED.sub(" ", body)
    if _PROSE.search(words):
        return False
    if _MONEY.match(body) and not _AMOUNT.fullmatch(body):
        return bool(_OPERATOR.search(body)) and not re.search(r"[^\W\d_]{3,}", words)
    if _COMMAND.search(body):
        return True
    return not _VARIABLE.match(body) or bool(re.match(r"[A-Z]{1,3}$|[A-Z]+\s*[=<>+]\s", body))
