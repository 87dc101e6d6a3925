"""The key of the shell integration puts a proposed command into the line of a real shell, and never runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import KEY
from tests.cli.shell.shells import Shell, home_with_values, need, started
from tests.gateway import Gateway, Reply, fault

ALT_M = "\x1bm"
FENCED = "```sh\n{}\n```\nIt makes a file."


def provider(gateway: Gateway) -> str:
    url = f"{gateway.url}/v1"
    return f'[providers.box]\nkey = "{KEY}"\nopenai = "{url}"\nmodel = "tiny-1"\n'


def asked(gateway: Gateway, at: int) -> str:
    return str(gateway.asked[at].body["messages"][-1]["content"])


def propose(terminal: Shell, typed: str, row: str) -> None:
    terminal.send(typed + ALT_M)
    terminal.until(lambda: terminal.row.split() == row.split())


def told(terminal: Shell, typed: str, words: str) -> None:
    """Press the key, wait for words above the prompt and the line as it was."""
    before = terminal.row
    terminal.send(typed + ALT_M)
    terminal.until(lambda: words in terminal.text and terminal.row == before + typed)
    assert "Ctrl-C stops" not in terminal.text
    terminal.cleared()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_key_puts_command_into_line_and_revises_it(shell: str, tmp_path: Path, gateway_thread: Gateway) -> None:
    need(shell)
    env = {
        **home_with_values(tmp_path, provider(gateway_thread)),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "TERMCHAT_MODEL": "quick",
    }
    (tmp_path / "bin" / "mark").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/ran; echo shown; exit 3\n')
    (tmp_path / "bin" / "mark").chmod(0o755)
    gateway_thread.reply(
        Reply.text(FENCED.format("mark one\n\n")),
        Reply.text(FENCED.format("mark 'two'")),
        Reply.text(FENCED.format("mark \x1b[2K\x03\r\x07three $(mark four) `mark`\nmark five")),
        Reply.text("It marks."),
        fault.silence(),
        *[fault.status(429, retry_after="0.01")] * 3,
    )
    with started(shell, env, " --integration") as terminal:
        propose(terminal, "make one mark", "mark one")
        assert "It makes a file." in terminal.text
        propose(terminal, " make it two", "mark 'two'")
        assert not (tmp_path / "ran").exists()
        terminal.send("\r")
        terminal.shows("shown")
        assert (tmp_path / "ran").read_text() == "two\n"
        terminal.until(lambda: terminal.row == "")
        propose(terminal, "fix !!", "mark ␛[2K␃\n␇three $(mark four) `mark`\nmark five")
        terminal.cleared()
        told(terminal, "", "Type what the command should do")
        told(terminal, "? mark six", "It marks.")
        terminal.send("wait" + ALT_M)
        terminal.shows("box/tiny-1 … Ctrl-C stops")
        terminal.until(lambda: len(gateway_thread.asked) == 5)
        terminal.send("\x03")
        terminal.until(lambda: terminal.row == "wait" and "Ctrl-C stops" not in terminal.text)
        told(terminal, " still", "Tried 3 times")
        terminal.run("nothing", key="\x03")
    assert (tmp_path / "ran").read_text() == "two\n"
    assert asked(gateway_thread, 0) == "make one mark"
    assert "mark one" in asked(gateway_thread, 1)
    assert asked(gateway_thread, 1).endswith("Change it: make it two")
    assert "mark 'two'" in asked(gateway_thread, 2)
    assert "exit code 3" in asked(gateway_thread, 2)
    system = str(gateway_thread.asked[0].body["messages"][0]["content"])
    assert f"Shell: {shell}" in system
    assert str(tmp_path) not in system


HIDES = {"bash": "HISTCONTROL=ignoreboth", "zsh": "setopt hist_ignore_space", "fish": "true"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_integration_records_last_command_for_wtf(shell: str, tmp_path: Path, gateway_thread: Gateway) -> None:
    need(shell)
    gateway_thread.reply(Reply.text("Because."))
    env = {
        **home_with_values(tmp_path, provider(gateway_thread)),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "TERMCHAT_MODEL": "quick",
    }
    with started(shell, env, " --integration") as terminal:
        (record,) = tmp_path.glob("termchat-*/shell.*")
        assert (record.stat().st_mode & 0o777, record.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        terminal.run(HIDES[shell])
        terminal.run("sh -c 'exit 3' # one")
        assert record.read_text().rstrip() == "3\nsh -c 'exit 3' # one"
        terminal.run("")
        terminal.run("left", key="\x03")
        terminal.run("termchat wtf why")
        assert "Because." in terminal.text
        assert record.read_text().rstrip() == "3\nsh -c 'exit 3' # one"
        terminal.cleared()
        terminal.run(" sh -c 'exit 4' # hidden")
        assert record.read_text() == ""
        terminal.send("exit\r")
        terminal.leaves()
        assert record.exists() == (shell == "bash")  # the next shell removes it
    question = asked(gateway_thread, 0)
    assert "sh -c 'exit 3' # one" in question
    assert "exit code 3" in question
    assert "Its output is not known." in question
