"""Large pastes, folded into labels that name their size.

In the input a folded paste is one character of a private plane, so that the cursor, Backspace, kills and undo treat
it as a unit and never leave half of it. The input shows its label instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from termchat.core.sanitize import Safe, safe, safe_format
from termchat.ui.phrases import size

FOLD_CHARS = 1000
FOLD_LINES = 15
_FIRST = 0x100001  # in the last private use plane, whose characters never occur in text
_MARK = re.compile("[\U00100001-\U0010fffd]")


@dataclass(slots=True)
class Pastes:
    """The pastes of a session by number; a number is never reused."""

    _texts: list[str] = field(default_factory=list[str])

    def fold(self, text: str) -> str:
        """Return the text, or a mark if the text is large."""
        text = cleaned(text)
        if len(text) < FOLD_CHARS and text.count("\n") + 1 < FOLD_LINES:
            return text
        return self.keep(text)

    def keep(self, text: str) -> str:
        """Store a text and return its mark."""
        self._texts.append(text)
        return chr(_FIRST + len(self._texts) - 1)

    def expand(self, text: str) -> str:
        """Replace every mark by its pasted text."""
        return _MARK.sub(lambda m: self._text(m.group()), text)

    def shown(self, text: str) -> str:
        """Replace every mark by its label."""
        return _MARK.sub(lambda m: self.label(m.group()) or m.group(), text)

    def label(self, mark: str) -> Safe | None:
        """Return `[Pasted #1 · 132 lines · 4.8 kB]`, or None if the character is not a mark of this session."""
        number = ord(mark) - _FIRST
        if not 0 <= number < len(self._texts):
            return None
        text = self._texts[number]
        lines = text.count("\n") + 1
        return safe_format(
            "[Pasted #{n} · {lines} · {size}]",
            n=safe(str(number + 1)),
            lines=safe(f"{lines} lines" if lines > 1 else "1 line"),
            size=size(len(text.encode("utf-8", "replace"))),
        )

    def refold(self, text: str, marked: str) -> str:
        """Fold the pastes of `marked` that an edited text still has unchanged."""
        for mark in _MARK.findall(marked):
            text = text.replace(self._text(mark), mark, 1) if self.label(mark) else text
        return text

    def nearest(self, text: str, cursor: int) -> int | None:
        """Return the offset of the mark nearest to the cursor, the one under it first; None without a mark."""
        found = (hit.start() for hit in _MARK.finditer(text) if self.label(hit.group()))
        return min(found, key=lambda at: abs(at + 0.4 - cursor), default=None)

    def _text(self, mark: str) -> str:
        number = ord(mark) - _FIRST
        return self._texts[number] if 0 <= number < len(self._texts) else mark


def cleaned(text: str) -> str:
    """Return a pasted text with LF line ends, without NUL and lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return re.sub("[\ud800-\udfff]", "", text)
