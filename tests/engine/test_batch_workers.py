"""The workers of a batch: the journal says of each item if a request of it may be billed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from termchat.app.batch.result_sink import ResultSink
from termchat.batch.batch_result import BatchResult
from termchat.batch.items import BatchItem, identified
from termchat.batch.journal import InputEntry, ItemState, JournalRow
from termchat.core.errors import Failure
from termchat.core.messages import user_message
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.provider import Request
from termchat.engine.batch.workers import BatchWorkers
from termchat.store.sqlite.batch_journal import SqliteBatchJournal, open_journal
from termchat.ui.oneshot.batch.line_output import FileLines

ITEM = identified(1, "a", ModelRef("x", "m"), Request((user_message("hi"),)), {})


@dataclass
class StoppedEngine:
    """An engine whose only item is stopped while the journal writes that it leaves."""

    stop: Callable[[], None] = lambda: None
    leaving: asyncio.Task[None] | None = None

    async def ask(
        self, item: BatchItem, sent: Callable[[], Awaitable[None]], unsent: Callable[[], None]
    ) -> BatchResult:
        async def leave() -> None:
            await sent()

        self.leaving = asyncio.create_task(leave())
        asyncio.get_running_loop().call_soon(self.stop)
        await asyncio.wait((self.leaving,))
        assert self.leaving.cancelled()
        return BatchResult(Outcome.CANCELLED, item.model)

    def cancel(self) -> None:
        self.cancel_waiting()

    def cancel_waiting(self) -> None:
        assert self.leaving
        self.leaving.cancel()


async def read(row: JournalRow) -> BatchItem | Failure:
    return ITEM


async def test_workers_stopped_while_an_item_leaves_do_not_count_it_as_sent(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path / "j")
    assert isinstance(journal, SqliteBatchJournal)
    try:
        assert not await journal.load([InputEntry(1, 0, ITEM.id, ITEM.digest, True)])
        engine, output = StoppedEngine(), FileLines(tmp_path / "out")
        sink = ResultSink(output, in_order=False, window=1, openai=False, shard="")
        workers = BatchWorkers(journal, engine, sink, read, jobs=1)
        engine.stop = workers.stop
        await workers.run()
        output.close()
        assert [row.state for row in await journal.rows(0, 9)] == [ItemState.QUEUED]
    finally:
        await journal.close()
