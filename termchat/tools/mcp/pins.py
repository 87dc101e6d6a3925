"""Hashes of tool descriptions that the user agreed to, in a file of the data directory.

A server can change what a tool says and takes after its user has come to trust it. A tool that differs from its hash
asks before it runs, whatever rules say. The tools that a server has when it is first used are agreed to with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from termchat.system.atomic_write import replace_text
from termchat.system.file_lock import exclusive_lock

_LOCK_SECONDS = 5.0  # to wait for another process
Pins = dict[str, str]  # the server's own name of a tool -> hash


def fingerprint(name: str, description: str, schema: Mapping[str, Any]) -> str:
    """Return the hash of what a model and a person are told about a tool."""
    text = json.dumps([name, description, schema], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


class PinFile:
    """The hashes of all servers. A file that cannot be read counts as empty, so that all tools are new."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, server: str) -> Pins | None:
        """Return the hashes of a server, None if it was never used."""
        pins = self._all().get(server)
        return dict(pins) if pins is not None else None

    def write(self, server: str, pins: Pins | None) -> None:
        """Replace the hashes of a server; None forgets it. Raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self._path.with_suffix(".lock")
        with exclusive_lock(lock, _LOCK_SECONDS):  # servers start together, and in several processes
            servers = self._all()
            if pins is None:
                servers.pop(server, None)
            else:
                servers[server] = pins
            replace_text(self._path, json.dumps(servers, indent=1, sort_keys=True))

    def _all(self) -> dict[str, Pins]:
        with suppress(OSError, ValueError, RecursionError):
            found: object = json.loads(self._path.read_text("utf-8"))
            if isinstance(found, dict):
                rows = cast("dict[str, object]", found)
                return {name: cast("Pins", row) for name, row in rows.items() if isinstance(row, dict)}
        return {}
