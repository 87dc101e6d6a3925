"""Reports of internal errors: a file that a person can read, keep or send.

A report has versions, the traceback, the terminal and the settings, but no key, no text of a message and no file of
the user. The text of an exception is often a value, such as a line of a reply: only that of Python's own errors is
kept. The newest `MOST` reports stay in the state directory, readable by their owner only.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import TYPE_CHECKING

from termchat.config.paths import paths, tilde_path
from termchat.core.redact import Redactor, header_secrets
from termchat.core.sanitize import EMPTY, Safe, safe, safe_line

if TYPE_CHECKING:
    from termchat.config.load import Config

MOST = 10  # reports that are kept
LONGEST = 32_000  # characters of a report
_FOLDER = "reports"
_FRAMES = 24  # of an exception: half of them the outermost ones
_CHAIN = 6  # exceptions that led to each other, or that a group has
_READ = 20_000  # characters of an exception's text that are masked
_LONGEST_LINE = 1000  # characters; a line is cut after its keys are masked
_HOME, _LIBRARY = Path(__file__).parents[2], Path(os.__file__).parent  # termchat, the standard library
_PACKAGES = (
    "openai",
    "anthropic",
    "google-genai",
    "prompt_toolkit",
    "rich",
    "httpx2",
    "mcp",
    "starlette",
    "uvicorn",
    "agent-client-protocol",
)
_VARIABLES = ("TERM", "COLORTERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR")
# Raised by Python itself as a rule, with the names of types and attributes in their texts.
_BY_PYTHON = (AttributeError, NameError, ImportError, IndexError, RecursionError, TypeError, ZeroDivisionError)
_HEAD = """termchat error report

