"""A worker process as termchat sees it: requests, answers, output, and its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from termchat.tools.process.captured_output import CapturedOutput
from termchat.tools.process.run_process import OUTPUT_LIMIT

_ANSWER_LIMIT = 64_000_000  # bytes of an answer; the worker sends less
_CHUNK = 65_536  # bytes of one read, and of a pipe
_CHUNKS = 16
_REAP_SECONDS = 5.0


class WorkerEndedError(Exception):
    """The worker ended before it answered; the message says how."""


class WorkerProcess:
    """A worker process with one request at a time."""

    def __init__(self, process: Process, link: socket.socket, output: int) -> None:
        self._process = process
        self._link = link
        self._output = output  # the descriptor of standard output and standard error
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._captured = CapturedOutput(None, OUTPUT_LIMIT)
        self._live: Callable[[str], None] = _ignore
        self._killed = False

    @property
    def alive(self) -> bool:
        """True until the process has ended or was killed."""
        return self._process.returncode is None and not self._killed

    async def connect(self) -> None:
        """Begin to read answers and output."""
        self._reader, self._writer = await asyncio.open_connection(sock=self._link, limit=_ANSWER_LIMIT)
        os.set_blocking(self._output, False)
        asyncio.get_running_loop().add_reader(self._output, self._read_output)

    async def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and return its first answer. Raises WorkerEndedError; a cancelled request ends the worker."""
        assert self._writer is not None
        try:
            with suppress(ConnectionError):
                self._writer.write(json.dumps(request).encode() + b"\n")
                await self._writer.drain()
            return await self.answer()
        except asyncio.CancelledError:
            self.kill()
            raise

    async def answer(self) -> dict[str, Any]:
        """Return the next answer. Raises WorkerEndedError."""
        try:
            line = await self._reader.readline()
            if line.endswith(b"\n"):
                self._read_output()  # what was printed before the answer
                answer: dict[str, Any] = json.loads(line)
                return answer
        except (OSError, ValueError):  # no answer of ours
            pass
        self.kill()
        raise WorkerEndedError(await self._end())

    def capture(self, live: Callable[[str], None], folder: Path | None) -> None:
        """Begin to collect output, without what came before; `folder` gets the file of a long one."""
        self._read_output()
        self._captured.close()
        self._captured = CapturedOutput(folder, OUTPUT_LIMIT)
        self._live = live

    def captured(self) -> str:
        """Return the output since `capture`, and collect no more of it."""
        text = self._captured.text()
        self._captured.close()
        self._captured = CapturedOutput(None, OUTPUT_LIMIT)
        self._live = _ignore
        return text

    def kill(self) -> None:
        """End the process and its group."""
        self._killed = True
        with suppress(ProcessLookupError, PermissionError):
            if self._process.returncode is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """End the process, and wait until it is gone."""
        self.kill()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_REAP_SECONDS):
                    await self._process.wait()
        finally:
            self.release()

    def release(self) -> None:
        """Close the descriptors."""
        self.kill()
        self._captured.close()
        if self._writer:
            self._writer.close()
            self._writer = None
        if self._output >= 0:
            asyncio.get_running_loop().remove_reader(self._output)
            os.close(self._output)
            self._output = -1

    def _read_output(self) -> None:
        for _ in range(_CHUNKS):  # then other events have their turn
            if self._output < 0:
                return
            try:
                data = os.read(self._output, _CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:  # all writers are gone
                asyncio.get_running_loop().remove_reader(self._output)
                return
            if text := self._captured.add(data):
                self._live(text)
            if self._captured.full:
                self.kill()
                return

    async def _end(self) -> str:
        if self._captured.full:
            return f"was stopped at the limit of {OUTPUT_LIMIT // 1_000_000} MB of output"
        with suppress(TimeoutError):
            async with asyncio.timeout(_REAP_SECONDS):
                await self._process.wait()
        code = self._process.returncode
        if code is not None and code < 0:
            return f"ended its process by signal {-code} ({signal.Signals(-code).name})"
        return f"ended its process with exit code {code}"


async def start_worker(cwd: Path, environment: Mapping[str, str]) -> WorkerProcess:
    """Start a worker. Raises OSError.

    cwd   the directory to start in; if it is gone, the root
    """
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            # -P: nothing in the current directory is imported; -B: no __pycache__ beside the user's files
            sys.executable, "-P", "-B", "-m", "termchat.tools.functions.worker", str(theirs.fileno()),
            stdin=DEVNULL, stdout=write, stderr=write, pass_fds=(theirs.fileno(),), start_new_session=True,
            cwd=_existing(cwd), env=environment,
        )  # fmt: skip
    except BaseException:
        ours.close()
        os.close(read)
        raise
    finally:
        theirs.close()
        os.close(write)
    worker = WorkerProcess(process, ours, read)
    try:
        await worker.connect()
    except BaseException:
        await worker.close()
        raise
    return worker


def _existing(folder: Path) -> Path:
    return folder if folder.is_dir() else Path("/")


def _ignore(text: str) -> None:
    pass
