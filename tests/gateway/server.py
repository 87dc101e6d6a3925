"""The gateway: listens, validates, records and answers."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine
from typing import Self

from tests.gateway import fault
from tests.gateway.answers import Answer, answer, send_count, send_error, send_json
from tests.gateway.batches import BatchService
from tests.gateway.connection import ClientGoneError, Connection
from tests.gateway.render.listing import listing
from tests.gateway.requests import RecordedRequest
from tests.gateway.signals import PATIENCE, Signal
from tests.gateway.signatures import Protocol
from tests.gateway.validate import auth_problem, problems

Answerer = Callable[[RecordedRequest], Answer]

MODELS = {
    Protocol.CHAT: ("gpt-5.2", "gpt-5.4-mini", "gpt-4.1"),
    Protocol.RESPONSES: ("gpt-5.2", "gpt-5.4-mini", "gpt-4.1"),
    Protocol.ANTHROPIC: ("claude-opus-5", "claude-sonnet-5", "claude-haiku-4-5"),
    Protocol.GEMINI: ("gemini-3-pro-preview", "gemini-3-flash-preview", "gemini-2.5-pro"),
}


class Gateway:
    """A loopback server for all four protocols.

    requests   all requests in order; `problems` lists their complaints, which fail the test at its end
    url        its address without a path: `url + "/v1"` for openai, `url + "/anthropic"` for anthropic,
               `url` for gemini; any prefix is accepted and is part of the origin of signatures
    models     the models each protocol lists; `models_answer` is a fault for that request, or one for each
    batches    files and batches
    key        the only accepted key; None accepts any
    """

    def __init__(self, *, key: str | None = None, port: int = 0) -> None:
        self.requests: list[RecordedRequest] = []
        self.problems: list[str] = []
        self.models: dict[Protocol, tuple[str, ...]] = dict(MODELS)
        self.models_answer: fault.Fault | list[fault.Fault] | None = None
        self.batches = BatchService()
        self.key = key
        self.connections = 0
        self.port = port
        self.on_request: Callable[[RecordedRequest], None] | None = None
        self._expected = False
        self._plain_allowed = False
        self._queues: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self._always: Answerer | None = None
        self._open: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._kept: socket.socket | None = None
        self._waiting: list[tuple[int, Signal]] = []
        self._seed = uuid.uuid4().hex

    # Script of a test

    def reply(self, *answers: Answer, model: str = "") -> None:
        """Queue answers, one per request; with `model`, only for requests to that model."""
        self._queues[model].extend(answers)

    def always(self, scripted: Answer | Answerer) -> None:
        """Set the answer for empty queues: a fixed one, or a function of the request."""
        self._always = scripted if callable(scripted) else lambda _: scripted

    def forget(self) -> None:
        """Drop all queued answers."""
        self._queues.clear()

    def expect_problems(self) -> None:
        """Accept invalid requests in this test."""
        self._expected = True

    def allow_plain(self) -> None:
        """Accept requests without streaming."""
        self._plain_allowed = True

    # Results for a test

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def unused(self) -> int:
        """Number of queued answers left."""
        return sum(len(queue) for queue in self._queues.values())

    @property
    def asked(self) -> list[RecordedRequest]:
        """The requests for a reply, without model lists and token counts."""
        return [request for request in self.requests if request.kind == "reply"]

    async def request(self, number: int = 1, deadline: float = PATIENCE) -> RecordedRequest:
        """Wait for request `number`, counted from 1."""
        await self._arrival(number).wait(deadline)
        return self.requests[number - 1]

    def request_blocking(self, number: int = 1, deadline: float = PATIENCE) -> RecordedRequest:
        """Wait like `request`, on a thread."""
        self._arrival(number).wait_blocking(deadline)
        return self.requests[number - 1]

    def check(self) -> None:
        """Raise AssertionError if a request had unexpected problems."""
        if self.problems and not self._expected:
            raise AssertionError("the gateway was sent wrong requests:\n  " + "\n  ".join(self.problems))

    # Start and stop

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.down()
        if self._kept is not None:
            self._kept.close()

    async def up(self) -> None:
        """Listen; after `down`, on the same port again."""
        self._loop = asyncio.get_running_loop()
        listener, self._kept = self._kept or self._bound(), None
        self._server = await self._loop.create_server(self._connection, sock=listener)
        self.port = listener.getsockname()[1]

    async def down(self) -> None:
        """Stop listening, so that connections are refused, and close the open ones; keep the port from others."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            self._kept = self._bound()
        for conn in list(self._open):
            await conn.stop()
        self._open.clear()
        if server is not None:
            await server.wait_closed()

    def up_blocking(self) -> None:
        """Call `up` from another thread."""
        self._run(self.up())

    def down_blocking(self) -> None:
        """Call `down` from another thread."""
        self._run(self.down())

    # Private methods

    def _bound(self) -> socket.socket:
        """Return a socket with the port of the gateway that does not listen yet."""
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", self.port))
        return bound

    def _run(self, work: Coroutine[None, None, None]) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def _connection(self) -> Connection:
        self._open = {conn for conn in self._open if not conn.ended.is_set()}
        self.connections += 1
        conn = Connection(self.connections, self._serve)
        self._open.add(conn)
        return conn

    async def _serve(self, conn: Connection, request: RecordedRequest) -> None:
        try:
            await self._handle(conn, request)
        except (ClientGoneError, asyncio.CancelledError):
            raise
        except Exception as error:
            self._blame(request, f"the gateway itself failed: {error!r}")
            conn.reset()

    async def _handle(self, conn: Connection, request: RecordedRequest) -> None:
        refusal = self._check(request)
        self._note(request)
        if refusal is not None:
            await send_error(conn, request, refusal)
        elif request.kind == "models":
            await self._list(conn, request)
        elif request.kind == "count":
            await send_count(conn, request)
        elif request.kind == "batch":
            for problem in await self.batches.serve(conn, request):
                self._blame(request, problem)
        else:
            scripted = self._next(request)
            if isinstance(scripted, fault.Status) and scripted.plain_next:
                self._plain_allowed = True
            await answer(conn, request, scripted, self._seed)

    def _check(self, request: RecordedRequest) -> fault.Status | None:
        """Record the problems of a request; return the error to send, if any."""
        if request.origin is None:
            self._blame(request, f"no such path: {request.method} {request.path}")
            words = f"Unknown request URL: {request.method} {request.path}."
            error = {"message": words, "type": "invalid_request_error", "param": None, "code": None}
            return fault.Status(404, body=json.dumps({"error": error}).encode())
        if "upload_id" in request.query:  # the address of a resumable upload is its key
            return None
        wrong_key = auth_problem(request.headers, request.origin.protocol)
        if wrong_key or (self.key is not None and request.key != self.key):
            if wrong_key:
                self._blame(request, wrong_key)
            return fault.bad_key()
        if request.kind != "reply":
            return None
        found = problems(request.body, request.headers, request.path)
        if not request.streams and not self._plain_allowed:
            found.append("stream: this request does not ask for a stream")
        if request.protocol is Protocol.GEMINI and request.streams and request.query.get("alt") != "sse":
            found.append("alt: without alt=sse the stream is one JSON list")
        for problem in found:
            self._blame(request, problem)
        return fault.status(400, found[0]) if found else None

    def _blame(self, request: RecordedRequest, problem: str) -> None:
        request.problems.append(problem)
        self.problems.append(f"{request.protocol} {request.model}: {problem}")

    def _note(self, request: RecordedRequest) -> None:
        self.requests.append(request)
        for number, signal in list(self._waiting):
            if number <= len(self.requests):
                signal.set()
        if self.on_request is not None:
            self.on_request(request)

    def _next(self, request: RecordedRequest) -> Answer:
        for name in (request.model, ""):
            if self._queues[name]:
                return self._queues[name].popleft()
        if self._always is not None:
            return self._always(request)
        self._blame(request, "nothing was scripted for this request")
        return fault.status(400, "Nothing was scripted for this request.")

    async def _list(self, conn: Connection, request: RecordedRequest) -> None:
        assert request.origin is not None
        if self.models_answer is not None:
            found = self.models_answer
            await answer(conn, request, found.pop(0) if isinstance(found, list) else found, self._seed)
            return
        whole = listing(request.origin.protocol, self.models[request.origin.protocol])
        rows = whole.get("data") or whole.get("models") or []
        if not request.model:
            await send_json(conn, whole)
            return
        names = (request.model, f"models/{request.model}")
        found = next((row for row in rows if row.get("id") in names or row.get("name") in names), None)
        if found is None:
            await send_error(conn, request, fault.status(404))
        else:
            await send_json(conn, found)

    def _arrival(self, number: int) -> Signal:
        signal = Signal()
        self._waiting.append((number, signal))
        if len(self.requests) >= number:
            signal.set()
        return signal