Please attach this file to a report of the error. It has no keys and no messages; read it before you send it.
"""


class ErrorReports:
    """Writes reports.

    config    the configuration in use, None before it is loaded
    redact    masks the known keys; variables such as ACME_API_KEY are masked even before the configuration is loaded
    """

    def __init__(
        self, env: Mapping[str, str], config: Config | None = None, redact: Callable[[str], str] = str
    ) -> None:
        self._env = env
        self._config = config
        self._redact = redact
        self._written: dict[str, Safe] = {}  # the digest of a traceback -> its report

    def write(self, error: BaseException) -> Safe:
        """Write the report of an error, once for the same traceback; return its path with ~, EMPTY if it cannot be."""
        try:
            digest = hashlib.sha256("\n".join(_exception(error)).encode("utf-8", "replace")).hexdigest()[:6]
            if digest not in self._written:
                self._written[digest] = self._file(error, digest)
            return self._written[digest]
        except Exception:  # a report must never be the next error
            return EMPTY

    def _file(self, error: BaseException, digest: str) -> Safe:
        folder = report_folder(self._env)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{digest}.txt"
        hidden = Redactor(s for row in self._env.items() for s in header_secrets(*row, referenced=False))
        text = hidden(self._redact("\n".join([_HEAD, *self._facts(), "", *_exception(error), ""])))
        text = "\n".join(line[:_LONGEST_LINE] for line in text.split("\n"))
        text = text.replace(f"{home}/", "~/") if (home := self._env.get("HOME", "").rstrip("/")) else text
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with open(handle, "w", encoding="utf-8", errors="replace") as opened:
            opened.write(safe(text)[:LONGEST])
        with suppress(OSError):
            for old in [other for other in saved_reports(self._env) if other != file][MOST - 1 :]:
                old.unlink(missing_ok=True)
        return safe_line(tilde_path(str(file), self._env))

    def _facts(self) -> Iterator[str]:
        from termchat import __version__

        yield f"time      {time.strftime('%Y-%m-%d %H:%M:%S %z')}"
        yield f"termchat  {__version__}"
        yield f"python    {platform.python_version()} {sys.implementation.name}"
        yield f"system    {platform.platform()}"
        yield f"packages  {', '.join(_versions())}"
        yield f"terminal  {', '.join(self._terminal())}"
        if self._config:
            yield f"settings  {', '.join(_settings(self._config))}"

    def _terminal(self) -> Iterator[str]:
        for name in _VARIABLES:
            if value := self._env.get(name):
                yield f"{name}={value[:60]}"
        yield from (name for name in ("TMUX", "STY", "ZELLIJ", "SSH_CONNECTION") if self._env.get(name))
        for fd, name in enumerate(("stdin", "stdout", "stderr")):
            try:
                size = os.get_terminal_size(fd)
                yield f"{name} {size.columns}x{size.lines}"
            except OSError:
                yield f"{name} no terminal"


def report_folder(env: Mapping[str, str]) -> Path:
    """Return the folder of the reports, which may not exist."""
    return paths(env).state / _FOLDER


def saved_reports(env: Mapping[str, str]) -> list[Path]:
    """Return the reports, the newest first. Raises OSError if one is removed meanwhile."""
    return sorted(report_folder(env).glob("*.txt"), key=lambda file: file.stat().st_mtime_ns, reverse=True)


def _versions() -> Iterator[str]:
    for name in _PACKAGES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue


def _settings(config: Config) -> Iterator[str]:
    """Yield the settings that are not their defaults; of texts and lists only that they are set, but the model."""
    from termchat.config.settings import SETTINGS

    for key, setting in SETTINGS.items():
        value = getattr(config.settings, key)
        if value == setting.default:
            continue
        plain = isinstance(value, bool | int | float) or key in ("model", "theme") or value in setting.kind.choices
        yield f"{key}={value}" if plain else f"{key} is set"
    yield f"providers: {sum(provider.source != 'built in' for provider in config.providers.values())} of the user"


def _exception(error: BaseException) -> list[str]:
    """Return the lines of an exception, of those that led to it, and of those in a group."""
    found: list[str] = []
    waiting, seen = [error], 0
    while waiting and seen < _CHAIN:
        current, seen = waiting.pop(0), seen + 1
        found += ["", *_one(current)] if found else _one(current)
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions  # type: ignore[reportUnknownMemberType]
        before = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        waiting += [before] if before else []
    return found


def _one(error: BaseException) -> list[str]:
    kind = type(error)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    frames = [(frame, line) for frame, line in walk_tb(error.__traceback__)]
    left_out = [f"  ... {len(frames) - _FRAMES} frames"] if len(frames) > _FRAMES else []
    half = _FRAMES // 2
    shown = [frames] if not left_out else [frames[:half], frames[-half:]]
    blocks = [[line for frame, number in part for line in _frame(frame, number)] for part in shown]
    return [safe_line(f"{name}{_text(error)}"), *blocks[0], *left_out, *(blocks[1] if left_out else [])]


def _text(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f": {error.strerror or 'no reason'}"
    text = str(error)
    if isinstance(error, _BY_PYTHON):
        return f": {text[:_READ]}"
    return f" (text of {len(text)} characters left out)" if text else ""


def _frame(frame: FrameType, line: int) -> Sequence[str]:
    """Return the place of a frame, with the line of the source if it is that of a package."""
    import linecache

    file = frame.f_code.co_filename
    place = f"  {_place(file)}:{line} {frame.f_code.co_name}"
    source = linecache.getline(file, line).strip() if _is_package(file) else ""
    return (place, f"    {source[:_READ]}") if source else (place,)


def _place(file: str) -> str:
    """Return the path of a source file from its package on, of any other file only its name."""
    path = Path(file)
    if path.is_relative_to(_HOME):
        return str("termchat" / path.relative_to(_HOME))
    if "site-packages" in file:
        return file.rpartition("site-packages")[2].lstrip("/\\")
    return str(path.relative_to(_LIBRARY)) if path.is_relative_to(_LIBRARY) else path.name


def _is_package(file: str) -> bool:
    return any(Path(file).is_relative_to(folder) for folder in (_HOME, _LIBRARY)) or "site-packages" in file
