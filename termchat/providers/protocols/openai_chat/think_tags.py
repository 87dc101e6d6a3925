"""Split reasoning in `<think>` tags from the text: local servers without a reasoning parser send it that way.

Many templates write the opening tag into the prompt, so that only `</think>` arrives. Such a lone closing tag turns
the text before it into reasoning if it is the first tag of the reply, outside code fences, and the only word of its
line or the end of a paragraph. Any other tag in a text is text.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

_OPEN, _CLOSE = "<think>", "</think>"
_FENCES = ("```", "~~~")
_LINE = 200  # characters kept of a line, which tell a code fence from text


class PieceKind(StrEnum):
    """The kind of a piece; a `CLOSED` one is empty and turns all `OPEN` ones before it into reasoning."""

    THOUGHT = "thought"
    OPEN = "open"
    TEXT = "text"
    CLOSED = "closed"


class ThinkTags:
    """Splits a streamed reply into pieces `(kind, text)`. Text that may still become a tag is held back.

    opening   an opening tag at the very start of the reply begins reasoning
    """

    def __init__(self, *, opening: bool = True) -> None:
        self._opening = opening
        self._held = ""
        self._blank = ""  # white space before a closing tag at the very start, which is no reasoning
        self._state = "start"
        self._may_close = True  # a lone closing tag counts
        self._after_tag = True  # True after a tag: the line ends that follow it are dropped
        self._line, self._last, self._recent = "", "\n", ""
        self._fence = ""

    def feed(self, text: str) -> Iterator[tuple[PieceKind, str]]:
        """Yield the pieces of a chunk, except for a held back end."""
        self._held += text
        if self._state == "start" and not self._started():
            return
        if self._state == "thinking":
            thought, found, rest = self._held.partition(_CLOSE)
            if not found:
                cut = len(self._held) - _overlap(self._held, _CLOSE)
                yield PieceKind.THOUGHT, self._flush(cut)
                return
            self._held = thought
            yield PieceKind.THOUGHT, self._flush(len(thought))
            self._state, self._held, self._after_tag = "text", rest, True
        elif self._state == "open":
            yield from self._scan(followed=False)
            if self._state == "open":
                return
        yield PieceKind.TEXT, self._flush(len(self._held))

    def interrupt(self, *, call: bool) -> Iterator[tuple[PieceKind, str]]:
        """Yield the held back text before a tool call, or before content that excludes a lone closing tag."""
        if self._state == "open" and call:
            yield from self._scan(followed=True)
        self._may_close = False
        self._state = "text" if self._state == "open" else self._state
        if self._state != "thinking":
            yield PieceKind.TEXT, self._flush(len(self._held))

    def close(self) -> Iterator[tuple[PieceKind, str]]:
        """Yield the held back text at the end of the reply."""
        kind = PieceKind.THOUGHT if self._state == "thinking" else PieceKind.TEXT
        yield kind, self._flush(len(self._held))

    def _started(self) -> bool:
        """Return True once the start of the reply is known to be a tag or text."""
        begin = self._held.lstrip()
        if self._opening and begin.startswith(_OPEN):
            self._state, self._held = "thinking", begin[len(_OPEN) :]
        elif begin and not (_OPEN.startswith(begin) or _CLOSE.startswith(begin)):
            self._state, self._after_tag = "open" if self._may_close else "text", False
            if self._may_close and begin.startswith(_CLOSE):
                self._blank, self._held = self._held[: -len(begin)], begin
        return self._state != "start"

    def _scan(self, *, followed: bool) -> Iterator[tuple[PieceKind, str]]:
        """Yield the text before a closing tag, and `CLOSED` if the tag counts. `followed`: a tool call comes next."""
        before, tag, _ = self._held.partition(_CLOSE)
        size = len(before) if tag else len(self._held) - _overlap(self._held, _CLOSE)
        self._track(self._held[:size])
        yield PieceKind.OPEN, self._flush(size)
        if not tag or self._state != "open":
            return
        rest = self._held[len(_CLOSE) :]
        words = rest.lstrip()
        alone = not self._line.strip() and not self._line.startswith(("    ", "\t"))
        ends = not self._last.isspace() and not self._line.lstrip().startswith((">", *_FENCES))
        line_ends = rest[: len(rest) - len(words)].count("\n")
        counts = (alone or ends) and not self._fence
        if counts and not words and not followed:
            return
        self._state = "text"
        if counts and (not words or line_ends >= (1 if alone else 2)):
            self._blank, self._held, self._after_tag = "", rest, True
            yield PieceKind.CLOSED, ""

    def _track(self, text: str) -> None:
        """Note the code fences and the opening tags of a text."""
        self._recent += text
        if _OPEN in self._recent:
            self._state = "text"
        self._recent = self._recent[-len(_OPEN) + 1 :]
        first, *others = text.split("\n")
        self._extend(first)
        for line in others:
            self._end_line()
            self._extend(line)

    def _extend(self, text: str) -> None:
        self._line += text[: _LINE - len(self._line)] if len(self._line) < _LINE else ""
        self._last = text[-1:] or self._last

    def _end_line(self) -> None:
        line = self._line.strip()
        if self._fence:
            self._fence = "" if line.startswith(self._fence) and not line.strip(self._fence[0]) else self._fence
        elif line.startswith(_FENCES):
            self._fence = line[: len(line) - len(line.lstrip(line[0]))]
        self._line, self._last = "", "\n"

    def _flush(self, size: int) -> str:
        if self._blank and (self._state != "open" or size):
            self._held, size, self._blank = self._blank + self._held, size + len(self._blank), ""
        text, self._held = self._held[:size], self._held[size:]
        if self._after_tag and self._state != "start":
            text = text.lstrip("\r\n")
            self._after_tag = not text
        return text


def _overlap(text: str, tag: str) -> int:
    """Return the number of characters at the end of the text that may begin the tag."""
    if tag[0] not in text[1 - len(tag) :]:  # of almost all tokens
        return 0
    return next((n for n in range(len(tag) - 1, 0, -1) if text.endswith(tag[:n])), 0)
