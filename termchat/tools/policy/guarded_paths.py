"""Files that act later, whose change always asks: the protected paths, and the list in `guarded_paths.toml`."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from termchat.tools.builtin.secret_places import ends_with_pattern
from termchat.tools.protected_paths import home_of, is_protected

_FILE = Path(__file__).with_name("guarded_paths.toml")


def is_guarded(path: Path) -> bool:
    """Return True for an absolute path that a program runs or obeys; give a path as named and as resolved."""
    if is_protected(path, home_of(os.environ)):
        return True
    names = [name.lower() for name in path.parts]
    folders, files = _guarded()
    return ends_with_pattern(names, files) or any(ends_with_pattern(names[: n + 1], folders) for n in range(len(names)))


@cache
def _guarded() -> tuple[tuple[str, ...], tuple[str, ...]]:
    rows: list[dict[str, Any]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))["place"]
    folders = tuple(name for row in rows for name in row.get("folders", ()))
    return folders, tuple(name for row in rows for name in row.get("files", ()))
