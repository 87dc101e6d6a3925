"""The port of the journal: for each item of a batch what was sent and what came back. It decides what is paid."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from termchat.core.errors import Failure
from termchat.late_dataclass import dataclass


class ItemState(StrEnum):
    """The state of an item.

    An item that is SENT when a run begins was in flight when the last run was killed: it may have been paid. One that
    is BATCHED is in a batch of a vendor.
    """

    QUEUED = "queued"
    SENT = "sent"
    BATCHED = "batched"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class InputEntry:
    """An item at its place in the input: the number of its line, and the offset of the line in bytes.

    given   True if the row gives the id, which may then be used once
    """

    line: int
    offset: int
    id: str
    digest: str
    given: bool = False


@dataclass(frozen=True, slots=True)
class InputConflict:
    """A line whose id another line has (`first`), or whose request has changed since an earlier run (`first` is 0)."""

    line: int
    id: str
    first: int = 0


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A line of the input with the state of its item.

    outcome   of the last attempt, "" before one has ended
    result    what `BatchResult.to_json` returned, "" without a result
    repeated  True if an earlier line has the same request: it is sent once
    """

    line: int
    offset: int
    id: str
    digest: str
    state: ItemState
    outcome: str = ""
    result: str = ""
    repeated: bool = False

    def is_final(self, accepted: Collection[str]) -> bool:
        """Return True if it is not sent again: it is done, or its outcome is accepted."""
        return self.state is ItemState.DONE or (self.state is ItemState.FAILED and self.outcome in accepted)


@dataclass(frozen=True, slots=True)
class JournalCounts:
    """Numbers of the lines of the input, by the state of their items; `cost` is the sum of all known costs."""

    total: int
    done: int
    failed: int
    unsure: int
    cost: Decimal
    batched: int = 0


class JournalError(Exception):
    """The journal cannot be written; without it nothing is sent."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class BatchJournal(Protocol):
    """The journal of one batch. It is open in one process at a time. A method raises JournalError if the disk fails."""

    async def clear(self) -> None:
        """Forget all items."""
        ...

    async def load(self, entries: Iterable[InputEntry]) -> Sequence[InputConflict]:
        """Replace the input by these entries, which are read on another thread; keep the states of known items.

        Return the first conflicts; then, and if the iteration raises, nothing has changed.
        """
        ...

    async def counts(self) -> JournalCounts:
        """Count the lines of the input by the states of their items."""
        ...

    async def unsure(self, limit: int) -> Sequence[str]:
        """Return the ids of items that were in flight when the last run was killed."""
        ...

    async def settle_unsure(self) -> None:
        """Queue the items that were in flight, to send them again."""
        ...

    async def rows(self, after: int, limit: int) -> Sequence[JournalRow]:
        """Return the lines of the input after line `after`, in order."""
        ...

    async def row(self, line: int) -> JournalRow:
        """Return a line of the input as it is now; `line` is its number, from 1."""
        ...

    async def mark_sent(self, item: str) -> None:
        """Note that a request is about to leave; on disk when it returns."""
        ...

    def mark_unsent(self, item: str) -> None:
        """Note that the server refused the request, and nothing is billed; does not wait."""
        ...

    async def finish(self, item: str, state: ItemState, outcome: str, cost: Decimal | None, result: str) -> None:
        """Keep the end of an item; on disk when it returns.

        outcome   as in `JournalRow`
        cost      in US dollars, added to that of earlier attempts; None if it is unknown
        result    what `BatchResult.to_json` returned
        """
        ...

    async def close(self) -> None:
        """Write what is pending, and let another process open the journal."""
        ...
