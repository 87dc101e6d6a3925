"""Input history of this session: browsing by prefix, and the grey suggestion."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class History:
    """Entries, oldest first, and the position of Up and Down among them.

    While browsing, only entries that begin with the typed text are shown; the typed text comes back at the end.
    """

    entries: list[str] = field(default_factory=list[str])
    _at: int | None = None
    _typed: str = ""

    def add(self, text: str) -> bool:
        """Add a text; return False if it is blank, repeated, or begins with a blank (it may be secret)."""
        self.stop_browsing()
        if not text.strip() or text.startswith(" ") or (self.entries and self.entries[-1] == text):
            return False
        self.entries.append(text)
        return True

    def prepend(self, older: list[str]) -> None:
        """Insert texts of earlier runs, oldest first, before those of this run."""
        self.entries[:0] = older
        if self._at is not None:
            self._at += len(older)

    def previous(self, current: str) -> str | None:
        """Return the previous entry, or None."""
        if self._at is None:
            self._typed = current
        start = len(self.entries) if self._at is None else self._at
        return self._go(range(start - 1, -1, -1), current)

    def next(self, current: str) -> str | None:
        """Return the next entry; after the last one, the typed text. None when not browsing."""
        if self._at is None:
            return None
        found = self._go(range(self._at + 1, len(self.entries)), current)
        if found is None:
            self._at = None
            return self._typed
        return found

    def stop_browsing(self) -> None:
        """End browsing: the text of the input is the typed text."""
        self._at = None
        self._typed = ""

    @property
    def browsing(self) -> bool:
        return self._at is not None

    def suggest(self, text: str) -> str:
        """Return the rest of the newest entry that begins with the text, or ""."""
        if not text or "\n" in text:
            return ""
        found = next((e for e in reversed(self.entries) if e.startswith(text) and e != text), "")
        return found[len(text) :].split("\n", 1)[0]

    def _go(self, places: range, current: str) -> str | None:
        for at in places:
            if self.entries[at].startswith(self._typed) and self.entries[at] != current:
                self._at = at
                return self.entries[at]
        return None
