"""Read a TOML file, and find the line of a key in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, cast

from termchat.config.bounded_read import read_bounded
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line

MAX_BYTES = 4 << 20  # of a file
TomlTable = dict[str, object]
_AT = re.compile(r"\(at line (\d+), column (\d+)\)")
_HEADER = re.compile(r"^\s*\[\[?\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*("[^"]*"|'[^']*'|[\w-]+(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")


class ConfigError(Exception):
    """Carries a failure up to the function that loads a file and returns it; never leaves `termchat.config`."""

    def __init__(self, message: Safe, hint: Safe = EMPTY) -> None:
        super().__init__(message)
        self.failure = Failure(FailureKind.BAD_CONFIG, message, hint)


class TomlFile(NamedTuple):
    """A parsed file: its text for line numbers, its table for values. A missing file is an empty one."""

    path: Path
    text: str = ""
    table: TomlTable = {}  # noqa: RUF012 - never changed

    def line(self, *keys: str) -> int | None:
        """The number, from 1, of the line that sets a key; `keys` begins with the tables around it."""
        return _line(self.text, keys)

    def location(self, *keys: str) -> Safe:
        """`path:line` of a key, for an error or a listing."""
        line = self.line(*keys)
        return safe_line(f"{self.path}:{line}" if line else str(self.path))

    def error(self, keys: tuple[str, ...], problem: Safe, hint: Safe = EMPTY) -> ConfigError:
        """Make the error that names the place, the key and the problem."""
        key = safe_line(".".join(keys))
        return ConfigError(
            safe_format("{at}: {key} {problem}.", at=self.location(*keys), key=key, problem=problem), hint
        )

    def unknown_key(self, keys: tuple[str, ...], known: Iterable[str]) -> ConfigError:
        """Make the error for an unknown key, with the closest known one as its hint."""
        return self.error(keys, safe_format("is not a known key"), did_you_mean(keys[-1], known))


def read_toml(path: Path) -> TomlFile:
    """Read and parse a file; a missing one is empty. Raises ConfigError if it cannot be read or is not TOML."""
    try:
        text = read_bounded(path, MAX_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        return TomlFile(path)
    except NotADirectoryError:
        return TomlFile(path)
    except OSError as error:
        raise _unreadable(path, (error.strerror or "it cannot be read").lower()) from None
    except UnicodeDecodeError:
        raise _unreadable(path, "it is not UTF-8 text") from None
    return TomlFile(path, text, _parse(path, text))


def did_you_mean(word: str, known: Iterable[str]) -> Safe:
    """Return `Did you mean …?` with the closest known word, or the list of all if none is close."""
    from difflib import get_close_matches

    names = list(known)
    begun = [name for name in names if len(word) > 1 and name.startswith(word)]
    if near := begun or get_close_matches(word, names, n=1, cutoff=0.6):
        return safe_format("Did you mean {near}?", near=safe_line(near[0]))
    return safe_format("Known names: {names}.", names=safe_line(", ".join(names)))


def table(value: object) -> TomlTable | None:
    """The value as a table, None if it is something else."""
    return cast("TomlTable", value) if isinstance(value, dict) else None


def array(value: object) -> list[object] | None:
    """The value as an array, None if it is something else."""
    return cast("list[object]", value) if isinstance(value, list) else None


def _parse(path: Path, text: str) -> TomlTable:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(path, text, str(error)) from None
    except ValueError:  # tomllib gives no place of it
        raise _unreadable(path, "a number has too many digits") from None
    except RecursionError:
        raise _unreadable(path, "its values are nested too deeply") from None


def _not_toml(path: Path, text: str, words: str) -> ConfigError:
    """Make the error `path:line:column: problem`; it names the key of that line, never its value, a possible secret."""
    at = _AT.search(words)
    place = f"{path}:{at[1]}:{at[2]}" if at else f"{path}:{max(1, len(text.splitlines()))}"
    line = text.splitlines()[int(at[1]) - 1 :][:1] if at else []
    key = line[0].partition("=")[0].strip() if line and "=" in line[0] else ""
    named = safe_format("Check {key}. ", key=safe_line(key)) if key else EMPTY
    return ConfigError(
        safe_format("{at}: {words}.", at=safe_line(place), words=safe_line(_AT.sub("", words).strip())),
        safe_format('{named}The file must be TOML: text in quotes, such as model = "openai/gpt-6.1-sol".', named=named),
    )


def _unreadable(path: Path, why: str) -> ConfigError:
    return ConfigError(
        safe_format("Cannot read the configuration {path}: {why}.", path=safe_line(str(path)), why=safe_line(why)),
        safe_format("Fix or move the file; termchat also starts without it."),
    )


def _line(text: str, keys: tuple[str, ...]) -> int | None:
    """Find the line of a key by its headers and keys; `tomllib` reports no positions."""
    header: tuple[str, ...] = ()
    around: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if found := _KEY.match(line):
            here = header + _names(found[1])
            if here == keys:
                return number
            if here == keys[: len(here)]:
                around = number
        elif found := _HEADER.match(line):
            header = _names(found[1])
            if header == keys:
                return number
            if header == keys[: len(header)]:
                around = number
    return around


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(name.strip().strip("\"'") for name in re.findall(r""""[^"]*"|'[^']*'|[^.\s]+""", dotted))
