"""Test a chat in a terminal: replies, frames during a stream, queued messages, exit."""

from __future__ import annotations

import random
import re
import time

from tests.pty.harness import Terminal

PROMPT = "❯ "


def _ready(terminal: Terminal) -> None:
    terminal.shows("Ask anything")


def test_repl_question_shows_answer_usage_line_and_prompt() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("hello there\r")
        terminal.shows("one · 12 in · 34 out")
        terminal.shows("Ask anything")
        assert "❯ hello there" in terminal.lines
        assert "You said: hello there" in terminal.lines


def test_ctrl_c_twice_exits_and_restores_terminal() -> None:
    with Terminal(env={"TESTFLAGS": "patient"}) as terminal:
        _ready(terminal)
        terminal.send("\x03")
        terminal.shows("Press Ctrl-C again to exit")
        terminal.send("\x03")
        assert terminal.leaves() == 0
        assert terminal.tty() == terminal.initial
        assert terminal.output.rstrip().endswith(b"\x1b[0m")


def test_stream_stays_intact_while_500_messages_are_queued() -> None:
    rng = random.Random(7)
    with Terminal(rows=24) as terminal:
        _ready(terminal)
        terminal.send("lines 9000 8\r")
        terminal.prints("L0003")
        for n in range(500):
            for key in (chr(97 + n % 26), "\r"):
                terminal.send(key)
                end = time.monotonic() + rng.uniform(0.005, 0.010)
                while (left := end - time.monotonic()) > 0:
                    terminal.pump(left)
        terminal.shows("500 queued", 20)
        terminal.send("\x1b")
        terminal.shows("■ stopped")
        terminal.quits()
        streamed = [row for row in terminal.transcript if row.startswith("L0")]
        assert streamed == sorted(set(streamed)), "a line twice, or out of order"
        assert [row[:5] for row in streamed] == [f"L{n:04d}" for n in range(len(streamed))]
        assert all(row.endswith("jumps over") for row in streamed)


def test_stream_frames_keep_draft_and_write_no_trailing_blank() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("my draft stays")
        terminal.shows("❯ my draft stays")
        terminal.send("\x01\x0b")
        _ready(terminal)
        terminal.send("lines 600 5\r")
        terminal.prints("L0002")
        terminal.send("draft")
        terminal.shows("❯ draft")
        frames = missing = 0
        while "L0599" not in terminal.text:
            assert terminal.pump(30)
            if terminal.output.endswith(b"\x1b[?2026l"):
                frames += 1
                missing += "❯ draft" not in terminal.lines
        assert frames > 5  # about 180; the less, the slower the machine
        assert not missing
        terminal.shows("one · 12 in")
        assert not re.search(rb" (\x1b\[[0-9;]*m)*\r\n", terminal.output[terminal.output.find(b"L0002") :])


def test_stream_frame_overhead_is_at_most_160_bytes() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("lines 300 5\r")
        terminal.prints("L0002")
        before, frames = len(terminal.output), terminal.output.count(b"\x1b[?2026h")
        terminal.shows("L0290")
        text = 288 * len("L0000 the quick brown fox 你好世界 jumps over\n".encode())
        spent = len(terminal.output) - before
        frames = terminal.output.count(b"\x1b[?2026h") - frames
        assert spent <= 1.3 * text + 160 * frames, (spent, text, frames, (spent - 1.3 * text) / frames)


def test_no_color_environment_writes_no_color_sequence() -> None:
    with Terminal(env={"NO_COLOR": "1"}) as terminal:
        _ready(terminal)
        terminal.send("code\r")
        terminal.shows("one · 12 in")
        terminal.quits()
        colours = re.findall(rb"\x1b\[[0-9;]*\b(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])\b[0-9;]*m", terminal.output)
        assert not colours, colours[:5]
