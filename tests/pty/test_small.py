"""Test small screens: every feature works from 20 columns and 6 rows; below that only the prompt and replies."""

from __future__ import annotations

import pytest

from tests.pty.harness import Terminal


@pytest.mark.parametrize(("columns", "rows"), [(20, 6), (20, 10), (40, 12)])
def test_repl_small_screen_supports_every_feature(columns: int, rows: int) -> None:
    with Terminal(columns=columns, rows=rows) as terminal:
        terminal.shows("❯ Ask anything")
        terminal.send("hello\r")
        terminal.until(lambda: "You said: hello" in "\n".join(terminal.transcript))
        terminal.shows("❯ Ask anything")
        terminal.send("\x1bm")
        terminal.shows("❯ fake/one")
        terminal.send("two\r")
        terminal.until(lambda: "→ fake/two" in "\n".join(terminal.transcript))
        terminal.send("/usa")
        terminal.shows("❯ /usage")
        terminal.settled(0.05)
        before = _rows_with("fake/one", terminal)
        terminal.send("\r")
        terminal.until(lambda: _rows_with("fake/one", terminal) > before)
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.send("later\r")
        terminal.shows("⧗ 1 later")
        terminal.send("\x1b")
        terminal.until(lambda: "stopped" in "\n".join(terminal.transcript))
        terminal.send("\x15a draft that takes more than one row of it")
        terminal.until(lambda: "onerowofit" in "".join(terminal.text.split()))
        terminal.send("\x15?")
        terminal.shows("Enter     send")
        terminal.settled()
        assert any(row.startswith("❯") for row in terminal.lines)


def _rows_with(text: str, terminal: Terminal) -> int:
    return sum(text in row for row in terminal.transcript)


@pytest.mark.parametrize(("columns", "rows"), [(19, 10), (40, 5), (10, 3)])
def test_repl_tiny_screen_keeps_prompt_without_status_line(columns: int, rows: int) -> None:
    with Terminal(columns=columns, rows=rows, env={"TESTFLAGS": "patient"}) as terminal:
        terminal.until(lambda: "❯" in terminal.lines)
        terminal.settled()
        assert "? keys" not in terminal.text
        assert "Ask" not in terminal.text
        terminal.send("hello")
        terminal.shows("❯ hello")
        terminal.settled(0.05)
        terminal.send("\r")
        terminal.until(lambda: "Yousaid:hello" in "".join("".join(terminal.transcript).split()))
        terminal.until(lambda: "$0.0042" in terminal.text and "❯" in terminal.lines)
        terminal.send("endless\r")
        terminal.until(lambda: "word1" in "".join(terminal.transcript))
        assert "Esc" not in terminal.text
        terminal.send("\x1b")
        terminal.until(lambda: "stopped" in "".join(terminal.transcript))
        terminal.send("\x03")
        terminal.until(lambda: "Press" in terminal.text)
        terminal.send("\x03")
        assert terminal.leaves() == 0
