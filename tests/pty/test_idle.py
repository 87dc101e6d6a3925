"""Test that an idle program runs nothing: no thread wakes up and nothing is written."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

QUIET = 1.5  # seconds; every periodic task of the program is more frequent
ATTEMPTS = 10  # number of QUIET periods to wait for one without a wakeup


def wakeups(pid: int) -> int:
    """Return the voluntary context switches of all threads of a process, which rise with every wakeup (Linux)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*/status"):
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has just ended
            rows = task.read_text().splitlines()
            total += sum(int(row.split()[1]) for row in rows if row[:9] == "voluntary")
    return total


def wait_idle(terminal: Terminal) -> None:
    """Wait for a period of QUIET seconds in which no thread wakes up and nothing is written."""
    for _ in range(ATTEMPTS):
        before, written = wakeups(terminal.pid), len(terminal.output)
        terminal.settled(QUIET)
        if (wakeups(terminal.pid), len(terminal.output)) == (before, written):
            return
    raise AssertionError(f"a thread wakes up in every period; the screen is:\n{terminal.text}")


@pytest.mark.parametrize("options", [(), ("--plain",), ("--accessible",)])
def test_idle_program_never_wakes(options: tuple[str, ...], tmp_path: Path) -> None:
    command = (sys.executable, "-m", "termchat", "-m", "demo/tour", *options)
    with Terminal(command, env={"HOME": str(tmp_path), "TERMCHAT_DEMO_SPEED": "0"}) as terminal:
        terminal.until(lambda: "Ask anything" in terminal.text or terminal.output.endswith((b"> ", b"You: ")))
        wait_idle(terminal)
        terminal.send("show markdown\r" if not options else "show markdown\n")
        terminal.until(lambda: "The end." in terminal.text)
        wait_idle(terminal)


def test_idle_program_with_draft_list_keys_or_queue_never_wakes() -> None:
    with Terminal(rows=30) as terminal:
        terminal.shows("Ask anything")
        for keys, seen in (
            ("a draft", "❯ a draft"),
            ("\x15?", "send; queue"),
            ("x\x7f\x1bm", "fake/three"),
            ("\x1b", "Ask anything"),
            ("endless\r", "word1"),
            ("later\r", "⧗ 1 later"),
            ("\x1b", "1 queued · Enter sends"),
        ):
            terminal.send(keys)
            terminal.shows(seen)
            if keys not in ("endless\r", "later\r"):
                wait_idle(terminal)
