"""Find batches whose submission was not answered: at their vendor, or surely not there.

The clock of a search starts in this process, when the submission is over, and is monotonic: a long upload and a clock
that is set prove nothing about the vendor's list.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from termchat.batch.handed_over import HandedBatch, VendorJournal
from termchat.batch.vendors import BatchEndpoint
from termchat.core.sanitize import Safe, safe, safe_format


class LostNews(Protocol):
    """The front end of a search."""

    def submitted(self, batch: HandedBatch, endpoint: BatchEndpoint) -> None: ...

    def unsure(self, batch: HandedBatch, maybe: Sequence[str]) -> None: ...

    def notice(self, words: Safe) -> None: ...


class LostBatches:
    """The searches of a run. `queued` receives the items of a batch that its vendor does not have.

    queued_again   True if the last look has queued items
    """

    def __init__(self, journal: VendorJournal, news: LostNews, queued: Callable[[Sequence[str]], None]) -> None:
        self._journal = journal
        self._news = news
        self._queued = queued
        self._since: dict[str, float] = {}  # the beginning of each search, by token
        self._due: list[float] = []  # of the batches that the last look did not find
        self.queued_again = False

    def begin_look(self) -> None:
        """Note that a look at all batches begins."""
        self._due.clear()
        self.queued_again = False

    @property
    def due(self) -> float | None:
        """Seconds until a batch that the last look did not find is surely not there; None if it found all."""
        return max(min(self._due) - time.monotonic(), 0.0) if self._due else None

    async def find(self, batch: HandedBatch, endpoint: BatchEndpoint, known: Collection[str]) -> bool:
        """Look for a batch, and queue its items once it cannot be there; return True if either has happened.

        known   ids of other batches
        """
        intent, journal, asked = batch.intent, self._journal, time.monotonic()
        first = intent.token not in self._since
        since = self._since.setdefault(intent.token, asked)
        found = await endpoint.find(intent)
        if found.id:
            await journal.submitted(intent.token, found.id)
            self._news.submitted(HandedBatch(intent, batch.model, found.id), endpoint)
            return True
        if maybe := [name for name in found.maybe if name not in known]:
            self._news.unsure(batch, maybe)
            return False
        settle = endpoint.limits.settle
        if asked - since < settle:
            self._due.append(since + settle)
            if first:
                self._news.notice(_not_listed(intent.rows, settle))
            return False
        self._queued([row.id for row in await journal.unanswered(intent.token, intent.rows)])
        await journal.take_back(intent.token)
        self.queued_again = True
        return True


def _not_listed(rows: int, seconds: float) -> Safe:
    what = safe_format("1 prompt") if rows == 1 else safe_format("{n} prompts", n=safe(f"{rows:,}"))
    return safe_format(
        "The vendor does not list a batch of {what} whose submission was not answered; "
        "it counts as not submitted after {n} s.",
        what=what, n=safe(f"{seconds:.0f}"),
    )  # fmt: skip
