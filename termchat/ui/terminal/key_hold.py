"""Keys that wait until a command is done, so that none of them acts on the state before it."""

from __future__ import annotations

from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.key_binding.key_processor import KeyProcessor


class HoldingKeyProcessor(KeyProcessor):
    """A key processor that keeps all keys, in their order, from `hold` to `release`."""

    def __init__(self, processor: KeyProcessor) -> None:
        self._holders = 0
        self._kept: list[KeyPress] = []
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

    def feed(self, key_press: KeyPress, first: bool = False) -> None:
        if self._holders:
            self._kept.append(key_press)
        else:
            super().feed(key_press, first)

    def feed_multiple(self, key_presses: list[KeyPress], first: bool = False) -> None:
        if self._holders:
            self._kept += key_presses
        else:
            super().feed_multiple(key_presses, first)
