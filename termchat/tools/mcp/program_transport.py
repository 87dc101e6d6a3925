"""Run an MCP server as a program, and exchange messages with it over its standard input and output.

The transport of the package trusts the program: a line may have any length, standard error goes to the terminal, and
the environment is that of this process. Here a line and the rate of messages have limits, standard error is kept for
error messages, and nothing that the program started outlives it.
"""

from __future__ import annotations

import asyncio
import atexit
import secrets
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from termchat.late_dataclass import dataclass
from termchat.tools.process.process_tree import MARKER, find_processes, signal_processes

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.shared.message import SessionMessage

LINE_BYTES = 8_000_000  # of one message
_GARBAGE_LINES = 50  # that are no messages, after which the server is stopped
_BURST = 100  # messages, after which the reader pauses
_PAUSE_SECONDS = 0.01
_STDERR_BYTES = 2_000  # of its end, kept for errors
_CHUNK = 65_536
_EXIT_SECONDS = 1.0  # for the server to end by itself when its input ends
_TERM_SECONDS = 1.0  # between SIGTERM and SIGKILL
_POLL_SECONDS = 0.02
_KILL_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class ProgramRequest:
    """A server to run: its argv, its directory and all its variables."""

    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]


class ProgramTransport:
    """A running server.

    ended   is set when the server can be used no longer
    """

    def __init__(self, request: ProgramRequest) -> None:
        self._request = request
        self._marker = secrets.token_hex(16)
        self._stderr = bytearray()
        self._problem = ""
        self._process: Process | None = None
        self.ended = asyncio.Event()

    def end_reason(self) -> str:
        """Return why the server has ended, with its last words on standard error; "" while it runs."""
        code = self._process.returncode if self._process else None
        words = self._problem
        if not words and code is not None:
            words = f"it was ended by signal {-code}" if code < 0 else f"it has ended with exit code {code}"
        elif not words and self.ended.is_set():
            words = "it has closed its output"
        said = self._stderr.decode("utf-8", "replace").strip()
        return f"{words}; its last words: {said}" if words and said else words

    @asynccontextmanager
    async def streams(
        self,
    ) -> AsyncGenerator[
        tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]
    ]:
        """Start the server; yield the streams of its messages. Raises OSError if it cannot start."""
        import anyio
        from mcp.shared.message import SessionMessage

        request = self._request
        process = self._process = await asyncio.create_subprocess_exec(
            *request.argv,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=request.directory,
            env={**request.environment, MARKER: self._marker},
            start_new_session=True,  # no terminal to read from or to change
            limit=LINE_BYTES,
        )
        kill = partial(signal_processes, [process.pid], self._marker, signal.SIGKILL)
        atexit.register(kill)
        received, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, to_send = anyio.create_memory_object_stream[SessionMessage](0)
        tasks = [
            asyncio.create_task(self._read(process, received)),
            asyncio.create_task(self._write(process, to_send)),
            asyncio.create_task(self._keep_stderr(process)),
        ]
        try:
            yield incoming, outgoing
        finally:
            try:
                await self._stop(process, tasks)
            finally:
                kill()
                atexit.unregister(kill)
                for stream in (received, incoming, outgoing, to_send):
                    stream.close()

    async def _read(self, process: Process, received: MemoryObjectSendStream[Any]) -> None:
        """Pass messages on; lines that are none are counted, and too many of them end the connection."""
        import anyio
        from mcp.shared.message import SessionMessage
        from mcp_types import jsonrpc_message_adapter

        source = process.stdout
        assert source
        count = garbage = 0
        try:
            while line := await source.readline():
                count += 1
                if count % _BURST == 0:
                    await asyncio.sleep(_PAUSE_SECONDS)  # a flood of messages must not stop the chat
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:
                    garbage += bool(line.strip())
                    if garbage >= _GARBAGE_LINES:
                        self._problem = f"it prints lines that are no messages, such as {line[:80]!r}"
                        break
                    continue
                await received.send(SessionMessage(message))
        except ValueError:
            self._problem = f"it sent a message of more than {LINE_BYTES} bytes"
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            pass  # the connection is closing
        finally:
            with suppress(TimeoutError):  # for the exit code
                await asyncio.wait_for(process.wait(), 0.2)
            self.ended.set()
            received.close()

    async def _write(self, process: Process, to_send: MemoryObjectReceiveStream[Any]) -> None:
        sink = process.stdin
        assert sink
        with suppress(OSError):  # the server has ended; the reader sees it too
            async for message in to_send:
                sink.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                await sink.drain()

    async def _keep_stderr(self, process: Process) -> None:
        source = process.stderr
        assert source
        while chunk := await source.read(_CHUNK):
            self._stderr += chunk
            del self._stderr[:-_STDERR_BYTES]
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _stop(self, process: Process, tasks: list[asyncio.Task[None]]) -> None:
        """End the server: its input ends, then SIGTERM, then SIGKILL, to all that it started."""
        for task in tasks[:2]:
            task.cancel()
        await asyncio.gather(*tasks[:2], return_exceptions=True)
        if process.stdin:
            process.stdin.close()
        drain = asyncio.create_task(_drain(process))
        try:
            if not await _ends(process, _EXIT_SECONDS):
                await asyncio.to_thread(signal_processes, [process.pid], self._marker, signal.SIGTERM)
                await _ends(process, _TERM_SECONDS)
            for _ in range(_KILL_ROUNDS):  # a process may start others while we look
                if not await asyncio.to_thread(find_processes, [process.pid], self._marker):
                    break
                await asyncio.to_thread(signal_processes, [process.pid], self._marker, signal.SIGKILL)
                await asyncio.sleep(_POLL_SECONDS)
            await _ends(process, _TERM_SECONDS)
        finally:
            drain.cancel()
            tasks[2].cancel()
            await asyncio.gather(drain, tasks[2], return_exceptions=True)
            _close_pipes(process)


async def _drain(process: Process) -> None:
    """Read and drop output, so that a server that prints can end."""
    source = process.stdout
    with suppress(asyncio.CancelledError):
        while source and not source.at_eof():
            await source.read(_CHUNK)
            await _other_tasks()


async def _other_tasks() -> None:
    await asyncio.sleep(0)


async def _ends(process: Process, seconds: float) -> bool:
    """Return True if the process ends in time; a child may keep its pipes open, so they are not waited for."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while process.returncode is None:  # noqa: ASYNC110 - `wait` waits for the pipes too
                await asyncio.sleep(_POLL_SECONDS)
    return process.returncode is not None


def _close_pipes(process: Process) -> None:
    transport = getattr(process, "_transport", None)  # nothing public closes the pipes that a child keeps open
    if transport is not None:
        with suppress(ProcessLookupError, PermissionError):
            transport.close()
