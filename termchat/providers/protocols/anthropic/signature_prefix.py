"""Digest of the prefix that a thinking block's signature is bound to.

On newer models a signature is valid only after the same prefix: the system prompt, the tools and all earlier turns,
as they were sent. The digest is kept next to the signature. If the prefix has changed (another system prompt, tools
enabled, an edited question), the API would refuse the block, so the block is not sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from termchat.providers.decoder import as_list
from termchat.providers.protocols.anthropic.prompt_cache import strip_cache_control


def prefix_digest(body: Mapping[str, Any], turns: Sequence[Mapping[str, Any]]) -> str:
    """The digest of a body's prefix that ends with these turns; where cache marks stand makes no difference."""
    system: Any = body.get("system")
    system = as_list(system)[0]["text"] if as_list(system) else system
    said: dict[str, Any] = {"system": system, "tools": body.get("tools"), "turns": list(turns)}
    text = json.dumps(strip_cache_control(said) or said, ensure_ascii=False, sort_keys=True)
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
