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


def prefix_digest(body: Mapping[str, Any], turns: Sequence[Mapping[str, Any]]) -> str:
    """Return the digest of a body's system prompt and tools and of `turns`, 16 hex digits. Cache marks are ignored."""
    system: Any = body.get("system")
    system = as_list(system)[0]["text"] if as_list(system) else system
    prefix: dict[str, Any] = {"system": system, "tools": body.get("tools"), "turns": list(turns)}
    text = json.dumps(strip_cache_control(prefix) or prefix, ensure_ascii=False, sort_keys=True)
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
