"""The repository's Python files, read once: definitions, docstrings, comments and imports, with their lines."""

from __future__ import annotations

import ast
import gc
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "termchat"

_STRING_OR_COMMENT = re.compile(
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|(#[^\n]*)',
    re.DOTALL,
)
_IMPORT_BY_NAME = re.compile(r"""\b(?:import_module|importorskip|find_spec)\(\s*["'](\w[\w.]*)["']""")


@dataclass(frozen=True)
class Definition:
    """A class or function. `name` is dotted: `Class.method`; lines are counted from 1, decorators left out."""

    name: str
    line: int
    lines: int
    is_class: bool

    @property
    def public(self) -> bool:
        """Return True for a definition at module level without leading underscore."""
        return "." not in self.name and not self.name.startswith("_")


@dataclass(frozen=True)
class Note:
    """A comment or docstring. `line` is that of its first line; `name` is what a docstring documents."""

    line: int
    text: str
    name: str = ""

    @property
    def public(self) -> bool:
        """Return True if neither the documented name nor one that encloses it is private."""
        return not any(part.startswith("_") and not part.endswith("__") for part in self.name.split("."))

    @property
    def headline(self) -> str:
        """The first paragraph, on one line."""
        return " ".join(self.text.strip().partition("\n\n")[0].split())


@dataclass(frozen=True)
class Source:
    """One Python file. `path` is relative to the repository; `imports` are dotted names with their lines."""

    path: str
    lines: int
    definitions: tuple[Definition, ...]
    docstrings: tuple[Note, ...]
    comments: tuple[Note, ...]
    imports: tuple[tuple[str, int], ...]

    @property
    def notes(self) -> tuple[Note, ...]:
        return (*self.docstrings, *self.comments)


@cache
def sources(folder: str) -> tuple[Source, ...]:
    """Return the Python files below a folder of the repository, sorted by path."""
    enabled = gc.isenabled()
    gc.disable()  # collections while a syntax tree grows cost as much as parsing it
    try:
        return tuple(_read(path) for path in files(folder) if path.endswith(".py"))
    finally:
        if enabled:
            gc.enable()


@cache
def files(folder: str) -> tuple[str, ...]:
    """Return all files below a folder, relative to the repository, sorted, without caches."""
    found = [path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return tuple(sorted(path.relative_to(ROOT).as_posix() for path in found))


def folders(folder: str) -> list[str]:
    """Return a folder and those below it that hold a file at any depth, sorted."""
    found = {parent.as_posix() for file in files(folder) for parent in Path(file).parents}
    return sorted(name for name in found if name == folder or name.startswith(f"{folder}/"))


def repeated(places: Iterable[tuple[str, str]], allowed: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return a line for each name in several files that the table `allowed` does not explain.

    `places` are names with `file:line` below the package; a row of `allowed` has glob patterns of files, one of which
    must match. A pattern that no file of a repeated name needs is reported too.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for name, place in places:
        found[name].add(place.removeprefix(f"{PACKAGE}/"))
    several = {name: sorted(where) for name, where in found.items() if len(where) > 1}
    problems = []
    for name in sorted(several.keys() | allowed.keys()):
        where, patterns = several.get(name, []), allowed.get(name, ())
        odd = [place for place in where if not any(_matches(place, pattern) for pattern in patterns)]
        if odd:
            others = ", ".join(place for place in where if place != odd[0])
            problems.append(f"{PACKAGE}/{odd[0]}: {name} is also in {others}")
        unused = [pattern for pattern in patterns if not any(_matches(place, pattern) for place in where)]
        problems += [f"{name}: {pattern} in the allow table matches no repeated name" for pattern in unused]
    return problems


def check(violations: Iterable[str], next_step: str) -> None:
    """Fail with the violations, one a line, and the next step, if there is a violation."""
    if lines := list(violations):
        pytest.fail("\n".join(["", *lines, f"Next: {next_step}"]), pytrace=False)


def _matches(place: str, pattern: str) -> bool:
    return fnmatchcase(place.partition(":")[0], pattern)


def _read(path: str) -> Source:
    text = (ROOT / path).read_text(encoding="utf-8")
    tree = ast.parse(text, path)
    statements: list[tuple[str, ast.stmt]] = []
    for node in tree.body:
        _collect("", node, statements)
    defined = [
        (f"{scope}.{node.name}".lstrip("."), node)
        for scope, node in statements
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    documented: list[tuple[str, list[ast.stmt]]] = [("", tree.body), *((name, node.body) for name, node in defined)]
    return Source(
        path,
        text.count("\n"),
        tuple(
            Definition(name, node.lineno, (node.end_lineno or 0) - node.lineno + 1, isinstance(node, ast.ClassDef))
            for name, node in defined
        ),
        tuple(note for name, body in documented if body and (note := _docstring(name, body[0]))),
        _comments(text),
        (*_imports(statements), *_imports_by_name(text)),
    )


def _collect(scope: str, node: ast.stmt, found: list[tuple[str, ast.stmt]]) -> None:
    """Append a statement and those inside it, outermost first, each with the definition that encloses it."""
    found.append((scope, node))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        scope = f"{scope}.{node.name}".lstrip(".")
    parts = (node, *getattr(node, "handlers", ()), *getattr(node, "cases", ()))
    for part in parts:
        for field in ("body", "orelse", "finalbody"):
            for child in getattr(part, field, ()):
                _collect(scope, child, found)


def _docstring(name: str, first: ast.stmt) -> Note | None:
    value = first.value if isinstance(first, ast.Expr) else None
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return Note(first.lineno, value.value, name)
    return None


def _comments(text: str) -> tuple[Note, ...]:
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    found = [match for match in _STRING_OR_COMMENT.finditer(text) if match[1]]
    return tuple(Note(bisect_right(starts, match.start()), match[1]) for match in found)


def _imports(statements: Iterable[tuple[str, ast.stmt]]) -> list[tuple[str, int]]:
    found = []
    for _, node in statements:
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


def _imports_by_name(text: str) -> list[tuple[str, int]]:
    """Return the modules of `import_module("...")` and its kin, also in the code strings of subprocess tests."""
    return [(match[1], text.count("\n", 0, match.start()) + 1) for match in _IMPORT_BY_NAME.finditer(text)]
