"""Find the program of a command on the user's PATH, never inside the working directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Unresolved:
    """The reason why a name has no program that a rule may run, as a sentence."""

    reason: str


def resolve_program(name: str, path: str, cwd: Path) -> Path | Unresolved:
    """Return the absolute path of a program.

    name   the first word of a command; with a slash it must be absolute
    path   the value of PATH; entries that are empty, relative or inside the working directory do not count
    """
    root = os.path.realpath(cwd)
    if "/" in name:
        if not os.path.isabs(name):
            return Unresolved(f"{name} is a path relative to the working directory.")
        return _program(name, root) or Unresolved(f"{name} is no program outside the working directory.")
    for folder in path.split(os.pathsep):
        if os.path.isabs(folder) and not _is_inside(folder, root) and (found := _program(f"{folder}/{name}", root)):
            return found
    return Unresolved(f"{name} is no program on PATH outside the working directory.")


def _program(file: str, root: str) -> Path | None:
    if not os.path.isfile(file) or not os.access(file, os.X_OK):
        return None
    # A link from outside may lead to a program that the model can write.
    return None if _is_inside(file, root) or _is_inside(os.path.realpath(file), root) else Path(os.path.normpath(file))


def _is_inside(path: str, root: str) -> bool:
    return any(Path(place).is_relative_to(root) for place in (os.path.normpath(path), os.path.realpath(path)))
