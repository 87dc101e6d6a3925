"""Test the scrollback in GNU screen, which knows no synchronized output."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from termchat.core.sanitize import safe
from termchat.ui.markdown import render
from termchat.ui.text.width import WIDTHS
from tests.pty.harness import ROOT, Terminal
from tests.ui.fakes import MIXED

pytestmark = pytest.mark.skipif(
    shutil.which("screen") is None or sys.platform != "linux", reason="there is no current screen"
)  # that of macOS is of 2006

SETTINGS = "defutf8 on\ndefscrollback 5000\nstartup_message off\nautodetach off\n"
SELECT_ALL = "g0 G$ "  # keys of the copy mode: first row, mark, last row, copy


class ScreenWindow:
    """A window of GNU screen that runs the program, in a terminal of the harness."""

    def __init__(self, terminal: Terminal, env: dict[str, str], folder: Path) -> None:
        self.terminal, self._env, self._file = terminal, {**os.environ, **env}, folder / "copied"

    def _run(self, *command: str) -> None:
        subprocess.run(["screen", "-S", "it", "-p", "0", "-X", *command], env=self._env, check=True, timeout=20)
        self.terminal.pump(0)

    def transcript(self) -> list[str]:
        """Return the rows of scrollback and window as the copy mode copies them: wrapped lines are joined."""
        self._file.unlink(missing_ok=True)
        self._run("eval", "copy", f'stuff "{SELECT_ALL}"')
        self.terminal.shows("into buffer")
        self._run("writebuf", "-e", "utf8", str(self._file))
        self.terminal.until(lambda: self._file.exists() and self._file.stat().st_size > 0)
        return [row.rstrip() for row in self._file.read_text("utf-8").split("\n")]


@contextmanager
def screen_window(folder: Path, columns: int) -> Generator[ScreenWindow]:
    """Run the program in GNU screen; on exit, end the session."""
    (folder / "sockets").mkdir(mode=0o700)
    (folder / "screenrc").write_text(SETTINGS)
    env = {"SCREENDIR": str(folder / "sockets"), "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    command = ("screen", "-U", "-c", str(folder / "screenrc"), "-S", "it", sys.executable, "-m", "tests.pty.program")
    with Terminal(command, columns=columns, env=env) as terminal:
        try:
            terminal.shows("Ask anything")
            yield ScreenWindow(terminal, env, folder)
        finally:
            subprocess.run(["screen", "-S", "it", "-X", "quit"], env={**os.environ, **env}, check=False, timeout=20)


def folded(rows: list[str], columns: int) -> list[str]:
    """Return the rows of the window that make these lines."""
    found: list[str] = []
    for row in rows:
        found.append("")
        width = 0
        for cluster in WIDTHS.clusters(row):
            width += cluster.cells
            if width > columns:
                found.append("")
                width = cluster.cells
            found[-1] += cluster.text
    return [row.rstrip() for row in found]


@pytest.mark.parametrize("columns", [80, 40])
def test_screen_long_reply_is_whole_in_scrollback(tmp_path: Path, columns: int) -> None:
    """Compare the rows of the window: screen joins an empty row with the next one if it was wrapped before."""
    with screen_window(tmp_path, columns) as window:
        window.terminal.send("mixed 1\r")
        window.terminal.shows("12 in")
        window.terminal.shows("Ask anything")
        rows = folded(window.transcript(), columns)
    first = rows.index("❯ mixed 1") + 2
    expected = [row.text.rstrip() for row in render(safe(MIXED), columns, hyperlinks=False, headers=True)]
    assert rows[first : rows.index("The end 🎉 of it.") + 1] == expected


def test_screen_resizes_leave_each_row_of_reply_once(tmp_path: Path) -> None:
    """End at the first width: screen shows the oldest rows no more on a narrower one, and again on a wider one."""
    with screen_window(tmp_path, 100) as window:
        window.terminal.send("long 40 50\r")
        window.terminal.prints("R0000")
        window.terminal.send("x" * 130)
        for number, columns in ((3, 60), (12, 90), (22, 50)):
            window.terminal.prints(f"R{number:04d}")
            window.terminal.resize(24, columns)
        window.terminal.shows("12 in")
        assert "~/proj" not in window.terminal.text
        window.terminal.resize(24, 100)
        window.terminal.shows("~/proj")  # the status line has room for it; a resize would end the copy mode
        rows = window.transcript()
    numbers = [word for row in rows for word in row.split() if word.startswith("R0")]
    assert numbers == [f"R{n:04d}" for n in range(40)]
    assert sum("replying" in row for row in rows) == 0
    assert sum(row.startswith("one · 12 in") for row in rows) == 1
    assert sum(set(row.strip("❯ ")) == {"x"} for row in rows) == 2
