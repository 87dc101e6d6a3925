"""Docstrings and comments keep to the writing rule of CONTRIBUTING."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.architecture.source import PACKAGE, Note, check, sources

pytestmark = pytest.mark.xdist_group("architecture")

QUESTION_WORDS = frozenset({"What", "Whether", "Who", "Whom", "Whose", "Where", "How", "So"})
_BANNED = re.compile(r"\b(?:anew|aloud|so often|is told)\b", re.IGNORECASE)
_LEFT_OPEN = re.compile(r"\b(?:TODO|FIXME|XXX)\b")


def test_docstring_headline_begins_with_verb_or_noun() -> None:
    odd = [
        f"{path}:{note.line}: {note.headline}"
        for path, note in _docstrings(PACKAGE)
        if re.split(r"\W", note.headline, maxsplit=1)[0] in QUESTION_WORDS
    ]
    check(odd, "begin with an imperative verb or a noun phrase.")


def test_public_docstring_headline_ends_with_full_stop() -> None:
    odd = [
        f"{path}:{note.line}: {note.headline}"
        for path, note in _docstrings(PACKAGE)
        if note.public and not note.headline.endswith(".")
    ]
    check(odd, "end the first paragraph with a full stop.")


def test_docstrings_and_comments_avoid_banned_words() -> None:
    check([*_found(_BANNED, PACKAGE), *_found(_BANNED, "tests")], "say it with the words of the writing rule.")


def test_docstrings_and_comments_leave_nothing_open() -> None:
    check([*_found(_LEFT_OPEN, PACKAGE), *_found(_LEFT_OPEN, "tests")], "do it, or file an issue.")


def _docstrings(folder: str) -> list[tuple[str, Note]]:
    return [(source.path, note) for source in sources(folder) for note in source.docstrings]


def _found(pattern: re.Pattern[str], folder: str) -> Iterator[str]:
    for source in sources(folder):
        for note in source.notes:
            for match in pattern.finditer(note.text):
                yield f"{source.path}:{note.line + note.text.count(chr(10), 0, match.start())}: {match[0]}"
