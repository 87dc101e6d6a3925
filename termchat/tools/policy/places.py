"""The place of a path: inside the working directory or outside, secret, or termchat's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from termchat.tools.builtin.secret_places import may_hold_secrets
from termchat.tools.real_paths import is_below, real_paths


class Place(Enum):
    """The place of a path; the value completes a sentence that begins with the path."""

    INSIDE = "is inside the working directory"
    OUTSIDE = "is outside the working directory"
    SECRET = "may hold secrets"  # noqa: S105 - no password
    PRIVATE = "belongs to termchat itself"


@dataclass(frozen=True, slots=True)
class Located:
    """A path as given, absolute without `.` and `..`, and as the system resolves it, without symlinks."""

    given: Path
    real: Path
    place: Place


def locate(path: str, cwd: Path, private: Sequence[Path] = ()) -> Located:
    """Return the place of a path relative to a working directory; `~` is the user's home.

    Raises ValueError for a path with NUL, OSError for a loop of symlinks.
    """
    root, given, real = real_paths(path, cwd)
    if any(is_below(p, place) for p in (given, real) for place in private):
        return Located(given, real, Place.PRIVATE)
    if any(may_hold_secrets(root, p) for p in (given, real)):
        return Located(given, real, Place.SECRET)
    inside = given.is_relative_to(root) and real.is_relative_to(root)
    return Located(given, real, Place.INSIDE if inside else Place.OUTSIDE)
