"""Sources of a user's own tools: files of the configuration directory, of `--functions`, and installed packages."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from termchat.config.bounded_read import read_bounded
from termchat.config.credentials import variables_of
from termchat.config.load import Config
from termchat.config.paths import user_path
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.sanitize import Safe, safe, safe_format, safe_line

if TYPE_CHECKING:
    from termchat.tools.functions.function_source import FunctionSource
    from termchat.tools.functions.packages import PackageSource, PackageSources
    from termchat.tools.functions.pool import Launch
    from termchat.tools.functions.source_files import FunctionFiles

_MAX_BYTES = 4 << 20  # of a file


class UserFunctions:
    """The sources of one run. Little is imported before there is a file or a package.

    taken   names of other tools
    shown   the most problems in notices at a time, None for the number that suits a chat
    """

    def __init__(
        self, config: Config, env: Mapping[str, str], cwd: Path, taken: Collection[str], shown: int | None = None
    ) -> None:
        self._config = config
        self._env = env
        self._cwd = cwd
        self._taken = taken
        self._shown = shown
        self._packages: PackageSources | None = None

    def sources(self, names: Collection[str], *, folder: bool) -> list[FunctionSource] | Failure:
        """Return the sources of `--functions`, which are turned on, and of the configuration directory.

        names    files of `--functions`
        folder   False to leave out the directory
        """
        from termchat.tools.functions.source_files import FunctionFiles

        texts: dict[Path, bytes] = {}
        for file in (user_path(name).absolute() for name in names):
            text = _read(file)
            if isinstance(text, Failure):
                return text
            texts[file] = text
        given = FunctionFiles(texts)
        found = FunctionFiles(folder=self._config.paths.config / "tools")
        sources = [(given, True)] if texts else []
        sources += [(found, False)] if folder and found.found() else []
        return [self._source(some, turned_on=on) for some, on in sources]

    def packages(self, name: str) -> list[PackageSource]:
        """Return the sources of installed packages for a name, or for `all`, each once."""
        if self._packages is None:
            from termchat.tools.functions.packages import PackageSources

            self._packages = PackageSources(self._launch(), self._taken)
        return self._packages.find(name)

    def _source(self, files: FunctionFiles, *, turned_on: bool) -> FunctionSource:
        from termchat.tools.functions.function_source import SHOWN_PROBLEMS, FunctionSource

        shown = SHOWN_PROBLEMS if self._shown is None else self._shown
        return FunctionSource(files, self._launch(), turned_on=turned_on, taken=self._taken, shown=shown)

    def _launch(self) -> Launch:
        """Return the conditions of the worker processes; modules of the working directory are not for them."""
        from termchat.tools.functions.pool import Launch

        path = tuple(folder for folder in sys.path if Path(folder).is_absolute() and Path(folder) != self._cwd)
        return Launch(self._cwd, lambda: environment_without_keys(self._config, self._env), path)


def environment_without_keys(config: Config, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for programs that tools start: all but those that the configuration takes secrets from."""
    dropped = set(_key_variables(config))
    return {name: value for name, value in env.items() if name not in dropped}


def _key_variables(config: Config) -> Iterator[str]:
    references = [text for p in config.providers.values() for text in (p.key, *p.headers.values())]
    references += [
        text for s in config.mcp.values() for text in (*s.env.values(), *s.headers.values(), s.client_secret)
    ]
    for reference in references:
        yield from variables_of(reference)


def _read(file: Path) -> bytes | Failure:
    """Return the text of a file, or the failure of one that cannot be read or parsed."""
    try:
        text = read_bounded(file, _MAX_BYTES)
        ast.parse(text, str(file))
    except SyntaxError as error:
        place = safe_format("{file}:{line}", file=safe_line(str(file)), line=safe(str(error.lineno or 0)))
        return _failure(place, safe_line(error.msg))
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        return _failure(safe_line(str(file)), error_reason(error))
    if file.suffix != ".py":
        return _failure(safe_line(str(file)), safe_format("its name does not end in .py"))
    return text


def _failure(place: Safe, why: Safe) -> Failure:
    words = safe_format("--functions: {place}: {why}.", place=place, why=why)
    return Failure(FailureKind.BAD_CONFIG, words, safe_format("Name a Python file with typed functions."))
