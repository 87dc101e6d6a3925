"""Test roles, labels, the tree and sessions of other programs on a terminal, by keyboard only."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

CHAT = (sys.executable, "-m", "termchat")
SESSION = Path(__file__).parents[1] / "store" / "samples" / "claude-code.jsonl"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / ".config" / "termchat" / "prompts"
    folder.mkdir(parents=True)
    (folder / "review.md").write_text("---\ndescription: Review a change\ntemperature: 0.3\n---\nYou review.\n")
    (folder / "bad.md").write_text("---\nallow: run_shell\n---\n")
    return {"HOME": str(tmp_path), "TERMCHAT_DEMO_SPEED": "0"}


@pytest.mark.parametrize("columns", [80, 40, 20])
def test_role_is_chosen_and_ended_by_keyboard_at_any_width(env: dict[str, str], columns: int) -> None:
    with Terminal(CHAT, env=env, columns=columns) as terminal:
        terminal.shows("❯")
        terminal.send("/role\r")
        terminal.shows("review")
        terminal.settled()
        terminal.send("\r")
        terminal.shows("Role review")
        terminal.send("/role off\r")
        terminal.until(lambda: "has ended" in " ".join(terminal.text.split()))


def test_role_with_variables_is_completed_and_named_in_status_line(env: dict[str, str]) -> None:
    prompts = Path(env["HOME"], ".config/termchat/prompts")
    (prompts / "explain.md").write_text("You explain {{lang}} code.\n")
    with Terminal(CHAT, env=env) as terminal:
        terminal.shows("Ask anything")
        terminal.settled()
        terminal.send("/role\nmy draft")
        terminal.shows("my draft")
        terminal.send("\r")
        terminal.shows("needs lang")
        terminal.send("explain")
        terminal.settled()
        terminal.send("\r")
        terminal.shows("❯ /role explain lang=\n  my draft")
        terminal.send("Go\r")
        terminal.shows("Role explain")
        terminal.shows("· role explain")
        terminal.shows("❯ my draft")


def test_bad_file_of_role_is_a_sentence_and_stops_nothing(env: dict[str, str]) -> None:
    with Terminal(CHAT, env=env) as terminal:
        terminal.shows("❯")
        terminal.send("/role bad\r")
        terminal.shows("allow cannot be set by a role.")
        terminal.send("exit code 77\r")
        terminal.shows("no API key")


def test_session_of_claude_code_is_opened_labelled_folded_and_resumed(env: dict[str, str]) -> None:
    with Terminal(CHAT, env=env) as terminal:
        terminal.shows("❯")
        terminal.send(f"/open {SESSION}\r")
        terminal.prints("Imported 1 chat with 8 messages from Claude Code")
        terminal.shows("All is well.")
        terminal.send("/label 2 first look\r")
        terminal.shows('Message 2 is labelled "first look".')
        terminal.send("/tree\r")
        terminal.shows("[first look] Let me look.")
        terminal.shows("A picture of")
        terminal.send("\t")
        terminal.shows("1 more")
        terminal.until(lambda: "A picture of" not in "\n".join(terminal.lines[-12:]))
        terminal.send("first look")
        terminal.settled()
        terminal.send("\r")
        terminal.shows("→ after")
        terminal.quits()
    with Terminal((*CHAT, "--chat", "Empty files"), env=env) as again:
        again.prints("resumed")
        again.send("/label\r")
        again.shows("first look")
