"""The command that resumes a chat can be typed where termchat was started."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.app.interactive import started_as


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (".venv/bin/termchat", ".venv/bin/termchat"),
        ("/home/me/my tools/bin/termchat", "'/home/me/my tools/bin/termchat'"),
        ("/usr/lib/python3/site-packages/termchat/__main__.py", "termchat"),
    ],
)
def test_program_outside_of_path_is_named_as_typed(program: str, words: str, tmp_path: Path) -> None:
    assert started_as(program, str(tmp_path)) == words


def test_program_in_path_is_named_without_directory(tmp_path: Path) -> None:
    installed = tmp_path / "termchat"
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    assert started_as(str(installed), str(tmp_path)) == "termchat"
