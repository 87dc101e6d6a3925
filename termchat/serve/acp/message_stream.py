"""The streams of the agent: one JSON-RPC message a line. What is no valid message is answered here.

Reads and writes happen on threads: a client that reads nothing must not stop the event loop, and standard input may be
a file. The package's own reader ends the agent on a message that is no object, and answers none that is no JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, BinaryIO, TypeAlias, cast

from termchat.core.sanitize import repair_surrogates

LONGEST = 64 * 1024 * 1024  # bytes of a message
_PARSE, _REQUEST = (-32700, "Parse error"), (-32600, "Invalid request")  # JSON-RPC 2.0, section 5.1
_HELD = 16  # messages that were read and not yet processed

JsonObject: TypeAlias = dict[str, Any]
Later: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class MessageStream:
    """Implements the package's `Transport` for two files of the process."""

    def __init__(self, source: BinaryIO, target: int, greet: Callable[[], JsonObject]) -> None:
        """Read from `source`, write to the file descriptor `target`. Call it in the event loop.

        greet   returns the result of `initialize`, which is answered here
        """
        self._source = source
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue(_HELD)
        self._unwritten: list[bytes] = []
        self._writing: asyncio.Task[None] | None = None
        self._later: dict[asyncio.Task[Any], Later] = {}
        self._asked = 0  # requests without a reply yet
        self._answered = asyncio.Condition()
        self._closed = False
        self.client_reads_files = False  # it has texts that are not saved yet
        self._greet = greet
        self._greeted = asyncio.Event()
        self._first: asyncio.Task[JsonObject | None] | None = asyncio.create_task(self._receive())
        threading.Thread(target=self._read, name="acp-input", daemon=True).start()

    def after_reply(self, work: Later) -> None:
        """Run `work` once the reply to the request that the current task answers is written."""
        task = asyncio.current_task()
        assert task
        self._later[task] = work

    async def greeted(self) -> None:
        """Wait until `initialize` is answered, or something else has come."""
        assert self._first
        greeted = asyncio.create_task(self._greeted.wait())
        await asyncio.wait({self._first, greeted}, return_when=asyncio.FIRST_COMPLETED)
        greeted.cancel()

    async def receive(self) -> JsonObject | None:
        """Return the next valid message, None at the end of the stream."""
        first, self._first = self._first, None
        return await (first or self._receive())

    async def _receive(self) -> JsonObject | None:
        while not self._closed and (line := await self._lines.get()) is not None:
            if not line.strip():
                continue
            message = _parsed(line)
            if isinstance(message, dict):
                self._asked += "method" in message and message.get("id") is not None
                if message.get("method") == "initialize" and "id" in message:
                    self.client_reads_files = _reads_files(message)
                    await self.send({"jsonrpc": "2.0", "id": message["id"], **_greeting(message, self._greet)})
                    self._greeted.set()
                    continue
                if str(message.get("method", "")).startswith("$/") and "id" not in message:
                    continue  # optional by the protocol; a request is refused as all that are unknown
                return _current(message)
            await self._refuse(*message)
        return None

    async def send(self, message: JsonObject) -> None:
        """Write a message. Raises ConnectionError if the client has gone."""
        if self._closed:
            raise ConnectionError("the client has gone")
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"), default=str)
        self._unwritten.append(f"{repair_surrogates(text)}\n".encode())
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        try:
            await asyncio.shield(self._writing)
        finally:
            task = asyncio.current_task()
            work = self._later.pop(task, None) if task and "method" not in message else None
            if "method" not in message and message.get("id") is not None:
                self._asked -= 1
                async with self._answered:
                    self._answered.notify_all()
        if work and "result" in message:
            await work()

    async def all_answered(self, seconds: float) -> None:
        """Wait until every request has its reply, so many seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._answered:
                await self._answered.wait_for(lambda: self._asked <= 0)

    async def close(self) -> None:
        """Write what is pending; read nothing more."""
        if self._writing and not self._closed:
            await asyncio.wait({self._writing}, timeout=1)
        self._closed = True

    async def _refuse(self, code: int, words: str, why: str) -> None:
        error = {"code": code, "message": words, "data": {"details": why}}
        await self.send({"jsonrpc": "2.0", "id": None, "error": error})

    async def _write(self) -> None:
        while self._unwritten:
            data, self._unwritten = b"".join(self._unwritten), []
            try:
                await asyncio.to_thread(self._write_all, data)
            except OSError as error:
                self._closed = True
                with suppress(asyncio.QueueFull):  # then nobody waits for a line
                    self._lines.put_nowait(None)
                raise ConnectionError("the client has gone") from error

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._target, view) :]

    def _read(self) -> None:
        """Read lines on a thread until the end of the stream; of one that is too long, keep too much of it."""
        try:
            while line := self._source.readline(LONGEST + 1):
                rest = line
                while len(line) > LONGEST and rest and not rest.endswith(b"\n"):
                    rest = self._source.readline(LONGEST)
                asyncio.run_coroutine_threadsafe(self._lines.put(line), self._loop).result()
            asyncio.run_coroutine_threadsafe(self._lines.put(None), self._loop).result()
        except (OSError, ValueError, RuntimeError):  # the input is closed, or the loop has ended
            pass


def _parsed(line: bytes) -> JsonObject | tuple[int, str, str]:
    """Return the message of a line, or the code, name and reason of an error."""
    if len(line) > LONGEST:
        return *_REQUEST, f"the message has more than {LONGEST >> 20} MB"
    try:
        message: object = json.loads(line)
    except (ValueError, RecursionError):
        return *_PARSE, "the line is not JSON"
    if not isinstance(message, dict):
        return *_REQUEST, "the message is no object"
    fields = cast("JsonObject", message)
    if why := _problem(fields):
        return *_REQUEST, why
    return fields


def _greeting(message: JsonObject, greet: Callable[[], JsonObject]) -> JsonObject:
    """Return the reply to `initialize`, an error if the version is no number."""
    version = message.get("params", {}).get("protocolVersion")
    if isinstance(version, int) and not isinstance(version, bool):
        return {"result": greet()}
    return {"error": {"code": -32602, "message": "Invalid params: protocolVersion is no number."}}


def _reads_files(message: JsonObject) -> bool:
    """Return True if the client that sends `initialize` answers `fs/read_text_file`."""
    found: Any = message.get("params", {})
    for name in ("clientCapabilities", "fs", "readTextFile"):
        found = cast("JsonObject", found).get(name) if isinstance(found, dict) else None
    return found is True


def _current(message: JsonObject) -> JsonObject:
    """Return a message without `_meta`, which is not used; `session/set_model` as the option that replaces it."""
    if "method" not in message:
        return message
    given = cast("JsonObject", message.get("params") or {})
    params = {name: value for name, value in given.items() if name != "_meta"}
    if message.get("method") == "session/set_model":
        choice = {"sessionId": params.get("sessionId"), "configId": "model", "value": params.get("modelId")}
        return {**message, "method": "session/set_config_option", "params": choice}
    return {**message, "params": params}


def _problem(message: JsonObject) -> str:
    """Return why an object is no message, "" if it is one."""
    name, number = message.get("method"), message.get("id")
    if not isinstance(number, str | int | None) or isinstance(number, bool):
        return "id is no string and no number"
    if "method" in message:
        if not isinstance(name, str):
            return "method is no string"
        return "" if isinstance(message.get("params", {}), dict) else "params is no object"
    if "id" not in message:
        return "there is neither a method nor an id"
    return "" if isinstance(message.get("error") or {}, dict) else "error is no object"
