"""Split a docstring into a description and the descriptions of parameters: Google, NumPy and reST."""

from __future__ import annotations

import re
from typing import NamedTuple

_GOOGLE = re.compile(r"(?:Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments):")
_NUMPY = re.compile(r"(?:Other )?Parameters")
_RULE = re.compile(r"-{3,}|={3,}")
_ITEM = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
_NUMPY_ITEM = re.compile(r"\*{0,2}(\w+(?:\s*,\s*\w+)*)\s*(?::.*)?")
_FIELD = re.compile(r":(?:param|parameter|arg|argument|key|keyword)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)")
_OTHER_FIELD = re.compile(r":(?:type|rtype)\b[^:]*:.*")


class Docstring(NamedTuple):
    """A docstring: its text without the parameters, and the text of each parameter."""

    description: str
    parameters: dict[str, str]


def parse_docstring(text: str) -> Docstring:
    """Parse a docstring whose indentation is removed, as `inspect.getdoc` returns it."""
    parser = _Parser(text.splitlines())
    parser.run()
    found = {name: " ".join(" ".join(words).split()) for name, words in parser.found.items()}
    return Docstring(" ".join(" ".join(parser.kept).split()), {name: words for name, words in found.items() if words})


class _Parser:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0
        self.kept: list[str] = []
        self.found: dict[str, list[str]] = {}

    def run(self) -> None:
        while self._at < len(self._lines):
            line = self._lines[self._at].rstrip()
            following = self._lines[self._at + 1].strip() if self._at + 1 < len(self._lines) else ""
            if _GOOGLE.fullmatch(line):
                self._at += 1
                self._google()
            elif _NUMPY.fullmatch(line) and _RULE.fullmatch(following):
                self._at += 2
                self._numpy()
            elif field := _FIELD.fullmatch(line.strip()):
                self._at += 1
                self.found[field[1]] = [field[2], *self._block(_indent(line))]
            elif _OTHER_FIELD.fullmatch(line.strip()):
                self._at += 1
                self._block(_indent(line))
            else:
                self._at += 1
                if not _RULE.fullmatch(line.strip()):
                    self.kept.append(line)

    def _google(self) -> None:
        section = self._block(0)
        indent = min((_indent(line) for line in section if line.strip()), default=0)
        words: list[str] = []
        for line in section:
            item = _ITEM.fullmatch(line.strip()) if _indent(line) == indent else None
            if item:
                words = self.found[item[1]] = [item[2]]
            else:
                words.append(line)

    def _numpy(self) -> None:
        """Read items up to the next section: a line and a rule below it."""
        while self._at < len(self._lines):
            line = self._lines[self._at]
            following = self._lines[self._at + 1].strip() if self._at + 1 < len(self._lines) else ""
            if _RULE.fullmatch(following):
                return
            self._at += 1
            item = _NUMPY_ITEM.fullmatch(line.rstrip())
            if item:
                words = self._block(0)
                self.found.update({name.strip(): words for name in item[1].split(",")})

    def _block(self, indent: int) -> list[str]:
        """Take the lines that are indented deeper, and empty lines between them."""
        start = self._at
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.strip() and _indent(line) <= indent:
                break
            self._at += 1
        return self._lines[start : self._at]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
