"""Servers on this machine, found on the ports of the presets. Nothing is sent to any other host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from termchat.core.models import ProviderConfig
from termchat.core.numbers import whole_number
from termchat.providers.decoder import as_list, as_object, as_text

PROBE_SECONDS = 0.3  # for all servers together
_LOOPBACK = {"localhost": ("127.0.0.1", "::1"), "127.0.0.1": ("127.0.0.1",), "::1": ("::1",)}
_MAX_BYTES = 1 << 20  # of an answer
_HEAD = b"GET %b/models HTTP/1.1\r\nHost: %b\r\nAccept: application/json\r\nConnection: close\r\n\r\n"


class LocalServer(NamedTuple):
    """A server that answers: its provider's name, its port, the names of its models.

    locked   the server asks for a key
    """

    provider: str
    port: int
    models: tuple[str, ...]
    locked: bool = False


async def find_local_servers(
    providers: Iterable[ProviderConfig], seconds: float = PROBE_SECONDS
) -> tuple[LocalServer, ...]:
    """Return the servers on this machine that list models within `seconds`, in the order of `providers`.

    Only addresses of the loopback interface are asked, all at once, and no key is sent. Of providers with the same
    address, the first one counts.
    """
    asked: dict[tuple[str, int], tuple[str, str]] = {}
    for provider in providers:
        parts = urlsplit(next(iter(provider.base_urls.values()), ""))
        if provider.local and parts.scheme == "http" and parts.port and parts.hostname in _LOOPBACK:
            asked.setdefault((parts.hostname or "", parts.port), (provider.name, parts.path.rstrip("/")))
    tasks = [
        asyncio.create_task(_ask(name, host, port, path)) for (host, port), (name, path) in asked.items()
    ]  # fmt: skip
    if not tasks:
        return ()
    done, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    found = (task.result() for task in tasks if task in done and not task.exception())
    return tuple(server for server in found if server)


async def _ask(name: str, host: str, port: int, path: str) -> LocalServer | None:
    """Return the server at an address, None if it does not list models."""
    for address in _LOOPBACK[host]:
        with suppress(OSError):
            return _read(name, port, await _fetch(address, host, port, path))
    return None


async def _fetch(address: str, host: str, port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        named = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        writer.write(_HEAD % (path.encode("ascii", "replace"), named.encode()))
        data = b""
        while len(data) < _MAX_BYTES and (piece := await reader.read(65536)):
            data += piece
            if _is_whole(data):
                break
        return data
    finally:
        writer.close()


def _is_whole(data: bytes) -> bool:
    """Return True if a response has as many bytes as its header says; a server may keep the connection open."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length" and (size := whole_number(value.strip())) is not None:
            return len(body) >= size
    return body.endswith(b"0\r\n\r\n") if b"chunked" in head.lower() else False


def _read(name: str, port: int, data: bytes) -> LocalServer | None:
    head, _, body = data.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if not head.startswith(b"HTTP/1."):
        return None
    if status in ([b"401"], [b"403"]):
        return LocalServer(name, port, (), locked=True)
    if status != [b"200"]:
        return None
    try:
        listed = as_object(json.loads(_joined(body) if b"chunked" in head.lower() else body))
    except ValueError:
        return None
    if not isinstance(listed.get("data"), list):
        return None
    names = (as_text(as_object(row).get("id")) for row in as_list(listed["data"]))
    return LocalServer(name, port, tuple(model for model in names if model))


def _joined(body: bytes) -> bytes:
    """Join the chunks of a body."""
    whole = b""
    while body:
        size, end, rest = body.partition(b"\r\n")
        try:
            length = int(size.split(b";")[0], 16)
        except ValueError:
            break
        if not end or not length:
            break
        whole, body = whole + rest[:length], rest[length + 2 :]
    return whole
