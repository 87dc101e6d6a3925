"""Chat stores in a real file, closed at the end, and the warnings they gave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from termchat.core.errors import Failure
from termchat.store.chat_store import SqliteChatStore


@dataclass
class StoreFixture:
    """Open chat stores; `warnings` holds every failure shown to the user."""

    file: Path
    warnings: list[Failure] = field(default_factory=list)
    opened: list[SqliteChatStore] = field(default_factory=list)

    def open(
        self, file: Path | None = None, *, every: float = 0.02, redact: Callable[[str], str] = str, vfs: str = ""
    ) -> SqliteChatStore:
        store = SqliteChatStore(file or self.file, self.warnings.append, redact=redact, every=every, vfs=vfs)
        self.opened.append(store)
        return store

    def in_memory(self) -> SqliteChatStore:
        store = SqliteChatStore(None, self.warnings.append, every=0.02)
        self.opened.append(store)
        return store

    async def close(self) -> None:
        while self.opened:
            await self.opened.pop().close()


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[StoreFixture]:
    fixture = StoreFixture(tmp_path / "data" / "termchat" / "termchat.db")
    yield fixture
    await fixture.close()
