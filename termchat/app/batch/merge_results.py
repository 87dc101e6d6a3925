"""Join the results of shards in the order of the input."""

from __future__ import annotations

import errno
import json
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO

from termchat.batch.rows import LONGEST_LINE
from termchat.config.paths import user_path
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import EMPTY, safe, safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.ui.stderr import Stderr, output_failed

_SHARD = re.compile(r"[1-9]\d{0,5}/[1-9]\d{0,5}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    """A result: the line of the input, 0 if it is unknown; the number of its file, and its offset there."""

    line: int
    file: int
    offset: int


class _Shards:
    """The shards that have results; a shard without prompts has an empty file."""

    def __init__(self) -> None:
        self.empty = 0
        self._count = 0
        self._seen: set[int] = set()

    def see(self, shard: str) -> None:
        """Note the shard of a result, such as `1/4`. Raises ValueError."""
        number, _, count = shard.partition("/")
        self._seen.add(int(number))
        self._count = int(count)

    def missing(self) -> Failure | None:
        """Return the failure of a merge that lacks a shard."""
        lacking = sorted({*range(1, self._count + 1)} - self._seen)
        if len(lacking) <= self.empty:
            return None
        names = safe(", ".join(f"{n}/{self._count}" for n in lacking[:20]))
        words = safe_format("There are no results of {names}.", names=names)
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Name the files of all shards, also empty ones."))


class _MergeError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def merge_results(names: Sequence[str]) -> int:
    """Write the results of some files to standard output, ordered by `line`; return the exit code.

    Results in OpenAI's format have no line: they keep the order of the files. Only places are in memory. If a shard
    is missing, the others are written and the exit code is 1.
    """
    shards = _Shards()
    try:
        with ExitStack() as stack:
            files = [_open(name, stack) for name in names]
            places: list[_Place] = []
            seen: set[str] = set()
            for number, file in enumerate(files):
                found = _places(names[number], number, file, seen, shards)
                shards.empty += not found
                places += found
            for place in sorted(places):
                files[place.file].seek(place.offset)
                line = files[place.file].readline(LONGEST_LINE).rstrip(b"\r\n") + b"\n"
                sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    except _MergeError as error:
        Stderr().failure(error.failure)
        return ExitCode.USAGE
    except (OSError, ValueError) as error:
        return output_failed(error)
    if missing := shards.missing():
        Stderr().failure(missing)
        return ExitCode.ERROR
    return ExitCode.COMPLETE


def _open(name: str, stack: ExitStack) -> BinaryIO:
    try:
        path = user_path(name)
        if path.exists() and not path.is_file() and not path.is_dir():  # the lines are read twice
            raise OSError(errno.EINVAL, "it is no regular file")
        return stack.enter_context(path.open("rb"))
    except (OSError, ValueError) as error:
        words = safe_format("Cannot read {name}: {why}.", name=safe_line(name), why=error_reason(error))
        raise _MergeError(Failure(FailureKind.BAD_CONFIG, words, safe_format("Check the file name."))) from error


def _places(name: str, number: int, file: BinaryIO, seen: set[str], shards: _Shards) -> list[_Place]:
    """Return the places of a file's results. Raises _MergeError for a line that is none, or that was seen before."""
    places: list[_Place] = []
    offset = count = 0
    while text := file.readline(LONGEST_LINE):
        count += 1
        if text.strip():
            line, item, shard = _identity(name, count, text)
            if shard:
                shards.see(shard)
            if item in seen:
                raise _wrong(name, count, f"there is another result of {item}")
            seen.add(item)
            places.append(_Place(line, number, offset))
        offset += len(text)
    return places


def _identity(name: str, count: int, text: bytes) -> tuple[int, str, str]:
    """Return the line of the input, what tells the result from others, and its shard."""
    try:
        row: Any = json.loads(text)
        if "line" not in row:
            return 0, str(row["custom_id"]), ""
        shard = str(row.get("shard", ""))
        if shard and not _SHARD.fullmatch(shard):
            raise ValueError
        return int(row["line"]), f"line {row['line']} of the input", shard
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise _wrong(name, count, "it is no result of termchat batch") from None


def _wrong(name: str, count: int, why: str) -> _MergeError:
    at = safe_line(f"{name}:{count}")
    words = safe_format("{at}: {why}.", at=at, why=safe(safe_line(why)))
    return _MergeError(Failure(FailureKind.BAD_CONFIG, words, EMPTY))
