"""The journal of a batch: what is paid, over runs that end in the middle."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from termchat.batch.handed_over import HandedBatch
from termchat.batch.journal import InputConflict, InputEntry, ItemState
from termchat.batch.vendors import BatchIntent
from termchat.core.errors import Failure
from termchat.store.sqlite.batch_journal import SqliteBatchJournal, open_journal


async def opened(file: Path) -> SqliteBatchJournal:
    found = await open_journal(file)
    assert not isinstance(found, Failure)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


@pytest_asyncio.fixture
async def journal(file: Path) -> AsyncIterator[SqliteBatchJournal]:
    found = await opened(file)
    yield found
    await found.close()


def entries(*ids: str, given: bool = True) -> list[InputEntry]:
    return [InputEntry(n, n * 10, item, f"digest {item}", given) for n, item in enumerate(ids, 1)]


async def states(journal: SqliteBatchJournal) -> list[tuple[int, str, str]]:
    return [(row.line, row.id, row.state.value) for row in await journal.rows(0, 100)]


async def test_journal_file_is_private(journal: SqliteBatchJournal, file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600


async def test_journal_keeps_states_when_input_grows_and_moves(journal: SqliteBatchJournal) -> None:
    assert not await journal.load(entries("a", "b", "c"))
    await journal.mark_sent("a")
    await journal.finish("a", ItemState.DONE, "complete", Decimal("0.5"), '{"text":"A"}')
    await journal.mark_sent("b")
    await journal.finish("b", ItemState.FAILED, "cut", Decimal("0.25"), "{}")
    await journal.mark_sent("c")
    assert not await journal.load(entries("d", "c", "b", "a"))
    assert await states(journal) == [(1, "d", "queued"), (2, "c", "sent"), (3, "b", "failed"), (4, "a", "done")]
    counts = await journal.counts()
    assert (counts.total, counts.done, counts.failed, counts.unsure) == (4, 1, 1, 1)
    assert counts.cost == Decimal("0.75")
    assert (await journal.row(4)).result == '{"text":"A"}'
    assert [row.is_final({"cut"}) for row in await journal.rows(0, 9)] == [False, False, True, True]


async def test_journal_refuses_duplicate_and_changed_ids(journal: SqliteBatchJournal) -> None:
    assert await journal.load(entries("a", "b", "a")) == [InputConflict(3, "a", 1)]
    assert await states(journal) == []
    assert not await journal.load(entries("a", "b"))
    changed = [InputEntry(1, 0, "b", "another digest", True)]
    assert await journal.load(changed) == [InputConflict(1, "b")]
    assert await states(journal) == [(1, "a", "queued"), (2, "b", "queued")]


async def test_journal_sends_repeated_request_without_id_once(journal: SqliteBatchJournal) -> None:
    assert not await journal.load(entries("h1", "h2", "h1", given=False))
    assert [row.repeated for row in await journal.rows(0, 9)] == [False, False, True]


async def test_journal_load_that_fails_changes_nothing(journal: SqliteBatchJournal) -> None:
    assert not await journal.load(entries("a"))

    def broken() -> Iterator[InputEntry]:
        yield from entries("x", "y")
        raise ValueError("line 3")

    with pytest.raises(ValueError, match="line 3"):
        await journal.load(broken())
    assert await states(journal) == [(1, "a", "queued")]


async def test_journal_names_items_that_were_in_flight(file: Path) -> None:
    journal = await opened(file)
    await journal.load(entries("a", "b", "c"))
    for item in "ab":
        await journal.mark_sent(item)
    journal.mark_unsent("b")
    await journal.close()
    again = await opened(file)
    assert await again.unsure(10) == ["a"]
    await again.settle_unsure()
    assert await again.unsure(10) == []
    await again.close()


async def test_journal_commit_that_fails_is_told_to_all_its_writers(journal: SqliteBatchJournal) -> None:
    free = threading.Event()

    def slow() -> Iterator[InputEntry]:
        free.wait(10)
        yield from entries("a", "b")

    async def go_on() -> None:
        free.set()

    writes = [journal.mark_sent(item) for item in ("a", "\udcff", "b")]  # SQLite takes no lone surrogate
    loaded, *ends, _ = await asyncio.gather(journal.load(slow()), *writes, go_on(), return_exceptions=True)
    assert not loaded
    assert [type(end) for end in ends] == [UnicodeEncodeError] * 3
    assert await states(journal) == [(1, "a", "queued"), (2, "b", "queued")]


async def test_journal_of_running_batch_is_refused(journal: SqliteBatchJournal, file: Path) -> None:
    found = await open_journal(file)
    assert isinstance(found, Failure)
    assert "Another termchat runs this batch" in found.message


async def test_journal_refuses_file_of_another_program(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("not a database, but long enough to be looked at\n" * 20)
    found = await open_journal(other)
    assert isinstance(found, Failure)
    assert "Cannot use the journal" in found.message
    assert other.read_text().startswith("not a database")


async def test_journal_item_of_new_batch_no_longer_belongs_to_an_older_one(journal: SqliteBatchJournal) -> None:
    """A run that is killed while it reads results has handed over again what expired, and reads them once more."""
    await journal.load(entries("a", "b", "c"))
    await journal.hand_over(HandedBatch(BatchIntent("old", 1.0, 3), "x/m"), ["a", "b", "c"])
    await journal.requeue("a")
    await journal.finish("b", ItemState.FAILED, "failed", None, "{}")
    await journal.queue_failed(())
    await journal.hand_over(HandedBatch(BatchIntent("new", 2.0, 2), "x/m"), ["a", "b"])
    assert [await journal.batch_row("old", number) for number in (0, 1)] == [None, None]
    assert [row.id for row in await journal.unanswered("old", 9)] == ["c"]
    assert [row.id for row in await journal.unanswered("new", 9)] == ["a", "b"]
