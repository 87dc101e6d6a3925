"""The last command as the shell integration recorded it."""

from __future__ import annotations

import os
from pathlib import Path

from termchat.app.shell.last_command import LastCommand, find_output, last_command, question
from termchat.app.shell.recorded_command import VARIABLE, recorded_command
from termchat.core.errors import Failure
from termchat.core.sanitize import safe


def record(file: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    file.write_text(text)
    file.chmod(mode)
    return {VARIABLE: str(file)}


def test_last_command_without_tmux_is_the_recorded_one(tmp_path: Path) -> None:
    env = record(tmp_path / "shell", "2\nmake \x1b[31m all\n")
    found = last_command(env)
    assert found == LastCommand(safe("make ␛[31m all"), None, 2)
    assert isinstance(found, LastCommand)
    asked = question(found, "why?")
    assert "exit code 2" in asked
    assert "Its output is not known." in asked
    assert asked.endswith("why?")


def test_record_left_out_damaged_or_not_private_is_none(tmp_path: Path) -> None:
    file = tmp_path / "shell"
    for text in ("", "0\n", "x\nls", "ls", "-1\nls"):
        assert recorded_command(record(file, text)) is None
    assert recorded_command(record(file, "0\nls", 0o666)) is None
    assert recorded_command({VARIABLE: str(tmp_path)}) is None
    assert recorded_command({VARIABLE: str(tmp_path / "none")}) is None
    os.symlink(record(file, "0\nls")[VARIABLE], tmp_path / "link")
    assert recorded_command({VARIABLE: str(tmp_path / "link")}) is None
    assert recorded_command({}) is None
    missing = last_command({})
    assert isinstance(missing, Failure)
    assert "completion SHELL --integration" in missing.hint


SCREENS = [
    ("$ ls\na\n$ make\nbad\n$ termchat wtf", "make", "bad"),
    ("$ make\nbad\nworse", "make", "bad\nworse"),  # a key binding has erased the prompt
    ("me@box:~/a$ make\nbad\nme@box:~/b$ ", "make", "bad"),
    ("❯ make          14:02\nbad\n❯ ", "make", "bad"),
    ("$ true\n$ termchat wtf", "true", ""),
    ("$ for f in *; do\n> echo $f\n> done\na\nb\n$ x", "for f in *; do\necho $f\ndone", "a\nb"),
    ("$ clear", "make", None),
    ("make\nbad", "make", None),
]


def test_output_is_found_below_the_recorded_command() -> None:
    assert [s for s, command, output in SCREENS if find_output(s, command) != output] == []
