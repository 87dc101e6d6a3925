"""The workers of a set of sources: started when first needed, one for each call that runs at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import field
from pathlib import Path
from typing import Any

from termchat.late_dataclass import dataclass
from termchat.tools.functions.user_errors import Problem
from termchat.tools.functions.worker_process import WorkerEndedError, WorkerProcess, start_worker

WORKERS = 8  # at the same time; further calls wait
LOAD_SECONDS = 30.0  # for the import of one source
CHECK_SECONDS = 10.0  # for the validation of arguments
_TAIL = 2_000  # characters of output in an error


@dataclass(frozen=True, slots=True)
class Launch:
    """The conditions of a worker.

    cwd           the working directory, to which each call returns
    environment   makes its variables
    path          directories of modules, as in `sys.path`
    texts         file -> its bytes as Latin-1, for files that are not read again
    load_seconds  the limit for the import of one source
    """

    cwd: Path
    environment: Callable[[], Mapping[str, str]]
    path: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    load_seconds: float = LOAD_SECONDS


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """A function as the worker describes it; `effect` is the name of an effect."""

    name: str
    description: str
    schema: Mapping[str, Any]
    effect: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """The functions and problems of all sources.

    tools     entry points that bring `Tool` objects
    sources   those that can be loaded
    """

    functions: tuple[FunctionRow, ...] = ()
    problems: tuple[Problem, ...] = ()
    tools: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class WorkerPool:
    """The workers of some sources. A cancelled or ended call costs its own worker only."""

    def __init__(self, sources: Sequence[str], launch: Launch) -> None:
        self._sources = tuple(sources)
        self._launch = launch
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._slots = asyncio.Semaphore(WORKERS)
        self._closed = False

    async def load(self) -> Loaded:
        """Import the sources in a first worker. A source that ends or blocks it is left out, with a problem."""
        problems: list[Problem] = []
        while True:
            worker, loading = None, ""
            try:
                worker = await start_worker(self._launch.cwd, self._launch.environment())
                worker.capture(_ignore, None)
                answer: dict[str, Any] = {}
                async for answer in self._load_answers(worker):
                    loading = answer.get("loading", loading)
            except WorkerEndedError as ended:
                assert worker is not None
                words = _with_output(f"its import {ended}", worker.captured())
            except TimeoutError:
                words = f"its import took longer than {self._launch.load_seconds:g} s"
            except OSError as error:
                words = f"Python did not start: {error.strerror or error}"
            except BaseException:
                if worker:
                    await worker.close()
                raise
            else:
                worker.captured()
                self._idle.append(worker)
                return _loaded(answer, problems, self._sources)
            if worker:
                await worker.close()
            problems.append(Problem(loading, 0, words))
            if not loading:
                return Loaded(problems=tuple(problems))
            self._sources = tuple(source for source in self._sources if source != loading)

    async def check(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Return the words for arguments that a function does not take, "" for right ones."""
        request = {"do": "check", "name": name, "arguments": arguments}
        try:
            async with self._worker() as worker, asyncio.timeout(CHECK_SECONDS):
                return str((await worker.ask(request))["wrong"])
        except WorkerEndedError as ended:
            return f"{name}: the check of the arguments {ended}"
        except TimeoutError:
            return f"{name}: the check of the arguments took longer than {CHECK_SECONDS:g} s"

    async def call(
        self, name: str, arguments: Mapping[str, Any], live: Callable[[str], None], folder: Path | None
    ) -> tuple[dict[str, Any], str]:
        """Call a function; return its answer and its output. Raises WorkerEndedError.

        live     receives the output as it comes
        folder   the directory of the file for long output
        """
        request = {"do": "call", "name": name, "arguments": arguments, "cwd": str(self._launch.cwd)}
        async with self._worker() as worker:
            worker.capture(live, folder)
            try:
                answer = await worker.ask(request)
            except WorkerEndedError as ended:
                raise WorkerEndedError(_with_output(str(ended), worker.captured())) from ended
            return answer, worker.captured()

    async def close(self) -> None:
        """End all workers."""
        self._closed = True
        workers, self._idle = [*self._idle, *self._busy], []
        await asyncio.gather(*(worker.close() for worker in workers))

    async def retire(self) -> None:
        """End the idle workers, and each other one after its call."""
        self._closed = True
        workers, self._idle = self._idle, []
        await asyncio.gather(*(worker.close() for worker in workers))

    @asynccontextmanager
    async def _worker(self) -> AsyncGenerator[WorkerProcess]:
        """Lend an idle worker, or a new one."""
        async with self._slots:
            worker = await self._take()
            self._busy.add(worker)
            try:
                yield worker
            finally:
                self._busy.discard(worker)
                if worker.alive and not self._closed:
                    self._idle.append(worker)
                else:
                    await worker.close()

    async def _take(self) -> WorkerProcess:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            await worker.close()
        return await self._start()

    async def _start(self) -> WorkerProcess:
        try:
            worker = await start_worker(self._launch.cwd, self._launch.environment())
        except OSError as error:
            raise WorkerEndedError(f"did not run, because Python did not start: {error.strerror or error}") from error
        try:
            async for _ in self._load_answers(worker):
                pass
        except TimeoutError as error:
            await worker.close()
            raise WorkerEndedError(
                f"did not run, because the import took longer than {self._launch.load_seconds:g} s"
            ) from error
        except BaseException:
            await worker.close()
            raise
        return worker

    async def _load_answers(self, worker: WorkerProcess) -> AsyncGenerator[dict[str, Any]]:
        """Send the request to load, and yield its answers. Raises TimeoutError and WorkerEndedError."""
        launch = self._launch
        request: dict[str, Any] = {"do": "load", "sources": self._sources, "path": launch.path}
        request |= {"texts": launch.texts, "cwd": str(launch.cwd)}
        answer: dict[str, Any] | None = None
        while answer is None or "loading" in answer:
            async with asyncio.timeout(launch.load_seconds):
                answer = await (worker.ask(request) if answer is None else worker.answer())
            yield answer


def _loaded(answer: Mapping[str, Any], problems: Sequence[Problem], sources: tuple[str, ...]) -> Loaded:
    functions = tuple(FunctionRow(**row) for row in answer["functions"])
    found = (*problems, *(Problem(**row) for row in answer["problems"]))
    return Loaded(functions, found, tuple(answer["tools"]), sources)


def _with_output(words: str, output: str) -> str:
    tail = output.strip()[-_TAIL:]
    return f"{words}\n{tail}" if tail else words


def _ignore(text: str) -> None:
    pass
