"""A library in a real file, closed at the end, and what it told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from termchat.core.errors import Failure
from termchat.store.chat_store import SqliteChatStore


@dataclass
class Shelf:
    """Opens libraries; `told` is everything that users were told."""

    file: Path
    told: list[Failure] = field(default_factory=list)
    opened: list[SqliteChatStore] = field(default_factory=list)

    def open(self, file: Path | None = None, *, every: float = 0.02, hide: Callable[[str], str] = str, vfs: str = ""):
        library = SqliteChatStore(file or self.file, self.told.append, hide=hide, every=every, vfs=vfs)
        self.opened.append(library)
        return library

    def in_memory(self) -> SqliteChatStore:
        library = SqliteChatStore(None, self.told.append, every=0.02)
        self.opened.append(library)
        return library

    async def close(self) -> None:
        while self.opened:
            await self.opened.pop().close()


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    made = Shelf(tmp_path / "data" / "termchat" / "termchat.db")
    yield made
    await made.close()
