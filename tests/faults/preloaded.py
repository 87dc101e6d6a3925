"""Run many one-shots after one import, by a fork server.

`python -m tests.faults.preloaded` imports termchat and the SDKs. For each line of JSON on standard input it forks a
process that runs `termchat` from its command line, with its own files, environment, signals and exit code, and writes
a line of JSON with the exit code and the peak memory to standard output.

`ForkServer` is the client: `await fork_server.run(...)` returns a `Ran`.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NoReturn, Self

from tests.fork_server import import_all

_DEADLINE = 300  # seconds after which a process is killed
_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes per unit of ru_maxrss (getrusage(2))


@dataclass(frozen=True)
class Ran:
    """A process that has ended; `memory` is its peak above that of an idle fork, in bytes."""

    code: int
    out: bytes
    err: str
    memory: int


@dataclass
class ForkServer:
    """Client of the fork server, an async context manager; `at_once` processes run at a time."""

    folder: Path
    at_once: int = 10
    _waiting: dict[int, asyncio.Future[dict[str, int]]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=count)

    async def __aenter__(self) -> Self:
        self._slots = asyncio.Semaphore(self.at_once)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.faults.preloaded",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._read_reports())
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        await self._process.wait()
        await self._reader

    async def run(self, arguments: list[str], env: dict[str, str], cwd: Path) -> Ran:
        """Run termchat with the arguments and only these variables, without standard input, until it ends.

        Raises RuntimeError if the fork server has ended.
        """
        assert self._process.stdin
        async with self._slots:
            number = next(self._numbers)
            out, err = self.folder / f"{number}.out", self.folder / f"{number}.err"
            job = {"number": number, "arguments": arguments, "env": env, "cwd": str(cwd)}
            ended = self._waiting[number] = asyncio.get_running_loop().create_future()
            self._process.stdin.write(json.dumps(job | {"out": str(out), "err": str(err)}).encode() + b"\n")
            await self._process.stdin.drain()
            report = await ended
        return Ran(report["code"], out.read_bytes(), err.read_text(), report["memory"])

    async def _read_reports(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            report = json.loads(line)
            self._waiting.pop(report["number"]).set_result(report)
        for waiting in self._waiting.values():
            waiting.set_exception(RuntimeError("the fork server has ended"))


def main() -> None:
    import_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors are not waited for
    for line in sys.stdin.buffer:
        if os.fork() == 0:
            _supervise(json.loads(line))


def _supervise(job: dict[str, Any]) -> NoReturn:
    """Fork the one-shot, wait for it and report its exit code and memory."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        _one_shot(job)
    _, status, used = os.wait4(pid, 0)
    began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # peak of an idle fork
    report = {"number": job["number"], "code": os.waitstatus_to_exitcode(status)}
    line = json.dumps(report | {"memory": (used.ru_maxrss - began) * _UNIT}) + "\n"
    os.write(1, line.encode())
    os._exit(0)


def _one_shot(job: dict[str, Any]) -> NoReturn:
    signal.alarm(_DEADLINE)
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
