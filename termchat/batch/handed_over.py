"""The part of the journal that knows the batches of vendors: what was handed over, and where it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from termchat.batch.journal import BatchJournal, JournalRow
from termchat.batch.vendors import BatchIntent
from termchat.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class HandedBatch:
    """A batch that was, or was about to be, handed to a vendor.

    model   the full name of its model
    id      the vendor's id, "" while it is not known if the vendor has the batch
    """

    intent: BatchIntent
    model: str
    id: str = ""


class VendorJournal(BatchJournal, Protocol):
    """The journal of a run over vendors' batches. Each method is on disk when it returns. Raises JournalError.

    token   names a batch here, as in `BatchIntent`; `batch_id` is the name that its vendor gave it
    """

    async def queue_failed(self, accepted: Sequence[str]) -> None:
        """Queue the items that failed, unless their outcome is among `accepted`."""
        ...

    async def queued(self, after: int, limit: int) -> Sequence[JournalRow]:
        """Return the lines after line `after` whose items wait to be sent, one for each item, in order."""
        ...

    async def hand_over(self, batch: HandedBatch, items: Sequence[str]) -> None:
        """Note that a batch of items, in the order of its rows, is about to be submitted."""
        ...

    async def submitted(self, token: str, batch_id: str) -> None:
        """Keep the vendor's id of a batch."""
        ...

    async def take_back(self, token: str) -> None:
        """Forget a batch that its vendor does not have, and queue its items."""
        ...

    async def open_batches(self) -> Sequence[HandedBatch]:
        """Return the batches whose results are not all kept, the oldest first."""
        ...

    async def batch_row(self, token: str, number: int) -> JournalRow | None:
        """Return the line of a row of a batch that waits for its result, None if it has one.

        The number of a line that has left the input is 0.
        """
        ...

    async def requeue(self, item: str) -> None:
        """Queue the item of a row that was not run."""
        ...

    async def unanswered(self, token: str, limit: int) -> Sequence[JournalRow]:
        """Return lines of a batch that wait for their results."""
        ...

    async def close_batch(self, token: str) -> None:
        """Note that all results of a batch are kept."""
        ...
