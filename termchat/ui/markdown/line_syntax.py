"""Recognise the markers of CommonMark blocks and GFM tables at the beginning of a line.

Every `body` is a line without its indentation, its tabs and its line end.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_HEADING = re.compile(r"(#{1,6})(?: +|$)")
_HEADING_END = re.compile(r"(?:^| +)#+ *$")
_FENCE = re.compile(r"(`{3,})([^`]*)$|(~{3,})(.*)$")
_RULE = re.compile(r"(?:\* *){3,}$|(?:- *){3,}$|(?:_ *){3,}$")
_UNDERLINE = re.compile(r"(=+|-+) *$")
_BULLET = re.compile(r"[*+-](?= |$)")
_ORDINAL = re.compile(r"(\d{1,9})([.)])(?= |$)")
_TASK = re.compile(r"\[[ xX]\](?= +\S)")
_FOOTNOTE = re.compile(r"\[\^([\w-]{1,32})\]:(?= +\S)")
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_DELIMITERS = re.compile(r"(?:[|:][|: -]|-[-|:])[-|: ]*$")
_CELL = re.compile(r":?-+:?$")
_BAR = re.compile(r"(?<!\\)\|")
# Text that may still become a marker when more of the line arrives; a preview hides it.
_UNDECIDED = re.compile(
    r"(?:#{1,6}|\d{1,9}[.)]?|[-+*_=:|][-+*_=:| ]*|`+|~+|```[^`]*|~~~.*|\|.*|\[[ xX]?\]?|\[\^[\w-]*\]?:?|\\\[?|\$\$?) *$"
)


class Marker(NamedTuple):
    """A list marker.

    kind     the bullet, or the sign after the number: `.` or `)`
    number   the number of an ordered item, or None
    size     its length in characters
    """

    kind: str
    number: int | None
    size: int


class Fencing(NamedTuple):
    """An opening fence.

    sign   "`" or "~"
    size   the number of signs
    info   the info string; its first word is the language
    """

    sign: str
    size: int
    info: str


def heading(body: str, *, whole: bool) -> tuple[int, str] | None:
    """Return the level (1 to 6) and the text of an ATX heading, or None.

    Closing signs are removed if `whole` is True, which means that `body` is all of the line.
    """
    found = _HEADING.match(body)
    if not found:
        return None
    text = body[found.end() :]
    return len(found[1]), _HEADING_END.sub("", text).strip() if whole else text


def fence(body: str) -> Fencing | None:
    """Return the fence the line opens, or None."""
    found = _FENCE.match(body)
    if not found:
        return None
    sign = found[1] or found[3]
    return Fencing(sign[0], len(sign), (found[2] or found[4] or "").strip())


def closes(body: str, fencing: Fencing) -> bool:
    """Return True if the line closes the fence."""
    line = body.rstrip()
    return len(line) >= fencing.size and line == fencing.sign * len(line)


def is_thematic_break(body: str) -> bool:
    """Return True if the line is a thematic break."""
    return _RULE.match(body) is not None


def setext_level(body: str) -> int:
    """Return the level of the setext heading the line underlines: 1 for `=`, 2 for `-`, else 0."""
    found = _UNDERLINE.match(body)
    if not found:
        return 0
    return 1 if body[0] == "=" else 2


def marker(body: str) -> Marker | None:
    """Return the list marker at the beginning of the line, or None."""
    found = _BULLET.match(body)
    if found:
        return Marker(found[0], None, 1)
    found = _ORDINAL.match(body)
    return Marker(found[2], int(found[1]), found.end()) if found else None


def task(body: str) -> str:
    """Return the checkbox of a task list item, `[ ]` or `[x]`, or ""."""
    found = _TASK.match(body)
    return found[0] if found else ""


def footnote(body: str) -> tuple[str, int] | None:
    """Return the label of the footnote the line begins, and the size of its marker, or None."""
    found = _FOOTNOTE.match(body)
    return (found[1], found.end()) if found else None


def footnote_number(label: str, *, signs: bool) -> str:
    """Return the number of a footnote as superscripts, or the label in brackets."""
    if signs and label.isascii() and label.isdecimal():
        return label.translate(_SUPERSCRIPTS)
    return f"[{label}]"


def may_become_marker(body: str) -> bool:
    """Return True if the text of an unfinished line may turn out to be a marker."""
    return _UNDECIDED.match(body) is not None


def alignments(body: str) -> list[str] | None:
    """Return the alignment of each column of a delimiter row, or None for any other line.

    An alignment is `<` (left), `>` (right), `^` (centred) or "" (none).
    """
    if not _DELIMITERS.match(body):
        return None
    columns = [column.strip() for column in body.split("|")]
    inner = columns[1 if not columns[0] else 0 : -1 if len(columns) > 1 and not columns[-1] else None]
    if not inner or not all(_CELL.match(column) for column in inner):
        return None
    return [_alignment(column) for column in inner]


def _alignment(column: str) -> str:
    if column.endswith(":"):
        return "^" if column.startswith(":") and len(column) > 1 else ">"
    return "<" if column.startswith(":") else ""


def split_row(line: str) -> list[str]:
    """Split a table row into its cells; `\\|` is a bar inside a cell."""
    parts = _BAR.split(line.strip())
    if not parts[0]:
        parts.pop(0)
    if parts and not parts[-1]:
        parts.pop()
    return [part.replace("\\|", "|").strip() for part in parts]
