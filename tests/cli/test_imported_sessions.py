"""Sessions of agents taken in, and continued by another vendor: each request passes the validators of the gateway."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import PROTOCOLS, Program
from tests.gateway import Reply

SAMPLES = Path(__file__).parents[1] / "store" / "samples"


def test_imported_sessions_go_on_with_each_protocol(program: Program) -> None:
    done = program.run("chats", "import", str(SAMPLES))
    assert done.code == 0, done.err
    chats = json.loads(program.run("chats", "--json").out)
    assert len(chats) == 5
    for chat, protocol in zip(chats, (*PROTOCOLS, PROTOCOLS[0]), strict=True):
        program.gateway.reply(Reply.text(f"from {protocol}"))
        done = program.run("--chat", chat["id"], "-m", f"x{protocol}/any", "And now?")
        assert (done.code, done.out) == (0, f"from {protocol}".encode()), done.err
    again = program.run("chats", "import", str(SAMPLES))
    assert "Imported 0 chats with 0 messages" in again.err


def test_import_of_folder_says_what_it_left_out(program: Program) -> None:
    done = program.run("chats", "import", str(SAMPLES))
    assert done.code == 0
    lines = done.err.splitlines()
    assert lines[-1] == (
        "termchat: Imported 5 chats with 43 messages from aichat, Claude Code, Codex, pi; 0 existed already, 0 skipped."
    )
    assert (
        "termchat: Empty files: left out 2 notes of Claude Code, 2 messages of sub agents, 1 record of unknown kind"
        in lines
    )
