"""Paths as a model writes them and as the system resolves them, one way for rules and for tools."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import NamedTuple


class RealPaths(NamedTuple):
    """The working directory, resolved; a path in it without `.` and `..`, and that path without symlinks."""

    root: Path
    given: Path
    real: Path


def real_paths(path: str, cwd: Path) -> RealPaths:
    """Resolve a path relative to a working directory; `~` is the user's home.

    Raises ValueError for a path with NUL, OSError for a loop of symlinks.
    """
    root = Path(os.path.realpath(cwd))
    joined = root / os.path.expanduser(path)  # unlike Path.expanduser, no error for an unknown user
    return RealPaths(root, Path(os.path.normpath(joined)), Path(os.path.realpath(joined)))


def is_below(path: PurePath, place: Path) -> bool:
    """Return True for a path in a place, as the place is written or as it resolves."""
    return path.is_relative_to(place) or path.is_relative_to(os.path.realpath(place))
