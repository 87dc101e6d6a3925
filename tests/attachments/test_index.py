"""The index ranks files as typed, answers the newest query, and never blocks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.attachments.index import ROWS, FileIndex, FileQuery, match, ranked
from termchat.attachments.sources import IndexedFile

FILES = tuple(
    IndexedFile(path)
    for path in (
        "README.md",
        "src/",
        "src/main.py",
        "src/app/main_window.py",
        "src/domain.py",
        "docs/manual.md",
        "tests/test_main.py",
        "old/main.py",
    )
)


@pytest.mark.parametrize(
    ("typed", "first", "expected"),
    [
        ("main", (), ["old/main.py", "src/main.py", "src/app/main_window.py", "src/domain.py", "tests/test_main.py"]),
        ("main", ("src/app/main_window.py",), ["src/app/main_window.py", "old/main.py", "src/main.py"]),
        ("src/m", (), ["src/main.py"]),
        ("MAN", (), ["docs/manual.md"]),
        ("read", (), ["README.md"]),
        ("scm", (), ["src/main.py", "src/domain.py"]),
        ("", (), ["src/", "README.md"]),
        ("zzz", (), []),
    ],
)
def test_matches_are_ranked_by_name_then_path(typed: str, first: tuple[str, ...], expected: list[str]) -> None:
    found = ranked(FILES, FileQuery(typed, first))
    assert found is not None
    assert [file.path for file in found][: len(expected)] == expected


def test_path_that_is_typed_comes_before_a_recent_one_that_begins_with_it() -> None:
    found = ranked([IndexedFile("notes"), IndexedFile("notes.txt")], FileQuery("notes", ("notes.txt",)))
    assert found is not None and found[0].path == "notes"


@given(st.text("abc/.", max_size=12), st.text("abc/", max_size=4))
def test_match_has_all_letters_in_order(path: str, typed: str) -> None:
    if match(path, typed) is not None:
        rest = iter(path)
        assert all(letter in rest for letter in typed)


def test_at_most_ten_rows_are_shown() -> None:
    found = ranked([IndexedFile(f"a{n}.py") for n in range(50)], FileQuery("a"))
    assert found is not None and len(found) == ROWS


def test_query_that_is_stale_is_given_up() -> None:
    assert ranked(FILES, FileQuery("a"), lambda: True) is None


def test_index_answers_newest_query_and_walks_on_its_own_thread(tmp_path: Path) -> None:
    walking, go = threading.Event(), threading.Event()
    threads: list[str] = []
    answers: Queue[tuple[FileQuery, tuple[IndexedFile, ...]]] = Queue()

    def walk(stopped: Callable[[], bool]) -> Iterator[IndexedFile]:
        threads.append(threading.current_thread().name)
        walking.set()
        assert go.wait(30)
        yield from FILES

    index = FileIndex(tmp_path, walk, lambda query, rows: answers.put((query, rows)))
    for typed in ("m", "ma", "mai"):
        index.ask(FileQuery(typed))
        assert walking.wait(30)
    go.set()
    seen = [answers.get(timeout=30)]
    while seen[-1][0].typed != "mai":
        seen.append(answers.get(timeout=30))
    assert "ma" not in [query.typed for query, _ in seen]
    assert seen[-1][1][0].path == "old/main.py"
    assert threads == ["termchat-files"]


def test_path_outside_of_index_is_completed_from_its_directory(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("12345")
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "sub").mkdir()
    answers: Queue[tuple[IndexedFile, ...]] = Queue()
    index = FileIndex(tmp_path, lambda stopped: iter(()), lambda query, rows: answers.put(rows))
    index.ask(FileQuery(f"{tmp_path}/"))
    assert answers.get(timeout=30) == (
        IndexedFile(f"{tmp_path}/sub/"),
        IndexedFile(f"{tmp_path}/one.txt", 5),
    )
    index.ask(FileQuery(f"{tmp_path}/.h"))
    assert answers.get(timeout=30) == (IndexedFile(f"{tmp_path}/.hidden"),)
