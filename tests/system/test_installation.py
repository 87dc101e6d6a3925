"""The command that installs an extra."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from termchat.core.outcomes import ExitCode
from termchat.system.installation import install_command


def test_install_command_names_interpreter_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/home/me/my venv/bin/python")
    words = shlex.split(install_command("serve"))
    assert words[:4] == ["/home/me/my venv/bin/python", "-m", "pip", "install"]
    assert words[-1].endswith("[serve]")


@pytest.mark.parametrize(
    ("record", "named"),
    [
        ('{"url": "file://PLACE", "dir_info": {"editable": true}}', ["-e", "PLACE[mcp,serve]"]),
        ('{"url": "file://PLACE", "dir_info": {}}', ["PLACE[mcp,serve]"]),
        ('{"url": "file://PLACE/gone", "dir_info": {}}', ["termchat[mcp,serve]"]),
        ('{"url": "https://example.com/t.whl", "archive_info": {}}', ["termchat[mcp,serve]"]),
        ("no JSON", ["termchat[mcp,serve]"]),
        (None, ["termchat[mcp,serve]"]),
    ],
)
def test_install_command_names_where_termchat_came_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record: str | None, named: list[str]
) -> None:
    place = tmp_path / "a checkout"
    info = tmp_path / "site" / "termchat-1.0.dist-info"
    for folder in (place, info):
        folder.mkdir(parents=True)
    (place / "pyproject.toml").touch()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: termchat\nVersion: 1.0\n")
    if record is not None:
        (info / "direct_url.json").write_text(record.replace("PLACE", str(place).replace(" ", "%20")))
    install_command("serve")  # imports what it needs
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    words = shlex.split(install_command("mcp,serve"))
    assert words[5:] == [word.replace("PLACE", str(place)) for word in named]


def test_install_command_without_pip_is_that_of_uv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", "/home/me/my tools/bin/python")
    install_command("serve")  # imports what it needs
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    words = shlex.split(install_command("serve"))
    assert words == ["uv", "pip", "install", "--python", "/home/me/my tools/bin/python", "termchat[serve]"]


@pytest.mark.parametrize(("subcommand", "package"), [("serve", "starlette"), ("acp", "acp")])
def test_subcommand_without_its_extra_names_install_command(tmp_path: Path, subcommand: str, package: str) -> None:
    missing = f"import sys; sys.modules[{package!r}] = None; sys.argv = ['termchat', {subcommand!r}]"
    script = f"{missing}; from termchat.__main__ import main; main()"
    env = {"HOME": str(tmp_path), "PATH": os.defpath}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True)
    assert done.returncode == ExitCode.USAGE
    assert f"[{subcommand}]" in done.stderr
