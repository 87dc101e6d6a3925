"""Clipboard of the terminal itself, also over ssh: OSC 5522, https://sw.kovidgoyal.net/kitty/clipboard/.

The terminal may ask its user for permission. One that does not know the protocol says so, or nothing.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Callable

from termchat.late_dataclass import dataclass

_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif", "text/plain")
_QUERY = "\x1b[?5522$p"
_MODE = re.compile(r"\x1b\[\?5522;(\d)\$y")
_PACKET = re.compile(r"\x1b\]5522;([^;\x07\x1b]*)(?:;([^\x07\x1b]*))?(?:\x07|\x1b\\)")
_ANSWER = 1.0  # seconds, after which a terminal does not know the protocol
_PERMISSION = 60.0  # seconds for the user of the terminal, and for the data
_LARGEST = 32 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class ClipboardData:
    """The content of the clipboard in one of its types; b"" if it has none of them, or was not given."""

    mime: str = ""
    data: bytes = b""


class RemoteClipboard:
    """Reads the clipboard through the terminal.

    send   writes a control sequence to the terminal
    """

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send = send
        self._known: asyncio.Future[bool] | None = None
        self._done: asyncio.Future[None] | None = None
        self._parts: dict[str, bytearray] = {}
        self._size = 0
        self._reading = asyncio.Lock()  # a terminal answers one request at a time, and its answers have no number

    async def read(self) -> ClipboardData | None:
        """Return the content, an image before text; None if the terminal does not know the protocol."""
        async with self._reading:
            return await self._read()

    async def _read(self) -> ClipboardData | None:
        loop = asyncio.get_running_loop()
        self._known, self._done, self._parts, self._size = loop.create_future(), loop.create_future(), {}, 0
        wanted = base64.b64encode(" ".join(_TYPES).encode()).decode()
        try:
            self._send(_QUERY)
            async with asyncio.timeout(_ANSWER):
                if not await self._known:
                    return None
            self._send(f"\x1b]5522;type=read;{wanted}\x1b\\")
            async with asyncio.timeout(_PERMISSION):
                await self._done
        except TimeoutError:
            return None if not self._known.done() or self._known.cancelled() else ClipboardData()
        finally:
            self._known = self._done = None
        found = ((mime, self._parts[mime]) for mime in _TYPES if self._parts.get(mime))
        return next((ClipboardData(mime, bytes(data)) for mime, data in found), ClipboardData())

    def reply(self, text: str) -> bool:
        """Take a reply of the terminal; return False if it is about something else."""
        if mode := _MODE.match(text):
            if self._known and not self._known.done():
                self._known.set_result(mode[1] != "0")
            return True
        packet = _PACKET.match(text)
        if packet is None:
            return False
        pairs = (pair.partition("=") for pair in packet[1].split(":"))
        self._take({name: value for name, _, value in pairs}, packet[2] or "")
        return True

    def _take(self, about: dict[str, str], payload: str) -> None:
        if self._done is None or self._done.done() or about.get("type") != "read":
            return
        match about.get("status"):
            case "OK":
                return
            case "DATA":
                mime, data = _decoded(about.get("mime", "")).decode("ascii", "replace"), _decoded(payload)
                self._size += len(data)
                if mime in _TYPES and self._size <= _LARGEST:
                    self._parts.setdefault(mime, bytearray()).extend(data)
            case _:  # DONE, or an error such as EPERM
                self._done.set_result(None)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
