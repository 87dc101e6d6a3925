"""One of several running tool calls is cancelled alone (Ctrl-O, x); the others end as they would have, and the turn.

A model of an installed package writes the calls: each line of a question is a command for `run_shell`.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for the programs in /proc")

CTRL_O, ESC, DOWN = "\x0f", "\x1b", "\x1b[B"
MODEL = '''
    import json

    from termchat.core.events import Finished, TextDelta, ToolCallDelta
    from termchat.core.messages import Origin, Role
    from termchat.core.models import ApiProtocol
    from termchat.core.outcomes import FinishReason

    class Model:
        origin = Origin("acme", ApiProtocol.CHAT, "one")

        async def stream(self, request, monitor):
            """Call run_shell for each line of a question, all with one id, and tell the results."""
            last = request.messages[-1]
            if last.role is Role.TOOL:
                yield TextDelta(0, "They said: " + " / ".join(result.text.strip() for result in last.results) + ".")
                yield Finished(FinishReason.STOP)
                return
            for n, command in enumerate(last.text.strip().split(";")):
                yield ToolCallDelta(n, "same", "run_shell", json.dumps({"command": command.strip()}), True)
            yield Finished(FinishReason.TOOL_CALLS)

    one = Model()
'''


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    info = tmp_path / "site" / "acme-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[termchat.providers]\nacme = acme_model:one\n")
    (tmp_path / "site" / "acme_model.py").write_text(textwrap.dedent(MODEL))
    (tmp_path / "work").mkdir()
    root = Path(__file__).parent.parent.parent
    return {"HOME": str(tmp_path), "PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{root}", "TMPDIR": str(tmp_path)}


def _script(folder: Path, name: str) -> str:
    """Write a program that ends once a file exists, and return the command; NAME.pid has its process."""
    file = folder / "work" / name
    file.write_text(
        f"echo {name} begins\necho $$ > {name}.pid\nwhile ! test -e {name}.go; do sleep 0.05; done\necho {name} ends\n"
    )
    return f"sh {name}"


def _pid(folder: Path, name: str) -> int:
    """Return the process of a program on this system, 0 if it does not run; a sandbox has other numbers."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            is_it = entry.name.isdigit() and (entry / "cmdline").read_bytes() == f"sh\0{name}\0".encode()
            if is_it and (entry / "cwd").resolve() == folder / "work":
                return int(entry.name)
    return 0


def _start(folder: Path, columns: int, rows: int, environment: Mapping[str, str]) -> Terminal:
    program = (sys.executable, "-m", "termchat", "-m", "acme/one", "--tools", "run", "--yes")
    command = ("/bin/sh", "-c", f'cd "{folder / "work"}" && exec "$@"', "sh", *program)
    return Terminal(command, columns=columns, rows=rows, env=environment)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 20)])
def test_ctrl_o_and_x_cancel_one_of_three_commands(
    tmp_path: Path, environment: Mapping[str, str], columns: int, rows: int
) -> None:
    names = ("aa", "bb", "cc")
    commands = [_script(tmp_path, name) for name in names]
    with _start(tmp_path, columns, rows, environment) as terminal:
        terminal.shows("Ask anything")
        terminal.send("; ".join(commands) + "\r")
        terminal.shows("running 3 tools")
        terminal.until(lambda: all(_pid(tmp_path, name) for name in names))
        if columns == 80:
            terminal.shows("Ctrl-O cancels one")
        terminal.send("my draft")
        terminal.shows("❯ my draft")
        terminal.send(CTRL_O)
        terminal.shows("x cancels · Esc")
        terminal.shows("❯ run_shell sh aa")
        terminal.send("zzz")  # is no filter
        terminal.send(DOWN)
        terminal.shows("❯ run_shell sh bb")
        terminal.shows("    bb begins")
        terminal.send("x")
        terminal.until(lambda: any(row.startswith("❯ run_shell sh bb  cancelled") for row in terminal.lines))
        terminal.until(lambda: not _pid(tmp_path, "bb"))
        assert all(_pid(tmp_path, name) for name in ("aa", "cc"))
        terminal.send("x")  # the call has ended, and no other one is marked
        (tmp_path / "work" / "aa.go").touch()
        terminal.until(lambda: any(row.startswith("  run_shell sh aa  ended") for row in terminal.lines))
        assert _pid(tmp_path, "cc")
        terminal.send(ESC)
        terminal.shows("❯ my draft")
        terminal.shows("running 1 tool")
        assert _pid(tmp_path, "cc")
        terminal.send(CTRL_O)
        terminal.shows("❯ run_shell sh cc")
        (tmp_path / "work" / "cc.go").touch()
        told = "They said: aa begins aa ends / cancelled by the user / cc begins cc ends."
        terminal.until(lambda: told in " ".join(" ".join(terminal.transcript).split()))
        terminal.shows("❯ my draft")
        cards = [row for row in terminal.transcript if row.startswith(("●", "○", "◌"))]
        assert [row[:15] for row in cards] == ["● run_shell sh ", "◌ run_shell sh ", "● run_shell sh "]
        assert cards[1].startswith("◌ run_shell sh bb · ")
        assert cards[1].endswith(" · cancelled")
