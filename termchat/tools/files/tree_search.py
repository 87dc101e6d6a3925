"""Search a tree with ripgrep, or without it with `regex_search.py`: the same files, results and format.

The walk opens the files, and the searching process gets open files, not names: no link made meanwhile leads it
elsewhere, and both processes search what the walk allows.
"""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from termchat.core.sanitize import counted
from termchat.tools.builtin.secret_places import holds_secret
from termchat.tools.files.folder import READ, EntryKind, open_inside
from termchat.tools.files.ignore_rules import Glob
from termchat.tools.files.names import escape_name
from termchat.tools.files.resolved_path import ResolvedPath
from termchat.tools.files.text_file import READ_BYTES
from termchat.tools.files.walk import TreeWalk

FILE_BYTES = 20_000_000  # a larger file is not searched
MATCHES = 500
RESULT_BYTES = 48_000
_BATCH = 500  # files of one process
_LINE = 300  # bytes of a line in the result
_BEFORE = 100  # bytes before a match in a long line
_BY_FD = os.name == "posix"
_OWN = Path(__file__).with_name("regex_search.py")


class PatternError(Exception):
    """The pattern is no regular expression."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A regular expression and its options; `around` is the number of lines to show before and after a match."""

    pattern: str
    glob: Glob | None = None
    ignore_case: bool = False
    around: int = 0


@dataclass(frozen=True, slots=True)
class _File:
    place: ResolvedPath
    parts: tuple[str, ...]
    fd: int

    @property
    def name(self) -> str:
        """The path as the model reads it."""
        return os.path.normpath(os.path.join(self.place.given, *self.parts))

    @property
    def argument(self) -> str:
        """The path for the searching process: the open file, on Windows its name."""
        return f"/dev/fd/{self.fd}" if _BY_FD else str(self.place.real.joinpath(*self.parts))

    def read(self) -> str:
        """Return the text of the file, for the search of private keys."""
        return os.pread(self.fd, READ_BYTES, 0).decode("utf-8", "replace")


