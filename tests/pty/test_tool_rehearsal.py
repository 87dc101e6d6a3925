"""demo/tour rehearses tool calls with the real tools: approve by a rule, decline, edit, list the rule and revoke it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

TERMCHAT = (sys.executable, "-m", "termchat", "--tools", "read,run")


def rehearsal(tmp_path: Path, columns: int) -> Terminal:
    """Return termchat in a directory with one file, at the tour."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "notes.txt").write_text("x")
    root = Path(__file__).parent.parent.parent
    env = {"HOME": str(tmp_path), "TERMCHAT_DEMO_SPEED": "0", "PYTHONPATH": str(root), "PATH": os.environ["PATH"]}
    command = ("/bin/sh", "-c", f'cd "{work}" && exec "$@"', "sh", *TERMCHAT)
    return Terminal(command, columns=columns, rows=50, env=env)


@pytest.mark.parametrize("columns", [80, 40])
def test_demo_runs_three_listed_commands_with_one_answer(tmp_path: Path, columns: int) -> None:
    with rehearsal(tmp_path, columns) as terminal:
        terminal.shows("Ask anything", 30)
        terminal.send("approvals\r")
        terminal.shows("Y  list all 3", 30)
        terminal.send("Y")
        terminal.shows("3 calls want to run")
        terminal.shows("Y  run all 3 once")
        for command in ("$ ls", "$ rm -r /nonexistent/rehearsal", "$ echo 'change me'"):
            assert f"    {command}" in terminal.lines
        terminal.send("Y")
        terminal.until(lambda: terminal.text.count("The tool run_shell returned") == 3, 30)
        cards = [row for row in terminal.transcript if " run_shell" in row[:12]]
        assert len(cards) == 3
        assert not any("declined" in card for card in cards)
        assert "    notes.txt" in terminal.transcript


@pytest.mark.parametrize("columns", [80, 40])
def test_demo_rehearses_three_parallel_commands(tmp_path: Path, columns: int) -> None:
    with rehearsal(tmp_path, columns) as terminal:
        terminal.shows("Ask anything", 30)
        terminal.send("approvals\r")
        terminal.shows("1 of 3", 30)
        terminal.shows("s  allow run_shell(ls)")
        terminal.send("s")
        terminal.shows("2 of 3")
        terminal.shows("rm -r /nonexistent")
        terminal.shows("n  no, and say why")
        terminal.send("n")
        terminal.shows("Why not?")
        terminal.send("it deletes\r")
        terminal.shows("$ echo 'change me'")
        terminal.shows("e  edit first")
        terminal.send("e")
        terminal.shows("Edit: echo")
        terminal.send("\x15echo changed\r")
        terminal.shows("$ echo changed")
        terminal.shows("y  run once")
        terminal.send("y")
        terminal.until(lambda: "Ask anything" in terminal.text and "it deletes" in terminal.text, 30)
        cards = [row for row in terminal.transcript if row[:1] in "●○"]
        assert next(row.split(" · ")[0] for row in cards if row.startswith("●")) == "● run_shell ls"
        assert any(row.startswith("○ run_shell") and row.endswith("· declined") for row in cards)
        assert any(row.startswith("● run_shell echo") and row.endswith("· edited") for row in cards)
        assert "    notes.txt" in terminal.transcript
        terminal.send("/tools\r")
        terminal.until(lambda: any(row.startswith("Tool ") for row in terminal.transcript))
        terminal.shows("run_shell(ls)")
        terminal.shows("this chat")
        terminal.send("/tools remove run_shell(ls)\r")
        terminal.shows("Removed the rule run_shell(ls).")
        terminal.send("run ls\r")
        terminal.shows("run_shell wants to run")


def test_demo_rehearses_tool_of_mcp_server(tmp_path: Path) -> None:
    config = tmp_path / ".config" / "termchat" / "config.toml"
    config.parent.mkdir(parents=True)
    server = f'command = "{sys.executable}"\nargs = ["-m", "termchat.tools.mcp.demo_server"]\n'
    root = Path(__file__).parent.parent.parent
    config.write_text(f'[mcp.demo]\n{server}env = {{ PYTHONPATH = "{root}" }}\nseconds = 60\n')
    env = {"HOME": str(tmp_path), "TERMCHAT_DEMO_SPEED": "0", "PYTHONPATH": str(root), "PATH": os.environ["PATH"]}
    with Terminal((sys.executable, "-m", "termchat"), rows=50, env=env) as terminal:
        terminal.shows("Ask anything", 30)
        terminal.send("roll a die\r")
        terminal.shows("mcp_demo_dice wants to run", 30)
        terminal.shows("MCP server demo")
        terminal.shows("y  run once")
        terminal.send("y")
        terminal.shows("The tool mcp_demo_dice returned")
        assert any(row.startswith("● mcp_demo_dice") for row in terminal.transcript)
