"""Resources of an MCP server: their list for completion, and their contents as attachments."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from termchat.core.approval import ResourceRow
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import File, Text, attached_text
from termchat.core.sanitize import Safe, excerpt, repair_surrogates, safe, safe_format, safe_line

if TYPE_CHECKING:
    from mcp import Client

    from termchat.tools.mcp.connection import McpConnection

RESOURCES = 2_000  # of one server
_PAGES = 50
_SECONDS = 60.0  # for a list or a content
_FRESH = 30.0  # seconds
_BYTES = 32_000_000  # of the contents of one resource
_CONTENTS = 50
_DESCRIPTION = 200  # characters


class McpResources:
    """The resources of one server. The list is kept for half a minute."""

    def __init__(self, server: str, connection: McpConnection) -> None:
        self.server = server
        self._connection = connection
        self._listed: tuple[float, tuple[ResourceRow, ...]] | None = None

    async def listed(self) -> tuple[ResourceRow, ...] | Failure:
        """Return the resources, then the templates; start the server first."""
        if self._listed and time.monotonic() - self._listed[0] < _FRESH:
            return self._listed[1]
        client = await self._client()
        if isinstance(client, Failure):
            return client
        try:
            async with asyncio.timeout(_SECONDS):
                rows = (*await _resources(client), *await _templates(client))
        except Exception as error:
            return self._failure(safe_format("does not list its resources"), error)
        self._listed = (time.monotonic(), rows)
        return rows

    async def read(self, uri: str) -> tuple[Text | File, ...] | Failure:
        """Return the contents of a resource: texts with their names, anything else as bytes."""
        client = await self._client()
        if isinstance(client, Failure):
            return client
        try:
            async with asyncio.timeout(_SECONDS):
                result = await client.read_resource(uri, cache_mode="bypass")
        except Exception as error:
            return self._failure(safe_format("does not give {uri}", uri=safe_line(uri[:200])), error)
        try:
            parts = tuple(self._parts(uri, result.contents))
        except _ContentError as error:
            return self._problem(safe_format("cannot be used for {uri}", uri=safe_line(uri[:200])), str(error))
        return parts or self._problem(safe_format("gives nothing for {uri}", uri=safe_line(uri[:200])), "it is empty")

    async def _client(self) -> Client | Failure:
        client = await self._connection.client()
        if isinstance(client, Failure) or client.server_capabilities.resources is not None:
            return client
        return self._problem(safe_format("has no resources"), "")

    def _parts(self, uri: str, contents: Any) -> Iterator[Text | File]:
        """Yield the contents as parts. Raises _ContentError."""
        if len(contents) > _CONTENTS:
            raise _ContentError(f"it has {len(contents)} parts; the limit is {_CONTENTS}")
        left = _BYTES
        for number, content in enumerate(contents):
            name = f"{self.server}:{uri if number == 0 else ' '.join(content.uri.split())}"
            text = getattr(content, "text", None)
            size = len(content.blob) * 3 // 4 if text is None else len(text)
            left -= size
            if left < 0:
                raise _ContentError(f"it is larger than {_BYTES // 1_000_000} MB")
            if text is not None:
                yield attached_text(name, repair_surrogates(self._connection.masked(text)))
                continue
            try:
                data = base64.b64decode(content.blob, validate=True)
            except (binascii.Error, ValueError) as error:
                raise _ContentError("its bytes are not Base64") from error
            yield File(name, (content.mime_type or "").partition(";")[0].strip().lower(), data)

    def _failure(self, problem: Safe, error: Exception) -> Failure:
        if failure := self._connection.login_failure():
            return failure
        why = "no answer" if isinstance(error, TimeoutError) else self._connection.error_text(error)
        return self._problem(problem, why)

    def _problem(self, problem: Safe, why: str) -> Failure:
        name = safe_line(self.server)
        words = safe_format("The MCP server {name} {problem}", name=name, problem=problem)
        tail = safe_format(": {why}.", why=excerpt(why.rstrip("."), 300)) if why else Safe(".")
        hint = safe_format("Check it with: termchat mcp test {name}", name=name)
        return Failure(FailureKind.SERVER, Safe(words + tail), hint)


class _ContentError(Exception):
    """A content that cannot be attached, with the reason."""


async def _resources(client: Client) -> tuple[ResourceRow, ...]:
    rows: list[ResourceRow] = []
    cursor = None
    for _ in range(_PAGES):
        page = await client.list_resources(cursor=cursor, cache_mode="refresh")
        for item in page.resources:
            about = item.title or item.name or ""
            rows.append(ResourceRow(item.uri, _about(about, item.description), item.mime_type or "", item.size or 0))
        cursor = page.next_cursor
        if cursor is None or len(rows) >= RESOURCES:
            break
    return tuple(row for row in rows[:RESOURCES] if row.uri.isprintable())


async def _templates(client: Client) -> tuple[ResourceRow, ...]:
    try:
        page = await client.list_resource_templates(cache_mode="refresh")
    except Exception:  # a server may have resources without templates, and not know the request
        return ()
    return tuple(
        ResourceRow(item.uri_template, _about(item.title or item.name, item.description), template=True)
        for item in page.resource_templates[:RESOURCES]
        if item.uri_template.isprintable()
    )


def _about(title: str, description: str | None) -> str:
    words = " ".join(f"{title}: {description}".split() if description else title.split())
    return str(safe(repair_surrogates(words)))[:_DESCRIPTION]
