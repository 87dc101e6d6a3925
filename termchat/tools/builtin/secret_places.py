"""Places that hold secrets, one list for every tool that touches files. The list is data: `secret_places.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from pathlib import Path, PurePath
from typing import Any

_FILE = Path(__file__).with_name("secret_places.toml")


@dataclass(frozen=True, slots=True)
class _Places:
    folders: tuple[str, ...]
    files: tuple[str, ...]
    allowed: tuple[str, ...]
    words: tuple[re.Pattern[str], ...]


@cache
def _places() -> _Places:
    table: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return _Places(
        tuple(name for row in table["place"] for name in row.get("folders", ())),
        tuple(name for row in table["place"] for name in row.get("files", ())),
        tuple(table["allowed"]),
        tuple(re.compile(words) for words in table["words"]),  # one by one: each begins with text, which is fast
    )


def is_secret_place(root: PurePath, inside: PurePath) -> bool:
    """Return True for a path that may hold secrets.

    root     the working directory, absolute; of its own path only the names of folders count
    inside   the path relative to it
    """
    places = _places()
    names = [name.lower() for name in inside.parts]
    whole = [name.lower() for name in root.parts] + names
    if any(ends_with_pattern(whole[: n + 1], places.folders) for n in range(len(whole))):
        return True
    first = len(whole) - len(names)
    return any(
        ends_with_pattern(whole[: n + 1], places.files) and not ends_with_pattern(whole[: n + 1], places.allowed)
        for n in range(first, len(whole))
    )


def may_hold_secrets(root: PurePath, path: PurePath) -> bool:
    """Return True for an absolute path that may hold secrets; inside a working directory, `root` is that."""
    base = root if path.is_relative_to(root) else PurePath(path.anchor)
    return is_secret_place(base, path.relative_to(base))


@cache
def secret_names() -> re.Pattern[str]:
    """Return an expression for the last names of places: a first look, which costs little.

    A path whose last name it does not match is no secret place, unless a directory above it is one.
    """
    names = {pattern.rpartition("/")[2] for pattern in secret_globs()}
    return re.compile("|".join(translate(name) for name in names), re.IGNORECASE)


@cache
def secret_globs() -> tuple[str, ...]:
    """Return the places as globs of a `.gitignore`, for a search that must leave them out; match them without case."""
    names = (*_places().folders, *_places().files)
    return tuple(f"**/{name}" if "/" in name else name for name in names)


def holds_secret(text: str) -> bool:
    """Return True for the text of a private key or of a service account, whatever the name of its file is."""
    return any(words.search(text) for words in _places().words)


def ends_with_pattern(names: Sequence[str], patterns: tuple[str, ...]) -> bool:
    """Return True if a path ends with one of the patterns, which may have wildcards and slashes."""
    return any(regex.match("/".join(names[-depth:])) for depth, regex in _compiled(patterns))


@cache
def _compiled(patterns: tuple[str, ...]) -> tuple[tuple[int, re.Pattern[str]], ...]:
    """Return one expression for the patterns of each number of names."""
    by_depth: dict[int, list[str]] = {}
    for pattern in patterns:
        by_depth.setdefault(pattern.count("/") + 1, []).append(translate(pattern))
    return tuple((depth, re.compile("|".join(regexes))) for depth, regexes in by_depth.items())
