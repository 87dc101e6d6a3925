"""Split reasoning in `<think>` tags from the text: local servers without a reasoning parser send it that way."""

from __future__ import annotations

from collections.abc import Iterator

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkTags:
    """Splits a streamed reply into reasoning and text. Only a tag at the very start of the reply counts.

    Pieces are `(is_reasoning, text)`. Text that may still become a tag is held back.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"
        self._after_tag = True  # True after a tag: the line ends that follow it are dropped

    def feed(self, text: str) -> Iterator[tuple[bool, str]]:
        """Yield the pieces of a chunk, except for a held back end."""
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
            self._state, self._held, self._after_tag = "text", rest, True
        yield False, self._flush(len(self._held))

    def close(self) -> Iterator[tuple[bool, str]]:
        """Yield the held back text at the end of the reply."""
        yield self._state == "thinking", self._flush(len(self._held))

    def _started(self) -> bool:
        """Return True once the start of the reply is known to be a tag or text."""
        begin = self._held.lstrip()
        if begin.startswith(_OPEN):
            self._state, self._held = "thinking", begin[len(_OPEN) :]
        elif not _OPEN.startswith(begin):
            self._state, self._after_tag = "text", False
        return self._state != "start"

    def _flush(self, size: int) -> str:
        text, self._held = self._held[:size], self._held[size:]
        if self._after_tag and self._state != "start":
            text = text.lstrip("\n")
            self._after_tag = not text
        return text


def _overlap(text: str, tag: str) -> int:
    """Return the number of characters at the end of the text that may begin the tag."""
    return next((n for n in range(len(tag) - 1, 0, -1) if text.endswith(tag[:n])), 0)
