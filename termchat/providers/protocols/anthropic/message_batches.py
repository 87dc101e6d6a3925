"""The Message Batches of Anthropic, through the anthropic SDK (2.14).

Source: https://platform.claude.com/docs/en/build-with-claude/batch-processing. A batch has no field for a word of the
client's: one whose creation was not answered is known by the ids of its rows, which its results tell.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any

import httpx2
from anthropic import AsyncAnthropic, AsyncStream

from termchat.batch.vendors import BatchIntent, BatchPhase, BatchStatus
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.providers.client import ErrorResponse
from termchat.providers.decoder import Decoder, as_count, as_list, as_object, as_text
from termchat.providers.protocols.anthropic.decode import AnthropicDecoder
from termchat.providers.protocols.batch_api import ListedBatch, ResultLine, json_lines, json_object, read_json

_PATH = "/v1/messages/batches"
_PAGES = 20


@dataclass(frozen=True, slots=True)
class MessageBatches:
    """Implements `BatchApi`."""

    sdk: AsyncAnthropic

    def row(self, row_id: str, body: bytes) -> bytes:
        return b'{"custom_id":"%b","params":%b}' % (row_id.encode(), body)

    async def upload(self, intent: BatchIntent, rows: Sequence[bytes]) -> str:
        return ""

    async def create(self, intent: BatchIntent, rows: Sequence[bytes], file: str) -> str:
        # Like `messages.batches.create`, which would parse all rows and serialize them again.
        response: Any = await self.sdk.post(
            _PATH,
            cast_to=httpx2.Response,
            content=b'{"requests":[%b]}' % b",".join(rows),
            options={"headers": {"Content-Type": "application/json"}},
            stream=True,
            stream_cls=AsyncStream[Any],
        )
        try:
            made = await read_json(response)
        finally:
            await response.aclose()
        if found := as_text(made.get("id")):
            return found
        raise ValueError("no id")

    async def listed(self) -> AsyncGenerator[ListedBatch, None]:
        after: dict[str, Any] = {}
        for _ in range(_PAGES):
            raw = await self.sdk.messages.batches.with_raw_response.list(limit=100, **after)
            page = json_object(raw.http_response.content)
            rows = [as_object(row) for row in as_list(page.get("data"))]
            for row in rows:
                yield ListedBatch(
                    as_text(row.get("id")),
                    None,
                    sum(map(as_count, as_object(row.get("request_counts")).values())),
                    _time(row.get("created_at")),
                    row.get("processing_status") == "ended" and bool(row.get("results_url")),
                )
            if not rows or not page.get("has_more"):
                return
            after = {"after_id": as_text(page.get("last_id")) or as_text(rows[-1].get("id"))}

    async def status(self, batch_id: str) -> BatchStatus:
        raw = await self.sdk.messages.batches.with_raw_response.retrieve(batch_id)
        batch = json_object(raw.http_response.content)
        word, counts = as_text(batch.get("processing_status")), as_object(batch.get("request_counts"))
        phase = _phase(batch) if word == "ended" else BatchPhase.RUNNING
        return BatchStatus(
            as_text(batch.get("id")),
            phase,
            safe_line(word.replace("_", " ")[:40]),
            sum(map(as_count, counts.values())),
            as_count(counts.get("succeeded")),
            sum(as_count(counts.get(name)) for name in ("errored", "canceled", "expired")),
            _time(batch.get("expires_at")),
            _ARCHIVED if phase is BatchPhase.FAILED else None,
        )

    async def results(self, batch_id: str) -> AsyncGenerator[ResultLine, None]:
        async with self.sdk.messages.batches.with_streaming_response.results(batch_id) as response:
            async for line in json_lines(response.iter_bytes()):
                yield _line(line)

    async def cancel(self, batch_id: str) -> None:
        await self.sdk.messages.batches.with_raw_response.cancel(batch_id)

    def decoder(self) -> Decoder:
        return AnthropicDecoder()


_ARCHIVED = Failure(
    FailureKind.NOT_FOUND, safe_format("The results of the batch are gone: Anthropic keeps them 29 days.")
)


def _phase(batch: dict[str, Any]) -> BatchPhase:
    """Return the phase of an ended batch: what happened to each row is in its result."""
    if not batch.get("results_url"):
        return BatchPhase.FAILED
    return BatchPhase.CANCELLED if batch.get("cancel_initiated_at") else BatchPhase.ENDED


def _line(line: dict[str, Any]) -> ResultLine:
    row, result = as_text(line.get("custom_id")), as_object(line.get("result"))
    match result.get("type"):
        case "succeeded":
            return ResultLine(row, as_object(result.get("message")))
        case "expired" | "canceled":
            return ResultLine(row, unrun=True)
        case _:
            return ResultLine(row, error=ErrorResponse(None, result.get("error"), {}))


def _time(value: object) -> float | None:
    """Return an RFC 3339 time in seconds since 1970, None for anything else."""
    try:
        return datetime.fromisoformat(as_text(value)).timestamp()
    except ValueError:
        return None
