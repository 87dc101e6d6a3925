"""Files and modules that comments, docstrings and documents name are in the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.architecture.source import PACKAGE, ROOT, check, files, sources

pytestmark = pytest.mark.xdist_group("architecture")

DOCUMENTS = ("README.md", ".github/CONTRIBUTING.md", "tests/README.md", "pyproject.toml")
FOLDERS = (PACKAGE, "tests", "themes", ".github", ".ci")

# Files of users, vendors or other programs, and names made up by examples.
FOREIGN_FILES: frozenset[str] = frozenset({
    "all.json",
    "chat.json",
    "config.toml",
    "conversations.json",  # an export of ChatGPT or Claude
    "notes.md",
    "person.json",
    "report.md",
    "settings.json",  # of Zed
    "weather.py",  # functions of a user
})  # fmt: skip

# `ui/terminal/renderer.py`, `CONTRIBUTING.md`, `protocols/*/encode.py`; no URL, no path from the root or home.
_FILE = re.compile(r"(?<![\w~$./*<{:-])(?:[\w*-]+/)*[\w*-]+\.(?:py|md|toml|yml|json|txt|sse)\b(?![/(])")
_FOLDER = re.compile(rf"(?<![\w~$./<{{-])(?:{PACKAGE}|tests)/(?:[\w-]+/)*(?![\w*])")
_MODULE = re.compile(rf"(?<!/)\b{PACKAGE}(?:\.(?!db\b|py\b)[a-z_]+)+")  # termchat.db, termchat.py and a path are files
_DIFF = re.compile(r"^```diff\n.*?^```$", re.DOTALL | re.MULTILINE)  # a diff may add a file


def test_file_named_in_comment_or_docstring_exists() -> None:
    missing = [
        f"{source.path}:{note.line + offset}: {name}"
        for source in (*sources(PACKAGE), *sources("tests"))
        for note in source.notes
        for offset, name in _missing(note.text)
    ]
    check(missing, "name a file that exists or write the fact itself; a user's file is a row of FOREIGN_FILES.")


def test_file_named_in_document_exists() -> None:
    missing = [
        f"{document}:{1 + offset}: {name}"
        for document in DOCUMENTS
        for offset, name in _missing(_DIFF.sub(_blank, (ROOT / document).read_text()))
    ]
    check(missing, "name a file that exists; a user's file is a row of FOREIGN_FILES.")


def _missing(text: str) -> Iterator[tuple[int, str]]:
    for pattern, exists in ((_FILE, _is_file), (_FOLDER, _is_folder), (_MODULE, _is_module)):
        for match in pattern.finditer(text):
            if not exists(match[0]):
                yield text.count("\n", 0, match.start()), match[0]


def _blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def _is_file(name: str) -> bool:
    return name.rpartition("/")[2] in FOREIGN_FILES or _is_file_here(name)


@cache
def _is_file_here(name: str) -> bool:
    pattern = re.compile(r"(?:.*/)?" + re.escape(name).replace(r"\*", "[^/]*"))
    return any(pattern.fullmatch(path) for path in _paths())


def _is_folder(name: str) -> bool:
    return (ROOT / name).is_dir()


@cache
def _is_module(name: str) -> bool:
    """Return True if a dotted name is a module or package, or a word of the module before its last dot."""
    if (ROOT / name.replace(".", "/")).is_dir() or _module_text(name):
        return True
    module, _, last = name.rpartition(".")
    return re.search(rf"\b{last}\b", _module_text(module)) is not None


def _module_text(name: str) -> str:
    path = ROOT / name.replace(".", "/")
    files_ = [file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()]
    return files_[0].read_text() if files_ else ""


@cache
def _paths() -> tuple[str, ...]:
    top = [path.name for path in ROOT.iterdir() if path.is_file()]
    return (*top, *(path for folder in FOLDERS for path in files(folder)))
