"""Batches: requests that a vendor answers within a day for less, handed over, watched and fetched.

The course of a batch: `intent` is on disk, `submit` hands the rows over, its id is on disk, `status` until it has
ended, `results`. An answer to `submit` that was lost is looked for with `find`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from termchat.core.errors import Failure, ProviderError
from termchat.core.events import Delta
from termchat.core.messages import Origin
from termchat.core.models import ModelRef
from termchat.core.numbers import whole_number
from termchat.core.provider import Bill, Request
from termchat.core.sanitize import EMPTY, Safe
from termchat.late_dataclass import dataclass


class BatchPhase(StrEnum):
    """The phase of a batch. All but `RUNNING` are final; all final ones but `FAILED` may have results."""

    RUNNING = "running"
    ENDED = "ended"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"  # refused as a whole: no row was run


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """The limits of a vendor for one batch.

    rows    number of requests
    bytes   sum of their rows, as `BatchEndpoint.row` returns them
    price   the part of the standard price that a batch costs
    settle  seconds without an entry in the vendor's list after which a batch counts as not accepted
    """

    rows: int
    bytes: int
    price: Decimal
    settle: float


@dataclass(frozen=True, slots=True)
class BatchIntent:
    """A batch that is about to be submitted.

    token   a random word that no other batch has; the id of row N is `TOKEN-N`
    at      the time of the intent, in seconds since 1970
    rows    the number of its rows
    """

    token: str
    at: float
    rows: int

    def row_id(self, number: int) -> str:
        """Return the id of a row, counted from 0."""
        return f"{self.token}-{number}"

    def row_number(self, row_id: str) -> int | None:
        """Return the number of a row, None for an id that is not of this batch."""
        token, _, number = row_id.rpartition("-")
        row = whole_number(number) if token == self.token else None
        return row if row is not None and row < self.rows else None


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """The state of a batch at its vendor.

    word      the vendor's word for the state
    done      answered rows, as far as the vendor tells; `failed` those that ended otherwise
    expires   seconds since 1970, None if the vendor does not tell
    failure   the reason of `FAILED`
    """

    id: str
    phase: BatchPhase
    word: Safe = EMPTY
    total: int = 0
    done: int = 0
    failed: int = 0
    expires: float | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class RowResult:
    """The end of one row.

    deltas   the reply, ending with `Finished`
    failure  the error of the row, None for a reply
    unrun    True if the row expired or was cancelled before it ran: nothing was billed
    """

    number: int
    deltas: tuple[Delta, ...] = ()
    failure: Failure | None = None
    unrun: bool = False


@dataclass(frozen=True, slots=True)
class FoundBatch:
    """The answer to a search for a submitted batch: its id, or "" if no batch of the vendor's list is it.

    maybe   batches that may be it: they tell their rows only once they have ended
    """

    id: str = ""
    maybe: tuple[str, ...] = ()


class NotSubmittedError(ProviderError):
    """A batch was not submitted: the vendor has refused it, or nothing of it was sent."""


class BatchEndpoint(Protocol):
    """The batches of one model at its vendor. All methods raise ProviderError."""

    @property
    def origin(self) -> Origin: ...

    @property
    def limits(self) -> BatchLimits: ...

    async def row(self, row_id: str, request: Request) -> bytes:
        """Encode a request as a row: the body that would be sent without streaming, with an id around it."""
        ...

    def bill(self, request: Request) -> Bill:
        """Return what decides the price of a request as a row."""
        ...

    def take_notices(self) -> Sequence[Safe]:
        """Return the notices about requests so far: parts that the model does not take. Each is given once."""
        ...

    async def submit(self, intent: BatchIntent, rows: Sequence[bytes]) -> str:
        """Submit a batch and return its id. Raises NotSubmittedError if the vendor has no batch.

        After any other error it may have one, which `find` looks for.
        """
        ...

    async def find(self, intent: BatchIntent) -> FoundBatch:
        """Look for the batch of an intent in the vendor's list."""
        ...

    async def status(self, batch_id: str) -> BatchStatus: ...

    def results(self, intent: BatchIntent, batch_id: str) -> AsyncGenerator[RowResult, None]:
        """Yield the results of an ended batch in any order. A row without a result is not among them."""
        ...

    async def cancel(self, batch_id: str) -> None:
        """Ask the vendor to cancel a batch. Rows that have run are billed, and their results remain."""
        ...


class BatchVendors(Protocol):
    """The vendors with batches."""

    async def batches(self, model: ModelRef) -> BatchEndpoint:
        """Return the batches of a model. Raises ProviderError where there are none."""
        ...
