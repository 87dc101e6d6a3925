"""Reasoning written into the text as `<think>…</think>`, as local servers without a parser for it send it."""

from __future__ import annotations

from collections.abc import Iterator

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkTags:
    """Splits a text into thoughts and words; only tags at the very start of the reply count.

    Pieces are `(is a thought, text)`. What might still become a tag is held back.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"
        self._fresh = True  # just behind a tag: the line ends that belong to it are not said

    def feed(self, text: str) -> Iterator[tuple[bool, str]]:
        self._held += text
        if self._state == "start" and not self._started():
            return
        if self._state == "thinking":
            thought, found, rest = self._held.partition(_CLOSE)
            if not found:
                cut = len(self._held) - _overlap(self._held, _CLOSE)
                yield True, self._flush(cut)
                return
            self._held = thought
            yield True, self._flush(len(thought))
            self._state, self._held, self._fresh = "text", rest, True
        yield False, self._flush(len(self._held))

    def close(self) -> Iterator[tuple[bool, str]]:
        """What was held back when the reply ended."""
        yield self._state == "thinking", self._flush(len(self._held))

    def _started(self) -> bool:
        """Whether it is known how the reply begins."""
        begin = self._held.lstrip()
        if begin.startswith(_OPEN):
            self._state, self._held = "thinking", begin[len(_OPEN) :]
        elif not _OPEN.startswith(begin):
            self._state, self._fresh = "text", False
        return self._state != "start"

    def _flush(self, size: int) -> str:
        said, self._held = self._held[:size], self._held[size:]
        if self._fresh and self._state != "start":
            said = said.lstrip("\n")
            self._fresh = not said
        return said


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text may begin the tag."""
    return next((n for n in range(len(tag) - 1, 0, -1) if text.endswith(tag[:n])), 0)
