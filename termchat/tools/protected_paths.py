"""Files that other programs execute or obey later, one list for every tool that writes or runs.

The list is data: `protected_paths.toml`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from termchat.late_dataclass import dataclass

_FILE = Path(__file__).with_name("protected_paths.toml")


@dataclass(frozen=True, slots=True)
class ProtectedPath:
    """A protected path, relative to a folder, a repository or the home.

    path     its name
    folder   True for a folder, with everything below it
    text     the content of an empty file in its place
    """

    path: PurePath
    folder: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class ProtectedPaths:
    """All protected paths, by the directory that they are relative to."""

    inside: tuple[ProtectedPath, ...]
    repository: tuple[ProtectedPath, ...]
    home: tuple[ProtectedPath, ...]


@cache
def protected_paths() -> ProtectedPaths:
    """Return the list."""
    table: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    text: Mapping[str, str] = table["text"]

    def paths(name: str) -> tuple[ProtectedPath, ...]:
        rows: list[str] = table[name]
        return tuple(ProtectedPath(PurePath(row), row.endswith("/"), text.get(row, "")) for row in rows)

    return ProtectedPaths(paths("inside"), paths("repository"), paths("home"))


def is_protected(path: PurePath, home: PurePath) -> bool:
    """Return True for a path that no tool writes without asking a person.

    path   absolute; give the path as named and the resolved one
    home   the user's home
    """
    names = tuple(name.lower() for name in path.parts)
    if path.is_relative_to(home):
        below = tuple(name.lower() for name in path.relative_to(home).parts)
        if any(below[: len(row.path.parts)] == row.path.parts for row in protected_paths().home):
            return True
    return any(_within(names, row) for row in protected_paths().inside) or _in_bare_repository(path)


def home_of(environment: Mapping[str, str]) -> Path:
    """Return the home directory of an environment, resolved."""
    return Path(os.path.realpath(environment.get("HOME") or Path.home()))


def home_links(home: Path) -> Iterator[tuple[Path, ProtectedPath]]:
    """Yield each protected path of the home, resolved: a dotfile may be a link into a working directory.

    Names that differ in case only, such as `.config/Code`, are yielded if they exist.
    """
    listings: dict[Path, tuple[str, ...]] = {}
    for row in protected_paths().home:
        found = [home]
        for part in row.path.parts:
            found = [folder / name for folder in found for name in _spellings(folder, part, listings)]
        for path in found:
            yield Path(os.path.realpath(path)), row


def _spellings(folder: Path, name: str, listings: dict[Path, tuple[str, ...]]) -> list[str]:
    """Return a lower-case name, and the names in a folder that differ from it in case only."""
    if folder not in listings:
        try:
            listings[folder] = tuple(each for each in os.listdir(folder) if each != each.lower())
        except OSError:
            listings[folder] = ()
    return [name, *(each for each in listings[folder] if each.lower() == name)]


def _within(names: tuple[str, ...], row: ProtectedPath) -> bool:
    parts = row.path.parts
    last = len(names) - len(parts)
    starts = range(last + 1) if row.folder else range(max(last, 0), last + 1)
    return any(names[start : start + len(parts)] == parts for start in starts)


def _in_bare_repository(path: PurePath) -> bool:
    """Return True for a protected file of a repository without `.git` in its path, such as `project.git/config`."""
    folders = [path, *path.parents]
    for row in protected_paths().repository:
        for place in folders if row.folder else folders[:1]:
            if place.name.lower() == row.path.name and _is_repository(place.parent):
                return True
    return False


def _is_repository(folder: PurePath) -> bool:
    return os.path.isfile(folder / "HEAD") and os.path.isdir(folder / "objects")
