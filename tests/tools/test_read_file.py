"""Reads of files, confined to the working directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.tools.builtin.read_file import GIVEN_BYTES, READ_BYTES, read_inside
from termchat.tools.registry import ToolContext, ToolError

SECRET = "the secret outside"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with siblings, links out and in, a directory and a pipe."""
    top = tmp_path_factory.mktemp("world")
    work = top / "work"
    (work / "sub" / ".git").mkdir(parents=True)
    (top / "work-too").mkdir()
    for path in (
        "outside.txt",
        "work-too/a.txt",
        "work/.env",
        "work/server.key",
        "work/sub/.git/config",
        "work/ID_RSA",
    ):
        (top / path).write_text(SECRET)
    (work / "a.txt").write_text("one\ntwo\n")
    (work / "sub" / "b.txt").write_text("b")
    (work / "empty").write_text("")
    (work / "in").symlink_to("sub/b.txt")
    (work / "innocent").symlink_to("server.key")
    (work / "out").symlink_to("../outside.txt")
    (work / "outdir").symlink_to("..")
    (work / "loop").symlink_to("loop")
    os.mkfifo(work / "pipe")
    return work


def read(root: Path, path: str, first_line: int = 1) -> str:
    answer = read_inside(ToolContext(root), path, first_line)
    assert isinstance(answer, str), answer
    return answer


@pytest.mark.parametrize(
    ("path", "text"),
    [("a.txt", "one\ntwo\n"), ("./sub/../a.txt", "one\ntwo\n"), ("sub/b.txt", "b"),
     ("in", "b"), ("empty", "[empty is empty]")],
)  # fmt: skip
def test_read_file_inside_root_is_unchanged(root: Path, path: str, text: str) -> None:
    assert read(root, path) == text
    assert read(root, str(root / path)) == text.replace("[empty", f"[{root / 'empty'}")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../outside.txt", "outside the working directory"),
        ("../work-too/a.txt", "outside the working directory"),
        ("/etc/passwd", "outside the working directory"),
        ("out", "outside the working directory"),
        ("outdir/outside.txt", "outside the working directory"),
        ("sub/../../outside.txt", "outside the working directory"),
        (".env", "may hold secrets"),
        ("server.key", "may hold secrets"),
        ("innocent", "may hold secrets"),
        ("sub/.git/config", "may hold secrets"),
        ("ID_RSA", "may hold secrets"),
        ("sub", "is a directory"),
        (".", "is a directory"),
        ("", "is a directory"),
        ("pipe", "is not a regular file"),
        ("nothing", "No such file"),
        ("a.txt/b", "Not a directory"),
        ("loop", "cannot be read"),
        ("a\0b", "cannot be read"),
        ("x" * 5000, "cannot be read"),
    ],
)
def test_read_file_other_paths_are_refused_with_reason(root: Path, path: str, why: str) -> None:
    answer = read_inside(ToolContext(root), path)
    assert isinstance(answer, ToolError)
    assert why in answer.words


_STEPS = (
    "..",
    ".",
    "sub",
    "out",
    "outdir",
    "outside.txt",
    "a.txt",
    "in",
    "work",
    "work-too",
    "~",
    "",
    "/",
    ".git",
    "x",
)


@given(st.lists(st.sampled_from(_STEPS), max_size=8).map("/".join) | st.text(max_size=20))
def test_read_file_no_path_leaves_root(root: Path, path: str) -> None:
    answer = read_inside(ToolContext(root), path)
    assert isinstance(answer, ToolError) or SECRET not in answer


def test_read_file_link_made_after_check_is_not_followed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("termchat.tools.builtin.read_file.os.path.realpath", os.path.abspath)
    for path in ("out", "outdir/outside.txt"):
        assert isinstance(read_inside(ToolContext(root), path), ToolError)


def test_read_file_refuses_termchat_directories(root: Path) -> None:
    answer = read_inside(ToolContext(root, private=(root / "sub",)), "sub/b.txt")
    assert isinstance(answer, ToolError)
    assert "belongs to termchat" in answer.words


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\xef\xbb\xbfhi", "hi"),
        ("hé\r\nx".encode("utf-16"), "hé\r\nx"),
        ("中文".encode(), "中文"),
        (b"a\0b", None),
        (b"\x89PNG\r\n\x1a\n", None),
        ("é".encode("latin-1") + b"tait", None),
    ],
)
def test_read_file_refuses_binary(tmp_path: Path, raw: bytes, text: str | None) -> None:
    (tmp_path / "f").write_bytes(raw)
    answer = read_inside(ToolContext(tmp_path), "f")
    assert answer == text if text else isinstance(answer, ToolError)


def test_read_file_long_file_comes_in_numbered_pages(tmp_path: Path) -> None:
    lines = [f"line {n} " + "x" * 90 for n in range(1, 2001)]
    (tmp_path / "long").write_text("\n".join(lines) + "\n")
    seen: list[str] = []
    first = 1
    while first <= len(lines):
        head, _, body = read(tmp_path, "long", first).partition("\n")
        assert head.startswith(f"[long: lines {first} to ")
        assert len(body.encode()) <= GIVEN_BYTES
        seen += body.split("\n")
        first += len(body.split("\n"))
        assert (f"read on with first_line={first}]" in head) == (first <= len(lines))
    assert seen == lines
    assert isinstance(read_inside(ToolContext(tmp_path), "long", 2001), ToolError)
    assert isinstance(read_inside(ToolContext(tmp_path), "long", 0), ToolError)


def test_read_file_long_line_is_cut_with_notice(tmp_path: Path) -> None:
    (tmp_path / "wide").write_text("é" * GIVEN_BYTES)
    head, _, body = read(tmp_path, "wide").partition("\n")
    assert "the line is cut" in head
    assert len(body.encode()) <= GIVEN_BYTES


def test_read_file_beyond_read_limit_is_refused_or_noted(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.write(b"a\n" * 10)
        file.truncate(READ_BYTES + 10)
    assert isinstance(read_inside(ToolContext(tmp_path), "huge"), ToolError)
    (tmp_path / "huge").write_text("0123456\n" * (READ_BYTES // 8 + 5))
    assert "only its first" in read(tmp_path, "huge").partition("\n")[0]
