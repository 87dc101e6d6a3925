"""Lists of directories, and the `.gitignore` rules of all walks."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from termchat.core.approval import Permit
from termchat.tools.builtin.list_directory import list_directory
from termchat.tools.files.folder import EntryKind
from termchat.tools.files.ignore_rules import Glob, is_cheap
from termchat.tools.files.listing import LISTED
from termchat.tools.files.resolved_path import ResolvedPath
from termchat.tools.files.walk import TreeWalk, WalkStop
from termchat.tools.registry import Plan, ToolContext, ToolError


async def listed(root: Path, path: str = ".", depth: int = 1, context: ToolContext | None = None) -> list[str]:
    answer = await list_directory.function(context=context or ToolContext(root), path=path, depth=depth)
    assert isinstance(answer, str), answer
    answer.encode()
    return answer.split("\n")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for path in ("src/deep/c.py", "src/b.py", "README", ".env", ".git/config", "build/out.o", "src/x.log", "keep.log"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("12345")
    (tmp_path / ".gitignore").write_text("build/\n*.log\n!keep.log\n")
    (tmp_path / "link").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


async def test_list_directory_shows_types_sizes_and_directories_first(tree: Path) -> None:
    assert await listed(tree) == [
        "[.: 2 directories, 6 files; 1 ignored by .gitignore]",
        ".git/  (may hold secrets, not listed)",
        "src/",
        ".env  5 bytes  (may hold secrets)",
        ".gitignore  23 bytes",
        "README  5 bytes",
        "keep.log  5 bytes",
        "link -> /etc",
        "pipe  (pipe, socket or device)",
    ]


async def test_list_directory_depth_lists_levels_but_no_link_or_secret(tree: Path) -> None:
    lines = await listed(tree, depth=10)
    assert [line.split("  ")[0] for line in lines[1:6]] == [".git/", "src/", "src/deep/", "src/deep/c.py", "src/b.py"]
    assert not any("config" in line or "x.log" in line or line.startswith("link/") for line in lines)
    assert (await listed(tree, "src"))[1:] == ["deep/", "b.py  5 bytes"]  # the rules above hold


@pytest.mark.parametrize(
    ("path", "depth", "why"),
    [
        ("..", 1, "outside the working directory"),
        ("link", 1, "outside the working directory"),
        (".git", 1, "may hold secrets"),
        ("README", 1, "Not a directory"),
        ("none", 1, "No such file"),
        ("a\0", 1, "cannot be listed"),
        (".", 0, "depth must be"),
        (".", 11, "depth must be"),
    ],
)
async def test_list_directory_other_paths_are_refused(tree: Path, path: str, depth: int, why: str) -> None:
    answer = await list_directory.function(context=ToolContext(tree), path=path, depth=depth)
    assert isinstance(answer, ToolError)
    assert why in answer.words


async def test_list_directory_approved_path_outside_is_listed(tree: Path) -> None:
    assert list_directory.plan
    plan = await list_directory.plan(ToolContext(tree / "src"), {"path": ".."})
    assert isinstance(plan, Plan)
    assert plan.facts == (f"outside the working directory: '{tree}'",)
    context = ToolContext(tree / "src", permit=Permit(by_person=True, seen=plan.seen))
    assert "README  5 bytes" in await listed(tree, "..", context=context)


async def test_list_directory_hides_termchat_directories(tree: Path) -> None:
    assert "src/" not in await listed(tree, depth=3, context=ToolContext(tree, private=(tree / "src",)))


async def test_list_directory_names_with_control_characters_are_escaped(tmp_path: Path) -> None:
    for name in (b"a\x1b[2Jb", b"c\nd", b"e\xff", "f\u202eg".encode()):
        (tmp_path / os.fsdecode(name)).write_text("")
    lines = await listed(tmp_path)
    assert lines[1:] == [r"a\x1b[2Jb  0 bytes", r"c\nd  0 bytes", r"e\xff  0 bytes", r"f\u202eg  0 bytes"]


async def test_list_directory_many_entries_are_cut_with_note(tmp_path: Path) -> None:
    for number in range(LISTED + 5):
        (tmp_path / f"{number:05}").touch()
    lines = await listed(tmp_path)
    assert len(lines) == LISTED + 1
    assert "the list is cut" in lines[0]


async def test_list_directory_deep_tree_ends(tmp_path: Path) -> None:
    here = tmp_path
    for _ in range(80):
        here /= "d"
        here.mkdir()
    walk = TreeWalk(ToolContext(tmp_path), ResolvedPath(".", tmp_path.resolve(), Path()), WalkStop(30))
    assert len(list(walk.entries())) == 60
    assert walk.stopped


def test_walk_cancelled_stops_at_next_entry(tree: Path) -> None:
    stop = WalkStop(30)
    walk = TreeWalk(ToolContext(tree), ResolvedPath(".", tree.resolve(), Path()), stop)
    entries = walk.entries()
    next(entries)
    stop.cancel()
    assert list(entries) == []
    assert walk.stopped


async def test_list_directory_expensive_gitignore_takes_no_time(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*a" * 30 + "b\n" + "**/a/" * 40 + "b\n[z-a]\n[a--z]\n[[a]\n\\\n!\nskip\n")
    (tmp_path / ("a" * 250)).touch()
    (tmp_path / "skip").touch()
    began = time.monotonic()
    lines = await asyncio.wait_for(listed(tmp_path), 20)
    assert time.monotonic() - began < 5
    assert "1 ignored" in lines[0]


_NAMES = st.sampled_from(["a", "b", "a.o", "b.c", "x y", "éa", "#h", "!n"])
_PATHS = st.lists(st.lists(_NAMES, min_size=1, max_size=3), min_size=1, max_size=6)
_PATTERNS = st.sampled_from(
    ["a", "*.o", "/a", "a/", "a/b", "**/b", "a/**", "!a", "!*.o", "b*", "*", "!b/", "# a", "\\#h", "\\!n", "x y", "éa",
     "[ab]", "?", "", "/*/b", "a/**/b", "!/a/b"]
)  # fmt: skip
_RULES = st.lists(_PATTERNS, max_size=4)


@settings(max_examples=50, deadline=None)
@given(_PATHS, _RULES, _RULES)
def test_gitignore_walk_finds_the_files_that_git_finds(
    paths: list[list[str]], outer: list[str], inner: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for parts in paths:
            path = root.joinpath(*parts)
            if not path.exists() and all(not p.is_file() for p in path.parents):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        (root / ".gitignore").write_text("\n".join(outer))
        if (root / "a").is_dir():
            (root / "a" / ".gitignore").write_text("\n".join(inner))
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        git = ["git", "-C", folder, "-c", "core.excludesFile=/dev/null"]
        subprocess.run([*git, "init", "-q"], check=True, env=environment)
        command = [*git, "ls-files", "-z", "--others", "--exclude-standard"]
        expected = subprocess.run(command, check=True, capture_output=True, env=environment).stdout.decode()
        walk = TreeWalk(ToolContext(root), ResolvedPath(".", root.resolve(), Path()), WalkStop(30))
        found = {each.path for each in walk.entries() if each.entry.kind is EntryKind.FILE}
        assert found == set(filter(None, expected.split("\0")))


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("*.py", "a/b.py", True),
        ("*.py", "a/b.pyc", False),
        ("src/**/*.ts", "src/x/y/z.ts", True),
        ("src/*.ts", "src/x/z.ts", False),
        ("*.{c,h}", "a.h", True),
        ("*.{c,h}", "a.d", False),
        ("!*.min.js", "a.js", True),
        ("!*.min.js", "a.min.js", False),
        ("docs", "docs/a.md", True),
    ],
)
def test_glob_matches_as_in_gitignore(glob: str, path: str, matches: bool) -> None:
    assert Glob(glob).matches(path) is matches


@pytest.mark.parametrize("glob", ["*a" * 20, "{a,b}" * 10, "**/" * 9, "x" * 2000])
def test_glob_expensive_pattern_is_refused(glob: str) -> None:
    with pytest.raises(ValueError, match="too many"):
        Glob(glob)
    assert is_cheap("*.tar.*") and is_cheap("**/a/**/b*")


@pytest.mark.parametrize(
    ("repository", "shown"), [(True, ["dist", "new", "keep"]), (False, ["dist", "new", "a.tmp", "keep", "notes"])]
)
def test_walk_heeds_gitignore_above_working_directory_in_repository(
    tmp_path: Path, *, repository: bool, shown: list[str]
) -> None:
    inside = tmp_path / "sub" / "project"
    for folder in (inside / "dist", inside / "new", tmp_path / ".git" / "info"):
        folder.mkdir(parents=True)
    for name in ("a.tmp", "keep", "notes", "dist/b.tmp"):
        (inside / name).touch()
    (tmp_path / ".gitignore").write_text("*.tmp\n/project/keep\n")
    (tmp_path / "sub" / ".gitignore").write_text("/dist\n")
    (tmp_path / "sub" / "project" / ".gitignore").write_text("!dist\n")
    (tmp_path / ".git" / "info" / "exclude").write_text("notes\n")
    if not repository:
        shutil.rmtree(tmp_path / ".git")
    context = ToolContext(inside)
    walk = TreeWalk(context, ResolvedPath(".", inside.resolve(), Path()), WalkStop(60), depth=1)
    assert [found.path for found in walk.entries() if found.path != ".gitignore"] == shown
