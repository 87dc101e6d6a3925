"""Test that every way to exit restores the terminal."""

from __future__ import annotations

import os
import signal

import pytest

from tests.pty.harness import Terminal


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("busy", [False, True])
def test_signal_exits_with_its_code_and_restores_terminal(number: int, code: int, busy: bool) -> None:
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        if busy:
            terminal.send("endless\r")
            terminal.shows("word3")
        os.kill(terminal.pid, number)
        assert terminal.leaves() == code
        _check_restored(terminal)


def test_crash_shows_error_and_restores_terminal() -> None:
    with Terminal(env={"TESTFLAGS": "crash"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("\x04")
        assert terminal.leaves() == 1
        assert "RuntimeError: a bug of the front end" in terminal.lines
        _check_restored(terminal)


def test_key_binding_error_is_reported_and_repl_continues() -> None:
    with Terminal(env={"TESTFLAGS": "bug"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("x")
        terminal.shows("Internal error (RuntimeError)")
        terminal.send("\x7f")
        terminal.until(lambda: terminal.text.count("Internal error") == 2)
        terminal.send("\x04")
        assert terminal.leaves() == 0


def test_sighup_during_reply_exits_with_129() -> None:
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        terminal.send("endless\r")
        terminal.shows("word3")
        os.kill(terminal.pid, signal.SIGHUP)
        assert terminal.leaves() == 129


def test_ctrl_d_on_text_deletes_and_on_empty_input_exits() -> None:
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        terminal.send("ab\x1b[D\x04")
        terminal.until(lambda: "❯ a" in terminal.lines)
        terminal.send("\x7f\x04")
        assert terminal.leaves() == 0
        _check_restored(terminal)


def _check_restored(terminal: Terminal) -> None:
    """Check that attributes are restored, modes off, the cursor visible and the live region erased."""
    assert terminal.tty() == terminal.initial
    output = terminal.output
    for on, off in ((b"\x1b[?2004h", b"\x1b[?2004l"), (b"\x1b[?25l", b"\x1b[?25h"), (b"\x1b[?1004h", b"\x1b[?1004l")):
        assert output.rfind(off) > output.rfind(on), (on, off)
    assert output.rfind(b"\x1b[23;0t") > output.rfind(b"\x1b[22;0t")
    assert "Ask anything" not in terminal.text
    assert "? keys" not in terminal.text
