"""The files of a user's functions: their list, their state on disk, and the names in them, without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from termchat.late_dataclass import dataclass

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class FunctionFiles:
    """Files of functions: given ones, or all of a folder but those that begin with `_`.

    folder   None for given files
    """

    files: tuple[Path, ...] = ()
    folder: Path | None = None

    def found(self) -> list[Path]:
        """Return the files, sorted by name."""
        if self.folder is None:
            return list(self.files)
        return [file for file in _python_files(self.folder) if not file.name.startswith("_")]

    def stamp(self) -> Stamp:
        """Return a value that changes when a file changes, or one beside it that it may import."""
        folders = dict.fromkeys(file.parent for file in self.files)
        near = [file for folder in ((self.folder,) if self.folder else folders) for file in _python_files(folder)]
        return tuple(_stamps(dict.fromkeys((*self.files, *near))))

    def names(self) -> tuple[str, ...]:
        """Return the names of the public functions, as far as the files can be parsed."""
        names: dict[str, None] = {}
        for file in self.found():
            try:
                body = ast.parse(file.read_bytes()).body
            except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
                continue  # a problem when it is loaded
            names.update((node.name, None) for node in definitions(body) if not node.name.startswith("_"))
        return tuple(names)


def definitions(body: Iterable[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions of a module, those under `if` and `try` included."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node
            case ast.If():
                yield from definitions((*node.body, *node.orelse))
            case ast.Try():
                yield from definitions((*node.body, *node.orelse, *node.finalbody))
            case _:
                pass


def _python_files(folder: Path) -> list[Path]:
    try:
        return sorted(file for file in folder.iterdir() if file.suffix == ".py" and file.is_file())
    except OSError:
        return []


def _stamps(files: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    for file in files:
        try:
            state = file.stat()
            yield str(file), state.st_mtime_ns, state.st_size
        except OSError:
            yield str(file), 0, 0
