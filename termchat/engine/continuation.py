"""Going on where a reply stopped: the seam between what was said and what follows, without repetition or gap."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.core.messages import Message

_WINDOW = 400  # characters of the end in which a repetition is looked for
_LEAST = 8  # bytes; a shorter repetition may be meant


def resumable_text(history: Sequence[Message]) -> str | None:
    """The words of the reply that a turn would go on with, None when the history does not end with a stopped one."""
    last = history[-1] if history else None
    if last is None or not last.can_continue or last.calls:
        return None
    return last.text or None


class OverlapFilter:
    """Takes the beginning of a continuation and leaves out what repeats the end of `said`.

    What might still be a repetition is held back; `close` gives it out.
    """

    def __init__(self, said: str) -> None:
        self._tail = said[-_WINDOW:]
        self._held = ""
        self._open = True

    def feed(self, text: str) -> str:
        if not self._open:
            return text
        self._held += text
        if len(self._held) < len(self._tail) and self._held in self._tail:
            return ""  # it may go on to the very end
        return self.close()

    def close(self) -> str:
        """What is new of all that was held back."""
        self._open = False
        held, self._held = self._held, ""
        return held[self._repeated(held) :]

    def _repeated(self, held: str) -> int:
        """How many characters at the beginning are the end of what was said."""
        for size in range(min(len(held), len(self._tail)), 0, -1):
            if self._tail.endswith(held[:size]) and _counts(held[:size]):
                return size
        return 0


def _counts(repeated: str) -> bool:
    """Whether it is long enough to be no accident; a blank never is meant twice."""
    return len(repeated.encode("utf-8", "replace")) >= _LEAST or repeated.isspace()
