"""The batches of Gemini, with requests in them or in a file, through the google-genai SDK (3.6).

Source: https://ai.google.dev/gemini-api/docs/batch-api. An expired or cancelled batch has no results. Replies to
requests inside a batch come in their order, without their keys.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import urlencode

from google import genai

from termchat.batch.vendors import BatchIntent, BatchPhase, BatchStatus
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.providers.client import Endpoint, ErrorResponse
from termchat.providers.decoder import Decoder, as_count, as_list, as_object, as_text
from termchat.providers.http.connection_errors import clean_server_text
from termchat.providers.protocols.batch_api import ListedBatch, ResultLine, json_lines, json_object
from termchat.providers.protocols.gemini.decode import GeminiDecoder

_PAGES = 20
_CHUNK = 1 << 20  # bytes
_OWN_PATHS = ("models/", "tunedModels/")
_MIME = "application/jsonl"
_PHASES = {
    "SUCCEEDED": BatchPhase.ENDED,
    "PARTIALLY_SUCCEEDED": BatchPhase.ENDED,
    "EXPIRED": BatchPhase.EXPIRED,
    "CANCELLED": BatchPhase.CANCELLED,
    "FAILED": BatchPhase.FAILED,
}
_UNRUN = (1, 4)  # google.rpc.Code CANCELLED and DEADLINE_EXCEEDED


@dataclass(frozen=True, slots=True)
class BatchJobs:
    """Implements `BatchApi`; `inline` is the sum of rows in bytes up to which they are in the batch."""

    sdk: genai.Client
    endpoint: Endpoint
    model: str
    inline: int

    def row(self, row_id: str, body: bytes) -> bytes:
        return b'{"key":"%b","request":%b}' % (row_id.encode(), body)

    async def upload(self, intent: BatchIntent, rows: Sequence[bytes]) -> str:
        if sum(map(len, rows)) <= self.inline:
            return ""
        config: Any = {"mime_type": _MIME, "display_name": f"termchat-{intent.token}"}
        made = await self.sdk.aio.files.upload(file=BytesIO(b"\n".join(rows) + b"\n"), config=config)
        if not made.name:
            raise ValueError("no name")
        return made.name

    async def create(self, intent: BatchIntent, rows: Sequence[bytes], file: str) -> str:
        source = {"fileName": file} if file else {"requests": {"requests": await asyncio.to_thread(_inlined, rows)}}
        batch = {"displayName": intent.token, "inputConfig": source}
        model = self.model if self.model.startswith(_OWN_PATHS) else f"models/{self.model}"
        made = await self._request("post", f"{model}:batchGenerateContent", {"batch": batch})
        if found := as_text(made.get("name")):
            return found.removeprefix("batches/")
        raise ValueError("no name")

    async def listed(self) -> AsyncGenerator[ListedBatch, None]:
        query: dict[str, Any] = {"pageSize": 100}
        for _ in range(_PAGES):
            page = await self._request("get", f"batches?{urlencode(query)}")
            for row in map(as_object, as_list(page.get("operations"))):
                about = as_object(row.get("metadata"))
                name = as_text(row.get("name")).removeprefix("batches/")
                yield ListedBatch(name, as_text(about.get("displayName")), created=_time(about.get("createTime")))
            query["pageToken"] = as_text(page.get("nextPageToken"))
            if not query["pageToken"]:
                return

    async def status(self, batch_id: str) -> BatchStatus:
        operation = await self._request("get", f"batches/{batch_id}")
        about = as_object(operation.get("metadata"))
        stats, error = as_object(about.get("batchStats")), as_object(operation.get("error"))
        word = as_text(about.get("state")).rpartition("STATE_")[2]
        phase = BatchPhase.FAILED if error else _PHASES.get(word, BatchPhase.RUNNING)
        failure = None
        if phase is BatchPhase.FAILED and (told := as_text(error.get("message"))):
            words = safe_format("The batch was refused: {why}", why=clean_server_text(told, self.endpoint))
            failure = Failure(FailureKind.BAD_REQUEST, words)
        return BatchStatus(
            batch_id,
            phase,
            safe_line(word.lower().replace("_", " ")[:40]),
            as_count(stats.get("requestCount")),
            as_count(stats.get("successfulRequestCount")),
            as_count(stats.get("failedRequestCount")),
            failure=failure,
        )

    async def results(self, batch_id: str) -> AsyncGenerator[ResultLine, None]:
        operation = await self._request("get", f"batches/{batch_id}")
        output = as_object(as_object(operation.get("metadata")).get("output")) or as_object(operation.get("response"))
        if file := as_text(output.get("responsesFile")):
            with TemporaryFile() as kept:
                await self.sdk.aio.files.download(file=file, destination=kept)
                kept.seek(0)
                async for line in json_lines(_chunks(kept)):
                    yield _line(line)
            return
        for place, line in enumerate(as_list(as_object(output.get("inlinedResponses")).get("inlinedResponses"))):
            found = _line(as_object(line))
            yield found if found.row else replace(found, place=place)

    async def cancel(self, batch_id: str) -> None:
        await self._request("post", f"batches/{batch_id}:cancel")

    def decoder(self) -> Decoder:
        return GeminiDecoder()

    async def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the response as the server sent it: the SDK's types would drop fields, and refuse odd ones."""
        api: Any = self.sdk._api_client  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
        response = await api.async_request(method, path, body or {}, {"extra_body": {}})
        return json_object(response.body.encode() if isinstance(response.body, str) else response.body or b"{}")


def _inlined(rows: Sequence[bytes]) -> list[dict[str, Any]]:
    """Return rows as the requests inside a batch."""
    found = map(json.loads, rows)
    return [{"request": row["request"], "metadata": {"key": row["key"]}} for row in found]


def _line(line: dict[str, Any]) -> ResultLine:
    row = as_text(line.get("key")) or as_text(as_object(line.get("metadata")).get("key"))
    error = as_object(line.get("error"))
    if not error and "response" in line:
        return ResultLine(row, as_object(line.get("response")))
    code = as_count(error.get("code"))
    status = code if code >= 300 else None
    return ResultLine(row, error=ErrorResponse(status, {"error": error}, {}), unrun=code in _UNRUN)


async def _chunks(file: Any) -> AsyncIterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _time(value: object) -> float | None:
    """Return an RFC 3339 time in seconds since 1970, None for anything else."""
    try:
        return datetime.fromisoformat(as_text(value)).timestamp()
    except ValueError:
        return None
