"""Digest of the prefix that a thinking block's signature is bound to.

On newer models a signature is valid only after the same prefix: the system prompt, the tools and all earlier turns,
as sent. The digest is stored with the signature. If the prefix has changed (another system prompt, tools enabled, an
edited question), the block is not sent, because the API would reject it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from termchat.providers.decoder import as_list
from termchat.providers.protocols.anthropic.prompt_cache import strip_cache_control


class PrefixDigest:
    """Running digest of a growing prefix: each turn is hashed once, however many replies follow it."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        system: Any = body.get("system")
        system = as_list(system)[0]["text"] if as_list(system) else system
        start = f'{{"system": {_json(system)}, "tools": {_json(body.get("tools"))}, "turns": ['
        self._hash = sha256(start.encode("utf-8", "replace"))
        self._closed = 0  # turns that are part of the hash
        self._open: tuple[int, int, bytes] = (0, 0, b"")  # number of turns, of blocks in the last one, and its JSON

    def digest(self, turns: Sequence[Mapping[str, Any]]) -> str:
        """Return the digest of the prefix with `turns`, 16 hex digits. Cache marks are ignored.

        Between calls, turns may be appended, and blocks to the last turn; nothing else may change.
        """
        for turn in turns[self._closed : -1]:
            self._hash.update(self._encoded(self._closed, turn))
            self._closed += 1
        copy = self._hash.copy()
        if turns:
            copy.update(self._encoded(len(turns) - 1, turns[-1]))
        copy.update(b"]}")
        return copy.hexdigest()[:16]

    def _encoded(self, place: int, turn: Mapping[str, Any]) -> bytes:
        content = turn["content"]
        if self._open[:2] != (place + 1, len(content)):
            text = (", " if place else "") + _json(turn)
            self._open = (place + 1, len(content), text.encode("utf-8", "replace"))
        return self._open[2]


def prefix_digest(body: Mapping[str, Any], turns: Sequence[Mapping[str, Any]]) -> str:
    """Return the digest of a body's system prompt and tools and of `turns`, 16 hex digits. Cache marks are ignored."""
    return PrefixDigest(body).digest(turns)


def _json(value: Any) -> str:
    return json.dumps(strip_cache_control(value), ensure_ascii=False, sort_keys=True)
