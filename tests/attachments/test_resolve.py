"""Mentions resolve to real files, lines, directories, pages, resources and the clipboard; the rest stays text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from termchat.attachments.fit_to_model import Taker
from termchat.attachments.resolve import ASK_BYTES, Resolution, Resolver
from termchat.config import bounded_read
from termchat.core.messages import File, Image, Text, attached_text, attachment_name
from termchat.core.sanitize import safe_format
from tests.attachments.support import PDF, PICTURE, OneServer, picture, sources

ANY = Taker(safe_format("m"), None)


async def resolve(text: str, cwd: Path, *, approved: bool = False) -> Resolution:
    return await Resolver(sources(cwd, OneServer())).resolve(text, ANY, approved=approved)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/b.py").write_text("".join(f"line {n}\n" for n in range(1, 11)))
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "my notes.txt").write_text("notes")
    (tmp_path / "odd#1").write_text("odd")
    (tmp_path / "app").mkdir()
    (tmp_path / ".env").write_text("KEY=1")
    (tmp_path / "cat.png").write_bytes(PICTURE)
    (tmp_path / "doc.pdf").write_bytes(PDF)
    (tmp_path / "tool.bin").write_bytes(b"\x7fELF\0\0\xff")
    (tmp_path / "big.log").write_text("x" * (ASK_BYTES + 1))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "name", "content"),
    [
        ("see @a.py.", "a.py", "x = 1\n"),
        ('see @"my notes.txt"', "my notes.txt", "notes"),
        (r"see @my\ notes.txt", "my notes.txt", "notes"),
        ("see (@src/b.py#2-3)", "src/b.py#2-3", "line 2\nline 3\n"),
        ("see @src/b.py#9-99", "src/b.py#9-99", "line 9\nline 10\n"),
        ("see @odd#1", "odd#1", "odd"),
        ("list @src/", "src/", "b.py"),
        ("看@a.py的第一行", "a.py", "x = 1\n"),
        ("see @https://example.org/x.", "https://example.org/x", "page"),
        ("see @docs:note://a.", "docs:note://a", "the note"),
    ],
)
async def test_mention_attaches_what_it_names(place: Path, text: str, name: str, content: str) -> None:
    found = await resolve(text, place)
    assert found.parts == (attached_text(name, content),)
    assert not found.failures and not found.questions


async def test_images_and_documents_keep_their_bytes(place: Path) -> None:
    found = await resolve("@cat.png and @doc.pdf", place)
    assert found.parts == (
        Image("image/png", PICTURE, name="cat.png"),
        File("doc.pdf", "application/pdf", PDF),
    )


@pytest.mark.parametrize(
    "text",
    [
        "mail joe@a.py",
        "@app.route('/')",
        "@app",
        "@property\ndef x(): ...",
        "`@a.py`",
        "@types/node and @team",
        "@nobody.example, @missing/a.py",
        "@other:uri",
        "@docs:",
    ],
)
async def test_text_that_names_nothing_attaches_nothing(place: Path, text: str) -> None:
    assert await resolve(text, place) == Resolution()


@pytest.mark.parametrize("text", ["@.env", "@big.log", "@http://private/"])
async def test_sensitive_large_and_private_things_are_asked_about_first(place: Path, text: str) -> None:
    found = await resolve(text, place)
    assert (len(found.questions), found.parts) == (1, ())
    assert len((await resolve(text, place, approved=True)).parts) == 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("see @nothing.txt.", "nothing.txt"),
        ("see @src/c.py, please", "src/c.py"),
        ("see @other.log", "other.log"),
        ("see @src/b.py#3-1", "src/b.py#3-1"),
        ("see @a.py#one", "a.py#one"),
    ],
)
async def test_mention_of_missing_file_or_lines_is_asked_about(place: Path, text: str, name: str) -> None:
    found = await resolve(text, place)
    assert [str(each.message).partition(":")[0] for each in found.failures] == [f"Cannot attach {name}"]


@pytest.mark.parametrize("text", ["@tool.bin", "@src/b.py#50-60", "@cat.png#1", "@docs:note://none", "@clipboard"])
async def test_failure_names_reason_and_attaches_nothing(place: Path, text: str) -> None:
    found = await resolve(text, place)
    assert (len(found.failures), found.parts) == (1, ())
    assert found.failures[0].message.endswith(".")


async def test_pipe_without_writer_fails_after_its_limit(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_read, "WRITER_SECONDS", 0.2)
    os.mkfifo(place / "pipe")
    found = await resolve("@a.py @pipe", place)
    assert [attachment_name(part) for part in found.parts] == ["a.py"]
    assert len(found.failures) == 1


async def test_clipboard_attaches_its_image(tmp_path: Path) -> None:
    resolver = Resolver(sources(tmp_path, clipboard=picture()))
    assert (await resolver.resolve("what is @clipboard?", ANY)).parts == (picture(),)


async def test_resource_of_bytes_becomes_image(tmp_path: Path) -> None:
    found = await resolve("@docs:note://png", tmp_path)
    assert found.parts == (Image("image/png", PICTURE, name="docs:note://png"),)


async def test_nothing_is_read_that_is_not_mentioned(place: Path) -> None:
    server = OneServer()
    await Resolver(sources(place, server)).resolve("docs:note://a and a@docs:note://a", ANY)
    assert server.read_uris == []


async def test_attach_reports_missing_file_by_name(place: Path) -> None:
    found = await Resolver(sources(place)).attach(["a.py", "none.py", "src"], ANY)
    assert [attachment_name(part) for part in found.parts] == ["a.py", "src"]
    assert "none.py" in found.failures[0].message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.sampled_from('@a.py sr/b#12"\\\n`,()文') | st.characters(exclude_categories=("Cs",)), max_size=40))
async def test_places_of_attachments_do_not_overlap(place: Path, text: str) -> None:
    found = await resolve(text, place)
    end = 0
    for attached in found.attached:
        assert end <= attached.mention.start < attached.mention.end <= len(text)
        end = attached.mention.end
    assert all(isinstance(part, Text | Image | File) for part in found.parts)


async def test_clipboard_is_read_beside_file_of_that_name(place: Path) -> None:
    (place / "clipboard").write_text("a file")
    resolver = Resolver(sources(place, clipboard=picture()))
    assert (await resolver.clipboard(ANY)).parts == (picture(),)


def test_sizes_of_lines_are_those_of_what_is_attached(place: Path) -> None:
    (place / "é.txt").write_text("é\nzwei\n")
    os.mkfifo(place / "pipe")
    targets = ["src/b.py", "src/b.py#2-3", "src/b.py#9-99", "é.txt#1", "odd#1", "src/b.py#11", "cat.png#1", "src/"]
    assert Resolver(sources(place)).sizes([*targets, "pipe#1", "gone#1"]) == {
        "src/b.py": 71,
        "src/b.py#2-3": 14,
        "src/b.py#9-99": 15,
        "é.txt#1": 3,
        "odd#1": 3,
    }
