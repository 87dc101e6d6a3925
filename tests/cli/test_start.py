"""Modules loaded in each mode: nothing heavy before it is needed."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.gateway import Reply

HEAVY = {
    "openai",
    "anthropic",
    "google",
    "httpx2",
    "pydantic",
    "rich",
    "typer",
    "markdown_it",
    "pygments",
    "jsonschema",
}
SDKS = {"openai": "openai", "responses": "openai", "anthropic": "anthropic", "gemini": "google"}

# Runs the REPL up to its first paint, then lists the loaded modules.
FIRST_PAINT = """
import asyncio, sys
import termchat.__main__
from termchat import app
from termchat.ui.repl import app as repl
async def painted(context):
    repl.Repl(context)
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
    return 0
repl.run_repl = painted
raise SystemExit(app.run_app(app.Options(), {"HOME": "/nowhere", "TERM": "xterm"}))
"""

# Runs the command line, then lists the loaded modules.
ONE_SHOT = """
import sys
from termchat import cli
code = cli.run_command_line(sys.argv[1:], dict(HOME="{home}", TERMCHAT_MODEL="{model}"))
print("\\n" + " ".join(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""

# Runs `termchat --help`, which Ctrl-C interrupts when it imports a module.
INTERRUPTED = """
import signal, sys
def interrupt(*_):
    signal.raise_signal(signal.SIGINT)
class Finder:
    def find_spec(self, name, *_):
        if name == "termchat.cli.help_text":
            {moment}
sys.meta_path.insert(0, Finder())
sys.argv = ["termchat", "--help"]
from termchat.__main__ import main
main()
"""
MOMENTS = {
    "an import": "interrupt()",
    "a class": "type('New', (), {'field': type('Field', (), {'__set_name__': interrupt})()})",
    "a finalizer": "type('Old', (), {'__del__': interrupt})()",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_during_imports_exits_without_traceback(tmp_path: Path, moment: str) -> None:
    script = INTERRUPTED.replace("{moment}", MOMENTS[moment])
    done = subprocess.run(
        [sys.executable, "-c", script], env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL, capture_output=True, timeout=40, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_ctrl_c_before_main_ends_by_sigint_without_traceback() -> None:
    script = "import signal, termchat.__main__; signal.raise_signal(signal.SIGINT)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=40, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


def test_repl_first_paint_loads_only_prompt_toolkit(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", FIRST_PAINT],
        stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, cwd=tmp_path, timeout=40, check=False,
    )  # fmt: skip
    os.close(ours)
    os.close(theirs)
    loaded = set(done.stderr.decode().split())
    assert "prompt_toolkit" in loaded, done.stderr.decode()
    assert not loaded & HEAVY


@pytest.mark.parametrize("protocol", SDKS)
def test_oneshot_loads_one_sdk_and_no_terminal_library(program: Program, protocol: str) -> None:
    program.gateway.reply(Reply.text("ok"))
    script = ONE_SHOT.format(home=program.home, model=f"x{protocol}/any")
    done = subprocess.run(
        [sys.executable, "-c", script, "hello"],
        stdin=subprocess.DEVNULL, capture_output=True, cwd=program.cwd, timeout=40, check=False, env=program.env,
    )  # fmt: skip
    answer, _, names = done.stdout.decode().partition("\n")
    assert answer == "ok", done.stderr.decode()
    loaded = set(names.split())
    assert SDKS[protocol] in loaded
    assert not loaded & (set(SDKS.values()) - {SDKS[protocol]})
    assert not loaded & {"rich", "prompt_toolkit", "markdown_it", "pygments", "genai_prices"}
