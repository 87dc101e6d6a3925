"""The batches of OpenAI: a file of rows, a batch of it, a file of replies and one of errors; the openai SDK (3.57).

Source: https://developers.openai.com/api/docs/guides/batch
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from openai import AsyncOpenAI

from termchat.batch.vendors import BatchIntent, BatchPhase, BatchStatus
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.providers.client import Endpoint, ErrorResponse
from termchat.providers.decoder import Decoder, as_count, as_list, as_object, as_text
from termchat.providers.http.connection_errors import clean_server_text
from termchat.providers.protocols.batch_api import ListedBatch, ResultLine, json_lines, json_object
from termchat.providers.protocols.openai_sdk import without_auth_header

_PAGES = 20
_KEY = "termchat"  # of the metadata of a batch
_PHASES = {
    "completed": BatchPhase.ENDED,
    "expired": BatchPhase.EXPIRED,
    "cancelled": BatchPhase.CANCELLED,
    "failed": BatchPhase.FAILED,
}
_UNRUN = ("batch_expired", "batch_cancelled")


@dataclass(frozen=True, slots=True)
class OpenAiBatches:
    """Implements `BatchApi`. `path` is that of the endpoint whose requests the rows are."""

    sdk: AsyncOpenAI
    endpoint: Endpoint
    path: str
    new_decoder: Callable[[], Decoder]

    def row(self, row_id: str, body: bytes) -> bytes:
        return b'{"custom_id":"%b","method":"POST","url":"%b","body":%b}' % (row_id.encode(), self.path.encode(), body)

    async def upload(self, intent: BatchIntent, rows: Sequence[bytes]) -> str:
        name = f"termchat-{intent.token}.jsonl"
        made = await self.sdk.files.with_raw_response.create(
            file=(name, b"\n".join(rows) + b"\n"), purpose="batch", extra_headers=without_auth_header(self.endpoint)
        )
        return _id_of(made)

    async def create(self, intent: BatchIntent, rows: Sequence[bytes], file: str) -> str:
        endpoint: Any = self.path
        made = await self.sdk.batches.with_raw_response.create(
            input_file_id=file,
            endpoint=endpoint,
            completion_window="24h",
            metadata={_KEY: intent.token},
            extra_headers=without_auth_header(self.endpoint),
        )
        return _id_of(made)

    async def listed(self) -> AsyncGenerator[ListedBatch, None]:
        after: dict[str, Any] = {}
        for _ in range(_PAGES):
            raw = await self.sdk.batches.with_raw_response.list(
                limit=100, extra_headers=without_auth_header(self.endpoint), **after
            )
            page = json_object(raw.http_response.content)
            rows = [as_object(row) for row in as_list(page.get("data"))]
            for row in rows:
                token = as_text(as_object(row.get("metadata")).get(_KEY))
                yield ListedBatch(as_text(row.get("id")), token, created=as_count(row.get("created_at")) or None)
            if not rows or not page.get("has_more"):
                return
            after = {"after": as_text(rows[-1].get("id"))}

    async def status(self, batch_id: str) -> BatchStatus:
        return openai_status(await self._batch(batch_id), self.endpoint)

    async def results(self, batch_id: str) -> AsyncGenerator[ResultLine, None]:
        batch = await self._batch(batch_id)
        for field in ("output_file_id", "error_file_id"):
            if name := as_text(batch.get(field)):
                files = self.sdk.files.with_streaming_response
                async with files.content(name, extra_headers=without_auth_header(self.endpoint)) as response:
                    async for line in json_lines(response.iter_bytes()):
                        yield openai_line(line)

    async def cancel(self, batch_id: str) -> None:
        await self.sdk.batches.with_raw_response.cancel(batch_id, extra_headers=without_auth_header(self.endpoint))

    def decoder(self) -> Decoder:
        return self.new_decoder()

    async def _batch(self, batch_id: str) -> dict[str, Any]:
        raw = await self.sdk.batches.with_raw_response.retrieve(
            batch_id, extra_headers=without_auth_header(self.endpoint)
        )
        return json_object(raw.http_response.content)


def openai_status(batch: dict[str, Any], endpoint: Endpoint) -> BatchStatus:
    """Return the status of a batch object."""
    word, counts = as_text(batch.get("status")), as_object(batch.get("request_counts"))
    return BatchStatus(
        as_text(batch.get("id")),
        _PHASES.get(word, BatchPhase.RUNNING),
        safe_line(word.replace("_", " ")[:40]),
        as_count(counts.get("total")),
        as_count(counts.get("completed")),
        as_count(counts.get("failed")),
        as_count(batch.get("expires_at")) or None,
        _refusal(batch, endpoint) if word == "failed" else None,
    )


def _refusal(batch: dict[str, Any], endpoint: Endpoint) -> Failure | None:
    """Return the reason why a batch was not run."""
    errors = [as_object(error) for error in as_list(as_object(batch.get("errors")).get("data"))]
    errors = errors or [as_object(batch.get("error"))]
    told = next((text for error in errors if (text := as_text(error.get("message")))), "")
    if not told:
        return None
    message = safe_format("The batch was refused: {why}", why=clean_server_text(told, endpoint))
    return Failure(FailureKind.BAD_REQUEST, message)


def openai_line(line: dict[str, Any]) -> ResultLine:
    """Return a line of an output or error file."""
    row, response, error = as_text(line.get("custom_id")), as_object(line.get("response")), line.get("error")
    status = as_count(response.get("status_code"))
    if error or not response:
        unrun = as_text(as_object(error).get("code")) in _UNRUN
        return ResultLine(row, error=ErrorResponse(None, {"error": error or {}}, {}), unrun=unrun)
    if status >= 300:
        return ResultLine(row, error=ErrorResponse(status, response.get("body"), {}))
    return ResultLine(row, as_object(response.get("body")))


def _id_of(made: Any) -> str:
    """Return the id in a response. Raises ValueError without one."""
    if found := as_text(json_object(made.http_response.content).get("id")):
        return found
    raise ValueError("no id")
