"""Files written and edited: previews, atomic replacement, kept form, and nothing outside."""

from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.approval import Permit, PreviewKind
from termchat.tools.builtin.edit_file import edit_file
from termchat.tools.builtin.write_file import write_file
from termchat.tools.files.edit_text import edit_text
from termchat.tools.files.folder import Folder
from termchat.tools.files.replace_file import FileChangedError, replace_file
from termchat.tools.files.text_file import TextForm, decode
from termchat.tools.registry import Plan, Tool, ToolContext, ToolError

SECRET = "the secret outside"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    (work / "sub").mkdir(parents=True)
    (work / "a.txt").write_text("one\ntwo\nthree\n")
    (tmp_path / "outside.txt").write_text(SECRET)
    (work / "out").symlink_to("../outside.txt")
    (work / "outdir").symlink_to("..")
    (work / "dangling").symlink_to("../not-yet")
    (work / "in").symlink_to("a.txt")
    return work


async def plan(tool: Tool, cwd: Path, **arguments: Any) -> Plan | ToolError:
    assert tool.plan
    return await tool.plan(ToolContext(cwd), arguments)


async def planned(tool: Tool, cwd: Path, **arguments: Any) -> Plan:
    found = await plan(tool, cwd, **arguments)
    assert isinstance(found, Plan), found
    return found


async def run(tool: Tool, cwd: Path, permit: Permit | None = None, **arguments: Any) -> str:
    answer = await tool.function(context=ToolContext(cwd, permit=permit or Permit()), **arguments)
    return answer.words if isinstance(answer, ToolError) else str(answer)


async def test_write_file_new_file_is_previewed_and_created_with_parents(work: Path) -> None:
    arguments = {"path": "x/y/new.py", "text": "a\nb\n"}
    found = await planned(write_file, work, **arguments)
    assert found.preview == "--- /dev/null\n+++ b/x/y/new.py\n@@ -0,0 +1,2 @@\n+a\n+b\n"
    assert (found.kind, found.facts, found.edit_argument) == (PreviewKind.DIFF, ("new file", "2 lines"), "text")
    assert not (work / "x").exists()
    assert await run(write_file, work, Permit(by_person=True, seen=found.seen), **arguments) == (
        "Created x/y/new.py: 2 lines, 4 bytes."
    )
    assert (work / "x" / "y" / "new.py").read_text() == "a\nb\n"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((work / "x" / "y" / "new.py").stat().st_mode) == 0o666 & ~umask


async def test_write_file_replaces_with_diff_and_keeps_permissions(work: Path) -> None:
    (work / "a.txt").chmod(0o751)
    found = await planned(write_file, work, path="a.txt", text="one\n2\nthree\n")
    assert found.preview == "--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
    assert found.facts == ("+1 -1 lines",)
    assert "1 line added, 1 removed" in await run(write_file, work, path="a.txt", text="one\n2\nthree\n")
    assert stat.S_IMODE((work / "a.txt").stat().st_mode) == 0o751
    assert sorted(os.listdir(work)) == ["a.txt", "dangling", "in", "out", "outdir", "sub"]


@pytest.mark.parametrize(
    ("raw", "text", "written"),
    [
        (b"\xef\xbb\xbfa\r\nb\r\n", "a\nc\n", b"\xef\xbb\xbfa\r\nc\r\n"),
        ("é\r\n".encode("utf-16"), "ü\n", "ü\r\n".encode("utf-16")),
        (b"\xfe\xff\0a", "b", b"\xfe\xff\0b"),
        (b"a\r\nb\r\n", "x\r\ny\n", b"x\r\ny\n"),
        (b"a\n", "b\r\n", b"b\r\n"),
        (b"\0binary", "text\n", b"text\n"),
    ],
)
async def test_write_file_keeps_encoding_mark_and_line_ends(work: Path, raw: bytes, text: str, written: bytes) -> None:
    (work / "f").write_bytes(raw)
    await run(write_file, work, path="f", text=text)
    assert (work / "f").read_bytes() == written


@pytest.mark.parametrize("tool", [write_file, edit_file])
@pytest.mark.parametrize("change", ["content", "removed", "link"])
async def test_change_of_file_that_changed_after_approval_is_refused(work: Path, tool: Tool, change: str) -> None:
    path = work / "in"
    arguments = {"path": "in", "text": "x"} if tool is write_file else {"path": "in", "old": "two", "new": "2"}
    found = await planned(tool, work, **arguments)
    (work / "b.txt").write_text("one\ntwo\nthree\n")
    if change == "content":
        (work / "a.txt").write_text("one\ntwo\nthree \n")
    elif change == "removed":
        (work / "a.txt").unlink()
    else:
        path.unlink()
        path.symlink_to("b.txt")
    before = {p: p.read_bytes() for p in work.iterdir() if p.is_file()}
    answer = await run(tool, work, Permit(by_person=True, seen=found.seen), **arguments)
    assert "since its change was approved" in answer
    assert {p: p.read_bytes() for p in work.iterdir() if p.is_file()} == before


