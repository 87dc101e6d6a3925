"""Names of the tools of MCP servers: `mcp_SERVER_TOOL`, in the characters and the length that all vendors take."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

LENGTH = 64  # characters
_OTHER = re.compile(r"[^A-Za-z0-9_-]")
_HASH = 6


def tool_names(server: str, names: Iterable[str]) -> dict[str, str]:
    """Return the name of each tool, sorted by it. A name that is too long or taken ends in a hash of the tool's own."""
    found: dict[str, str] = {}
    for name in sorted(set(names)):
        made = f"mcp_{server}_{_OTHER.sub('_', name)}"
        if len(made) > LENGTH or made in found or made.endswith("_"):
            tail = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]
            made = f"{made[: LENGTH - _HASH - 1]}_{tail}"
        found.setdefault(made, name)
    return dict(sorted(found.items()))
