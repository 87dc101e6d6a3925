"""Keys of the user: they act, and the hints name them; the editing keys of readline and vi."""

from __future__ import annotations

import pytest

from tests.pty.harness import Terminal

ESC = "\x1b"
F5, F6, UP = "\x1b[15~", "\x1b[17~", "\x1b[A"
KEYS = """
stop = "ctrl-q"
retry = "f5"
continue = ""
model = "ctrl-x m"
keys = ["?", "f6"]
reasoning = "alt-t"
interrupt = "ctrl-y"
"""


def _second_row(terminal: Terminal) -> str:
    """Return the row below the first line of the input."""
    first = "❯ first words"
    return terminal.lines[terminal.lines.index(first) + 1].strip() if first in terminal.lines[:-1] else ""


@pytest.mark.parametrize("columns", [80, 40])
def test_user_keys_act_and_are_named_in_hints(columns: int) -> None:
    with Terminal(columns=columns, rows=40, env={"TESTKEYS": KEYS, "TESTFLAGS": "still patient"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.shows("Ctrl-Q to stop")
        terminal.send("\x11")
        terminal.shows("/continue for the rest")
        terminal.send("cut\r")
        terminal.shows("F5 retries")
        terminal.shows("Ctrl-X m")
        terminal.send("\x18m")
        terminal.shows("↑↓ · Enter · Ctrl-Q")
        terminal.send("\x11")
        terminal.until(lambda: "Enter · Ctrl-Q" not in terminal.text)
        terminal.send(f"{F6}")
        terminal.shows("Ctrl-Q*")
        terminal.send(F6)
        terminal.send("\x19")
        terminal.shows("Press Ctrl-Y again to exit")
        terminal.send("\x19")
        assert terminal.leaves() == 0
    assert "Esc" not in "\n".join(terminal.transcript)


def test_freed_keys_do_nothing_and_retry_key_retries() -> None:
    with Terminal(rows=40, env={"TESTKEYS": KEYS, "TESTFLAGS": "still"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("hello\r")
        terminal.shows("You said: hello")
        terminal.shows("Ask anything")
        terminal.send("\x03")
        terminal.send("draft")
        terminal.shows("❯ draft")
        terminal.send("\x15")
        terminal.until(lambda: "❯ draft" not in terminal.text)
        terminal.send(F5)
        terminal.until(lambda: "\n".join(terminal.transcript).count("You said: hello") == 2)


def test_submit_moved_from_enter_sends_and_enter_chooses() -> None:
    rows = 'submit = "ctrl-y"\nnewline = ["enter", "ctrl-j"]'
    with Terminal(rows=40, env={"TESTKEYS": rows, "TESTFLAGS": "still"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("endless\x19")
        terminal.shows("word1")
        terminal.send("two\rlines\x19")
        terminal.shows("⧗ 1 two")
        terminal.send(ESC)
        terminal.shows("1 queued · Ctrl-Y sends")
        terminal.send("\x19")
        terminal.shows("You said: two")
        terminal.send(f"{ESC}m")
        terminal.shows("↑↓ · Ctrl-Y · Esc")
        terminal.send("two\r")
        terminal.shows("incognito · two")


def test_keys_command_lists_keys_and_marks_those_of_user() -> None:
    with Terminal(rows=50, env={"TESTKEYS": KEYS}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/keys\r")
        terminal.shows("* chosen in [keys] of the configuration")
        listed = {line.split("  ")[0].strip() for line in terminal.transcript}
        assert {"Ctrl-Q*", "F5*", "none*", "?, F6*", "Ctrl-X m*", "Ctrl-D"} <= listed


def test_readline_keys_edit_the_line() -> None:
    with Terminal(env={"TESTFLAGS": "still"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("first words\nhello big world")
        for keys, line in (
            ("\x01A ", "A hello big world"),  # Ctrl-A
            ("\x05 end", "A hello big world end"),  # Ctrl-E
            ("\x17", "A hello big world"),  # Ctrl-W
            (f"{ESC}b{ESC}d", "A hello big"),  # Alt-B, Alt-D
            ("\x19", "A hello big world"),  # Ctrl-Y
            (f"{ESC}b{ESC}u", "A hello big WORLD"),  # Alt-U
            ("\x02\x02\x0b", "A hello big WOR"),  # Ctrl-B, Ctrl-K
            ("\x15", ""),  # Ctrl-U
            ("\x1f", "A hello big WOR"),  # Ctrl-_
            (f"{ESC}_", ""),  # Alt-_
        ):
            terminal.send(keys)
            terminal.until(lambda line=line: _second_row(terminal) == line)


def test_vi_mode_edits_browses_and_shows_its_mode() -> None:
    with Terminal(env={"TESTFLAGS": "vi still"}) as terminal:
        terminal.shows("-- INSERT --")
        terminal.send("sent\r")
        terminal.shows("You said: sent")
        terminal.send(f"one two{ESC}")
        terminal.shows("-- NORMAL --")
        for keys, line in (
            ("bdw", "one"),
            ("u", "one two"),
            ("\x12", "one"),  # Ctrl-R redoes
            ("0x", "ne"),
            ("cwfour", "four"),
        ):
            terminal.send(keys)
            terminal.until(lambda line=line: any(row.rstrip() == f"❯ {line}" for row in terminal.lines))
        terminal.send(f"{ESC}")
        terminal.shows("-- NORMAL --")
        terminal.send("dd")
        terminal.shows("Ask anything")
        terminal.send("k")
        terminal.until(lambda: terminal.lines.count("❯ sent") == 2)
        terminal.send("j")
        terminal.shows("Ask anything")
        terminal.send("R")
        terminal.shows("-- REPLACE --")


def test_vi_mode_list_is_filtered_by_typing() -> None:
    with Terminal(env={"TESTFLAGS": "vi still"}) as terminal:
        terminal.shows("-- INSERT --")
        terminal.send(ESC)
        terminal.shows("-- NORMAL --")
        terminal.send(f"{ESC}m")
        terminal.shows("fake/two")
        terminal.send("two")
        terminal.until(lambda: "fake/one" not in terminal.lines[-4] and "fake/two" in terminal.text)
        terminal.shows("two")
        terminal.send(ESC)
        terminal.shows("fake/one")
        terminal.send(ESC)
        terminal.until(lambda: "type to filter" not in terminal.text)
