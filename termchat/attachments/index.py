"""Files for completion: an index of the working directory built on a thread, and ranked matches of what is typed.

One thread of its own serves the newest query; older ones are dropped, also in the middle. The index is built on the
first query, and again when it is older than a few seconds. A path that begins with `/`, `~` or `..` is completed from
its directory.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from termchat.attachments.sources import IndexedFile
from termchat.late_dataclass import dataclass

ROWS = 10
MOST = 100_000  # files
_FRESH = 5.0  # seconds
_LOOK = 2_000  # files between two looks for a newer query
_LISTED = 5_000  # entries of a directory
_ELSEWHERE = ("/", "~", "../")


@dataclass(frozen=True, slots=True)
class FileQuery:
    """The text typed after `@`, and the paths that come first: mentioned already, then recent ones."""

    typed: str
    first: tuple[str, ...] = ()


class FileIndex:
    """The index. `ask` never waits; `ready` is called from the thread when an answer is there.

    walk   yields the files, until the function it is given returns True
    """

    def __init__(
        self,
        cwd: Path,
        walk: Callable[[Callable[[], bool]], Iterator[IndexedFile]],
        ready: Callable[[FileQuery, tuple[IndexedFile, ...]], None],
    ) -> None:
        self._cwd = cwd
        self._walk = walk
        self._ready = ready
        self._wake = threading.Condition()
        self._query: FileQuery | None = None
        self._thread: threading.Thread | None = None
        self._files: list[IndexedFile] = []
        self._built = -1e9

    def ask(self, query: FileQuery) -> None:
        """Look for matches; a query that is not answered yet is dropped."""
        with self._wake:
            self._query = query
            self._wake.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="termchat-files", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._query is not None)
                query, self._query = self._query, None
            assert query
            rows = self._answer(query)
            if rows is not None:
                self._ready(query, rows)

    def _answer(self, query: FileQuery) -> tuple[IndexedFile, ...] | None:
        """Return the best matches, None if a newer query waits."""
        if query.typed.startswith(_ELSEWHERE) or query.typed == "..":
            return ranked(_elsewhere(self._cwd, query.typed), query, self._is_stale)
        if time.monotonic() - self._built > _FRESH:
            first = not self._files
            built = list(islice(self._walk(lambda: not first and self._is_stale()), MOST))
            if not first and self._is_stale():
                return None
            self._files, self._built = built, time.monotonic()
        return ranked(self._files, query, self._is_stale)

    def _is_stale(self) -> bool:
        return self._query is not None


def ranked(
    files: Sequence[IndexedFile], query: FileQuery, stale: Callable[[], bool] = lambda: False
) -> tuple[IndexedFile, ...] | None:
    """Return the best matches: the path itself, name prefix, name substring, then path subsequence.

    The result is None if `stale` returns True. In each class come first the paths of `query.first`, then those near the
    working directory, then short ones.
    """
    typed = query.typed.lower()
    places = {path: n for n, path in enumerate(query.first)}
    keys: list[tuple[int, int, int, int, str, int]] = []
    for number, file in enumerate(files):
        if number % _LOOK == 0 and stale():
            return None
        rank = match(file.path, typed)
        if rank is not None:
            place = places.get(file.path, len(places))
            depth = file.path.rstrip("/").count("/")
            rank = -1 if file.path == query.typed else rank  # what is typed, before what begins with it
            keys.append((rank, place, depth, len(file.path), file.path, number))
    keys.sort()
    return tuple(files[key[-1]] for key in keys[:ROWS])


def match(path: str, typed: str) -> int | None:
    """Return the class of a match, 0 for the best, None for no match. `typed` is lower case.

    0 is a prefix of the path or of the name, 1 a part of the name, 2 the letters of the path in order. While nothing
    is typed, the entries of the working directory are 0 and all others 2.
    """
    lower = path.lower()
    if not typed:
        return 0 if "/" not in lower.rstrip("/") else 2
    name = lower.rstrip("/").rpartition("/")[2]
    if lower.startswith(typed) or name.startswith(typed):
        return 0
    if typed in name or (("/" in typed) and typed in lower):
        return 1
    at = 0
    for letter in typed:
        at = lower.find(letter, at) + 1
        if not at:
            return None
    return 2


def _elsewhere(cwd: Path, typed: str) -> list[IndexedFile]:
    """Return the entries of the directory that a path outside of the index is in, named as typed."""
    folder = typed[: typed.rfind("/") + 1] or f"{typed}/"
    hidden = typed.rpartition("/")[2].startswith(".")
    found: list[IndexedFile] = []
    with suppress(OSError, ValueError), os.scandir(cwd / os.path.expanduser(folder)) as entries:
        for entry in islice(entries, _LISTED):
            if not entry.name.isprintable() or (entry.name.startswith(".") and not hidden):
                continue
            with suppress(OSError):
                about = entry.stat()
                is_folder = stat.S_ISDIR(about.st_mode)
                size = 0 if is_folder else about.st_size
                found.append(IndexedFile(f"{folder}{entry.name}{'/' if is_folder else ''}", size))
    return found
