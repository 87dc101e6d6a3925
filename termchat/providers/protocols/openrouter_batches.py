"""The batches of OpenRouter: rows and replies are in the batch, and it keeps no word of the client's.

Source: https://openrouter.ai/docs/batch-quickstart. It reads a batch as it comes, so `requests` must be its last field.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx2
from openai import AsyncOpenAI, AsyncStream

from termchat.batch.vendors import BatchIntent, BatchStatus
from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.sanitize import safe_format
from termchat.late_dataclass import dataclass
from termchat.providers.client import Endpoint
from termchat.providers.decoder import Decoder, as_count, as_list, as_object, as_text
from termchat.providers.protocols.batch_api import ListedBatch, ResultLine, read_json
from termchat.providers.protocols.openai_batches import openai_line, openai_status
from termchat.providers.protocols.openai_sdk import without_auth_header

_PAGES = 20
_RUNNING = ("validating", "in_progress", "finalizing", "cancelling")


@dataclass(frozen=True, slots=True)
class OpenRouterBatches:
    """Implements `BatchApi`, by the requests of the openai SDK."""

    sdk: AsyncOpenAI
    endpoint: Endpoint
    new_decoder: Callable[[], Decoder]

    def row(self, row_id: str, body: bytes) -> bytes:
        return b'{"custom_id":"%b","body":%b}' % (row_id.encode(), body)

    async def upload(self, intent: BatchIntent, rows: Sequence[bytes]) -> str:
        return ""

    async def create(self, intent: BatchIntent, rows: Sequence[bytes], file: str) -> str:
        model = as_text(as_object(json.loads(rows[0])["body"]).get("model"))
        head = json.dumps({"endpoint": "/v1/chat/completions", "model": model, "completion_window": "24h"})
        content = b'%b,"requests":[%b]}' % (head[:-1].encode(), b",".join(rows))
        async with self._request("POST", "/batches", content) as response:
            if found := as_text((await read_json(response)).get("id")):
                return found
        raise ValueError("no id")

    async def listed(self) -> AsyncGenerator[ListedBatch, None]:
        query: dict[str, Any] = {"limit": 100}
        for _ in range(_PAGES):
            page = await self._get(f"/batches?{urlencode(query)}")
            rows = [as_object(row) for row in as_list(page.get("data"))]
            for row in rows:
                counts = as_object(row.get("request_counts"))
                yield ListedBatch(
                    as_text(row.get("id")),
                    None,
                    as_count(counts.get("total")) or None,
                    as_count(row.get("created_at")) or None,
                    as_text(row.get("status")) not in _RUNNING,
                )
            if not rows or not page.get("has_more"):
                return
            query["after"] = as_text(page.get("last_id")) or as_text(rows[-1].get("id"))

    async def status(self, batch_id: str) -> BatchStatus:
        return openai_status(await self._get(f"/batches/{batch_id}"), self.endpoint)

    async def results(self, batch_id: str) -> AsyncGenerator[ResultLine, None]:
        cursor = ""
        while True:
            query = f"?{urlencode({'cursor': cursor})}" if cursor else ""
            page = await self._get(f"/batches/{batch_id}/results{query}")
            for line in as_list(page.get("data")):
                yield openai_line(as_object(line))
            cursor = as_text(page.get("next_cursor"))
            if not cursor:
                return

    async def cancel(self, batch_id: str) -> None:
        message = safe_format("OpenRouter cannot cancel a batch.")
        hint = safe_format("It ends within a day; its results can be fetched then.")
        raise ProviderError(Failure(FailureKind.BAD_REQUEST, message, hint))

    def decoder(self) -> Decoder:
        return self.new_decoder()

    async def _get(self, path: str) -> dict[str, Any]:
        async with self._request("GET", path) as response:
            return await read_json(response)

    @asynccontextmanager
    async def _request(self, method: str, path: str, content: bytes | None = None) -> AsyncGenerator[httpx2.Response]:
        headers = {"Content-Type": "application/json"} if content else {}
        options: Any = {
            "headers": headers | (without_auth_header(self.endpoint) or {}),
            "security": {"bearer_auth": True},
        }
        kind: Any = {"cast_to": httpx2.Response, "stream": True, "stream_cls": AsyncStream[Any], "options": options}
        if content is None:
            response: Any = await self.sdk.get(path, **kind)
        else:
            response = await self.sdk.post(path, content=content, **kind)
        try:
            yield response
        finally:
            await response.aclose()
