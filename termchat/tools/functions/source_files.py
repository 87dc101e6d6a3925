"""The files of a user's functions: their list, their state on disk, and the names in them, without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path

from termchat.late_dataclass import dataclass

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class FunctionFiles:
    """Files of functions: the texts of given ones, or all of a folder but those that begin with `_`.

    A given file may lie where a model can write. It is read once, and what lies beside it is not imported: else a
    model could run code by a change of a file.

    texts    file -> its bytes
    folder   None for given files
    """

    texts: Mapping[Path, bytes] = field(default_factory=dict[Path, bytes])
    folder: Path | None = None

    def found(self) -> list[Path]:
        """Return the files, those of a folder sorted by name."""
        if self.folder is None:
            return list(self.texts)
        return [file for file in _python_files(self.folder) if not file.name.startswith("_")]

    def stamp(self) -> Stamp:
        """Return a value that changes when a file of the folder changes."""
        return tuple(_stamps(_python_files(self.folder))) if self.folder else ()

    def names(self) -> tuple[str, ...]:
        """Return the names of the public functions, as far as the files can be parsed."""
        names: dict[str, None] = {}
        for file in self.found():
            try:
                body = ast.parse(self.texts[file] if file in self.texts else file.read_bytes()).body
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
