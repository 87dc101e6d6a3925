"""Many turns of every kind through a running server: `python -m tests.serve.served_load [--turns 5000]`.

Text, calls, pictures, cut and refused replies, whole ones and streams, and clients that leave in the middle, in all
dialects and with all vendors. It prints memory, threads and open files of the server, which stay flat after the first
part. Linux only: the figures come from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2

from tests.gateway import Call, Cut, Gateway, GatewayThread, Reasoning, Reply, Stall, Text, fault
from tests.serve.sdk_clients import PICTURE
from tests.serve.served import MODELS, write_config
from tests.soak.resources import INSPECTOR, resources

PATIENCE = 60.0
AT_ONCE = 8
_TOOL = {"type": "object", "properties": {"city": {"type": "string"}}}
KINDS = ("text", "call", "cut", "refused", "left")


class Figures(NamedTuple):
    """Of the server's process: MB of memory, threads, open files."""

    memory: float
    threads: int
    files: int


class ServerProcess(NamedTuple):
    """A running `termchat serve`."""

    url: str
    token: str
    pid: int
    state: Path

    def figures(self) -> Figures:
        found = resources(self.pid, 0, self.state, _wait_until)
        return Figures(found.rss / 1e6, found.threads, found.files + found.sockets)


def _wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "the server does not answer the signal"
        time.sleep(0.02)


@contextmanager
def server_process(home: Path, gateway: Gateway) -> Iterator[ServerProcess]:
    """Run a server in front of a gateway whose answer depends on the question."""
    gateway.always(_answer)
    state = home / "tasks"
    inspected = {"PYTHONPATH": str(INSPECTOR), "TESTTASKS": str(state)}
    env: Mapping[str, str] = {**write_config(home, gateway), "PATH": os.environ["PATH"], **inspected}
    command = [sys.executable, "-m", "termchat", "serve", "--port", "0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            url, _, token = process.stdout.readline().decode().strip().partition("/#")
            yield ServerProcess(url, token, process.pid, state)
        finally:
            process.terminate()
            assert process.wait(20) == 0


def _answer(request: Any) -> Reply | Any:
    text = request.raw.decode()
    if "kind=call" in text:
        return Reply(Reasoning("hm"), Text("so"), Call("weather", {"city": "Köln"}))
    if "kind=cut" in text:
        return Reply(Text("half"), Cut("fin"))
    if "kind=refused" in text:
        return fault.status(400, "no")
    return Reply(Text("begin"), Stall()) if "kind=left" in text else Reply(Text("Hello ", "wörld"))


async def take_turns(server: ServerProcess, turns: int, seed: int) -> None:
    """Take turns of every kind, a few at once. Raises AssertionError for a wrong end."""
    chance, slots = random.Random(seed), asyncio.Semaphore(AT_ONCE)
    limits = httpx2.Limits(max_keepalive_connections=0)
    async with httpx2.AsyncClient(
        base_url=server.url, headers={"x-api-key": server.token}, timeout=PATIENCE, trust_env=False, limits=limits
    ) as client:

        async def one(number: int) -> None:
            kind, upstream = KINDS[number % len(KINDS)], list(MODELS)[number // len(KINDS) % len(MODELS)]
            path, body = _question(chance.choice(("chat", "responses", "messages")), kind)
            stream = kind == "left" or chance.random() < 0.7
            async with slots:
                await _turn(client, path, {**body, "model": MODELS[upstream], "stream": stream}, kind)

        await asyncio.gather(*map(one, range(turns)))


def _question(face: str, kind: str) -> tuple[str, dict[str, Any]]:
    words, data = f"kind={kind}", f"data:image/png;base64,{PICTURE}"
    if face == "chat":
        parts: list[Any] = [{"type": "text", "text": words}, {"type": "image_url", "image_url": {"url": data}}]
        tool = {"type": "function", "function": {"name": "weather", "parameters": _TOOL}}
        return "/v1/chat/completions", {"messages": [{"role": "user", "content": parts}], "tools": [tool]}
    if face == "responses":
        parts = [{"type": "input_text", "text": words}, {"type": "input_image", "image_url": data}]
        tool = {"type": "function", "name": "weather", "parameters": _TOOL}
        return "/v1/responses", {"input": [{"role": "user", "content": parts}], "tools": [tool]}
    source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
    parts = [{"type": "text", "text": words}, {"type": "image", "source": source}]
    tools = [{"name": "weather", "input_schema": _TOOL}]
    return "/v1/messages", {"messages": [{"role": "user", "content": parts}], "max_tokens": 99, "tools": tools}


async def _turn(client: httpx2.AsyncClient, path: str, body: dict[str, Any], kind: str) -> None:
    text = ""
    async with client.stream("POST", path, json=body) as response:
        async for piece in response.aiter_text():
            text += piece
            if kind == "left" and "begin" in text:
                return
    assert {"text": "wörld", "call": "Köln", "cut": "cut", "refused": "no"}[kind] in text, text
    failed = response.status_code >= 400 or '"error":{' in text
    assert failed == (kind in ("cut", "refused")), text


def main() -> None:
    """Take the turns in ten parts, and print the figures after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5000)
    turns = parser.parse_args().turns
    with (
        tempfile.TemporaryDirectory() as home,
        GatewayThread() as gateway,
        server_process(Path(home), gateway) as server,
    ):
        began = time.monotonic()
        for part in range(10):
            asyncio.run(take_turns(server, turns // 10, part))
            found = server.figures()
            print(
                f"{(part + 1) * turns // 10:6} turns  {time.monotonic() - began:6.0f} s  {found.memory:6.1f} MB  "
                f"{found.threads:3} threads  {found.files:3} files",
                flush=True,
            )


if __name__ == "__main__":
    main()
