"""Searches with ripgrep and without it: the same results on the same tree, in bounded time."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from termchat.core.approval import Permit
from termchat.tools.builtin import search_files as module
from termchat.tools.builtin.search_files import search_files
from termchat.tools.files.tree_search import MATCHES
from termchat.tools.registry import ToolContext, ToolError

SECRET = "needle of a secret"
RIPGREP = {"PATH": os.environ["PATH"]}
OWN = {"PATH": "/nonexistent"}
ENGINES = [pytest.param(RIPGREP, id="ripgrep"), pytest.param(OWN, id="own")]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    files: dict[str, bytes] = {
        "src/a.py": b"import os\n\ndef needle():\n    pass\n\n# end\n# Needle\n",
        "src/b.txt": b"one needle\r\ntwo\r\n",
        "src/deep/c.py": "ä needle\n".encode(),
        "wide.txt": "ä needle\r\nx\r\n".encode("utf-16"),
        "mark.txt": b"\xef\xbb\xbfneedle\n",
        "latin.txt": b"\xe4 needle\n",
        "binary": b"needle\n" * 5 + b"\0needle\n",
        "long.txt": b"x" * 5000 + b" needle " + b"y" * 5000,
        "build/out.txt": b"needle\n",
        ".env": SECRET.encode(),
        ".git/config": SECRET.encode(),
        "key.txt": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n".encode(),
        ".gitignore": b"build/\n",
        "empty": b"",
    }
    for path, raw in files.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_bytes(raw)
    (tmp_path / "outside.txt").write_text(SECRET)
    (work / "out").symlink_to("../outside.txt")
    (work / "outdir").symlink_to("..")
    os.mkfifo(work / "pipe")
    return work


async def search(root: Path, environment: dict[str, str], permit: Permit | None = None, **arguments: Any) -> str:
    context = ToolContext(root, environment=environment, permit=permit or Permit())
    answer = await search_files.function(context=context, **arguments)
    text = f"Error: {answer.words}" if isinstance(answer, ToolError) else str(answer)
    text.encode()
    return text


def test_ripgrep_is_installed_for_these_tests() -> None:
    assert shutil.which("rg"), "install ripgrep: apt-get install ripgrep, brew install ripgrep"


@pytest.mark.parametrize("engine", ENGINES)
async def test_search_files_finds_text_files_that_may_be_read(tree: Path, engine: dict[str, str]) -> None:
    head, *rows = (await search(tree, engine, pattern="needle")).split("\n")
    assert head == "[7 matches in 7 files; left out: 1 file with private keys; 1 ignored by .gitignore]"
    assert [row for row in rows if not row.startswith("long")] == [
        "src/deep/c.py:1: ä needle",
        "src/a.py:3: def needle():",
        "src/b.txt:1: one needle",
        r"latin.txt:1: \xe4 needle",
        "mark.txt:1: needle",
        "wide.txt:1: ä needle",
    ]
    [long] = [row for row in rows if row.startswith("long")]
    assert " needle " in long and len(long) < 400


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"path": "src", "glob": "*.py"}, ["src/deep/c.py:1: ä needle", "src/a.py:3: def needle():"]),
        ({"path": "./src/../src/b.txt"}, ["src/b.txt:1: one needle"]),
        ({"path": "src", "glob": "a.*", "ignore_case": True}, ["src/a.py:3: def needle():", "src/a.py:7: # Needle"]),
        (
            {"path": "src/a.py", "ignore_case": True, "context_lines": 1},
            ["src/a.py-2- ", "src/a.py:3: def needle():", "src/a.py-4-     pass", "--", "src/a.py-6- # end",
             "src/a.py:7: # Needle"],
        ),
        ({"path": "src", "pattern": "needle$"}, ["src/deep/c.py:1: ä needle", "src/b.txt:1: one needle"]),
        ({"path": "src", "pattern": "(?=needle\\()"}, ["src/a.py:3: def needle():"]),
        ({"path": "src", "pattern": "-e"}, []),
        ({"path": "src", "pattern": "absent"}, []),
    ],
)  # fmt: skip
async def test_search_files_options_give_same_rows(
    tree: Path, engine: dict[str, str], arguments: dict[str, Any], expected: list[str]
) -> None:
    head, *rows = (await search(tree, engine, **{"pattern": "needle", **arguments})).split("\n")
    assert rows == expected
    assert head.startswith(f"[{sum(': ' in row for row in rows)} match")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"pattern": "("}, "not a valid regular expression"),
        ({"pattern": "(", "path": "empty"}, "not a valid regular expression"),
        ({"pattern": "*"}, "not a valid regular expression"),
        ({"pattern": ""}, "pattern must have"),
        ({"pattern": "a\nb"}, "cannot contain a line break"),
        ({"pattern": "a\\nb"}, "cannot contain a line break"),
        ({"pattern": "\ud800"}, "lone surrogates"),
        ({"path": ".."}, "outside the working directory"),
        ({"path": "outdir"}, "outside the working directory"),
        ({"path": ".git"}, "may hold secrets"),
        ({"path": "none"}, "No such file"),
        ({"path": "pipe"}, "not a regular file"),
        ({"path": "a\0"}, "cannot be searched"),
        ({"glob": "*a" * 20}, "too many wildcards"),
        ({"context_lines": 21}, "context_lines must be"),
    ],
)
async def test_search_files_unusable_arguments_say_why(
    tree: Path, engine: dict[str, str], arguments: dict[str, Any], why: str
) -> None:
    answer = await search(tree, engine, **{"pattern": "needle", **arguments})
    assert answer.startswith("Error: ")
    assert why in answer


@pytest.mark.parametrize("engine", ENGINES)
async def test_search_files_approved_path_outside_is_searched(tree: Path, engine: dict[str, str]) -> None:
    answer = await search(tree, engine, Permit(outside=True), pattern="needle", path="../outside.txt")
    assert answer == f"[1 match in 1 file]\n../outside.txt:1: {SECRET}"


@pytest.mark.parametrize("engine", ENGINES)
async def test_search_files_many_matches_are_cut_with_note(tmp_path: Path, engine: dict[str, str]) -> None:
    for number in range(5):
        (tmp_path / f"{number}").write_text("x\n" * 400)
    head, *rows = (await search(tmp_path, engine, pattern="x")).split("\n")
    assert len(rows) == MATCHES
    assert "cut: search a directory below" in head


@pytest.mark.parametrize("engine", ENGINES)
async def test_search_files_odd_names_are_escaped(tmp_path: Path, engine: dict[str, str]) -> None:
    for name in (b"-x", b"a\x1b[2J\n", b"\xff"):
        (tmp_path / os.fsdecode(name)).write_text("needle\n")
    rows = (await search(tmp_path, engine, pattern="needle")).split("\n")[1:]
    assert rows == ["-x:1: needle", r"a\x1b[2J\n:1: needle", r"\xff:1: needle"]


async def test_search_files_catastrophic_pattern_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_text("a" * 5000 + "b\n")
    monkeypatch.setattr(module, "SECONDS", 1.0)
    began = time.monotonic()
    answer = await search(tmp_path, OWN, pattern="(a+)+$")
    assert "stopped at the time limit" in answer
    assert time.monotonic() - began < 10


async def test_search_files_cancelled_ends_its_process(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a" * 5000 + "b\n")
    task = asyncio.ensure_future(search(tmp_path, OWN, pattern="(a+)+$"))
    while not (children := _children()):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    deadline = time.monotonic() + 10
    while set(_children()) & set(children):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def _children() -> list[str]:
    """Return the processes that search for this test."""
    found = list[str]()
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes()
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if process.name.isdigit() and b"regex_search.py" in command and parent == str(os.getpid()):
            found.append(process.name)
    return found


async def test_search_files_ripgrep_of_working_directory_is_not_run(tree: Path) -> None:
    (tree / "rg").write_text(f"#!/bin/sh\ntouch {tree}/was-run\n")
    (tree / "rg").chmod(0o755)
    await search(tree, {"PATH": f"{tree}:.:"}, pattern="needle")
    assert not (tree / "was-run").exists()


async def test_search_files_ripgrep_configuration_is_not_read(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "ripgreprc").write_text("--pre=/bin/false\n--invert-match\n")
    monkeypatch.setenv("RIPGREP_CONFIG_PATH", str(tree / "ripgreprc"))
    answer = await search(
        tree, {**RIPGREP, "RIPGREP_CONFIG_PATH": str(tree / "ripgreprc")}, pattern="needle", path="src"
    )
    assert answer.startswith("[3 matches in 3 files]")


_PIECES = st.sampled_from([b"a", b"b", b"ab", b"\n", b"\r\n", "é".encode(), b" ", b"\t", b"B", b"1"])
_CONTENT = st.lists(_PIECES, max_size=20).map(b"".join) | st.sampled_from(
    [b"a\0b\n", b"\xef\xbb\xbfab\n", b"\xff\xfea\0\n\0"]
)
_PATTERN = st.sampled_from(
    [
        "a",
        "b+",
        "^a",
        "b$",
        "a.b",
        "[ab]{2}",
        "é",
        "\\bab\\b",
        "\\s",
        "\\d",
        "a|1",
        "(?i)b",
        "^$",
        ".",
        "\\w+é",
        "a*",
        "^\\s*$",
    ]
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "d/c", "d/e"]), _CONTENT), _PATTERN, st.booleans(), st.integers(0, 2))
def test_search_files_engines_agree(files: dict[str, bytes], pattern: str, ignore_case: bool, around: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for path, raw in files.items():
            (Path(folder) / path).parent.mkdir(exist_ok=True)
            (Path(folder) / path).write_bytes(raw)
        arguments = {"pattern": pattern, "ignore_case": ignore_case, "context_lines": around}
        found = [asyncio.run(search(Path(folder), engine, **arguments)) for engine in (RIPGREP, OWN)]
        assert found[0] == found[1]
