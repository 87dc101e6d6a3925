"""What a line begins with: the signs of CommonMark's blocks, recognised on a line without its indentation."""

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
_DELIMITERS = re.compile(r"(?:[|:][|: -]|-[-|:])[-|: ]*$")
_CELL = re.compile(r":?-+:?$")
_BAR = re.compile(r"(?<!\\)\|")
# What may still become a marker when more of the line arrives; a preview shows none of it.
_UNDECIDED = re.compile(
    r"(?:#{1,6}|\d{1,9}[.)]?|[-+*_=:|][-+*_=:| ]*|`+|~+|```[^`]*|~~~.*|\|.*|\[[ xX]?\]?|\\\[?|\$\$?) *$"
)


class Marker(NamedTuple):
    """A list marker: `kind` is the bullet, or what follows the number; `size` its characters."""

    kind: str
    number: int | None
    size: int


class Fencing(NamedTuple):
    """An opening fence."""

    sign: str
    size: int
    info: str


def heading(body: str, *, whole: bool) -> tuple[int, str] | None:
    """The level and the text of an ATX heading; only a whole line has closing signs."""
    found = _HEADING.match(body)
    if not found:
        return None
    text = body[found.end() :]
    return len(found[1]), _HEADING_END.sub("", text).strip() if whole else text


def fence(body: str) -> Fencing | None:
    """The fence that the line opens."""
    found = _FENCE.match(body)
    if not found:
        return None
    sign = found[1] or found[3]
    return Fencing(sign[0], len(sign), (found[2] or found[4] or "").strip())


def closes(body: str, fencing: Fencing) -> bool:
    """Whether the line closes the fence."""
    line = body.rstrip()
    return len(line) >= fencing.size and line == fencing.sign * len(line)


def is_thematic_break(body: str) -> bool:
    """Whether the line is a thematic break."""
    return _RULE.match(body) is not None


def setext_level(body: str) -> int:
    """The level of the heading that the line makes of the paragraph above it, or 0."""
    found = _UNDERLINE.match(body)
    if not found:
        return 0
    return 1 if body[0] == "=" else 2


def marker(body: str) -> Marker | None:
    """The list marker the line begins with."""
    found = _BULLET.match(body)
    if found:
        return Marker(found[0], None, 1)
    found = _ORDINAL.match(body)
    return Marker(found[2], int(found[1]), found.end()) if found else None


def task(body: str) -> str:
    """The box of a task list item, or `""`."""
    found = _TASK.match(body)
    return found[0] if found else ""


def may_become_marker(body: str) -> bool:
    """Whether an unfinished line could still become something without its present text."""
    return _UNDECIDED.match(body) is not None


def alignments(body: str) -> list[str] | None:
    """The columns that a delimiter row declares: `<`, `>`, `^` or `""` each."""
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
    """The cells of a table row; `\\|` is a bar inside a cell."""
    parts = _BAR.split(line.strip())
    if not parts[0]:
        parts.pop(0)
    if parts and not parts[-1]:
        parts.pop()
    return [part.replace("\\|", "|").strip() for part in parts]
