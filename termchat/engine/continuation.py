"""Continue a stopped reply: find its text, and remove the overlap from the continuation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from termchat.core.events import Delta, Finished, RequestAccepted, TextBecameReasoning, TextDelta, ToolCallDelta
from termchat.core.messages import Message

_WINDOW = 400  # characters at the end of the reply that are searched for an overlap
_LEAST = 8  # bytes; a shorter overlap may be intended


def resumable_text(history: Sequence[Message]) -> str | None:
    """Return the text of the stopped reply at the end of the history, None when there is no such reply."""
    last = history[-1] if history else None
    if last is None or not last.can_continue or any(call.complete for call in last.calls):
        return None
    return last.text or None


class OverlapFilter:
    """Removes the overlap with the end of the text `before` from the beginning of its continuation.

    Text that may still be part of an overlap is held back until `close`. An empty `before` removes nothing.
    """

    def __init__(self, before: str) -> None:
        self._tail = before[-_WINDOW:]
        self._held = ""
        self._prefilled = False
        self._open = True
        self._index = 0  # part of the last text delta

    def filter_delta(self, delta: Delta) -> tuple[Delta, ...]:
        """Return the deltas to show for one of the stream: without the overlap, after text that was held back."""
        if not self._tail:
            return (delta,)
        if isinstance(delta, RequestAccepted):
            self._prefilled = delta.prefilled
        if isinstance(delta, TextDelta):
            self._index, text = delta.index, self.feed(delta.text)
            return (replace(delta, text=text),) if text or delta.provider_data else ()
        return (
            (*self.held_deltas(), delta)
            if isinstance(delta, Finished | ToolCallDelta | TextBecameReasoning)
            else (delta,)
        )

    def held_deltas(self) -> tuple[Delta, ...]:
        """Return the text that is still held back, at the end of the text or of the stream."""
        rest = self.close()
        return (TextDelta(self._index, rest),) if rest else ()

    def feed(self, text: str) -> str:
        """Return the text that is certain to be new."""
        if not self._open:
            return text
        self._held += text
        if len(self._held) < len(self._tail) and self._held in self._tail:
            return ""  # the overlap may reach to the end of the tail
        return self.close()

    def close(self) -> str:
        """Return the new part of the held back text."""
        self._open = False
        held, self._held = self._held, ""
        return held[self._repeated(held) :]

    def _repeated(self, held: str) -> int:
        """Return the length of the overlap in characters."""
        for size in range(min(len(held), len(self._tail)), 0, -1):
            if self._tail.endswith(held[:size]) and self._counts(held[:size]):
                return size
        return 0

    def _counts(self, repeated: str) -> bool:
        """Return True for an overlap that is not a coincidence: a long one, or white space that the model had not got.

        Any other white space is part of the reply: the indentation of a line, or the blank line between paragraphs.
        """
        return self._prefilled if repeated.isspace() else len(repeated.encode("utf-8", "replace")) >= _LEAST
