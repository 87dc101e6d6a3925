"""Errors of user code as words with file and line, for the user and the model; used in the worker process."""

from __future__ import annotations

import linecache
import traceback
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

_FRAMES = 4  # of the user's code, the innermost
_MESSAGE = 2_000  # characters
_OWN = Path(__file__).parent


class Problem(NamedTuple):
    """A function or file that cannot be used.

    line   in the file, 0 if it is not known
    """

    file: str
    line: int
    words: str


def load_problem(file: str, error: BaseException) -> Problem:
    """Return the problem of a file whose import failed."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return Problem(file, error.lineno or 0, f"{type(error).__name__}: {error.msg}")
    frames = _frames(error.__traceback__)
    line = next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == file), 0)
    return Problem(file, line, exception_words(error))


def call_words(name: str, error: BaseException) -> str:
    """Return the words for an exception of a function: the error and the lines of the user's code it came from."""
    if isinstance(error, SystemExit):
        head = f"{name} tried to end the program: exit({error.code!r})"
    elif isinstance(error, KeyboardInterrupt):
        head = f"{name} was interrupted"
    else:
        head = f"{name} failed: {exception_words(error)}"
    places = dict.fromkeys(map(_place, _frames(error.__traceback__)))  # of a recursion, each once
    return "\n".join([head, *list(places)[-_FRAMES:]])


def exception_words(error: BaseException) -> str:
    """Return the type and message of an exception; a message that cannot be made is left out."""
    try:
        message = str(error)
    except Exception:  # the user's own __str__
        message = ""
    if len(message) > _MESSAGE:
        message = message[:_MESSAGE] + " …"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def short_path(file: str) -> str:
    """Return a path with ~ for the home directory."""
    try:
        return f"~/{Path(file).relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return file


def _frames(tail: TracebackType | None) -> list[traceback.FrameSummary]:
    """Return the frames of the traceback outside this package and outside libraries.

    When all are in libraries, the innermost is the only hint there is.
    """
    frames = [
        traceback.FrameSummary(frame.f_code.co_filename, line, frame.f_code.co_name, lookup_line=False)
        for frame, line in traceback.walk_tb(tail)
        if Path(frame.f_code.co_filename).parent != _OWN and not frame.f_code.co_filename.startswith("<frozen")
    ]
    own = [frame for frame in frames if not {"site-packages", "dist-packages"} & {*Path(frame.filename).parts}]
    return [frame for frame in own if not _in_library(frame.filename)] or frames[-1:]


def _in_library(file: str) -> bool:
    return Path(file).is_relative_to(Path(traceback.__file__).parent)


def _place(frame: traceback.FrameSummary) -> str:
    code = linecache.getline(frame.filename, frame.lineno or 0).strip()
    where = f"  at {short_path(frame.filename)}:{frame.lineno} in {frame.name}"
    return f"{where}: {code}" if code else where
