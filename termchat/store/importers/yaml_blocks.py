"""Read the YAML that programs write: block mappings and lists, quoted and literal texts, numbers, flow lists in JSON.

Anchors, tags and folded texts are refused: no program writes them into a session, and an alias may expand without end.
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

from termchat.store.json_fields import InvalidRecord

_KEY = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'#&*!|>%@`{\[-][^#\n]*?|-[^\s#][^#\n]*?)\s*:(?:\s+|$)""")
_LITERAL = re.compile(r"\|([1-9])?([+-])?([1-9])?\s*(?:#.*)?")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")), **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}  # fmt: skip


def parse_yaml(text: str) -> object:
    """Return the value of a document. Raises InvalidRecord, whose message names the line."""
    reader = _Reader(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"))
    try:
        found = reader.node(-1)
    except RecursionError as error:
        raise InvalidRecord("it is nested too deeply") from error
    if reader.next():
        raise reader.error("is not YAML that can be read here")
    return found


class _Reader:
    """Reads nodes from lines; `_at` is the index of the next one, `_cut` the columns of it that are read already."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 1 if lines[:1] == ["---"] else 0
        self._cut = 0

    def error(self, words: str) -> InvalidRecord:
        return InvalidRecord(f"line {min(self._at, len(self._lines) - 1) + 1} {words}")

    def next(self) -> bool:
        """Skip blank lines and comments; return False at the end."""
        while self._at < len(self._lines):
            line = self._lines[self._at][self._cut :].strip(" ")
            if line and not line.startswith("#") and line != "...":
                return True
            self._at, self._cut = self._at + 1, 0
        return False

    def node(self, above: int) -> object:
        """Read the value whose lines are indented by more than `above` columns; None without one."""
        if not self.next() or self._indent() <= above:
            return None
        rest = self._rest()
        if self._is_item():
            return self._sequence(self._indent())
        if _KEY.match(rest):
            return self._mapping(self._indent())
        return self._scalar(rest, above)

    def _indent(self) -> int:
        line = self._lines[self._at]
        return self._cut + len(line[self._cut :]) - len(line[self._cut :].lstrip(" "))

    def _rest(self) -> str:
        return self._lines[self._at][self._cut :].strip(" ")

    def _is_item(self) -> bool:
        return self._rest() == "-" or self._rest().startswith("- ")

    def _sequence(self, indent: int) -> list[object]:
        found: list[object] = []
        while self.next() and self._indent() == indent and self._is_item():
            self._cut = indent + 1
            found.append(self.node(indent))
        return found

    def _mapping(self, indent: int) -> dict[str, object]:
        found: dict[str, object] = {}
        while self.next() and self._indent() == indent and (key := _KEY.match(self._rest())):
            name, rest = str(self._inline(key[1])), self._rest()[key.end() :]
            if rest and not rest.startswith("#"):
                found[name] = self._scalar(rest, indent)
                continue
            self._at, self._cut = self._at + 1, 0
            same = self.next() and self._indent() == indent and self._is_item()
            found[name] = self._sequence(indent) if same else self.node(indent)
        return found

    def _scalar(self, rest: str, indent: int) -> object:
        if rest.startswith("|"):
            return self._literal(rest, indent)
        found = self._inline(rest)
        self._at, self._cut = self._at + 1, 0
        return found

    def _inline(self, text: str) -> object:
        if text.startswith(('"', "'")):
            return self._quoted(text)
        if text.startswith(("[", "{")):
            try:
                return cast("object", json.loads(text))
            except ValueError as error:
                raise self.error("is not YAML that can be read here") from error
        if text.startswith(("&", "*", "!", ">", "%", "@", "`")):
            raise self.error("is not YAML that can be read here")
        plain = text.partition(" #")[0].strip(" ")
        if plain in _WORDS:
            return _WORDS[plain]
        if _INTEGER.fullmatch(plain):
            return int(plain)
        return float(plain) if _FLOAT.fullmatch(plain) else plain

    def _quoted(self, text: str) -> str:
        found = re.match(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*(?:#.*)?$""", text)
        if not found:
            raise self.error("has no closing quotation mark")
        inside = found[1][1:-1]
        return inside.replace("''", "'") if text[0] == "'" else _ESCAPE.sub(self._unescaped, inside)

    def _unescaped(self, found: re.Match[str]) -> str:
        code: Any = found[1]
        if code in _ESCAPES:
            return _ESCAPES[code]
        try:
            return chr(int(code[1:], 16)) if len(code) > 1 else code
        except (ValueError, OverflowError) as error:
            raise self.error("has an unknown escape") from error

    def _literal(self, rest: str, above: int) -> str:
        about = _LITERAL.fullmatch(rest)
        if not about:
            raise self.error("is not YAML that can be read here")
        self._at, self._cut = self._at + 1, 0
        given = about[1] or about[3]
        indent = max(above, 0) + int(given) if given else 0
        rows: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            begin = len(line) - len(line.lstrip(" "))
            if line.strip(" ") and not indent:
                indent = begin
            if line.strip(" ") and (begin < indent or begin <= above):
                break
            rows.append(line[indent:] if indent else "")
            self._at += 1
        return _chomped(rows, about[2] or "")


def _chomped(rows: list[str], chomp: str) -> str:
    """Join the lines of a literal text; `-` drops its last line ends, `+` keeps all."""
    if chomp == "+":
        return "\n".join(rows) + "\n" if rows and rows[-1] else "\n".join(rows)
    while rows and not rows[-1]:
        rows.pop()
    return "\n".join(rows) + ("" if chomp == "-" or not rows else "\n")
