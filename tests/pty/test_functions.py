"""A user's functions in the REPL: the question, live output, a function that hangs, the end of their processes.

A model of an installed package writes the calls: `NAME ARGUMENTS` in a question is a call.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

MODEL = '''
    from termchat.core.events import Finished, TextDelta, ToolCallDelta
    from termchat.core.messages import Origin, Role
    from termchat.core.models import ApiProtocol
    from termchat.core.outcomes import FinishReason

    class Model:
        origin = Origin("acme", ApiProtocol.CHAT, "one")

        async def stream(self, request, monitor):
            """Call the function of a question, and tell its result."""
            last = request.messages[-1]
            if last.role is Role.TOOL:
                yield TextDelta(0, "It said: " + last.results[0].text)
                yield Finished(FinishReason.STOP)
                return
            name, _, arguments = last.text.strip().partition(" ")
            yield ToolCallDelta(0, "1", name, arguments or "{}", True)
            yield Finished(FinishReason.TOOL_CALLS)

    one = Model()
'''
FUNCTIONS = """
    import os, sys, time

    def slowly(file: str) -> str:
        print("step one\\x1b[2J")
        while not os.path.exists(file):
            time.sleep(0.005)
        return "ready"

    def hang(file: str) -> None:
        open(file, "w").write(str(os.getpid()))
        print("hanging", file=sys.stderr)
        while True:
            pass

    def pid() -> str:
        os.system("stty -echo -icanon < /dev/tty")
        return f"pid {os.getpid()}."
"""


def environment(home: Path) -> dict[str, str]:
    info = home / "site" / "acme-1.dist-info"
    tools = home / ".config" / "termchat" / "tools"
    info.mkdir(parents=True)
    tools.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[termchat.providers]\nacme = acme_model:one\n")
    (home / "site" / "acme_model.py").write_text(textwrap.dedent(MODEL))
    (tools / "mine.py").write_text(textwrap.dedent(FUNCTIONS))
    root = Path(__file__).parent.parent.parent
    return {"HOME": str(home), "PYTHONPATH": f"{home / 'site'}{os.pathsep}{root}"}


def _end_of(terminal: Terminal, pid: int) -> None:
    def gone() -> bool:
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            return False
        return True

    terminal.until(gone)


@pytest.mark.parametrize("more", [(), ("--plain",)], ids=["repl", "plain"])
def test_functions_are_asked_about_run_and_stopped(tmp_path: Path, more: tuple[str, ...]) -> None:
    command = (sys.executable, "-m", "termchat", "-m", "acme/one", "--tools", "functions", *more)
    mark = tmp_path / "mark"
    with Terminal(command, rows=40, env=environment(tmp_path)) as terminal:
        terminal.shows(">" if more else "Ask anything", 30)
        terminal.send(f'slowly {{"file": "{mark}"}}\r')
        terminal.shows("mine.py:4 · not sandboxed", 30)
        terminal.shows("slowly until you leave this chat")
        terminal.send("y\r" if more else "y")
        if not more:
            terminal.shows("step one␛[2J")
        mark.touch()
        terminal.shows("It said: ready", 30)
        terminal.send("pid\r")
        terminal.shows("pid wants to run", 30)
        terminal.shows("pid until you leave this chat")
        terminal.send("y\r" if more else "y")
        terminal.until(lambda: re.search(r"It said: pid \d+\.", terminal.text) is not None)
        worker = int(terminal.text.rpartition("It said: pid ")[2].partition(".")[0])
        terminal.send("/exit\r")
        assert terminal.leaves() == 0
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


def test_functions_that_hang_are_stopped_by_escape(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "termchat", "-m", "acme/one", "--tools", "functions")
    mark = tmp_path / "pid"
    with Terminal((*command, "--allow", "hang"), rows=40, env=environment(tmp_path)) as terminal:
        terminal.shows("Ask anything", 30)
        terminal.send(f'hang {{"file": "{mark}"}}\r')
        terminal.shows("hanging", 30)
        terminal.send("\x1b")
        terminal.shows("cancelled")
        terminal.shows("Ask anything")
        _end_of(terminal, int(mark.read_text()))
        terminal.send("/exit\r")
        assert terminal.leaves() == 0
