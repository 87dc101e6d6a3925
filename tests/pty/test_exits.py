"""Test that every way to exit restores the terminal."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

SIGNALS = [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
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


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_signal_during_imports_exits_with_its_code_and_restores_terminal(
    tmp_path: Path, number: int, code: int
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with Terminal(env={"TESTGATE": str(gate)}) as terminal:
        terminal.shows("❯")
        os.kill(terminal.pid, number)
        assert terminal.leaves() == code
        assert terminal.tty() == terminal.initial


def test_pipe_as_config_file_does_not_delay_the_first_prompt(tmp_path: Path) -> None:
    (tmp_path / "termchat").mkdir()
    os.mkfifo(tmp_path / "termchat" / "config.toml")
    with Terminal(env={"XDG_CONFIG_HOME": str(tmp_path), "TESTGATE": str(tmp_path / "gate")}) as terminal:
        terminal.shows("❯")
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.leaves() == 143


def test_batch_says_that_it_waits_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows")
    command = [sys.executable, "-m", "termchat", "batch", "-m", "demo/tour", str(tmp_path / "rows")]
    with Terminal(command, env={"HOME": str(tmp_path), "TERMCHAT_DEMO_SPEED": "0"}, columns=200) as terminal:
        terminal.shows(f"Waiting for rows from {tmp_path}/rows.")
        (tmp_path / "rows").write_text('"hello"\n')
        terminal.prints('"outcome":')
        assert terminal.leaves() == 0


def test_sigint_from_outside_acts_as_ctrl_c() -> None:
    with Terminal(env={"TESTFLAGS": "patient"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("endless\r")
        terminal.shows("word3")
        os.kill(terminal.pid, signal.SIGINT)
        terminal.shows("■ stopped")
        terminal.send("half a thought")
        terminal.shows("❯ half a thought")
        os.kill(terminal.pid, signal.SIGINT)
        terminal.shows("Draft kept")
        os.kill(terminal.pid, signal.SIGINT)
        terminal.shows("Press Ctrl-C again to exit")
        os.kill(terminal.pid, signal.SIGINT)
        assert terminal.leaves() == 0
        _check_restored(terminal)


@pytest.mark.parametrize("keys", ["\x03\x03", "\x1c"])
def test_signal_keys_in_pager_leave_the_repl_running(tmp_path: Path, keys: str) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\ntrap '' INT QUIT\ncat\necho in the pager\nread line </dev/tty\n")
    pager.chmod(0o755)
    with Terminal(env={"PAGER": str(pager)}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("hello\r")
        terminal.shows("You said: hello")
        terminal.shows("Ask anything")
        terminal.send("/history\r")
        terminal.shows("in the pager")
        terminal.send(keys)
        terminal.settled()
        terminal.send("\n")
        terminal.shows("Ask anything")
        terminal.send("still here\r")
        terminal.shows("You said: still here")


def test_pager_that_is_killed_leaves_chat_and_terminal_in_order(tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text(
        "#!/bin/sh\nstty raw -echo -opost </dev/tty\nprintf '\\033[?25l\\033[?1000h' >/dev/tty\nkill -9 $$\n"
    )
    pager.chmod(0o755)
    with Terminal(env={"PAGER": str(pager)}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("hello\r")
        terminal.shows("You said: hello")
        terminal.shows("Ask anything")
        modes = terminal.tty()
        terminal.send("/history\r")
        terminal.until(lambda: b"\x1b[?1000h" in terminal.output)
        terminal.shows("Ask anything")
        terminal.send("still here\r")
        terminal.shows("You said: still here")
        assert terminal.tty() == modes
        assert terminal.quits() == 0
        assert terminal.output.rfind(b"\x1b[?1000l") > terminal.output.rfind(b"\x1b[?1000h")
        _check_restored(terminal)


def test_pager_of_unsaved_chat_keeps_neither_searches_nor_a_file(tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text('#!/bin/sh\nls -d "$TMPDIR"/* "$@"\necho "files: $#"\nexec less\n')
    pager.chmod(0o755)
    (tmp_path / "tmp").mkdir()
    env = {"PAGER": str(pager), "HOME": str(tmp_path), "TMPDIR": str(tmp_path / "tmp"), "LESSHISTFILE": ""}
    with Terminal(env=env) as terminal:
        terminal.shows("Ask anything")
        terminal.send("hello secret\r")
        terminal.shows("You said: hello secret")
        terminal.send("/history\r")
        terminal.shows("(END)")
        assert not list((tmp_path / "tmp").iterdir())
        terminal.send("/secret\r")
        terminal.settled()
        terminal.send("q")
        terminal.shows("Ask anything")
        terminal.quits()
    assert not list(tmp_path.glob(".*hst*"))


def test_pager_wraps_long_lines_between_words(tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ncat > {tmp_path}/page\n")
    pager.chmod(0o755)
    with Terminal(env={"PAGER": str(pager)}) as terminal:
        terminal.shows("Ask anything")
        terminal.send(f"{' '.join(['considerations'] * 12)}\r")
        terminal.shows("34 out")
        terminal.send("/history\r")
        terminal.until(lambda: (tmp_path / "page").exists() and "said" in (tmp_path / "page").read_text())
    rows = (tmp_path / "page").read_text().splitlines()
    assert max(map(len, rows)) <= 79
    assert {word for row in rows for word in row.split()} == {"❯", "You", "said:", "considerations"}


def test_crash_shows_error_and_restores_terminal() -> None:
    with Terminal(env={"TESTFLAGS": "crash"}) as terminal:
        terminal.shows("Ask anything")
        assert terminal.quits() == 1
        assert "RuntimeError: a bug of the front end" in terminal.lines
        _check_restored(terminal)


def test_bug_while_drawing_is_not_drawn_for_ever() -> None:
    with Terminal(env={"TESTFLAGS": "blind"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("hello")
        terminal.shows("❯ hello")
        terminal.send("\x15\x04")
        assert terminal.leaves() == 0


def test_key_binding_error_is_reported_and_repl_continues() -> None:
    with Terminal(env={"TESTFLAGS": "bug"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("x")
        terminal.shows("Internal error in termchat (RuntimeError)")
        terminal.send("\x7f")
        terminal.until(lambda: terminal.text.count("Internal error") == 2)
        assert terminal.quits() == 0


def test_undrawable_reply_returns_message_and_explains_itself() -> None:
    with Terminal(env={"TESTFLAGS": "undrawn", "PAGER": "cat"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("hang\r")
        terminal.shows("waiting")
        terminal.send("queued\r")
        terminal.shows("1 queued")
        terminal.send("\x1b")
        terminal.shows("Internal error in termchat (RuntimeError).")
        terminal.shows("Enter resends · Alt-M other model · Ctrl-O details")
        terminal.shows("❯ hang")
        terminal.shows("1 queued · Enter sends")
        terminal.send("\x0f")
        terminal.shows("RuntimeError: a bug of the front end")


def test_plain_undrawable_reply_keeps_message_and_explains_itself() -> None:
    with Terminal(env={"TESTFLAGS": "plain undrawn", "PAGER": "cat"}) as terminal:
        terminal.shows("fake/one answers")
        terminal.send("refuse\r")
        terminal.shows("Internal error in termchat (RuntimeError).")
        terminal.shows("an empty line resends it · /model to switch models")
        assert "Traceback" not in terminal.text
        terminal.send("/error\r")
        terminal.shows("RuntimeError: a bug of the front end")
        terminal.send("\r")
        terminal.until(lambda: terminal.output.count(b"an empty line resends it") == 2)


def test_sighup_during_reply_exits_with_129() -> None:
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        terminal.send("endless\r")
        terminal.shows("word3")
        os.kill(terminal.pid, signal.SIGHUP)
        assert terminal.leaves() == 129


@pytest.mark.skipif(sys.platform != "linux", reason="pidfd_open is of Linux")
@pytest.mark.parametrize("flags", [(), ("--plain",)])
def test_vanished_terminal_ends_program(tmp_path: Path, flags: tuple[str, ...]) -> None:
    command = (sys.executable, "-m", "termchat", "-m", "demo/tour", *flags)
    with Terminal(command, env={"HOME": str(tmp_path)}) as terminal:
        terminal.shows("Ask anything" if not flags else "\n>")
        terminal.send("long\r")
        terminal.shows("long")
        os.close(terminal._master)
        terminal._master = os.open(os.devnull, os.O_RDONLY)
        ended = os.pidfd_open(terminal.pid)
        assert select.select([ended], [], [], 20)[0]
        os.close(ended)
        terminal.code = os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1])
        assert terminal.code == 129
    assert not list(tmp_path.rglob("reports/*"))  # of an internal error


def test_ctrl_d_on_text_deletes_and_on_empty_input_exits() -> None:
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        terminal.send("ab\x1b[D\x04")
        terminal.until(lambda: "❯ a" in terminal.lines)
        terminal.send("\x7f\x04")
        assert terminal.leaves() == 0
        _check_restored(terminal)


def test_sigcont_sets_each_mode_again_once() -> None:
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        terminal.send("\x1b[?0u")  # the terminal knows the kitty protocol
        terminal.until(lambda: b"\x1b[>1u" in terminal.output)
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.until(lambda: terminal.output.count(b"\x1b[>1u") == 2)
        assert terminal.output.count(b"\x1b[?2004h") == 2
        assert terminal.quits() == 0
        for push, pop in ((b"\x1b[>1u", b"\x1b[<u"), (b"\x1b[22;0t", b"\x1b[23;0t")):
            assert terminal.output.count(push) == terminal.output.count(pop) == 2
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
