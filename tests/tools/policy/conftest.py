"""A working directory and programs for the tests of rules."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PROGRAMS = """
ls cat head tail wc pwd echo grep rg find sort uniq cut tr diff stat date basename git pytest id lsof sh bash python3
python3.11 node npm make uvx cargo env nice timeout watch script flock busybox sudo xargs sed awk man tar zip base64 xxd
cp ln dd tee wget curl jq less vim ssh rsync chmod rm test printf command nohup noglob
"""


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    """A project with secrets, links that lead out and planted programs."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    for name in ("notes.txt", "src/app.py", ".env", "id_rsa"):
        (folder / name).write_text("text\n")
    (folder / "out").symlink_to("/etc")
    (folder / "secret.txt").symlink_to(".env")
    for name in ("git", "tool"):
        _program(folder / name)
    return folder


@pytest.fixture
def path(tmp_path: Path, cwd: Path) -> str:
    """PATH with the working directory first, and with programs outside."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in PROGRAMS.split():
        _program(programs / name)
    return f".::{cwd}:src:{programs}"


@pytest.fixture(scope="session")
def printer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that prints its arguments, each with a NUL behind it."""
    program = tmp_path_factory.mktemp("printer") / "argv"
    program.write_text('#!/bin/sh\nfor x; do printf "%s\\000" "$x"; done\n')
    program.chmod(0o755)
    return program


def _program(file: Path) -> None:
    file.write_text(f"#!{sys.executable}\n")
    file.chmod(0o755)