async def test_write_file_created_by_another_after_approval_is_kept(work: Path) -> None:
    found = await planned(write_file, work, path="new", text="x")
    (work / "new").write_text("of another")
    assert "was changed" in await run(write_file, work, Permit(by_person=True, seen=found.seen), path="new", text="x")
    assert (work / "new").read_text() == "of another"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../outside.txt", "outside the working directory"),
        ("out", "outside the working directory"),
        ("dangling", "outside the working directory"),
        ("outdir/new", "outside the working directory"),
        ("~/new", "outside the working directory"),
        ("/tmp", "outside the working directory"),
        (".env", "may hold secrets"),
        (".git/hooks/pre-commit", "acts later"),
        (".envrc", "may hold secrets"),
        ("sub", "is a directory"),
        (".", "is a directory"),
        ("a.txt/b", "Not a directory"),
        ("a\0b", "cannot be changed"),
        ("x" * 300, "cannot be changed"),
    ],
)
async def test_write_file_other_paths_are_refused_and_nothing_is_written(work: Path, path: str, why: str) -> None:
    before = sorted(map(str, work.parent.rglob("*")))
    assert why in await run(write_file, work, path=path, text="x")
    assert sorted(map(str, work.parent.rglob("*"))) == before
    assert (work.parent / "outside.txt").read_text() == SECRET


async def test_write_file_approved_path_outside_is_shown_and_written(work: Path) -> None:
    found = await planned(write_file, work, path="dangling", text="x\n")
    assert found.facts == ("new file", "1 line", f"outside the working directory: '{work.parent / 'not-yet'}'")
    assert found.preview.startswith(f"--- /dev/null\n+++ {work.parent / 'not-yet'}\n@@")
    assert "Created" in await run(
        write_file, work, Permit(by_person=True, seen=found.seen), path="dangling", text="x\n"
    )
    assert (work.parent / "not-yet").read_text() == "x\n"
    assert (work / "dangling").is_symlink()


async def test_write_file_in_secret_place_needs_a_person(work: Path) -> None:
    found = await planned(write_file, work, path=".env", text="A=1\n")
    assert "may hold secrets" in found.facts
    assert "approval" in await run(write_file, work, Permit(outside=True), path=".env", text="A=1\n")
    assert "Created" in await run(write_file, work, Permit(by_person=True), path=".env", text="A=1\n")


async def test_write_file_in_termchat_directory_is_refused_even_if_approved(work: Path) -> None:
    context = ToolContext(work, private=(work.parent / "config",), permit=Permit(by_person=True))
    answer = await write_file.function(context=context, path="../config/tools/x.py", text="x")
    assert isinstance(answer, ToolError)
    assert not (work.parent / "config").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("one\ntwo\nthree\n", "has this content already"),
        ("\ud800", "lone surrogates"),
        ("x" * 4_000_001, "the limit is"),
    ],
)
async def test_write_file_unusable_text_is_refused(work: Path, text: str, why: str) -> None:
    found = await plan(write_file, work, path="a.txt", text=text)
    assert isinstance(found, ToolError)
    assert why in found.words
    assert why in await run(write_file, work, path="a.txt", text=text)
    assert (work / "a.txt").read_text() == "one\ntwo\nthree\n"


async def test_write_file_read_only_file_and_pipe_are_refused(work: Path) -> None:
    (work / "a.txt").chmod(0o444)
    os.mkfifo(work / "pipe")
    assert "is read-only" in await run(write_file, work, path="a.txt", text="x")
    assert "not a regular file" in await run(write_file, work, path="pipe", text="x")


