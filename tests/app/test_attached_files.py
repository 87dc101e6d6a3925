"""Globs and directories of -f: what they name, leave out and refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.app.script import attached_files
from termchat.app.script.attached_files import FileSources
from termchat.config.load import Config, load_config
from termchat.core.errors import Failure
from termchat.core.messages import attachment_name
from termchat.core.sanitize import Safe


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    work = tmp_path / "work"
    for name in ("a.py", "b.txt", "[x].py", "s/c.py", "s/t/d.py", "s/.hidden/e.py", ".f.py", "out/g.py", "s/.env"):
        file = work / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    (work / ".gitignore").write_text("out/\n")
    (work / "link.py").symlink_to("b.txt")
    (work / "loop").symlink_to(".")
    monkeypatch.chdir(work)
    return work


def sources(tree: Path, notes: list[Safe], *, details: bool = False) -> FileSources:
    env = {"HOME": str(tree.parent)}
    config = load_config(env)
    assert isinstance(config, Config)
    return FileSources(config, env, notes.append, details)


@pytest.mark.parametrize(
    ("glob", "names"),
    [
        ("*.py", ["[x].py", "a.py", "link.py"]),
        ("**/*.py", ["[x].py", "a.py", "link.py", "s/c.py", "s/t/d.py"]),
        ("s/**", ["s/c.py", "s/t/d.py"]),
        ("s/*", ["s/c.py"]),
        (".f*", [".f.py"]),
        ("s/.hidden/*.py", ["s/.hidden/e.py"]),
        ("?.[pt]*", ["a.py", "b.txt"]),
        ("s/**/d.py", ["s/t/d.py"]),
        ("./s/*/d.py", ["s/t/d.py"]),
        ("out/*.py", ["out/g.py"]),  # ignored, but named
    ],
)
def test_glob_attaches_files_as_a_shell_names_them(tree: Path, glob: str, names: list[str]) -> None:
    parts = sources(tree, []).attach(glob)
    assert parts is not None and not isinstance(parts, Failure)
    assert [attachment_name(part) for part in parts] == names


def test_absolute_glob_attaches_files_by_their_whole_names(tree: Path) -> None:
    parts = sources(tree, []).attach(f"{tree}/s/*.py")
    assert parts is not None and not isinstance(parts, Failure)
    assert [attachment_name(part) for part in parts] == [f"{tree}/s/c.py"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("out/*.txt", "it names no file"),
        ("none/*.py", "no such file"),
        ("s/.e*", "every file that it names may hold secrets"),
    ],
)
def test_glob_without_attachments_is_refused(tree: Path, name: str, words: str) -> None:
    failure = sources(tree, []).attach(name)
    assert isinstance(failure, Failure)
    assert words in failure.message


def test_glob_of_too_many_files_is_refused(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attached_files, "_MOST_FILES", 2)
    failure = sources(tree, []).attach("**/*.py")
    assert isinstance(failure, Failure)
    assert failure.message == "Cannot attach **/*.py: it names more than 2 files."


def test_glob_reports_what_it_leaves_out(tree: Path) -> None:
    (tree / "s" / "z.bin").write_bytes(b"\xff\0")
    notes: list[Safe] = []
    sources(tree, notes, details=True).attach("**/*")
    assert notes == ["**/*: left out: s/z.bin: neither text nor an image, a PDF or audio; what .gitignore names (1)."]


def test_directory_attaches_its_names_without_ignored_ones(tree: Path) -> None:
    notes: list[Safe] = []
    parts = sources(tree, notes).attach("./")
    assert parts is not None and not isinstance(parts, Failure)
    text = str(parts[0])
    assert "a.py" in text and "s/" in text and "out/" not in text
    assert notes == []


@pytest.mark.parametrize("name", ["a.py", "[x].py", "s", "missing.txt"])
def test_name_of_a_single_file_is_left_to_the_reader(tree: Path, name: str) -> None:
    assert sources(tree, []).attach(name) is None
