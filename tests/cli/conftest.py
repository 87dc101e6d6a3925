"""The program as a script runs it: a new process, real pipes, the gateway on a thread."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fork_server import ProgramProcess, run_program
from tests.gateway import Gateway

PATIENCE = 40.0
KEY = "sk-obviously-not-a-real-key-4f2a"
PROTOCOLS = ("openai", "responses", "anthropic", "gemini")


@dataclass(frozen=True)
class Done:
    """Exit code and output of a finished run."""

    code: int
    out: bytes
    err: str


@dataclass
class Program:
    """termchat in an empty home, with one provider per protocol of the gateway, named `x` and the protocol.

    `run(...)` waits for its end; `start(...)` returns the process.
    """

    gateway: Gateway
    home: Path
    cwd: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> Done:
        variables = {**self.env, **(env or {})}
        done = run_program(self.command(*arguments), stdin, env=variables, cwd=self.cwd, timeout=PATIENCE)
        return Done(done.returncode, done.stdout, done.stderr.decode())

    def start(self, *arguments: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        return ProgramProcess(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=self.env,
            cwd=self.cwd,
        )

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "termchat", *arguments]

    def configure(self, text: str) -> None:
        file = self.home / ".config" / "termchat" / "config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o600)


@pytest.fixture
def program(gateway_thread: Gateway, tmp_path: Path) -> Program:
    url = gateway_thread.url
    bases = {"openai": f"{url}/v1", "responses": f"{url}/v1", "anthropic": f"{url}/anthropic", "gemini": url}
    home, cwd = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    cwd.mkdir()
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C", "TERMCHAT_MAX_RETRIES": "1"}
    made = Program(gateway_thread, home, cwd, env)
    rows = (f'[providers.x{p}]\nkey = "{KEY}"\n{p} = "{base}"\n' for p, base in bases.items())
    made.configure("\n".join(rows))
    return made


def on_terminal(program: Program, *arguments: str, columns: int = 80) -> tuple[str, int]:
    """Run on a pseudo-terminal; return its output and exit code."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    process = ProgramProcess(
        program.command(*arguments),
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=program.cwd,
        env={**program.env, "TERM": "xterm-256color", "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    os.close(theirs)
    output = b""
    while piece := _read(ours):
        output += piece
    os.close(ours)
    return output.decode(), process.wait(20)


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError:
        return b""
