"""Test the live region and the scrollback in tmux: resizes, long replies, suspend and resume."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from uuid import uuid4

import pytest

from termchat.core.sanitize import safe
from termchat.ui.markdown import render
from tests.pty.harness import ROOT
from tests.ui.fakes import MIXED

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")


class Tmux:
    """A tmux server with one window that runs a shell command. Waits have a deadline in seconds, 10 by default."""

    def __init__(self, columns: int, rows: int, command: str) -> None:
        self._socket = f"termchat-{uuid4().hex[:8]}"
        self._run("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), command)
        self._run("set", "-g", "history-limit", "50000")
        self._run("set", "-g", "window-size", "manual")

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-L", self._socket, *arguments], capture_output=True, text=True, check=False)
        return done.stdout

    def keys(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self) -> str:
        return self._run("capture-pane", "-p")

    def transcript(self) -> list[str]:
        """Return the rows of history and screen, each wrapped line joined into one row."""
        return [row.rstrip() for row in self._run("capture-pane", "-p", "-J", "-S", "-50000").split("\n")]

    def pane_columns(self) -> int:
        """Return the columns of the pane's terminal, which tmux updates after its own screen."""
        with open(self._run("display-message", "-p", "#{pane_tty}").strip(), "rb") as terminal:
            return os.get_terminal_size(terminal.fileno()).columns

    def until(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.screen()
            time.sleep(0.02)  # poll interval; tmux offers no event to wait for

    def shows(self, text: str, seconds: float = 30.0) -> None:
        self.until(lambda: text in self.screen(), seconds)

    def prints(self, text: str, seconds: float = 30.0) -> None:
        """Wait up to `seconds` until a text stands on the screen or in the history."""
        self.until(lambda: text in "\n".join(self.transcript()), seconds)

    def foreground(self) -> int:
        """Return the process id of the last process that the shell has started."""
        shell = self._run("display-message", "-p", "#{pane_pid}").strip()
        seen = [shell]
        while children := subprocess.run(["pgrep", "-P", seen[-1]], capture_output=True, text=True, check=False).stdout:
            seen.append(children.split()[-1])
        return int(seen[-1])

    def close(self) -> None:
        self._run("kill-server")


@pytest.fixture
def tmux() -> Generator[Callable[[int, int], Tmux]]:
    opened: list[Tmux] = []

    def start(columns: int, rows: int) -> Tmux:
        command = f"cd {ROOT}; PS1='$ ' bash --norc --noprofile -i"
        opened.append(Tmux(columns, rows, command))
        opened[-1].shows("$")
        return opened[-1]

    yield start
    for one in opened:
        one.close()


PROGRAM = f"clear; {sys.executable} -m tests.pty.program"


def test_tmux_eight_resizes_leave_scrollback_intact(tmux: Callable[[int, int], Tmux]) -> None:
    """Set each size after the program has learned the one before and has drawn two more rows.

    tmux reflows its screen first and reports the size to the program later, the later the closer the sizes follow. A
    frame drawn in between is laid out for the old size.
    """
    one = tmux(100, 24)
    one.keys(PROGRAM, "Enter")
    one.shows("Ask anything")
    one.keys("long 80 150", "Enter")
    one.prints("R0001")
    for columns in (90, 75, 60, 45, 60, 80, 100, 70):
        one.resize(columns, 24)
        one.until(lambda columns=columns: one.pane_columns() == columns)
        seen = _last_row(one)
        one.until(lambda seen=seen: _last_row(one) >= seen + 2)
    one.shows("12 in", 90)
    one.shows("Ask anything")
    rows = one.transcript()
    numbers = [word for row in rows for word in row.split() if word.startswith("R0")]
    assert numbers == [f"R{n:04d}" for n in range(80)]
    assert sum("Type to queue" in row for row in rows) == 0
    assert sum("❯ Ask" in row for row in rows) == 1


def _last_row(one: Tmux) -> int:
    return max((int(word[1:]) for row in one.transcript() for word in row.split() if word.startswith("R0")), default=0)


@pytest.mark.parametrize("columns", [80, 40])
def test_tmux_interrupted_long_reply_is_whole_in_scrollback(tmux: Callable[[int, int], Tmux], columns: int) -> None:
    """Queue a message and run a command during the reply; the command's output has a blank row above and below."""
    one = tmux(columns, 24)
    one.keys(PROGRAM, "Enter")
    one.shows("Ask anything")
    one.keys("mixed 4", "Enter")
    one.prints("A reply of all kinds")
    one.keys("typed in the middle", "Enter")
    one.shows("1 typed in the middle")
    one.prints("function_100")
    one.keys("/usage", "Enter")
    one.shows("You said: typed in the middle")
    rows = one.transcript()
    notice = next(n for n, row in enumerate(rows) if row == "No usage yet.")
    assert not rows[notice - 1] and not rows[notice + 1]
    del rows[notice - 1 : notice + 2]
    first = rows.index("❯ mixed 4") + 2
    assert rows[first : rows.index("The end 🎉 of it.") + 1] == rendered(columns)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 12), (20, 8)])
