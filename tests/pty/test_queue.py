"""Messages that wait during a turn: sent together, after it, at once or with the next step; taken back, kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

ESC = "\x1b"
UP = "\x1b[A"


def _ready(terminal: Terminal) -> None:
    terminal.shows("Ask anything")


def test_queued_messages_are_sent_as_one_message(gate: Path) -> None:
    with Terminal(rows=40, env={"TESTTOOL": str(gate)}) as terminal:
        _ready(terminal)
        terminal.send("held 60\r")
        terminal.prints("L0001")
        terminal.send("and one\r")
        terminal.shows("⧗ 1 and one")
        terminal.send("and two\r")
        terminal.shows("⧗ 2 and two · sent as one message")
        _open_gate(gate)
        terminal.shows("❯ and one\n\n  and two\n\n2 queued messages, sent as one (/set queue one)\n")
        terminal.until(lambda: "You said: and one" in terminal.text)
        assert "queued" not in terminal.lines[-1]


def test_merge_queue_off_sends_one_message_per_turn(gate: Path) -> None:
    with Terminal(rows=40, env={"TESTFLAGS": "one", "TESTTOOL": str(gate)}) as terminal:
        _ready(terminal)
        terminal.send("held 40\r")
        terminal.prints("L0001")
        for number, text in enumerate(("first of all", "and then"), 1):
            terminal.send(f"{text}\r")
            terminal.shows(f"⧗ {number} {text}")
        _open_gate(gate)
        terminal.shows("You said: first of all")
        terminal.shows("You said: and then")
        assert "❯ first of all" in terminal.transcript
        assert "❯ and then" in terminal.transcript


def test_queue_after_stop_waits_for_enter() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.send("later\r")
        terminal.shows("⧗ 1 later")
        terminal.send(ESC)
        terminal.shows("1 queued · Enter sends · ↑ edits · Alt-Bksp drops")
        terminal.settled()
        assert "You said" not in terminal.text
        terminal.send("\r")
        terminal.shows("You said: later")


def test_queue_is_sent_after_retried_reply_and_kept_after_stop() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("retry first\r")
        terminal.shows("retrying in")
        terminal.send("cut now\r")
        terminal.shows("⧗ 1 cut now")
        terminal.shows("half of a rep")
        terminal.shows("■ the reply was cut off")
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.send("mine\r")
        terminal.send(ESC)
        terminal.shows("1 queued")


def test_queue_last_message_is_dropped_or_edited_by_key() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("endless\r")
        terminal.shows("word1")
        for number, text in enumerate(("one", "two", "three"), 1):
            terminal.send(f"{text}\r")
            terminal.shows(f"⧗ {number} {text}")  # two lines that arrive together count as a paste
        terminal.send("\x1b\x7f")
        terminal.until(lambda: "⧗ 3 three" not in terminal.text)
        terminal.send(UP)
        terminal.shows("❯ two")
        assert "⧗ 2 two" not in terminal.text
        assert "⧗ 1 one" in terminal.text


def test_send_now_during_reply_stops_it_and_sends() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.send("at once")
        terminal.shows("❯ at once")
        terminal.send("\x13")
        terminal.shows("■ stopped")
        terminal.shows("You said: at once")


@pytest.mark.parametrize("draft", ["!echo no", "!!echo no", "/usage", " "])
def test_send_now_sends_queue_and_leaves_what_is_no_message(draft: str) -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.send("queued\r")
        terminal.shows("⧗ 1 queued")
        terminal.send(f"{draft}\x13")
        terminal.shows("You said: queued")
        terminal.shows("one · 12 in")
        assert "no" not in "".join(terminal.transcript).partition("You said: queued")[2].partition("❯")[0]
        terminal.until(lambda: any(line.rstrip() == f"❯ {draft}".rstrip() for line in terminal.lines))


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A pipe for TESTTOOL: the tool `wait` ends when `_open_gate` opens it."""
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"


def _open_gate(gate: Path) -> None:
    os.close(os.open(gate, os.O_WRONLY))


def test_send_now_during_tools_joins_next_step(gate: Path) -> None:
    """The turn continues with the message; a message entered later waits for the end of the turn."""
    with Terminal(rows=40, env={"TESTTOOL": str(gate)}) as terminal:
        _ready(terminal)
        terminal.send("tool wait\r")
        terminal.shows("running 1 tool")
        terminal.send("and this\r")
        terminal.shows("⧗ 1 and this")
        assert "sent with" not in terminal.text
        terminal.send("\x13")
        terminal.shows("⧗ 1 and this · sent with the next step")
        terminal.send("later\r")
        terminal.shows("⧗ 2 later")
        _open_gate(gate)
        terminal.shows("You said: and this")
        terminal.shows("You said: later")
        rows = [row for row in terminal.transcript if row]
        at = [rows.index(row) for row in ("❯ tool wait", "❯ and this", "❯ later")]
        assert [row for row in rows[at[0] : at[1]] if "wait" in row][1:], "no tool card above the message"
        assert "stopped" not in terminal.text
        assert sum(" out · " in row for row in rows[at[0] : at[2]]) == 1, "not one turn"


def test_message_for_next_step_can_be_taken_back() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("tool slow\r")
        terminal.shows("running 1 tool")
        for number, text in enumerate(("one", "two"), 1):
            terminal.send(f"{text}\r")
            terminal.shows(f"⧗ {number} {text}")
        terminal.send("\x13")
        terminal.shows("⧗ 2 two · sent with")
        terminal.send(UP)
        terminal.shows("❯ two")
        terminal.until(lambda: "⧗ 2 two" not in terminal.text)
        terminal.shows("⧗ 1 one · sent with")
        terminal.send("\x1b")
        terminal.shows("■ stopped")
        terminal.until(lambda: "sent with" not in terminal.text)
        terminal.shows("⧗ 1 one")
        assert "❯ one" not in terminal.text


def test_alt_r_after_stall_asks_message_sent_during_tools_again(gate: Path) -> None:
    with Terminal(rows=40, env={"TESTFLAGS": "hasty", "TESTTOOL": str(gate)}) as terminal:
        _ready(terminal)
        terminal.send("tool wait\r")
        terminal.shows("running 1 tool")
        terminal.send("stall there\r")
        terminal.shows("⧗ 1 stall there")
        terminal.send("\x13")
        terminal.shows("sent with the next step")
        _open_gate(gate)
        terminal.shows("some words")
        terminal.shows("stalled")
        terminal.send("\x1br")
        terminal.shows("an answer at last")
        assert terminal.text.count("❯ stall there") == 1
        assert terminal.text.count("❯ tool wait") == 1
