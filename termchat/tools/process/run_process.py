"""Run a process, or a pipeline of processes, to its end: output live and bounded, nothing outlives it."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import field
from enum import Enum
from pathlib import Path
from typing import Any

from termchat.late_dataclass import dataclass
from termchat.tools.process.captured_output import CapturedOutput
from termchat.tools.process.process_limits import PROCESSES, limit_process, memory_limit, memory_of
from termchat.tools.process.process_tree import MARKER, find_processes, signal_processes

OUTPUT_LIMIT = 16_000_000  # bytes of output, after which a process is stopped
GRACE_SECONDS = 2.0  # between SIGTERM and SIGKILL
_CHUNK = 65_536  # bytes of one read
_SMALL = 4_096  # bytes of a read after which we wait a little for more, so that single bytes cost no event each
_GATHER_SECONDS = 0.01
_LOOK_SECONDS = 1.0  # between two looks at memory and processes
_DRAIN_SECONDS = 0.25  # for the last output, such as of a process substitution
_REAP_SECONDS = 2.0
_KILL_ROUNDS = 50


class ProcessEnd(Enum):
    """The reason why a process ended."""

    EXITED = "exited"
    TIMED_OUT = "timed out"
    OUTPUT_LIMIT = "output limit"
    MEMORY_LIMIT = "memory limit"
    PROCESS_LIMIT = "process limit"


@dataclass(frozen=True, slots=True)
class ProcessRequest:
    """A pipeline to run.

    pipeline      the argv of each process; the output of each is the input of the next
    directory     the directory to start in
    environment   all variables
    seconds       time limit
    sandboxed     each argv starts a sandbox, whose end kills what is in it at once
    folder        the directory of the file for long output
    limit         bytes of output after which the processes are stopped
    memory        bytes of memory of all processes after which they are stopped, 0 for no limit
    processes     the most processes at a time
    """

    pipeline: tuple[tuple[str, ...], ...]
    directory: Path
    environment: Mapping[str, str]
    seconds: float
    sandboxed: bool = False
    folder: Path | None = None
    limit: int = OUTPUT_LIMIT
    memory: int = field(default_factory=memory_limit)
    processes: int = PROCESSES


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """The end of a pipeline.

    codes   exit code of each process, negative for a signal, None for one that could not be reaped
    text    its output, or head and tail of it
    path    the file with the whole output, if it is long
    """

    end: ProcessEnd
    codes: tuple[int | None, ...]
    text: str
    path: Path | None = None


async def run_process(request: ProcessRequest, live: Callable[[str], None]) -> ProcessResult:
    """Run a pipeline; standard error is merged into the output, standard input is empty.

    When it returns or is cancelled, no process of the pipeline is left. Raises OSError for a program that cannot start.

    live   receives the output as it comes
    """
    run = _Run(request, live)
    try:
        await run.start()
        end = await run.watch()
    finally:
        await run.stop()
    return run.result(end)


class _Run:
    def __init__(self, request: ProcessRequest, live: Callable[[str], None]) -> None:
        self._request = request
        self._live = live
        self._marker = secrets.token_hex(16)
        self._output = CapturedOutput(request.folder, request.limit)
        self._processes: list[Process] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._reader = asyncio.StreamReader(limit=_CHUNK)
        self._transport: asyncio.ReadTransport | None = None

    async def start(self) -> None:
        """Start the processes."""
        read, write = os.pipe()
        source = DEVNULL
        try:
            await self._connect(read)
            for argv in self._request.pipeline[:-1]:
                following, sink = os.pipe()
                source, given = following, source
                try:
                    await self._start(argv, given, sink, write)
                finally:
                    os.close(sink)
                    _close(given)
            await self._start(self._request.pipeline[-1], source, write, write)
        finally:
            _close(source)
            os.close(write)

    async def watch(self) -> ProcessEnd:
        """Wait for the end of all processes, or for a limit: of time, output, memory or processes."""
        pump = self._task(self._pump())
        exits = self._task(self._exits())
        too_much = asyncio.create_task(self._use_too_much())
        try:
            async with asyncio.timeout(self._request.seconds):
                await asyncio.wait((pump, exits, too_much), return_when=asyncio.FIRST_COMPLETED)
                if pump.done():
                    pump.result()
                if not self._output.full:
                    await asyncio.wait((exits, too_much), return_when=asyncio.FIRST_COMPLETED)
                if too_much.done() and not exits.done():
                    return too_much.result()
        except TimeoutError:
            return ProcessEnd.TIMED_OUT
        finally:
            too_much.cancel()
        await asyncio.wait((pump,), timeout=_DRAIN_SECONDS)
        if pump.done():
            pump.result()
        return ProcessEnd.OUTPUT_LIMIT if self._output.full else ProcessEnd.EXITED

    async def stop(self) -> None:
        """End what is left: SIGTERM, and SIGKILL after a grace period or when the wait is cancelled."""
        try:
            await self._terminate()
        finally:
            await self._kill()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_DRAIN_SECONDS)  # words of a program about its end
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if self._transport:
                self._transport.close()
            self._emit(self._output.add(b"", last=True))
            self._output.close()

    def result(self, end: ProcessEnd) -> ProcessResult:
        """Return the result after `stop`."""
        codes = tuple(process.returncode for process in self._processes)
        return ProcessResult(end, codes, self._output.text(), self._output.path)

    async def _connect(self, read: int) -> None:
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(read, "rb", buffering=0)
        self._transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(self._reader), pipe)

    async def _start(self, argv: tuple[str, ...], source: int, sink: int, errors: int) -> None:
        # A session of its own: no terminal to read from or to change. Python closes all other descriptors.
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=source,
            stdout=sink,
            stderr=errors,
            cwd=self._request.directory,
            env={**self._request.environment, MARKER: self._marker},
            start_new_session=True,
        )
        limit_process(process.pid)
        self._processes.append(process)

    async def _use_too_much(self) -> ProcessEnd:
        """Wait until the processes together are over a limit; return which."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            found = await asyncio.to_thread(find_processes, self._leaders(), self._marker)
            if len(found) > self._request.processes:
                return ProcessEnd.PROCESS_LIMIT
            if self._request.memory and await asyncio.to_thread(memory_of, found) > self._request.memory:
                return ProcessEnd.MEMORY_LIMIT

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.append(task)
        return task

    async def _pump(self) -> None:
        while not self._output.full and (data := await self._reader.read(_CHUNK)):
            self._emit(
                await asyncio.to_thread(self._output.add, data) if len(data) > _SMALL else self._output.add(data)
            )
            await asyncio.sleep(_GATHER_SECONDS if len(data) <= _SMALL else 0)

    def _emit(self, text: str) -> None:
        if text:
            self._live(text)

    async def _exits(self) -> None:
        await asyncio.gather(*(process.wait() for process in self._processes))

    async def _terminate(self) -> None:
        leaders = self._leaders()
        left = await asyncio.to_thread(
            signal_processes, leaders, self._marker, signal.SIGTERM, spare=self._request.sandboxed
        )
        if not left:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                while await asyncio.to_thread(find_processes, leaders, self._marker):  # noqa: ASYNC110 - no event tells it
                    await asyncio.sleep(_GATHER_SECONDS)

    async def _kill(self) -> None:
        for _ in range(_KILL_ROUNDS):  # a process may start others while we look
            if not signal_processes(self._leaders(), self._marker, signal.SIGKILL):
                break
            await asyncio.sleep(_GATHER_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(_REAP_SECONDS):
                await self._exits()

    def _leaders(self) -> list[int]:
        return [process.pid for process in self._processes]


def _close(descriptor: int) -> None:
    if descriptor >= 0:  # DEVNULL is negative
        os.close(descriptor)
