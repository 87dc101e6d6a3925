"""A talk in a real terminal."""

from __future__ import annotations

import random
import time

from tests.pty.harness import Terminal

PROMPT = "❯ "


def _ready(terminal: Terminal) -> None:
    terminal.shows("Ask anything")


def test_a_question_is_answered_with_a_usage_line_and_the_prompt_is_back() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("hello there\r")
        terminal.shows("one · 12 in · 34 out")
        terminal.shows("Ask anything")
        assert "❯ hello there" in terminal.lines
        assert "You said: hello there" in terminal.lines


def test_two_keys_leave_with_a_sane_terminal() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("\x03")
        terminal.shows("Press Ctrl-C again to exit")
        terminal.send("\x03")
        assert terminal.leaves() == 0
        assert terminal.tty() == terminal.initial
        assert terminal.output.rstrip().endswith(b"\x1b[0m")


def test_500_messages_typed_while_lines_stream_all_arrive_and_none_is_echoed() -> None:
    rng = random.Random(7)
    with Terminal(rows=24) as terminal:
        _ready(terminal)
        terminal.send("lines 9000 8\r")
        terminal.shows("L0003")
        for n in range(500):
            for key in (chr(97 + n % 26), "\r"):
                terminal.send(key)
                end = time.monotonic() + rng.uniform(0.005, 0.010)
                while (left := end - time.monotonic()) > 0:
                    terminal.pump(left)
        terminal.shows("500 queued", 20)
        terminal.send("\x1b")
        terminal.shows("■ stopped")
        terminal.send("\x04")
        terminal.leaves()
        streamed = [row for row in terminal.transcript if row.startswith("L0")]
        assert streamed == sorted(set(streamed)), "a line twice, or out of order"
        assert [row[:5] for row in streamed] == [f"L{n:04d}" for n in range(len(streamed))]
        assert all(row.endswith("jumps over") for row in streamed)
