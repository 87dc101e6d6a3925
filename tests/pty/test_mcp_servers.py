"""MCP servers in the REPL: a form that a server asks to fill, and keys while a server starts."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.pty.harness import Terminal
from tests.pty.test_functions import environment
from tests.tools.mcp.support import SCRIPT

CHANGING = str(Path(SCRIPT).with_name("changing_server.py"))
COMMAND = (sys.executable, "-m", "termchat", "-m", "acme/one", "--tools", "mcp")


def with_server(home: Path, *arguments: str) -> dict[str, str]:
    """Configure the server `it`; return the environment."""
    env = environment(home)
    config = home / ".config" / "termchat" / "config.toml"
    program = f"command = {json.dumps(sys.executable)}\nargs = {json.dumps(arguments)}\n"
    config.write_text(f"[mcp.it]\n{program}seconds = 60\n")
    return env


def test_form_of_server_is_edited_checked_and_sent(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf \'%s\' \'{"who": "Ada"}\' > "$1"\n')
    editor.chmod(0o755)
    env = {**with_server(tmp_path, CHANGING), "EDITOR": str(editor)}
    with Terminal(COMMAND, rows=40, env=env) as terminal:
        terminal.shows("Ask anything", 30)
        terminal.send("mcp_it_greet {}\r")
        terminal.shows("mcp_it_greet wants to run", 30)
        terminal.shows("run once")
        terminal.send("y")
        terminal.shows("MCP server it asks you", 30)
        terminal.shows("Who are you?")
        terminal.shows('your answer: {"who": ""}')
        terminal.shows("send it")
        terminal.send("e")
        terminal.shows('your answer: {"who": "Ada"}')
        terminal.shows("send it")
        terminal.send("y")
        terminal.shows("It said: Hello Ada", 30)
        terminal.send("/exit\r")
        assert terminal.leaves() == 0


def test_form_of_server_declined_tells_server(tmp_path: Path) -> None:
    with Terminal(COMMAND, rows=40, env=with_server(tmp_path, CHANGING)) as terminal:
        terminal.shows("Ask anything", 30)
        terminal.send("mcp_it_greet {}\r")
        terminal.shows("run once", 30)
        terminal.send("y")
        terminal.shows("MCP server it asks you", 30)
        terminal.shows("send it")
        terminal.send("n")
        terminal.shows("Why not?")
        terminal.send("\r")
        terminal.shows("It said: Error", 30)


def test_escape_while_server_starts_stops_turn_and_keys_are_echoed(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # the server waits for somebody to write into it
    with Terminal(COMMAND, rows=40, env=with_server(tmp_path, SCRIPT, "gate", str(pipe))) as terminal:
        terminal.shows("Ask anything", 30)
        terminal.send("mcp_it_echo {}\r")
        terminal.shows("Type to queue")
        terminal.send("a draft")
        terminal.shows("❯ a draft")
        terminal.send("\x1b")
        terminal.shows("■ stopped")
        terminal.shows("❯ a draft")
        assert "It said" not in terminal.text
        terminal.send("\x15/exit\r")
        assert terminal.leaves() == 0
