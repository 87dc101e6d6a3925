"""The input of a batch: a file, or standard input, which is copied to a temporary file because it is read twice."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from io import BufferedReader
from threading import Timer
from typing import BinaryIO

from termchat.app.batch.item_builder import ItemBuilder
from termchat.batch.items import BatchItem, shard_of
from termchat.batch.journal import InputEntry
from termchat.batch.rows import LONGEST_LINE, RowError
from termchat.config.paths import user_path
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.late_dataclass import dataclass

STANDARD_INPUT = "-"
_MOST_MISTAKES = 10
_BOM = b"\xef\xbb\xbf"
_PIECE = 1 << 20  # bytes
_MOMENT = 1.0  # seconds without a byte, after which a notice says what is waited for


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of the input by the hash of the ids: `number` of `count`, from 1."""

    number: int = 1
    count: int = 1

    def __str__(self) -> str:
        """Return `1/4`, "" for the whole input."""
        return "" if self.count == 1 else f"{self.number}/{self.count}"

    def __contains__(self, item: str) -> bool:
        return self.count == 1 or shard_of(item, self.count) == self.number


class InputError(Exception):
    """Lines that are no items, as failures with their places; `more` if there may be others."""

    def __init__(self, failures: list[Failure], *, more: bool) -> None:
        super().__init__()
        self.failures = failures
        self.more = more


class InputFile:
    """An open input. `name` is shown; `key` tells inputs apart, `folder` is where its attachments are."""

    def __init__(self, name: str, file: BinaryIO, key: str, folder: str) -> None:
        self.name = name
        self.key = key
        self.folder = folder
        self._file = file

    def entries(self, builder: ItemBuilder, shard: Shard) -> Iterator[InputEntry]:
        """Yield the items of a shard in order. Raises InputError at the end if some line is no item."""
        mistakes: list[Failure] = []
        for line, offset, text in self._lines():
            try:
                item = builder.build(line, text)
            except RowError as error:
                mistakes.append(error.at(f"{self.name}:{line}"))
                if len(mistakes) == _MOST_MISTAKES:
                    raise InputError(mistakes, more=True) from None
                continue
            if item.id in shard:
                yield InputEntry(line, offset, item.id, item.digest, item.given)
        if mistakes:
            raise InputError(mistakes, more=False)

    def read(self, builder: ItemBuilder, line: int, offset: int, digest: str) -> BatchItem | Failure:
        """Read an item again; a failure if the file or one of its attachments has changed meanwhile."""
        self._file.seek(offset)
        try:
            item = builder.build(line, self._file.readline(LONGEST_LINE + 1).removeprefix(_BOM))
        except RowError as error:
            return error.at(f"{self.name}:{line}")
        if item.digest == digest:
            return item
        words = safe_format("{name}:{n}: the prompt or a file of it has changed while the batch ran.",
                            name=safe_line(self.name), n=safe_line(str(line)))  # fmt: skip
        return Failure(FailureKind.BAD_CONFIG, words, EMPTY)

    def close(self) -> None:
        self._file.close()

    def _lines(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield the number, the offset and the text of each line that is not blank. Raises InputError."""
        self._file.seek(0)
        line = offset = 0
        while text := self._file.readline(LONGEST_LINE + 1):
            line += 1
            if len(text) > LONGEST_LINE:
                words = safe_format("longer than {n} MB", n=safe(str(LONGEST_LINE >> 20)))
                raise InputError([RowError(words, EMPTY).at(f"{self.name}:{line}")], more=True)
            if text.removeprefix(_BOM).strip():
                yield line, offset, text.removeprefix(_BOM)
            offset += len(text)


def open_input(name: str, report: Callable[[Safe], None]) -> InputFile | Failure:
    """Open the input of a batch; a pipe, such as standard input (`-`), is read to its end first.

    report   called with a notice if nothing has come from the pipe after a moment; it may run on another thread
    """
    words = safe_format("Waiting for rows from {name}.", name=_shown(name))
    notice = Timer(_MOMENT, report, (words,))
    notice.daemon = True
    notice.start()
    try:
        return _opened(name, notice)
    finally:
        notice.cancel()


def _shown(name: str) -> Safe:
    return safe_format("standard input") if name == STANDARD_INPUT else safe_line(name)


def _opened(name: str, notice: Timer) -> InputFile | Failure:
    if name == STANDARD_INPUT and sys.stdin.isatty():
        words, hint = safe_format("No prompts given."), safe_format("Name a file, or pipe one prompt a line into it.")
        return Failure(FailureKind.BAD_CONFIG, words, hint)
    if name == STANDARD_INPUT:
        return _spooled(sys.stdin.buffer, "standard input", notice)
    path = user_path(name)
    try:
        file = path.open("rb")
        mode = os.fstat(file.fileno()).st_mode
    except (OSError, ValueError) as error:
        words = safe_format("Cannot read {name}: {why}.", name=safe_line(name), why=error_reason(error))
        return Failure(FailureKind.BAD_CONFIG, words, _hint(name))
    if not stat.S_ISREG(mode):
        return _spooled(file, name, notice)
    return InputFile(name, file, str(path.resolve()), str(path.parent))


def _spooled(source: BinaryIO, name: str, notice: Timer) -> InputFile | Failure:
    """Copy a stream to a file without a name; its content is the key, so that the same input is the same batch."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by InputFile
    try:
        _copy_lines(source, copy, notice)
        copy.seek(0)
        digest = hashlib.file_digest(copy, "sha256").hexdigest()
    except OSError as error:
        copy.close()
        words = safe_format("Cannot read {name}: {why}.", name=safe_line(name), why=error_reason(error))
        return Failure(FailureKind.BAD_CONFIG, words, EMPTY)
    return InputFile(name, copy, digest, "")


def _copy_lines(source: BinaryIO, copy: BinaryIO, notice: Timer) -> None:
    """Copy a stream; of an endless one, as far as a line that is too long, or a few lines that are no rows.

    notice   is cancelled when the first bytes come
    """
    length = mistakes = 0
    while length <= LONGEST_LINE and mistakes < _MOST_MISTAKES and (piece := _piece(source)):
        notice.cancel()
        copy.write(piece)
        mistakes += sum(not _may_be_row(line) for line in piece.split(b"\n")[1:-1])
        length = len(piece) - 1 - at if (at := piece.rfind(b"\n")) >= 0 else length + len(piece)


def _piece(source: BinaryIO) -> bytes:
    """Read what is there, at most _PIECE bytes; wait for some."""
    return source.read1(_PIECE) if isinstance(source, BufferedReader) else source.read(_PIECE)


def _may_be_row(line: bytes) -> bool:
    """Return True for a blank line, and for one that begins as a JSON string or an object."""
    text = line.removeprefix(_BOM).strip()
    return not text or text.startswith((b'"', b"{"))


def _hint(name: str) -> Safe:
    if any(letter.isspace() for letter in name):
        return safe_format("batch takes a file with one prompt a line; termchat alone takes a prompt.")
    return safe_format("Check the file name; - reads standard input.")
