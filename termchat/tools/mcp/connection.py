"""A connection to one MCP server: made when it is first needed, made again once after its end."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from termchat import __version__
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import McpServer
from termchat.core.sanitize import EMPTY, Safe, excerpt, safe_format, safe_line
from termchat.system.installation import install_command

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult

    from termchat.tools.mcp.login_store import LoginStore
    from termchat.tools.mcp.program_transport import ProgramTransport
    from termchat.tools.mcp.stored_login import StoredLogin

CONNECT_SECONDS = 60.0  # npx and uvx install a server when it first starts
_CLOSE_SECONDS = 5.0
_ENDS = 2  # after which the server is not started again
_NO_REASON = "Server returned an error response"  # the words of the package for any HTTP status
_WORDS = 600  # characters of a foreign error


def _given(server: McpServer) -> dict[str, str] | Failure:
    return dict(server.headers if server.url else server.env)


def _forget(secret: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class McpEnvironment:
    """The surroundings of servers.

    cwd        the working directory
    variables  variables of termchat; a program gets them without secrets
    resolve    returns the variables or headers of a server without references; it may block for seconds
    logins     logins with OAuth, None to use none
    learn      receives each secret of a login that is used
    """

    cwd: Path
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    resolve: Callable[[McpServer], dict[str, str] | Failure] = field(default=_given)
    logins: LoginStore | None = None
    learn: Callable[[str], None] = field(default=_forget)


class McpConnection:
    """A server and the task that keeps its connection: its context managers must end in the task that entered them.

    changed   is set when the server reports that its tools have changed
    """

    def __init__(self, server: McpServer, environment: McpEnvironment, elicit: Any = None) -> None:
        self._server = server
        self._environment = environment
        self._elicit = elicit
        self._task: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[Client | Failure] | None = None
        self._stop = asyncio.Event()
        self._broken = asyncio.Event()
        self._ends = 0
        self._program: ProgramTransport | None = None
        self._login: StoredLogin | None = None
        self._status = 0  # of the last response, if there is one
        self.changed = False

    async def client(self) -> Client | Failure:
        """Return the connected client; connect first, and again after the first end. Raises nothing."""
        if self._task and self._broken.is_set():
            await asyncio.wait((self._task,), timeout=_CLOSE_SECONDS)
        if self._ready is None or (self._task and self._task.done()):
            if self._ends >= _ENDS:
                return self._failure(FailureKind.SERVER, Safe("has ended twice"), self.end_reason())
            self.changed = self._task is not None  # a server that was started again may have other tools
            self._stop, self._broken, self._program = asyncio.Event(), asyncio.Event(), None
            self._ready = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._keep(self._ready, self._stop))
        return await asyncio.shield(self._ready)

    def end_reason(self) -> str:
        """Return why the program has ended, "" if it runs or there is none."""
        return self._program.end_reason() if self._program else ""

    def login_failure(self) -> Failure | None:
        """Return the failure of a server that wants a login, None if it wants none."""
        if not (self._login and self._login.needed):
            return None
        name = safe_line(self._server.name)
        words = safe_format("The MCP server {name} needs a login.", name=name)
        if self._login.lacking is not None:
            scope = (
                safe_format(" ({scope})", scope=excerpt(self._login.lacking, _WORDS)) if self._login.lacking else EMPTY
            )
            words = safe_format("The MCP server {name} needs a login with more permissions{s}.", name=name, s=scope)
        return Failure(FailureKind.AUTH, words, safe_format("Log in with: termchat mcp login {name}", name=name))

    def masked(self, text: str) -> str:
        """Return a text without the secrets of the login."""
        return self._login.redact(text) if self._login else text

    def error_text(self, error: BaseException) -> str:
        """Return the reason of an error, without the secrets of the login."""
        text = self.end_reason() or error_words(first_error(error))
        if text == _NO_REASON and self._status:
            text = f"it answers with HTTP status {self._status}"
            if self._status == HTTPStatus.UNAUTHORIZED:
                text = f"it refuses the header Authorization (HTTP status {self._status})"
        return self.masked(text)

    def drop(self) -> None:
        """Give up a connection that has failed, so that the next call makes a new one."""
        self._broken.set()

    async def close(self) -> None:
        """End the connection, and with it the program."""
        if self._task is None:
            return
        self._stop.set()
        if self._ready and not self._ready.done():
            self._task.cancel()
        await asyncio.wait((self._task,), timeout=_CLOSE_SECONDS)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self, ready: asyncio.Future[Client | Failure], stop: asyncio.Event) -> None:
        """Connect, and keep the connection until `close` or its end."""
        try:
            await self._connect_and_wait(ready, stop)
        except asyncio.CancelledError:
            if not ready.done():
                ready.set_result(self._failure(FailureKind.SERVER, Safe("was stopped"), ""))
            raise
        except BaseException as error:
            failure = self._connect_failure(error)
            if not ready.done():
                ready.set_result(failure)
        finally:
            if self._program and ready.done() and not isinstance(ready.result(), Failure) and not stop.is_set():
                self._ends += 1

    async def _connect_and_wait(self, ready: asyncio.Future[Client | Failure], stop: asyncio.Event) -> None:
        if failure := await asyncio.to_thread(self._import):
            ready.set_result(failure)
            return
        secrets = await asyncio.to_thread(self._environment.resolve, self._server)
        if isinstance(secrets, Failure):
            ready.set_result(secrets)
            return
        async with asyncio.timeout(CONNECT_SECONDS) as limit, self._connected(secrets) as client:
            limit.reschedule(None)
            ready.set_result(client)
            await self._wait(client, stop)

    def _import(self) -> Failure | None:
        """Import what a connection needs, on a thread: a key must not wait for it."""
        if failure := import_package():
            return failure
        for name in ("http_transport", "stored_login") if self._server.url else ("program_transport",):
            import_module(f"termchat.tools.mcp.{name}")
        return None

    @asynccontextmanager
    async def _connected(self, secrets: Mapping[str, str]) -> AsyncGenerator[Client]:
        from mcp import Client
        from mcp_types import Implementation

        async with Client(
            self._transport(secrets),
            client_info=Implementation(name="termchat", version=__version__),
            message_handler=self._on_message,
            elicitation_callback=self._elicit,
        ) as client:
            # No check of results by the server's own schema: a pattern in it could stop this process for ever.
            client.session.validate_tool_result = _no_check
            yield client

    def _transport(self, secrets: Mapping[str, str]) -> AbstractAsyncContextManager[tuple[Any, Any]]:
        from termchat.tools.mcp.http_transport import http_streams  # no start of termchat needs a transport
        from termchat.tools.mcp.program_transport import ProgramRequest, ProgramTransport
        from termchat.tools.process.program_environment import program_environment

        server, around = self._server, self._environment
        if server.url:
            own = any(name.lower() == "authorization" for name in secrets)
            if around.logins and not own:
                from termchat.tools.mcp.stored_login import StoredLogin  # it imports the package

                self._login = StoredLogin(around.logins, server.name, server.url, around.learn)
            return http_streams(server.url, secrets, self._login, self._note_status)
        directory = Path(os.path.expanduser(server.cwd)) if server.cwd else around.cwd
        variables = program_environment(around.variables, directory, secrets)
        request = ProgramRequest((server.command, *server.args), directory, variables)
        self._program = ProgramTransport(request)
        return self._program.streams()

    async def _wait(self, client: Client, stop: asyncio.Event) -> None:
        """Wait for `close` or the end of the program; note changes of the list of tools meanwhile."""
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait()), asyncio.create_task(self._broken.wait())]
        if self._program:
            waits.append(asyncio.create_task(self._program.ended.wait()))
        listener = asyncio.create_task(self._listen(client))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            self._broken.set()
        finally:
            for task in (*waits, listener):
                task.cancel()
            await asyncio.gather(*waits, listener, return_exceptions=True)

    async def _listen(self, client: Client) -> None:
        """Note changes that a server of the newest revision reports on a stream of its own."""
        from mcp_types.version import MODERN_PROTOCOL_VERSIONS

        tools = client.server_capabilities.tools
        if client.protocol_version in MODERN_PROTOCOL_VERSIONS and tools and tools.list_changed:
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self.changed = True

    async def _on_message(self, message: Any) -> None:
        """Note changes that an older server reports."""
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            self.changed = True

    def _note_status(self, status: int) -> None:
        self._status = status

    def _connect_failure(self, error: BaseException) -> Failure:
        if failure := self.login_failure():
            return failure
        first = first_error(error)
        match first:
            case FileNotFoundError() if self._server.command:
                where = Path(os.path.expanduser(self._server.cwd)) if self._server.cwd else self._environment.cwd
                missing = self._server.command if where.is_dir() else str(where)
                words = safe_format("cannot start: there is no {name}", name=safe_line(missing))
                return self._failure(FailureKind.BAD_CONFIG, words, "")
            case TimeoutError():
                words = safe_format("does not answer within {s} seconds", s=Safe(f"{CONNECT_SECONDS:g}"))
                return self._failure(FailureKind.TIMEOUT, words, self.end_reason())
            case OSError():
                why = first.strerror or str(first)
                return self._failure(FailureKind.SERVER, Safe("cannot start"), why)
            case _:
                return self._failure(FailureKind.SERVER, Safe("cannot be used"), self.error_text(first))

    def _failure(self, kind: FailureKind, problem: Safe, why: str) -> Failure:
        name = safe_line(self._server.name)
        tail = safe_format(": {why}", why=excerpt(why.rstrip("."), _WORDS)) if why else EMPTY
        words = safe_format("The MCP server {name} {problem}{tail}.", name=name, problem=problem, tail=tail)
        hint = safe_format("Check it with: termchat mcp test {name}", name=name)
        return Failure(kind, words, hint)


def first_error(error: BaseException) -> BaseException:
    """Return the first error of a group of errors."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def error_words(error: BaseException) -> str:
    """Return the text of an error, or its type."""
    return str(error)[:_WORDS] or type(error).__name__


async def _no_check(name: str, result: CallToolResult) -> None:
    pass


def import_package() -> Failure | None:
    """Import the package; return the failure if it is not installed."""
    try:
        import_module("mcp")
        import_module("mcp.client.streamable_http")
    except ImportError:
        return _not_installed()
    logger = logging.getLogger("mcp")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # errors are reported here, not on the terminal
        logger.propagate = False
    return None


def missing_package() -> Failure | None:
    """Return the failure of a package that is not installed, without the time of its import."""
    return None if find_spec("mcp") else _not_installed()


def _not_installed() -> Failure:
    return Failure(
        FailureKind.BAD_CONFIG,
        safe_format("MCP servers need the package mcp, which is not installed."),
        safe_format("Install it: {command}", command=install_command("mcp")),
    )