def test_replace_file_reader_sees_old_or_new_content(tmp_path: Path) -> None:
    old, new = b"o" * 200_000, b"n" * 300_000
    (tmp_path / "f").write_bytes(old)
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add((tmp_path / "f").read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    with Folder.open_root(tmp_path) as folder:
        for raw in (new, old) * 15:
            replace_file(folder, "f", raw, (tmp_path / "f").stat())
    done.set()
    reader.join()
    assert seen <= {old, new}


def test_replace_file_link_in_place_of_file_is_not_followed(work: Path) -> None:
    about = (work / "a.txt").stat()
    (work / "a.txt").unlink()
    (work / "a.txt").symlink_to("../outside.txt")
    with Folder.open_root(work) as folder:
        for old in (about, None):
            with pytest.raises(FileChangedError):
                replace_file(folder, "a.txt", b"x", old)
    assert (work.parent / "outside.txt").read_text() == SECRET
    assert not [name for name in os.listdir(work) if name.endswith(".tmp")]


def test_folder_link_made_after_check_is_not_followed(work: Path) -> None:
    with Folder.open_root(work) as folder, pytest.raises(OSError, match=r"."):
        folder.enter("outdir", create=True)


async def test_edit_file_outside_shows_absolute_path(work: Path) -> None:
    found = await planned(edit_file, work, path="../outside.txt", old="secret", new="word")
    assert found.preview.startswith(f"--- {work.parent}/outside.txt\n+++ {work.parent}/outside.txt\n@@")


async def test_edit_file_replaces_passage_with_diff(work: Path) -> None:
    found = await planned(edit_file, work, path="a.txt", old="two", new="2")
    assert "-two\n+2\n" in found.preview
    await run(edit_file, work, Permit(by_person=True, seen=found.seen), path="a.txt", old="two", new="2")
    assert (work / "a.txt").read_text() == "one\n2\nthree\n"


@pytest.mark.parametrize(
    ("path", "old", "new", "why"),
    [
        ("a.txt", "o", "0", "is in the file 2 times, in lines 1, 2"),
        ("a.txt", "twwo", "2", "the closest lines are:\n2: two"),
        ("a.txt", "  one\n two", "2", "white space only:\n1: one\n2: two"),
        ("a.txt", "zzzzzz", "2", "no line is similar"),
        ("a.txt", "", "2", "use write_file"),
        ("a.txt", "two", "two", "are the same"),
        ("none", "two", "2", "does not exist; to create it, use write_file"),
        ("binary", "two", "2", "is not a text file"),
    ],
)
async def test_edit_file_impossible_edit_says_why(work: Path, path: str, old: str, new: str, why: str) -> None:
    (work / "binary").write_bytes(b"\xff\xfetwo\x00\xd8")
    found = await plan(edit_file, work, path=path, old=old, new=new)
    assert isinstance(found, ToolError)
    assert why in found.words
    assert why in await run(edit_file, work, path=path, old=old, new=new)


@pytest.mark.parametrize(
    ("raw", "old", "new", "written"),
    [
        (b"a\r\nb\r\nc\r\n", "a\nb", "x\ny\nz", b"x\r\ny\r\nz\r\nc\r\n"),
        (b"a\r\nb\r\n", "b", "x\ny", b"a\r\nx\r\ny\r\n"),
        (b"a\r\nb\r\n", "a\r\nb", "x\r\ny", b"x\r\ny\r\n"),
        (b"\xef\xbb\xbfa\n", "a", "b", b"\xef\xbb\xbfb\n"),
        (b"a\nb", "b", "c", b"a\nc"),
    ],
)
async def test_edit_file_keeps_line_ends(work: Path, raw: bytes, old: str, new: str, written: bytes) -> None:
    (work / "f").write_bytes(raw)
    await run(edit_file, work, path="f", old=old, new=new)
    assert (work / "f").read_bytes() == written


def test_edit_text_search_of_similar_lines_takes_bounded_time() -> None:
    text = "".join(f"{n} lorem ipsum dolor sit amet {n}\n" for n in range(100_000))
    began = time.monotonic()
    assert isinstance(edit_text(text, TextForm(), "lorem ipsum dolor amet sit", "x", replace_all=False), ToolError)
    assert time.monotonic() - began < 5


_TEXT = st.lists(st.sampled_from(["a", "b", "\n", "\r\n", "é", " "]), max_size=12).map("".join)


@given(_TEXT, _TEXT, _TEXT)
def test_edit_text_replaces_exactly_or_says_why(text: str, old: str, new: str) -> None:
    found = edit_text(text, TextForm(), old, new, replace_all=True)
    if old and old in text and old != new:
        assert found == text.replace(old, new)
    elif isinstance(found, str):  # by the CRLF of the file
        assert "\r\n" in text and "\n" in old
    once = edit_text(text, TextForm(), old, new, replace_all=False)
    assert isinstance(once, ToolError) or (once == found and text.count(old) <= 1)


@given(_TEXT, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_text_form_written_again_is_unchanged(text: str, encoding: str) -> None:
    decoded = decode(text.encode(encoding))
    assert decoded is not None
    assert decoded[1].encode(decoded[0]) == text.encode(encoding)
