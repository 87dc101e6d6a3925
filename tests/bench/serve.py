"""The server under load: `python -m tests.bench.serve [--streams 200] [--tokens 100]`.

The first token, as the time from the moment the upstream sends it until a client has it, and as the time from the
request on, with many streams that begin within two seconds, then all at once; processor time a token and growth of
memory with all at once. The floor is a bare proxy of uvicorn, starlette and httpx2 that passes the
bytes of the same upstream through. Linux only: figures of processes come from /proc.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from termchat.core.models import ApiProtocol
from tests.bench.clients import OURS, new_home
from tests.bench.server import PacedServer, pieces, serving
from tests.bench.table import Goal, Plan, Row, quantile, run
from tests.bench.terminal import NotShownError

_PATH = "/v1/chat/completions"
_OWN = (*OURS, "serve", "--port", "0", "-m", "xopenai/m")
_RATE = 20.0  # tokens a second of each stream
_WAVES = 4  # the first one warms up
_SPREAD = 2.0  # seconds in which the streams of one more wave begin; a burst measures only who waits for whom
PROXY = """
import socket, sys
import httpx2, uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route
limits = httpx2.Limits(max_connections=None)
client = httpx2.AsyncClient(base_url=sys.argv[1], timeout=60, trust_env=False, limits=limits)
async def chat(request):
    asked = client.build_request("POST", request.url.path, content=await request.body())
    answer = await client.send(asked, stream=True)
    async def body():
        async for piece in answer.aiter_raw():
            yield piece
        await answer.aclose()
    return StreamingResponse(body(), media_type="text/event-stream")
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(f"http://127.0.0.1:{listener.getsockname()[1]}/#none", flush=True)
app = Starlette(routes=[Route("/{path:path}", chat, methods=["POST"])])
uvicorn.Server(uvicorn.Config(app, http="h11", log_config=None, access_log=False)).run([listener])
"""


class _Running(NamedTuple):
    """A server that is measured."""

    port: int
    token: str
    pid: int

    def cpu(self) -> float:
        """Seconds of the processor so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident memory in MB."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class _Load(NamedTuple):
    """Of one wave: seconds from requests to first tokens, microseconds of the processor a token, MB at its end."""

    firsts: Sequence[float]
    cpu: float
    memory: float


def rows(plan: Plan, streams: int = 200, tokens: int = 100) -> Iterator[Row]:
    """Of the server, beside the proxy."""
    words = [f"w{n} " for n in range(tokens)]
    with new_home() as home, serving(pieces(ApiProtocol.CHAT, words), _RATE * 5) as upstream:
        home.serve(upstream.url)
        bare_command = (sys.executable, "-c", PROXY, upstream.url)
        with _started(_OWN, home.env) as own, _started(bare_command, home.env) as bare:
            taken = [[_first(upstream, server) for server in (own, bare)] for _ in range(plan.rounds + 1)][1:]
            one, floor = (statistics.median(column) * 1e3 for column in zip(*taken, strict=True))
            yield Row("first token through the server", one, "ms", floor, Goal(above=5))
    with new_home() as home, serving(pieces(ApiProtocol.CHAT, words), _RATE) as upstream:
        home.serve(upstream.url)
        found: list[list[_Load]] = []
        spread: list[Sequence[float]] = []
        for command in (
            _OWN,
            (sys.executable, "-c", PROXY, upstream.url),
        ):
            with _started(command, home.env) as server:
                found.append([_wave(upstream, server, streams, tokens) for _ in range(_WAVES)])
                spread.append(_wave(upstream, server, streams, tokens, _SPREAD).firsts)
    own_load, bare_load = found
    for part, name, above in ((0.5, "p50", 5), (0.95, "p95", 20)):
        one, floor = (quantile(firsts, part) for firsts in spread)
        yield Row(f"request to first token, {streams} streams in 2 s, {name}", one, "ms", floor, Goal(above=above))
    what = f"{streams} streams at once"
    firsts = [statistics.median(waves[-1].firsts) * 1e3 for waves in found]
    yield Row(f"request to first token, {what}, p50", firsts[0], "ms", firsts[1])
    yield Row(f"processor time a token, {what}", own_load[-1].cpu, "us", bare_load[-1].cpu)
    growth = [waves[-1].memory - waves[1].memory for waves in found]
    yield Row(f"growth of memory, {2 * streams} streams more", growth[0], "MB", None, Goal(most=5))
    yield Row(f"memory, {what}", own_load[-1].memory, "MB", bare_load[-1].memory)


@contextmanager
def _started(command: Sequence[str], env: Mapping[str, str]) -> Iterator[_Running]:
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout
        address, _, token = process.stdout.readline().decode().strip().partition("/#")
        yield _Running(urlsplit(address).port or 0, token, process.pid)
    finally:
        process.terminate()
        process.wait()


def _first(upstream: PacedServer, server: _Running) -> float:
    """Seconds from the moment the first token is sent until a client has it."""
    upstream.forget()
    _, got = asyncio.run(_stream(server))
    return got - upstream.sent().times[1]  # the first event has no token


def _wave(upstream: PacedServer, server: _Running, streams: int, tokens: int, spread: float = 0.0) -> _Load:
    """Read many streams, which begin at equal distances within `spread` seconds."""

    async def one(n: int) -> tuple[float, float]:
        await asyncio.sleep(n * spread / streams)
        return await _stream(server)

    async def every() -> list[tuple[float, float]]:
        return await asyncio.gather(*map(one, range(streams)))

    before = server.cpu()
    times = asyncio.run(every())
    used = server.cpu() - before
    for _ in range(streams):
        upstream.sent()
    return _Load([got - asked for asked, got in times], used * 1e6 / streams / tokens, server.memory())


async def _stream(server: _Running) -> tuple[float, float]:
    """Ask and read one stream to its end; return when it was asked for, and when its first token came."""
    body = json.dumps({"model": "xopenai/m", "stream": True, "messages": [{"role": "user", "content": "hi"}]})
    head = f"POST {_PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {server.token}\r\nconnection: close\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    asked, got, seen = time.monotonic(), 0.0, b""
    writer.write(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
    while data := await reader.read(1 << 16):
        seen += data
        if not got and b'"w0' in seen:
            got = time.monotonic()
    writer.close()
    if not got or b"[DONE]" not in seen:
        raise NotShownError(f"the stream is not whole: {seen[-300:]!r}")
    return asked, got


if __name__ == "__main__":
    sys.exit(run(rows, __doc__, streams=200, tokens=100))
