"""The REPL in xterm.js, the terminal of VS Code: the scrollback after long replies and resizes."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.interop.support import installed
from tests.pty.harness import Terminal
from tests.pty.test_tmux import rendered

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("xterm"), pytest.mark.timeout(400)]
ROWS = 24
PACKAGES = ("@xterm/headless@6", "@xterm/addon-unicode11")
SCRIPT = Path(__file__).with_name("xterm_terminal.mjs")


class XtermWindow:
    """xterm.js behind a terminal of the harness: it gets all output, and its answers go to the program."""

    def __init__(self, folder: Path, columns: int) -> None:
        command = ["node", str(SCRIPT), str(folder), str(columns), str(ROWS)]
        self._node = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(request).encode() + b"\n")
        self._node.stdin.flush()
        return json.loads(self._node.stdout.readline())

    def take(self, output: bytes) -> bytes:
        """Write output of the program; return what the terminal answers."""
        return base64.b64decode(self._ask({"write": base64.b64encode(output).decode()})["answer"])

    def resize(self, terminal: Terminal, columns: int) -> None:
        """Resize xterm.js and the terminal at once: no frame of the program is on its way between them."""
        os.kill(terminal.pid, signal.SIGSTOP)
        while terminal.pump(0):
            pass
        self._ask({"resize": [columns, ROWS]})
        terminal.resize(ROWS, columns)
        os.kill(terminal.pid, signal.SIGCONT)

    def transcript(self) -> list[str]:
        """Return the lines of scrollback and screen; a line that the terminal has wrapped is one."""
        return self._ask({"rows": True})["rows"]

    def close(self) -> None:
        """End xterm.js."""
        self._node.communicate(timeout=20)


@contextmanager
def xterm_window(columns: int) -> Generator[tuple[Terminal, XtermWindow]]:
    """Run the program in xterm.js."""
    folder = installed("xterm", ("npm", "install", "--prefix", "{}", "--no-audit", "--no-fund", *PACKAGES))
    window = XtermWindow(folder, columns)
    env = {"TERM_PROGRAM": "vscode", "COLORTERM": "truecolor"}
    try:
        with Terminal(columns=columns, rows=ROWS, env=env, answer=window.take) as terminal:
            terminal.until(lambda: any("Ask anything" in row for row in window.transcript()))
            yield terminal, window
    finally:
        window.close()


@pytest.mark.parametrize(("columns", "question"), [(80, "mixed 1"), (40, "mixed 1"), (80, "mixed 0"), (20, "mixed 0")])
def test_xterm_long_reply_is_whole_in_scrollback(columns: int, question: str) -> None:
    with xterm_window(columns) as (terminal, window):
        terminal.send(f"{question}\r")
        terminal.until(lambda: "The end 🎉 of it." in window.transcript(), 90)
        terminal.until(lambda: any("12 in" in row for row in window.transcript()))
        shown = window.transcript()
    first = shown.index(f"❯ {question}") + 2
    assert shown[first : shown.index("The end 🎉 of it.") + 1] == rendered(columns)


@pytest.mark.parametrize("draft", ["", "one two " * 9, "x" * 130])
def test_xterm_resizes_leave_each_row_of_reply_once(draft: str) -> None:
    with xterm_window(100) as (terminal, window):
        terminal.send("long 40 60\r")
        terminal.until(lambda: any("R0000" in row for row in window.transcript()))
        terminal.send(draft)
        for number, columns in ((3, 60), (10, 90), (18, 45), (26, 100)):
            terminal.until(lambda number=number: any(f"R{number:04d}" in row for row in window.transcript()))
            window.resize(terminal, columns)
        terminal.until(lambda: any("12 in" in row for row in window.transcript()), 60)
        shown = window.transcript()
    numbers = [word for row in shown for word in row.split() if word.startswith("R0")]
    assert numbers == [f"R{n:04d}" for n in range(40)]
    assert sum("Type to queue" in row for row in shown) == 0
    assert sum("replying" in row for row in shown) == 0
    assert sum(f"❯ {draft[:20] or 'Ask'}" in row for row in shown) == 1
