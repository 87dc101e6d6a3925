"""Many one-shots for the price of one import.

`python -m tests.faults.preloaded` imports everything and then forks, for each line of JSON on standard input, a process
that runs `termchat` from its command line on: with its own files, environment, signals and exit code. How it ended,
and the most memory it held, is told in a line of JSON on standard output.

`Warm` is the other end: `await warm.run(...)` gives a process's `Ran`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import signal
import sys
import tempfile
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NoReturn, Self

_SPEECHES = ("openai", "responses", "anthropic", "gemini")
_LONGEST = 120  # seconds after which a process is ended
_UNIT = 1 if sys.platform == "darwin" else 1024  # of what the system counts memory in


@dataclass(frozen=True)
class Ran:
    """A process that ended; `memory` is the most it held more than it began with, in bytes."""

    code: int
    out: bytes
    err: str
    memory: int


@dataclass
class Warm:
    """One-shots at once, as many as `at_once` at a time."""

    folder: Path
    at_once: int = 10
    _waiting: dict[int, asyncio.Future[dict[str, int]]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=count)

    async def __aenter__(self) -> Self:
        self._room = asyncio.Semaphore(self.at_once)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.faults.preloaded",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        await self._process.wait()
        await self._listening

    async def run(self, arguments: list[str], env: dict[str, str], cwd: Path) -> Ran:
        """Run termchat to its end, with standard input from nowhere."""
        assert self._process.stdin
        async with self._room:
            number = next(self._numbers)
            out, err = self.folder / f"{number}.out", self.folder / f"{number}.err"
            job = {"number": number, "arguments": arguments, "env": env, "cwd": str(cwd)}
            ended = self._waiting[number] = asyncio.get_running_loop().create_future()
            self._process.stdin.write(json.dumps(job | {"out": str(out), "err": str(err)}).encode() + b"\n")
            await self._process.stdin.drain()
            told = await ended
        return Ran(told["code"], out.read_bytes(), err.read_text(), told["memory"])

    async def _listen(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            told = json.loads(line)
            self._waiting.pop(told["number"]).set_result(told)
        for waiting in self._waiting.values():
            waiting.set_exception(RuntimeError("the process that forks has ended"))


def main() -> None:
    _import_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the nurses
    for line in sys.stdin.buffer:
        if os.fork() == 0:
            _nurse(json.loads(line))


def _import_all() -> None:
    """Ask each protocol once, where nobody listens: whatever is made on first use is made."""
    from termchat.app import Options, run_app

    with tempfile.TemporaryDirectory() as home, Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        file = Path(home, "termchat", "config.toml")
        file.parent.mkdir()
        rows = (f'[providers.{speech}]\nkey = "k"\n{speech} = "http://127.0.0.1:1"\n' for speech in _SPEECHES)
        file.write_text("".join(rows))
        file.chmod(0o600)
        env = {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home}
        for speech in _SPEECHES:
            run_app(Options("hello", settings={"model": f"{speech}/any", "max_retries": "0"}, read_input=False), env)
    import termchat.cli  # noqa: F401

    gc.collect()
    gc.freeze()


def _nurse(job: dict[str, Any]) -> NoReturn:
    """Wait for the one process, and tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        _one_shot(job)
    _, status, used = os.wait4(pid, 0)
    began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # a process that did nothing but be forked
    told = {"number": job["number"], "code": os.waitstatus_to_exitcode(status)}
    line = json.dumps(told | {"memory": (used.ru_maxrss - began) * _UNIT}) + "\n"
    os.write(1, line.encode())
    os._exit(0)


def _one_shot(job: dict[str, Any]) -> NoReturn:
    signal.alarm(_LONGEST)
    os.environ.clear()
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    for number, name in enumerate((os.devnull, job["out"], job["err"])):
        file = os.open(name, (os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if number else os.O_RDONLY, 0o600)
        os.dup2(file, number)
    sys.argv = ["termchat", *job["arguments"]]
    from termchat.__main__ import main as termchat

    try:
        termchat()
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    os._exit(70)


if __name__ == "__main__":
    main()
