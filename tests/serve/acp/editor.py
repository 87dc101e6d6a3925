"""An editor: the package's own client, a real `termchat acp`, and a check of every message that comes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

from acp import schema
from acp.client.connection import ClientSideConnection
from acp.connection import StreamDirection, StreamEvent
from acp.exceptions import RequestError
from acp.interfaces import Client
from pydantic import BaseModel

from tests.cli.conftest import Program
from tests.fork_server import ProgramProcess

PATIENCE = 40.0
_NOTIFIED: dict[str, type[BaseModel]] = {
    "session/update": schema.SessionNotification,
    "session/request_permission": schema.RequestPermissionRequest,
    "fs/read_text_file": schema.ReadTextFileRequest,
}
_ANSWERED: dict[str, type[BaseModel]] = {
    "initialize": schema.InitializeResponse,
    "authenticate": schema.AuthenticateResponse,
    "session/new": schema.NewSessionResponse,
    "session/load": schema.LoadSessionResponse,
    "session/resume": schema.ResumeSessionResponse,
    "session/list": schema.ListSessionsResponse,
    "session/close": schema.CloseSessionResponse,
    "session/prompt": schema.PromptResponse,
    "session/set_mode": schema.SetSessionModeResponse,
    "session/set_config_option": schema.SetSessionConfigOptionResponse,
}


@dataclass
class EditorClient:
    """Implements the package's `Client`: keeps updates, and answers questions with the next of `answers`.

    An answer is the id of an option, "" for cancelled; without one, the question waits for ever. `buffers` has texts
    of files that are not saved yet.
    """

    answers: list[str] = field(default_factory=list[str])
    updates: list[Any] = field(default_factory=list[Any])
    questions: list[tuple[Any, list[Any]]] = field(default_factory=list[tuple[Any, list[Any]]])
    buffers: dict[str, str] = field(default_factory=dict[str, str])
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def session_update(self, session_id: str, update: Any, **more: Any) -> None:
        self.updates.append(update)
        async with self.arrived:
            self.arrived.notify_all()

    async def request_permission(
        self, session_id: str, tool_call: Any, options: list[Any], **more: Any
    ) -> schema.RequestPermissionResponse:
        self.questions.append((tool_call, options))
        async with self.arrived:
            self.arrived.notify_all()
        if not self.answers:
            await asyncio.Event().wait()
        chosen = self.answers.pop(0)
        if not chosen:
            return schema.RequestPermissionResponse(outcome=schema.DeniedOutcome(outcome="cancelled"))
        return schema.RequestPermissionResponse(outcome=schema.AllowedOutcome(outcome="selected", option_id=chosen))

    async def read_text_file(self, path: str, session_id: str, **more: Any) -> schema.ReadTextFileResponse:
        if path not in self.buffers:
            raise RequestError.resource_not_found(path)
        return schema.ReadTextFileResponse(content=self.buffers[path])

    def on_connect(self, conn: Any) -> None: ...

    def of(self, kind: str) -> list[Any]:
        """The updates of a kind, such as `agent_message_chunk`."""
        return [update for update in self.updates if update.session_update == kind]

    def text(self, kind: str = "agent_message_chunk") -> str:
        return "".join(update.content.text for update in self.of(kind))

    async def until_text(self, text: str) -> None:
        async with asyncio.timeout(PATIENCE), self.arrived:
            await self.arrived.wait_for(lambda: text in self.text())

    async def until_question(self) -> None:
        async with asyncio.timeout(PATIENCE), self.arrived:
            await self.arrived.wait_for(lambda: bool(self.questions))


@dataclass
class Editor:
    """A connection to a running agent; `agent` sends the requests."""

    client: EditorClient
    agent: ClientSideConnection
    process: subprocess.Popen[bytes]

    async def begin(self, cwd: Any, servers: list[Any] | None = None) -> str:
        """Begin a session in a directory; its id."""
        await self.agent.initialize(1)
        return (await self.agent.new_session(str(cwd), mcp_servers=servers or [])).session_id

    async def ask(self, session: str, text: str) -> str:
        """Send a prompt; the reason of its end."""
        return (await self.agent.prompt(session, [schema.TextContentBlock(type="text", text=text)])).stop_reason

    async def leave(self) -> str:
        """Close the agent's input; what it wrote to standard error."""
        assert self.process.stdin
        if not self.process.stdin.closed:
            self.process.stdin.close()
        return await self.ended()

    def drop_output(self) -> None:
        """Close the reading end of the agent's output; its input stays open."""
        assert self.process.stdout
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), self.process.stdout.fileno())

    async def ended(self) -> str:
        """Wait for the end of the process; what it wrote to standard error."""
        assert self.process.stderr
        await asyncio.to_thread(self.process.wait, PATIENCE)
        return self.process.stderr.read().decode()


@asynccontextmanager
async def editing(program: Program, *arguments: str, client: EditorClient | None = None) -> AsyncIterator[Editor]:
    """Start `termchat acp` and connect to it; each message that comes is checked against the models of the schema."""
    process = ProgramProcess(
        program.command("acp", *arguments),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=program.env, cwd=program.cwd,
    )  # fmt: skip
    checks, client = MessageChecks(), client or EditorClient()
    agent = ClientSideConnection(
        cast("Client", client), PipeTransport(process), use_unstable_protocol=True, observers=[checks.observe]
    )
    editor = Editor(client, agent, process)
    try:
        async with asyncio.timeout(PATIENCE):
            yield editor
        assert not checks.problems
    finally:
        if process.poll() is None:
            process.kill()
        await asyncio.to_thread(process.wait, PATIENCE)
        await agent.close()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()


class MessageChecks:
    """Checks messages of an agent: a model of the schema takes each, and gives it back unchanged."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._asked: dict[Any, str] = {}

    def observe(self, event: StreamEvent) -> None:
        message = event.message
        if event.direction is StreamDirection.OUTGOING:
            if "method" in message and "id" in message:
                self._asked[message["id"]] = message["method"]
            return
        if message.get("jsonrpc") != "2.0":
            self.problems.append(f"no version: {message}")
        if "method" in message:
            self._check(_NOTIFIED[message["method"]], message["params"])
        elif "result" in message:
            self._check(_ANSWERED[self._asked.pop(message["id"])], message["result"])
        else:
            self._check(schema.Error, message["error"])

    def _check(self, model: type[BaseModel], given: dict[str, Any]) -> None:
        given = {name: value for name, value in given.items() if name != "models"}  # for clients of before
        read = model.model_validate(given).model_dump(mode="json", by_alias=True, exclude_unset=True)
        if read != given:
            self.problems.append(f"{model.__name__}: {given} became {read}")


class PipeTransport:
    """Implements the package's `Transport` for the pipes of a process: each line of its output is a message."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin and process.stdout
        self._input, self._output = process.stdin, process.stdout

    async def send(self, message: dict[str, Any]) -> None:
        await self.write(json.dumps(message).encode() + b"\n")

    async def write(self, data: bytes) -> None:
        def write() -> None:
            self._input.write(data)
            self._input.flush()

        await asyncio.to_thread(write)

    async def receive(self) -> dict[str, Any] | None:
        line = await asyncio.to_thread(self._output.readline)
        return json.loads(line) if line else None

    async def close(self) -> None:
        with suppress(OSError):
            self._input.close()