@dataclass(slots=True)
class TreeSearch:
    """A search of a file or directory.

    ripgrep   the program, None to search without it
    walk      the walk of the directory
    """

    query: SearchQuery
    place: ResolvedPath
    walk: TreeWalk
    ripgrep: Path | None = None
    _rows: list[str] = field(default_factory=list[str])
    _matches: int = 0
    _files: int = 0
    _room: int = RESULT_BYTES
    _large: int = 0
    _secret: int = 0
    _full: bool = False
    _answered: bool = False

    def run(self) -> str:
        """Return the result for the model. Raises PatternError, and OSError if the path cannot be read."""
        batches = self._batches()
        first = next(batches, list[_File]())
        try:
            self._search(first)
        except PatternError:
            if self.ripgrep is None:
                raise
            self.ripgrep = None  # ripgrep has no look-around and no back references
            self._search(first)
        finally:
            _close(first)
        if not self._full:
            self._search_all(batches)
        return "\n".join([self._head(), *self._rows])

    def _search_all(self, batches: Iterator[list[_File]]) -> None:
        """Search batches, each while the next one is opened."""
        with ThreadPoolExecutor(1) as thread:
            running: Future[None] | None = None
            for batch in batches:
                try:
                    if running:
                        running.result()
                except BaseException:
                    _close(batch)
                    raise
                if self._full:
                    _close(batch)
                    return
                running = thread.submit(self._search_and_close, batch)
            if running:
                running.result()

    def _search_and_close(self, batch: Sequence[_File]) -> None:
        try:
            self._search(batch)
        finally:
            _close(batch)

    def _batches(self) -> Iterator[list[_File]]:
        batch: list[_File] = []
        size = _batch_size()
        for file in self._candidates():
            batch.append(file)
            if len(batch) >= size:
                yield batch
                batch = []
        if batch:
            yield batch

    def _candidates(self) -> Iterator[_File]:
        """Open the files to search."""
        file = open_inside(self.place.root, self.place.inside, READ)
        if (kept := self._checked((), file)) is not None:
            yield kept
            return
        for found in self.walk.entries():
            if found.entry.kind is not EntryKind.FILE or found.secret:
                continue
            if self.query.glob and not self.query.glob.matches(found.path):
                continue
            with suppress(OSError):
                if kept := self._checked(found.parts, found.folder.open(found.entry.name, READ)):
                    yield kept

    def _checked(self, parts: tuple[str, ...], fd: int) -> _File | None:
        """Return an open regular file that is not too large; close any other. Raises OSError for the start."""
        about = os.fstat(fd)
        is_file = stat.S_ISREG(about.st_mode)
        if is_file and about.st_size <= FILE_BYTES:
            return _File(self.place, parts, fd)
        os.close(fd)
        if not parts and not stat.S_ISDIR(about.st_mode):
            raise OSError(0, "it is too large" if is_file else "it is not a regular file")
        self._large += is_file
        return None

    def _command(self) -> list[str]:
        case, around = ("i" if self.query.ignore_case else "s"), str(self.query.around)
        if self.ripgrep:
            options = ["--no-config", "--json", "--crlf", "--no-mmap", "--threads=1", f"--context={around}", f"-{case}"]
            return [str(self.ripgrep), *options, f"--regexp={self.query.pattern}", "--"]
        return [sys.executable, "-I", "-S", str(_OWN), self.query.pattern, case, around]

    def _search(self, batch: Sequence[_File]) -> None:
        """Search open files. Raises PatternError."""
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(  # noqa: S603 - an absolute path, no shell
                [*self._command(), *([file.argument for file in batch] or [os.devnull])],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, cwd=os.sep, env={} if _BY_FD else None,
                pass_fds=[file.fd for file in batch] if _BY_FD else (),
            )  # fmt: skip
            assert process.stdout
            with process.stdout:
                threading.Thread(target=self._watch, args=(process,), daemon=True).start()
                try:
                    self._collect(process.stdout, {file.argument: file for file in batch})
                finally:
                    if self._full or self.walk.stop.reached:
                        process.kill()
            if process.wait() == 2 and not self._answered:
                errors.seek(0)
                raise PatternError(errors.read(2_000).decode("utf-8", "replace").strip())
        if self.walk.stop.reached:
            self.walk.stopped = self._full = True

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the process when the search has to end."""
        while process.poll() is None:
            if self.walk.stop.wait(0.1):
                process.kill()
                return

    def _collect(self, output: IO[bytes], files: Mapping[str, _File]) -> None:
        rows: list[str] = []
        name, hits, last = "", 0, 0
        for line in output:
            try:
                message: dict[str, Any] = json.loads(line)
            except ValueError:  # cut by the kill
                return
            self._answered = True
            data = message["data"]
            match message["type"]:
                case "begin":
                    rows, hits, last = [], 0, 0
                    name = escape_name(files[data["path"]["text"]].name) if data["path"]["text"] in files else ""
                case "match" | "context" if self._matches + hits < MATCHES and len(rows) < RESULT_BYTES:
                    number: int = data["line_number"]
                    if self.query.around and last and number > last + 1:
                        rows.append("--")
                    hits += message["type"] == "match"
                    rows.append(_row(name, data))
                    last = number
                case "end" if hits and data["binary_offset"] is None:
                    self._add(files[data["path"]["text"]], rows, hits)
                case _:
                    pass
            if self._full:
                return

    def _add(self, file: _File, rows: list[str], hits: int) -> None:
        if not self.walk.context.permit.by_person and holds_secret(file.read()):
            self._secret += 1
            return
        if self._rows and self.query.around:
            self._rows.append("--")
        self._files += 1
        self._matches += hits
        for row in rows:
            self._room -= len(row.encode()) + 1
            if self._room < 0:
                self._full = True
                return
            self._rows.append(row)
        self._full = self._matches >= MATCHES

    def _head(self) -> str:
        matches = "1 match" if self._matches == 1 else f"{self._matches} matches"
        notes = [f"{matches} in {counted(self._files, 'file')}"]
        if self.walk.stop.reached:
            notes.append("stopped at the time limit: search a directory below, or simplify the pattern")
        elif self._full:
            notes.append("cut: search a directory below, or use a glob")
        elif self.walk.stopped:
            notes.append("not all directories were searched")
        if self._large:
            notes.append(f"not searched: {counted(self._large, 'file')} larger than {FILE_BYTES // 1_000_000} MB")
        if self._secret:
            notes.append(f"left out: {counted(self._secret, 'file')} with private keys")
        if self.walk.ignored:
            notes.append(f"{self.walk.ignored} ignored by .gitignore")
        return f"[{'; '.join(notes)}]"


def _batch_size() -> int:
    """Return the number of files to open at once: a third of what the system allows this process."""
    try:
        import resource
    except ImportError:  # Windows
        return 100
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _BATCH if allowed == resource.RLIM_INFINITY else max(20, min(_BATCH, allowed // 3))


def _row(name: str, data: Mapping[str, Any]) -> str:
    """Return a line as grep shows it: `NAME:12: text`, and `NAME-13- text` around a match."""
    lines = cast("dict[str, str]", data["lines"])
    raw = lines["text"].encode() if "text" in lines else base64.b64decode(lines["bytes"])
    raw = raw.removesuffix(b"\n").removesuffix(b"\r")
    spans = data["submatches"]
    text = _window(raw, spans[0]["start"] if spans else 0).replace("\0", "\\0")
    mark = ":" if spans else "-"
    return f"{name}{mark}{data['line_number']}{mark} {text}"


def _window(raw: bytes, start: int) -> str:
    """Return the part of a line around a match."""
    if len(raw) <= _LINE:
        return raw.decode("utf-8", "backslashreplace")
    first = max(0, min(start - _BEFORE, len(raw) - _LINE))
    shown = raw[first : first + _LINE].decode("utf-8", "ignore")
    return ("… " if first else "") + shown + (" …" if first + _LINE < len(raw) else "")


def _close(batch: Sequence[_File]) -> None:
    for file in batch:
        with suppress(OSError):
            os.close(file.fd)
