"""What a thinking block is bound to: on newer models its signature holds only behind the very same words.

The prefix of a block is the system prompt, the tools and all turns before its own, as they were sent. Its digest is
kept beside the signature; when it has changed (another system prompt, tools switched on, an edited question) the
block would be refused, so it does not go (providers.md 5.3).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, cast


def prefix_of(body: Mapping[str, Any], turns: Sequence[Mapping[str, Any]]) -> str:
    """The digest of a body's prefix that ends with these turns; where cache marks stand makes no difference."""
    said = [body.get("system"), body.get("tools"), list(turns)]
    text = json.dumps(_unmarked(said), ensure_ascii=False, sort_keys=True)
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _unmarked(value: Any) -> Any:
    """The value without cache marks, a system prompt in blocks as its words."""
    if isinstance(value, dict):
        rows = cast("dict[str, Any]", value)
        return {name: _unmarked(inner) for name, inner in rows.items() if name != "cache_control"}
    if isinstance(value, list):
        return [_unmarked(inner) for inner in cast("list[Any]", value)]
    return value
