"""The process that imports and runs user functions: `python -m termchat.tools.functions.worker DESCRIPTOR`.

A request is one line of JSON on the socket DESCRIPTOR, and so is its answer; one call runs at a time. Standard output
and standard error belong to the functions.

    {"do": "load", "sources": [...], "texts": {...}, ...}           {"loading": SOURCE} each, then {"functions": ...}
    {"do": "check", "name": "f", "arguments": {...}}                {"wrong": "..."}
    {"do": "call", "name": "f", "arguments": {...}, "cwd": "..."}   {"parts": [...]} or {"failed": "..."}
"""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, cast

from termchat.tools.functions.load_files import LoadedFunction, load_source
from termchat.tools.functions.returned import returned_parts
from termchat.tools.functions.signature import ArgumentError
from termchat.tools.functions.user_errors import Problem, call_words, exception_words

ANSWER_LIMIT = 60_000_000  # bytes of JSON; the other side takes a little more


def run_worker() -> None:
    """Answer requests until the socket is closed; then end this process and its group."""
    link = socket.socket(fileno=int(sys.argv[1]))
    link.set_inheritable(False)  # not for programs that a function starts
    _Worker(link).run()


class _Worker:
    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._pid = os.getpid()
        self._requests: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._functions: dict[str, LoadedFunction] = {}
        self._runner = asyncio.Runner()
        self._output = os.dup(1)

    def run(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        while True:
            request = self._requests.get()
            _open_streams(self._output)
            match request["do"]:
                case "load":
                    self._load(request)
                case "check":
                    self._send({"wrong": self._wrong(request)})
                case _:
                    self._send(self._call(request))

    def _read(self) -> None:
        """Queue requests. At the end of the socket, termchat is gone: what still runs here has to go, too."""
        with suppress(OSError, ValueError):
            for line in self._link.makefile("rb"):
                self._requests.put(json.loads(line))
        if os.getpgid(0) == self._pid:
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    def _send(self, answer: dict[str, Any]) -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # the function may have replaced or closed it
                stream.flush()
        if os.getpid() != self._pid:  # a child that a function forked came back from it
            os._exit(0)
        data = json.dumps(answer).encode()
        if len(data) > ANSWER_LIMIT:
            data = json.dumps({"failed": f"the result is larger than {ANSWER_LIMIT // 1_000_000} MB"}).encode()
        self._link.sendall(data + b"\n")

    def _load(self, request: dict[str, Any]) -> None:
        sys.path += [path for path in request["path"] if path not in sys.path]
        _enter(request["cwd"])
        problems: list[Problem] = []
        tools: list[str] = []
        for source in request["sources"]:
            self._send({"loading": source})
            text: str | None = request["texts"].get(source)
            loaded = load_source(source, None if text is None else text.encode("latin-1"))
            problems += loaded.problems
            tools += [source] if loaded.tools else []
            for function in loaded.functions:
                if other := self._functions.get(function.name):
                    words = f"{function.name} is defined in {other.source}:{other.line} already"
                    problems.append(Problem(function.source, function.line, words))
                else:
                    self._functions[function.name] = function
        rows = [_row(function) for function in self._functions.values()]
        self._send({"functions": rows, "problems": [problem._asdict() for problem in problems], "tools": tools})

    def _wrong(self, request: dict[str, Any]) -> str:
        """Return the words for arguments that the function does not take, "" for right ones."""
        try:
            self._functions[request["name"]].typed.bind(request["arguments"])
        except ArgumentError as error:
            return str(error)
        except BaseException as error:  # validators are the user's code
            return call_words(request["name"], error)
        return ""

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        name: str = request["name"]
        _enter(request["cwd"])
        try:
            value = self._value(self._functions[name].typed.bind(request["arguments"]))
        except ArgumentError as error:
            return {"failed": f"{name}: {error}"}
        except BaseException as error:  # exit() and KeyboardInterrupt end the call, not the process
            return {"failed": call_words(name, error)}
        try:
            return {"parts": returned_parts(value)}
        except BaseException as error:  # the value's own code
            return {"failed": f"{name} returned a value that has no text: {exception_words(error)}"}

    def _value(self, call: Callable[[], Any]) -> object:
        value = call()
        if inspect.isawaitable(value):
            value = self._runner.run(_awaited(value))
        if isinstance(value, AsyncIterable):
            value = self._runner.run(_collected(cast("AsyncIterable[object]", value)))
        return list(cast("Iterator[object]", value)) if isinstance(value, Iterator) else value


async def _awaited(value: Awaitable[object]) -> object:
    return await value


async def _collected(values: AsyncIterable[object]) -> list[object]:
    return [value async for value in values]


def _row(function: LoadedFunction) -> dict[str, Any]:
    return {
        "name": function.name,
        "description": function.typed.description,
        "schema": function.typed.schema,
        "effect": function.effect,
        "file": function.source,
        "line": function.line,
    }


def _enter(folder: str) -> None:
    with suppress(OSError):  # it was removed
        os.chdir(folder)


def _open_streams(output: int) -> None:
    """Reopen the standard streams: the last function may have closed or replaced them."""
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - exit() closes it
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    out, err = (io.FileIO(descriptor, "w", closefd=False) for descriptor in (1, 2))
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(out), "utf-8", "backslashreplace", line_buffering=True)
    sys.stderr = io.TextIOWrapper(cast("Any", err), "utf-8", "backslashreplace", write_through=True)


def _use_portable_typed_dict() -> None:
    """Let user files import TypedDict from typing: pydantic takes only that of typing_extensions before Python 3.12."""
    if sys.version_info < (3, 12):
        import typing

        import typing_extensions

        typing.TypedDict = typing_extensions.TypedDict


if __name__ == "__main__":
    _use_portable_typed_dict()
    run_worker()
