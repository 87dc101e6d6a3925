"""Programs are found on PATH, outside the working directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.tools.policy.programs import Unresolved, resolve_program


@pytest.mark.parametrize("name", ["./tool", "src/../tool", "../bin/ls", "nosuch", "tool", "", "..", "src"])
def test_program_inside_working_directory_or_missing_is_unresolved(name: str, cwd: Path, path: str) -> None:
    assert isinstance(resolve_program(name, path, cwd), Unresolved)


def test_program_is_found_outside_behind_planted_one(cwd: Path, path: str) -> None:
    assert resolve_program("git", path, cwd) == cwd.parent / "bin/git"


def test_program_by_absolute_path_counts_outside_only(cwd: Path, path: str) -> None:
    outside = cwd.parent / "bin/git"
    assert resolve_program(str(outside), path, cwd) == outside
    assert isinstance(resolve_program(str(cwd / "git"), path, cwd), Unresolved)
    assert isinstance(resolve_program(f"{outside.parent}/../project/git", path, cwd), Unresolved)


def test_program_that_links_into_working_directory_is_unresolved(cwd: Path, path: str) -> None:
    (cwd.parent / "bin/linked").symlink_to(cwd / "tool")
    (cwd.parent / "links").symlink_to(cwd)
    assert isinstance(resolve_program("linked", path, cwd), Unresolved)
    assert isinstance(resolve_program("tool", f"{cwd.parent}/links:{path}", cwd), Unresolved)


def test_program_must_be_an_executable_file(cwd: Path, path: str) -> None:
    (cwd.parent / "bin/plain").write_text("")
    (cwd.parent / "bin/folder").mkdir()
    assert isinstance(resolve_program("plain", path, cwd), Unresolved)
    assert isinstance(resolve_program("folder", path, cwd), Unresolved)


def test_program_is_not_found_from_linked_working_directory(cwd: Path, path: str) -> None:
    (cwd.parent / "alias").symlink_to(cwd)
    assert isinstance(resolve_program("tool", f"{cwd}:{path}", cwd.parent / "alias"), Unresolved)
