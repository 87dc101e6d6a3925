"""The port between a vendor's batches and `VendorBatches`, which has the rules that are common to all."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Protocol

import httpx2

from termchat.batch.vendors import BatchIntent, BatchStatus
from termchat.core.provider import StreamMonitor
from termchat.late_dataclass import dataclass
from termchat.providers.client import ErrorResponse
from termchat.providers.decoder import Decoder, is_object
from termchat.providers.http.sse import MAX_EVENT, TooLongError
from termchat.providers.http.transport import count_bytes

MAX_JSON = 500_000_000  # bytes of a batch with its results inside


@dataclass(frozen=True, slots=True)
class ListedBatch:
    """A batch of a vendor's list, in which none of the fields but `id` must be known.

    token     the token of the intent, None if the vendor keeps none
    rows      the number of rows
    created   seconds since 1970
    """

    id: str
    token: str | None = None
    rows: int | None = None
    created: float | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class ResultLine:
    """A line of the results.

    row     its id, "" without one
    place   its number, if the vendor tells no ids and the lines are in the order of the rows
    reply   the reply as JSON, None without one
    error   the error instead
    unrun   True if the row was not run
    """

    row: str
    reply: dict[str, Any] | None = None
    error: ErrorResponse | None = None
    unrun: bool = False
    place: int | None = None


class BatchApi(Protocol):
    """The batches of a vendor. Methods raise the exceptions of its SDK, and ValueError for JSON that is none."""

    def row(self, row_id: str, body: bytes) -> bytes:
        """Return the row for the body of a request, without a line end."""
        ...

    async def upload(self, intent: BatchIntent, rows: Sequence[bytes]) -> str:
        """Upload the rows where the vendor takes a file; return its name. Nothing is billed before `create`."""
        ...

    async def create(self, intent: BatchIntent, rows: Sequence[bytes], file: str) -> str:
        """Create a batch of the rows, or of the uploaded file; return its id."""
        ...

    def listed(self) -> AsyncGenerator[ListedBatch, None]:
        """Yield the batches of the account, newest first."""
        ...

    async def status(self, batch_id: str) -> BatchStatus: ...

    def results(self, batch_id: str) -> AsyncGenerator[ResultLine, None]:
        """Yield the lines of the results."""
        ...

    async def cancel(self, batch_id: str) -> None: ...

    def decoder(self) -> Decoder:
        """Return a new decoder for a reply."""
        ...


async def json_lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the objects of a JSONL body, {} for a line that is none.

    Raises TooLongError, and httpx2.RemoteProtocolError for a body that ends in the middle of a line.
    """
    pieces: list[bytes] = []
    size = 0
    async for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            text = b"".join((*pieces, line)).strip()
            pieces, size = [], 0
            if text:
                yield _object_or_empty(text)
        pieces.append(rest)
        size += len(rest)
        if size > MAX_EVENT:
            raise TooLongError
    if text := b"".join(pieces).strip():
        if not (last := _object_or_empty(text)):
            raise httpx2.RemoteProtocolError("the results end in the middle of a line")
        yield last


def _object_or_empty(text: bytes) -> dict[str, Any]:
    try:
        return json_object(text)
    except (ValueError, RecursionError):
        return {}


def json_object(text: bytes) -> dict[str, Any]:
    """Parse a line. Raises ValueError."""
    value: object = json.loads(text)
    if not is_object(value):
        raise ValueError("not an object")
    return value


async def read_json(response: httpx2.Response) -> dict[str, Any]:
    """Read an open response as a JSON object. Raises ValueError for anything else."""
    pieces: list[bytes] = []
    size = 0
    async with aclosing(response.aiter_bytes()) as chunks:  # pyright: ignore[reportArgumentType]
        async for chunk in chunks:
            pieces.append(chunk)
            size += len(chunk)
            if size > MAX_JSON:
                raise TooLongError
    return json_object(b"".join(pieces))


def without_size_limit() -> Any:
    """Return the context in which the transport takes bodies of any size: those of results."""
    return count_bytes(StreamMonitor())
