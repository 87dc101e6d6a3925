"""Paths that terminals insert for dropped files are read in all of their forms."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.attachments.dropped import Dropped, dropped_paths, look_at
from tests.attachments.support import PICTURE


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("/tmp/a.png", ("/tmp/a.png",)),
        ("/tmp/a.png ", ("/tmp/a.png",)),
        ("'/tmp/my cat.png'", ("/tmp/my cat.png",)),
        (r"/tmp/my\ cat.png", ("/tmp/my cat.png",)),
        ("/tmp/my cat.png", ("/tmp/my cat.png",)),
        ("~/a.png", ("~/a.png",)),
        ("file:///tmp/my%20cat.png", ("/tmp/my cat.png",)),
        ("file://localhost/tmp/a.png\r\nfile:///tmp/b.png", ("/tmp/a.png", "/tmp/b.png")),
        ("'/tmp/a.png' '/tmp/b.png'", ("/tmp/a.png", "/tmp/b.png")),
        ("file://server/share/a.png", ()),
        ("a.png", ()),
        ("see '/tmp/a.png'", ()),
        ("/tmp/it's here", ()),
        ("'/tmp/a' and more", ()),
        ("/tmp/a\0", ()),
        ("", ()),
    ],
)
def test_paths_of_dropped_files(text: str, paths: tuple[str, ...]) -> None:
    assert dropped_paths(text) == paths


@given(st.lists(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12), min_size=1, max_size=4))
def test_quoted_paths_are_read_back(names: list[str]) -> None:
    paths = [f"/d/{name} x" for name in names]
    assert dropped_paths(" ".join(map(shlex.quote, paths))) == tuple(paths)


@given(st.text(max_size=200))
def test_any_text_is_taken_or_left(text: str) -> None:
    assert all(path.startswith(("/", "~/")) for path in dropped_paths(text))


def test_kinds_of_dropped_files(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PICTURE)
    (tmp_path / "a.txt").write_text("x")
    assert look_at([str(tmp_path / "a.png")]) is Dropped.MEDIA
    assert look_at([str(tmp_path / "a.png"), str(tmp_path / "a.txt")]) is Dropped.FILES
    assert look_at([str(tmp_path / "none")]) is Dropped.NOTHING
    assert look_at([str(tmp_path)]) is Dropped.NOTHING
