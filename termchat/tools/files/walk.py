"""Walks of a directory tree that follow no symlink, heed `.gitignore` and enter no place that may hold secrets."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TypeVar

from termchat.tools.builtin.secret_places import is_secret_place, secret_names
from termchat.tools.files.folder import EntryKind, Folder, FolderEntry, open_folder
from termchat.tools.files.ignore_rules import IgnoreRules
from termchat.tools.files.resolved_path import ResolvedPath
from termchat.tools.registry import ToolContext

_T = TypeVar("_T")

FOLDER_ENTRIES = 10_000  # entries of one directory
DEPTH = 60  # directories inside each other; each is open meanwhile


class WalkStop:
    """The end of a walk from outside: by cancelling it, or after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._cancelled = Event()

    def cancel(self) -> None:
        """End the walk."""
        self._cancelled.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, for at most `seconds`; return True if it is reached."""
        self._cancelled.wait(min(seconds, self.left))
        return self.reached

    @property
    def reached(self) -> bool:
        """True when the walk has to end."""
        return self._cancelled.is_set() or time.monotonic() > self._deadline

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return 0.0 if self._cancelled.is_set() else max(0.0, self._deadline - time.monotonic())


async def run_stoppable(function: Callable[[WalkStop], _T], seconds: float) -> _T:
    """Run a function on a thread; a cancelled caller stops it."""
    stop = WalkStop(seconds)
    try:
        return await asyncio.to_thread(function, stop)
    except asyncio.CancelledError:
        stop.cancel()
        raise


@dataclass(frozen=True, slots=True)
class WalkedEntry:
    """An entry of the tree, by its path relative to the start; `folder` is open until the next entry."""

    parts: tuple[str, ...]
    entry: FolderEntry
    folder: Folder
    secret: bool

    @property
    def path(self) -> str:
        """The path with slashes."""
        return "/".join(self.parts)


@dataclass(slots=True)
class TreeWalk:
    """A walk of the directory at a place; the counts grow while it runs.

    depth        levels to enter, 1 for the directory alone
    ignored      entries that `.gitignore` leaves out
    unreadable   directories that cannot be read
    stopped      True if it ended early
    """

    context: ToolContext
    place: ResolvedPath
    stop: WalkStop
    depth: int = DEPTH + 1
    ignored: int = 0
    unreadable: int = 0
    stopped: bool = False
    _private: frozenset[str] = frozenset()
    _base: tuple[str, ...] = ()  # from the top of the rules to the start

    def entries(self) -> Iterator[WalkedEntry]:
        """Yield the entries, directories first. Raises OSError if the start is no directory that can be read."""
        self._private = frozenset(os.path.realpath(place) for place in self.context.private)
        top = self._top()
        self._base = self.place.real.relative_to(top).parts
        with open_folder(self.place.root, self.place.inside) as start:
            yield from self._inside(start, (), self._rules_above(top))

    def _top(self) -> Path:
        """Return the directory whose `.gitignore` comes first: that of the repository, else the working directory."""
        root, real = Path(os.path.realpath(self.context.cwd)), self.place.real
        start = root if real.is_relative_to(root) else real
        return next((each for each in (start, *start.parents) if os.path.lexists(each / ".git")), start)

    def _rules_above(self, top: Path) -> IgnoreRules:
        """Return the rules of the directories from the top to the start, and those of the repository's own file."""
        rules = IgnoreRules()
        with suppress(OSError), open_folder(top, Path(".git", "info")) as folder:
            rules = rules.entered(folder, 0, "exclude")
        for depth in range(len(self._base)):
            with suppress(OSError), open_folder(top, Path(*self._base[:depth])) as folder:
                rules = rules.entered(folder, depth)
        return rules

    def _inside(self, folder: Folder, parts: tuple[str, ...], rules: IgnoreRules) -> Iterator[WalkedEntry]:
        base = (*self._base, *parts)
        rules = rules.entered(folder, len(base))
        found = folder.entries(FOLDER_ENTRIES)
        self.stopped |= len(found) >= FOLDER_ENTRIES
        found.sort(key=lambda entry: entry.kind is not EntryKind.FOLDER)
        for entry in found:
            if self.stop.reached:
                self.stopped = True
                return
            inner = (*parts, entry.name)
            is_folder = entry.kind is EntryKind.FOLDER
            if rules.ignores((*base, entry.name), is_folder=is_folder):
                self.ignored += 1
                continue
            if self._private and os.path.join(folder.path, entry.name) in self._private:
                continue
            secret = not self.place.secret and self._is_secret(inner)
            yield WalkedEntry(inner, entry, folder, secret)
            if is_folder and not secret and len(inner) < self.depth:
                yield from self._enter(folder, inner, rules)

    def _enter(self, folder: Folder, inner: tuple[str, ...], rules: IgnoreRules) -> Iterator[WalkedEntry]:
        if len(inner) >= DEPTH:
            self.stopped = True
            return
        try:
            opened = folder.enter(inner[-1])
        except OSError:
            self.unreadable += 1
            return
        with opened:
            try:
                yield from self._inside(opened, inner, rules)
            except OSError:
                self.unreadable += 1

    def _is_secret(self, inner: tuple[str, ...]) -> bool:
        """Return True for a secret place; the directories above it are none."""
        known = secret_names().match(inner[-1])
        return known is not None and is_secret_place(self.place.root, self.place.inside.joinpath(*inner))
