"""The requests of a client, by the names that the package gives them. Expected errors are errors of the protocol.

`initialize` is answered by `handshake`.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from acp.exceptions import RequestError
from acp.interfaces import Client
from acp.schema import (
    AcpMcpServer,
    AuthenticateResponse,
    CloseSessionResponse,
    ConfigOptionUpdate,
    CurrentModeUpdate,
    HttpMcpServer,
    ListSessionsResponse,
    LoadSessionResponse,
    McpServerStdio,
    NewSessionResponse,
    PromptResponse,
    ResumeSessionResponse,
    SessionInfo,
    SetSessionConfigOptionResponse,
    SetSessionModeResponse,
    SseMcpServer,
)

from termchat.config.credentials import is_reference
from termchat.core.errors import Failure, FailureKind, internal_error
from termchat.core.models import McpServer
from termchat.core.sanitize import Safe, repair_surrogates, safe_format, safe_line
from termchat.serve.acp.chat_choices import MODE
from termchat.serve.acp.chat_replay import replayed
from termchat.serve.acp.editor_chats import ChatPlace, EditorChat, EditorChats
from termchat.serve.acp.handshake import can_connect_servers
from termchat.serve.acp.message_stream import MessageStream
from termchat.serve.acp.prompt_blocks import Block
from termchat.serve.acp.prompt_run import EditorSession, iso_time, request_error
from termchat.system.installation import install_command

P = ParamSpec("P")
T = TypeVar("T")
Answer: TypeAlias = "Callable[Concatenate[AcpAgent, P], Coroutine[Any, Any, T]]"
ClientServer: TypeAlias = HttpMcpServer | SseMcpServer | AcpMcpServer | McpServerStdio
_NO_NAME = re.compile(r"[^A-Za-z0-9-]+")
_SERVER_SECONDS = 30.0  # that a prompt waits for a server of the editor, which may have to be downloaded first
_NAME = 32  # characters of the name of an MCP server


def answered(answer: Answer[P, T]) -> Answer[P, T]:
    """Return a method that reports an unexpected exception as all front ends do, and answers with its failure."""

    @wraps(answer)
    async def run(self: AcpAgent, *given: P.args, **named: P.kwargs) -> T:
        try:
            return await answer(self, *given, **named)
        except (RequestError, ConnectionError):
            raise
        except Exception as error:
            raise request_error(internal_error(error)) from error

    return run


class AcpAgent:
    """Answers a client; the package calls each method with the checked fields of a request."""

    def __init__(self, chats: EditorChats, lines: MessageStream) -> None:
        self._chats = chats
        self._lines = lines
        self._open: dict[str, EditorSession] = {}
        self._opening = asyncio.Lock()
        self._client: Client | None = None

    def on_connect(self, conn: Client) -> None:
        """Keep the connection to the client."""
        self._client = conn

    @answered
    async def authenticate(self, method_id: str, **more: Any) -> AuthenticateResponse:
        """Look again for a key: the user logs in with termchat itself, never through a client."""
        if missing := self._chats.missing_key():
            raise request_error(missing)
        return AuthenticateResponse()

    @answered
    async def new_session(
        self, cwd: str, mcp_servers: list[ClientServer] | None = None, **more: Any
    ) -> NewSessionResponse | dict[str, Any]:
        """Open a new chat."""
        place = await self._place(cwd, mcp_servers or ())
        opened = self._opened(await self._chats.new(place))
        response = NewSessionResponse(session_id=opened.chat.id, **self._state(opened))
        return _with_models(response, opened)

    @answered
    async def load_session(
        self, cwd: str, session_id: str, mcp_servers: list[ClientServer] | None = None, **more: Any
    ) -> LoadSessionResponse | dict[str, Any]:
        """Open a saved chat and send its messages."""
        opened = await self._resumed(cwd, session_id, mcp_servers or ())
        for update in replayed(opened.chat.session.conversation.path(), opened.chat.cwd):
            await opened.update(update)
        return _with_models(LoadSessionResponse(**self._state(opened)), opened)

    @answered
    async def resume_session(
        self, session_id: str, cwd: str, mcp_servers: list[ClientServer] | None = None, **more: Any
    ) -> ResumeSessionResponse | dict[str, Any]:
        """Open a saved chat whose messages the client has."""
        opened = await self._resumed(cwd, session_id, mcp_servers or ())
        return _with_models(ResumeSessionResponse(**self._state(opened)), opened)

    @answered
    async def list_sessions(
        self, cwd: str | None = None, cursor: str | None = None, **more: Any
    ) -> ListSessionsResponse:
        """Return a page of saved chats, newest first, of one directory or of all."""
        if not self._chats.are_saved:
            return ListSessionsResponse(sessions=[])
        page = await self._chats.listed(repair_surrogates(cwd) if cwd else None, cursor or "")
        if isinstance(page, Failure):
            raise request_error(page)
        sessions = [
            SessionInfo(
                session_id=info.id,
                cwd=info.directory or str(Path.home()),
                title=safe_line(info.title) or None,
                updated_at=iso_time(info.updated),
            )
            for info in page.chats
        ]
        return ListSessionsResponse(sessions=sessions, next_cursor=page.more or None)

    @answered
    async def close_session(self, session_id: str, **more: Any) -> CloseSessionResponse:
        """Stop what runs in a session, and release its chat."""
        opened = self._session(session_id)
        del self._open[session_id]
        await opened.close()
        return CloseSessionResponse()

    @answered
    async def prompt(self, session_id: str, prompt: list[Block], **more: Any) -> PromptResponse:
        """Answer a prompt."""
        return await self._session(session_id).prompt(prompt)

    async def cancel(self, session_id: str, **more: Any) -> None:
        """Stop the prompt of a session."""
        if opened := self._open.get(session_id):
            opened.cancel()

    @answered
    async def set_session_mode(self, session_id: str, mode_id: str, **more: Any) -> SetSessionModeResponse:
        """Offer the model the tools of another mode."""
        opened = self._session(session_id)
        self._choose(opened, MODE, mode_id)
        self._lines.after_reply(lambda: self._tell_options(opened))
        return SetSessionModeResponse()

    @answered
    async def set_config_option(
        self, config_id: str, session_id: str, value: str | bool, **more: Any
    ) -> SetSessionConfigOptionResponse:
        """Choose another model, effort or mode."""
        opened = self._session(session_id)
        self._choose(opened, config_id, str(value))
        if config_id == MODE:
            self._lines.after_reply(lambda: self._tell_mode(opened))
        return SetSessionConfigOptionResponse(config_options=[*opened.choices.options()])

    async def stop(self, seconds: float) -> None:
        """Stop all prompts and release all chats; wait so long at most."""
        opened, self._open = [*self._open.values()], {}
        if opened:
            await asyncio.wait([asyncio.create_task(each.close()) for each in opened], timeout=seconds)

    def _session(self, name: str) -> EditorSession:
        opened = self._open.get(name)
        if opened is None:
            words = safe_format("There is no open session {name}.", name=safe_line(name[:80]))
            raise request_error(Failure(FailureKind.NOT_FOUND, words, safe_format("Load it, or begin a new one.")))
        return opened

    async def _resumed(self, cwd: str, name: str, servers: Sequence[ClientServer]) -> EditorSession:
        place = await self._place(cwd, servers)
        async with self._opening:
            if before := self._open.pop(name, None):
                await before.close()
            return self._opened(await self._chats.resume(name, place), name)

    def _opened(self, chat: EditorChat | Failure, name: str = "") -> EditorSession:
        if isinstance(chat, Failure):
            raise request_error(chat)
        assert self._client
        opened = EditorSession(name or chat.id, chat, self._client, reads_files=self._lines.client_reads_files)
        self._open[name or chat.id] = opened
        self._lines.after_reply(opened.tell_commands)
        return opened

    async def _place(self, cwd: str, servers: Sequence[ClientServer]) -> ChatPlace:
        path = Path(cwd)
        if not path.is_absolute() or not await asyncio.to_thread(os.path.isdir, cwd):
            words = safe_format("{name} is no absolute path of a directory.", name=safe_line(cwd[:200]) or Safe("cwd"))
            raise request_error(Failure(FailureKind.BAD_REQUEST, words))
        if servers and not can_connect_servers(self._chats):
            names = safe_line(", ".join(server.name for server in servers)[:200])
            why = safe_format("Tools are off (--no-tools).")
            if self._chats.connects_servers:
                why = safe_format("Install what connects them: {command}", command=install_command("mcp"))
            words = safe_format("MCP servers of the editor are left out: {names}. {why}", names=names, why=why)
            return ChatPlace(path, notices=(words,))
        return _place(path, servers)

    @staticmethod
    def _state(opened: EditorSession) -> dict[str, Any]:
        return {"modes": opened.choices.mode_state(), "config_options": opened.choices.options()}

    @staticmethod
    def _choose(opened: EditorSession, option: str, value: str) -> None:
        if failure := opened.choices.choose(option, value):
            raise request_error(failure)

    @staticmethod
    async def _tell_options(opened: EditorSession) -> None:
        update = ConfigOptionUpdate(session_update="config_option_update", config_options=[*opened.choices.options()])
        await opened.update(update)

    @staticmethod
    async def _tell_mode(opened: EditorSession) -> None:
        update = CurrentModeUpdate(session_update="current_mode_update", current_mode_id=opened.choices.mode)
        await opened.update(update)


def _with_models(response: Any, opened: EditorSession) -> dict[str, Any]:
    """Return a response with the models as clients read them that do not know the options of a session."""
    fields = response.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    return {**fields, "models": opened.choices.model_state()}


def _place(path: Path, servers: Iterable[ClientServer]) -> ChatPlace:
    """Return a place with the servers of a client that can be connected, and notices about the others."""
    taken: dict[str, McpServer] = {}
    notices: list[Safe] = []
    for server in servers:
        name = _free_name(_NO_NAME.sub("-", server.name)[:_NAME].strip("-") or "server", taken)
        made = _server(name, server)
        if made:
            taken[name] = made
        else:
            words = "The MCP server {name} of the editor is left out: only programs and streamable HTTP are supported."
            notices.append(safe_format(words, name=safe_line(server.name[:80])))
    return ChatPlace(path, tuple(taken.values()), tuple(notices))


def _free_name(name: str, taken: Collection[str]) -> str:
    """Return a name that is not taken: with a number at its end, if it is."""
    numbered = (f"{name[: _NAME - 3]}-{number}" for number in count(2))
    return name if name not in taken else next(other for other in numbered if other not in taken)


def _server(name: str, server: ClientServer) -> McpServer | None:
    """Return a server of the client; None for a transport that is not supported, and for a reference to a secret.

    In our own configuration, `cmd:` in a variable runs a command; what a client sends is a text.
    """
    match server:
        case McpServerStdio():
            values = {row.name: row.value for row in server.env}
            made = McpServer(name, server.command, tuple(server.args), values, seconds=_SERVER_SECONDS)
        case HttpMcpServer():
            values = {row.name: row.value for row in server.headers}
            made = McpServer(name, url=server.url, headers=values, seconds=_SERVER_SECONDS)
        case _:
            return None
    return None if any(is_reference(value) for value in values.values()) else made
