"""Keys that wait until a command is done, so that none of them acts on the state before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.key_binding.key_processor import KeyProcessor


class HoldingKeyProcessor(KeyProcessor):
    """A key processor that keeps all keys, in their order, from `hold` to `release`.

    From `copy` to `recall`, keys are processed and kept, too, so that those that did nothing can be processed again.

    sift   returns the keys of one read that are to be processed
    """

    def __init__(self, processor: KeyProcessor) -> None:
        self._holders = 0
        self._kept: list[KeyPress] = []
        self._copies: list[KeyPress] | None = None
        self.sift: Callable[[Sequence[KeyPress]], list[KeyPress]] = list
        super().__init__(processor._bindings)  # noqa: SLF001 - has no accessor

    def hold(self) -> None:
        """Keep the keys that follow the one being handled, those of the same read included."""
        self._holders += 1
        self._kept += self.input_queue
        self.input_queue.clear()

    def release(self) -> None:
        """Process the kept keys, once for each `hold`."""
        self._holders -= 1
        if self._holders == 0:
            kept, self._kept = self._kept, []
            self.feed_multiple(kept)
            self.process_keys()

    def copy(self) -> None:
        """Begin to copy the keys that are processed."""
        self._copies = []

    def recall(self, *, used: bool) -> None:
        """End the copies; keep them for the next `release`, unless one of them was `used`. Call it outside of a key."""
        copies, self._copies = self._copies or [], None
        if not used:
            self.reset()  # a sequence that has begun is in the copies
            self._kept = [*copies, *self._kept]

    def feed(self, key_press: KeyPress, first: bool = False) -> None:
        self.feed_multiple([key_press], first)

    def feed_multiple(self, key_presses: list[KeyPress], first: bool = False) -> None:
        if self._holders:
            self._kept += key_presses
        else:
            key_presses = self.sift(key_presses)
            if self._copies is not None:
                self._copies += key_presses
            super().feed_multiple(key_presses, first)
