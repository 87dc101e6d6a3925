"""Git of an untrusted repository: no allowed command runs what its configuration names."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from termchat.tools.policy.judge_command import judge_command
from termchat.tools.policy.rules import Rule, Rules

GIT = shutil.which("git") or ""
RULES = Rules(
    allow=tuple(Rule("run_shell", f"git {name}") for name in ("status", "log", "diff", "show", "blame", "branch"))
)
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.c",
               "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.c"}  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose configuration runs a program that leaves a mark."""
    folder = tmp_path / "repository"
    folder.mkdir()
    _git(folder, "init", "-q")
    (folder / "notes.txt").write_text("one\n")
    (folder / ".gitattributes").write_text("notes.txt diff=mark\n")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "first")
    (folder / "notes.txt").write_text("two\n")
    program = tmp_path / "mark"
    program.write_text(f'#!/bin/sh\n: >{tmp_path}/marked\ncat "$1" 2>/dev/null\n')
    program.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.pager",
        "pager.log",
        "diff.external",
        "diff.mark.textconv",
        "diff.mark.command",
    ):
        _git(folder, "config", key, str(program))
    _git(folder, "config", "gpg.program", str(program))
    return folder


def _git(folder: Path, *words: str) -> bytes:
    return subprocess.run([GIT, *words], cwd=folder, env=ENVIRONMENT, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("git status --short", b"notes.txt"),
        ("git diff", b"+two"),
        ("git log -p", b"first"),
        ("git show HEAD", b"+one"),
        ("git show HEAD:notes.txt", b"one"),
        ("git blame notes.txt", b"two"),
        ("git branch", b"*"),
    ],
)
async def test_allowed_git_command_runs_no_program_of_the_repository(text: str, shown: bytes, repository: Path) -> None:
    verdict = await judge_command(text, RULES, cwd=repository, path=os.environ["PATH"])
    assert verdict.pipeline is not None, verdict.reason
    (argv,) = verdict.pipeline
    environment = {**ENVIRONMENT, **verdict.environment}
    done = subprocess.run(argv, cwd=repository, env=environment, capture_output=True, check=True)
    assert shown in done.stdout
    assert not (repository.parent / "marked").exists()


@pytest.mark.parametrize("words", [("status",), ("diff",), ("log", "-p", "--ext-diff")])
def test_git_without_the_neutral_options_runs_programs_of_the_repository(
    words: tuple[str, ...], repository: Path
) -> None:
    subprocess.run([GIT, *words], cwd=repository, env=ENVIRONMENT, capture_output=True)
    assert (repository.parent / "marked").exists()
