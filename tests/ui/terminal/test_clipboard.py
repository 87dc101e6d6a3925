"""Test the clipboard: a copy tool, OSC 52 or a file, by system and environment."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from termchat.core.sanitize import EMPTY, safe_format
from termchat.ui.terminal.clipboard import copied, sequence, tools

NAMES = ("pbcopy", "wl-copy", "xclip", "xsel", "clip.exe", "tmux")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A directory of copy tools; each writes its input to the file NAME.out."""
    for name in NAMES:
        tool = tmp_path / name
        tool.write_text(f'#!/bin/sh\nexec {_cat()} > "{tmp_path}/{name}.out"\n')
        tool.chmod(0o755)
    return tmp_path


def _cat() -> str:
    return next(file for file in ("/bin/cat", "/usr/bin/cat") if os.path.exists(file))


@pytest.mark.parametrize(
    ("system", "env", "first"),
    [
        ("darwin", {}, ["pbcopy"]),
        ("linux", {"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, ["wl-copy", "xclip", "xsel"]),
        ("linux", {"DISPLAY": ":0"}, ["xclip", "xsel"]),
        ("linux", {"WSL_DISTRO_NAME": "x", "DISPLAY": ":0"}, ["clip.exe", "xclip", "xsel"]),
        ("linux", {"TMUX": "t"}, ["tmux"]),
        ("linux", {}, []),
        ("linux", {"DISPLAY": ":0", "SSH_TTY": "t"}, []),
        ("darwin", {"SSH_CONNECTION": "c", "TMUX": "t"}, ["tmux"]),
    ],
)
def test_clipboard_tools_depend_on_system_and_environment(
    path: Path, system: str, env: dict[str, str], first: list[str]
) -> None:
    assert [command[0] for command in tools({**env, "PATH": str(path)}, system)] == first
    assert tools({**env, "PATH": "/nowhere"}, system) == []


async def test_clipboard_tool_gets_text_and_message_shows_size(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(path))
    sent: list[str] = []
    text = "x = '你好'\n" * 100
    done = await copied(
        text, safe_format("code block 2"), {"TMUX": "t", "PATH": str(path), "TERM": "xterm"}, sent.append
    )
    assert done == ("Copied 1.3 kB (code block 2)", True)
    assert (path / "tmux.out").read_text("utf-8") == text
    assert not sent


async def test_clipboard_failed_tool_falls_back_to_osc_52(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(path))
    (path / "tmux").write_text("#!/bin/sh\nexit 1\n")
    sent: list[str] = []
    done = await copied("hi", EMPTY, {"TMUX": "t", "PATH": str(path), "TERM": "screen-256color"}, sent.append)
    assert done == ("Copied 2 B · through the terminal", True)
    assert sent == ["\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\"]


async def test_clipboard_over_ssh_uses_osc_52() -> None:
    sent: list[str] = []
    env = {"SSH_TTY": "/dev/pts/1", "TERM": "xterm-256color", "DISPLAY": ":0", "PATH": os.environ["PATH"]}
    done = await copied("你好", EMPTY, env, sent.append)
    assert done.words == "Copied 6 B · through the terminal"
    assert sent == [f"\x1b]52;c;{base64.b64encode('你好'.encode()).decode()}\x07"]
    assert sequence(b"", {}) == "\x1b]52;c;\x07"


@pytest.mark.parametrize(
    ("env", "text", "why"),
    [
        ({"TERM": "screen", "STY": "1.x"}, "a text", "No clipboard is available"),
        ({"TERM": "screen.xterm-256color"}, "a text", "No clipboard is available"),
        ({"TERM": "dumb"}, "a text", "No clipboard is available"),
        ({"TERM": "xterm"}, "long " * 20_000, "Too long for the terminal clipboard"),
    ],
)
async def test_clipboard_unreachable_saves_text_to_private_file(
    env: dict[str, str], text: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sent: list[str] = []
    done = await copied(text, EMPTY, {**env, "PATH": "/nowhere"}, sent.append)
    (file,) = tmp_path.iterdir()
    assert done == (f"{why}; saved to {file}", False)
    assert file.read_text() == text
    assert file.stat().st_mode & 0o777 == 0o600
    assert not sent


async def test_clipboard_without_terminal_reports_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert not (await copied("a", EMPTY, {"TERM": "xterm", "PATH": "/nowhere"}, None)).done
