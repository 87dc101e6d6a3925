"""Reads of files, confined to the working directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.approval import Permit
from termchat.core.messages import Image, Text
from termchat.tools.builtin.read_file import read_file, read_lines
from termchat.tools.files.line_range import GIVEN_BYTES, LineRange
from termchat.tools.files.text_file import READ_BYTES
from termchat.tools.registry import Plan, ToolContext, ToolError

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
    answer = read_lines(ToolContext(root), path, LineRange(first_line))
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
    answer = read_lines(ToolContext(root), path)
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
    answer = read_lines(ToolContext(root), path)
    assert isinstance(answer, ToolError) or SECRET not in answer


def test_read_file_link_made_after_check_is_not_followed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("termchat.tools.files.resolved_path.os.path.realpath", os.path.abspath)
    for path in ("out", "outdir/outside.txt"):
        assert isinstance(read_lines(ToolContext(root), path), ToolError)


def test_read_file_refuses_termchat_directories(root: Path) -> None:
    answer = read_lines(ToolContext(root, private=(root / "sub",)), "sub/b.txt")
    assert isinstance(answer, ToolError)
    assert "belongs to termchat" in answer.words


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\xef\xbb\xbfhi", "hi"),
        ("hé\r\nx".encode("utf-16"), "hé\r\nx"),
        ("中文".encode(), "中文"),
        (b"a\0b", None),
        (b"\x7fELF\x02\0", None),
        ("é".encode("latin-1") + b"tait", None),
    ],
)
def test_read_file_refuses_binary(tmp_path: Path, raw: bytes, text: str | None) -> None:
    (tmp_path / "f").write_bytes(raw)
    answer = read_lines(ToolContext(tmp_path), "f")
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
    assert isinstance(read_lines(ToolContext(tmp_path), "long", LineRange(2001)), ToolError)
    assert isinstance(read_lines(ToolContext(tmp_path), "long", LineRange(0)), ToolError)


def test_read_file_long_line_is_cut_with_notice(tmp_path: Path) -> None:
    (tmp_path / "wide").write_text("é" * GIVEN_BYTES)
    head, _, body = read(tmp_path, "wide").partition("\n")
    assert "the line is cut" in head
    assert len(body.encode()) <= GIVEN_BYTES


def test_read_file_beyond_read_limit_is_refused_or_noted(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.write(b"a\n" * 10)
        file.truncate(READ_BYTES + 10)
    assert isinstance(read_lines(ToolContext(tmp_path), "huge"), ToolError)
    (tmp_path / "huge").write_text("0123456\n" * (READ_BYTES // 8 + 5))
    assert "only its first" in read(tmp_path, "huge").partition("\n")[0]


def test_read_file_range_ends_at_last_line(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a\nb\nc\nd\n")
    answer = read_lines(ToolContext(tmp_path), "f", LineRange(2, 3))
    assert answer == "[f: lines 2 to 3 of 4, 8 bytes in all; read on with first_line=4]\nb\nc"
    assert isinstance(read_lines(ToolContext(tmp_path), "f", LineRange(3, 2)), ToolError)


def test_read_file_long_result_is_read_from_outputs_inside_private(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "1.txt").write_text("long")
    (tmp_path / "chats").write_text("private")
    (tmp_path / "outputs" / "link").symlink_to("../chats")
    context = ToolContext(root, private=(tmp_path,), outputs=tmp_path / "outputs")
    assert read_lines(context, str(tmp_path / "outputs" / "1.txt")) == "long"
    for path in ("chats", "outputs/../chats", "outputs/link"):
        assert isinstance(read_lines(context, str(tmp_path / path)), ToolError)


async def planned(context: ToolContext, path: str) -> Plan:
    assert read_file.plan
    plan = await read_file.plan(context, {"path": path})
    assert isinstance(plan, Plan)
    return plan


@pytest.mark.parametrize(
    ("path", "fact", "text"),
    [
        ("../outside.txt", "outside the working directory: ", SECRET),
        ("out", "outside the working directory: ", SECRET),
        (".env", "may hold secrets", SECRET),
        ("innocent", "may hold secrets", SECRET),
        ("in", "leads to 'sub/b.txt'", "b"),
    ],
)
async def test_read_file_approved_path_is_read_and_was_shown(root: Path, path: str, fact: str, text: str) -> None:
    plan = await planned(ToolContext(root), path)
    assert any(fact in each for each in plan.facts)
    assert read_lines(ToolContext(root, permit=Permit(by_person=True, seen=plan.seen)), path) == text


async def test_read_file_link_changed_after_approval_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text(SECRET)
    (tmp_path / "link").symlink_to("a")
    plan = await planned(ToolContext(tmp_path), "link")
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("b")
    answer = read_lines(ToolContext(tmp_path, permit=Permit(by_person=True, seen=plan.seen)), "link")
    assert isinstance(answer, ToolError)
    assert "approved" in answer.words


def test_read_file_rule_for_outside_reads_no_secret_place(root: Path, tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text(SECRET)
    context = ToolContext(root, permit=Permit(outside=True))
    assert read_lines(context, "../outside.txt") == SECRET
    assert isinstance(read_lines(context, str(tmp_path / ".ssh" / "config")), ToolError)


async def test_read_file_private_path_is_refused_even_if_approved(root: Path) -> None:
    context = ToolContext(root, private=(root / "sub",), permit=Permit(by_person=True))
    answer = read_lines(context, "sub/b.txt")
    assert isinstance(answer, ToolError)
    assert read_file.plan
    assert isinstance(await read_file.plan(context, {"path": "in"}), ToolError)


def test_read_file_undecodable_name_survives_in_errors(tmp_path: Path) -> None:
    name = os.fsdecode(b"a\xff\x1b[2J")
    answer = read_lines(ToolContext(tmp_path), name)
    assert isinstance(answer, ToolError)
    assert r"'a\xff\x1b[2J'" in answer.words
    answer.words.encode()


def test_read_file_link_changed_after_rule_allowed_it_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("b")
    judged = str(tmp_path.resolve() / "a")
    answer = read_lines(ToolContext(tmp_path, permit=Permit(path=judged)), "link")
    assert isinstance(answer, ToolError)
    assert "than the one that was allowed" in answer.words
    assert read_lines(ToolContext(tmp_path, permit=Permit(path=judged)), "a") == "a"


@pytest.mark.parametrize(
    ("start", "mime"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
    ],
)
def test_read_file_image_is_image_of_result(tmp_path: Path, start: bytes, mime: str) -> None:
    raw = start + bytes(20)
    (tmp_path / "pic.txt").write_bytes(raw)
    answer = read_lines(ToolContext(tmp_path), "pic.txt")
    assert answer == (Text(f"[pic.txt: {mime}, {len(raw)} bytes]"), Image(mime, raw, name="pic.txt"))


def test_read_file_large_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pic.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(READ_BYTES))
    answer = read_lines(ToolContext(tmp_path), "pic.png")
    assert isinstance(answer, ToolError)
    assert "the limit is" in answer.words