def test_tmux_reply_in_one_burst_is_whole_in_scrollback(
    tmux: Callable[[int, int], Tmux], columns: int, rows: int
) -> None:
    """One frame has many more rows than the screen."""
    one = tmux(columns, rows)
    one.keys(PROGRAM, "Enter")
    one.shows("Ask")
    one.keys("mixed 0", "Enter")
    one.until(lambda: "The end 🎉 of it." in one.transcript())
    one.shows("12 in")
    shown = one.transcript()
    first = shown.index("❯ mixed 0") + 2
    assert shown[first : shown.index("The end 🎉 of it.") + 1] == rendered(columns)


def rendered(columns: int) -> list[str]:
    """Return the lines of the one-shot render of MIXED; rows that the terminal wraps are joined."""
    lines: list[str] = []
    for row in render(safe(MIXED), columns, hyperlinks=False, headers=True):
        if row.soft:
            lines[-1] += row.text
        else:
            lines.append(row.text)
    return [line.rstrip() for line in lines]


def test_tmux_soft_wrapped_text_is_one_logical_line(tmux: Callable[[int, int], Tmux]) -> None:
    one = tmux(60, 30)
    one.keys(PROGRAM, "Enter")
    one.shows("Ask anything")
    one.keys("wide", "Enter")
    one.shows("12 in")
    rows = one.transcript()
    assert ("echo a-long-command --with --many=flags " * 5).strip() in rows
    assert any("https://example.com/" + "path/" * 20 in row for row in rows)


def test_tmux_live_region_leaves_no_copy_in_history(tmux: Callable[[int, int], Tmux]) -> None:
    one = tmux(80, 24)
    one.keys("clear; tmux clear-history 2>/dev/null; " + PROGRAM, "Enter")
    one.shows("Ask anything")
    one.keys("/", "BSpace")
    for text in ("a", "b"):
        one.keys(text, "Enter")
        one.shows(f"You said: {text}")
    one.until(lambda: [sum(word in row for row in one.transcript()) for word in ("Ask anything", "128k")] == [1, 1])


def test_ctrl_z_restores_terminal_and_fg_restores_draft(tmux: Callable[[int, int], Tmux]) -> None:
    one = tmux(80, 24)
    one.keys(PROGRAM, "Enter")
    one.shows("Ask anything")
    one.keys("a draft")
    one.shows("❯ a draft")
    one.keys("C-z")
    one.until(lambda: "❯ a draft" not in one.screen() and "$" in one.screen().rstrip().split("\n")[-1])
    one.keys("stty -a | grep -o ' echo ' | tr -d ' ' | sed s/^/now-/", "Enter")
    one.shows("now-echo")
    one.keys("fg", "Enter")
    one.shows("❯ a draft")
    one.keys(" goes on", "Enter")
    one.shows("You said: a draft goes on")


def test_sigtstp_restores_terminal_and_fg_restores_draft(tmux: Callable[[int, int], Tmux]) -> None:
    one = tmux(80, 24)
    one.keys(PROGRAM, "Enter")
    one.shows("Ask anything")
    one.keys("a draft")
    one.shows("❯ a draft")
    os.kill(one.foreground(), signal.SIGTSTP)
    one.until(lambda: one.screen().rstrip().split("\n")[-1].startswith("$"))
    one.until(lambda: "❯ a draft" not in one.screen())
    one.keys("stty -a | grep -o ' echo ' | tr -d ' ' | sed s/^/now-/", "Enter")
    one.shows("now-echo")
    for _ in range(2):
        one.keys("fg", "Enter")
        one.shows("❯ a draft")
        os.kill(one.foreground(), signal.SIGTSTP)
        one.until(lambda: one.screen().rstrip().split("\n")[-1].startswith("$"))
    one.keys("fg", "Enter")
    one.shows("❯ a draft")
    one.keys(" goes on", "Enter")
    one.shows("You said: a draft goes on")


def test_sigstop_then_fg_redraws_live_region(tmux: Callable[[int, int], Tmux]) -> None:
    one = tmux(80, 24)
    one.keys(PROGRAM, "Enter")
    one.shows("Ask anything")
    one.keys("a draft")
    one.shows("❯ a draft")
    pid = one.foreground()
    os.kill(pid, signal.SIGSTOP)
    one.until(lambda: one.screen().rstrip().split("\n")[-1].startswith("$"))
    one.keys("fg", "Enter")
    one.until(lambda: "❯ a draft" in one.screen().rstrip().split("\n")[-2])
    one.keys(" goes on", "Enter")
    one.shows("You said: a draft goes on")
