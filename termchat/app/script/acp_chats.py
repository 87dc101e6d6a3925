"""The chats of the program for editors: each with its own directory, tools and MCP servers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from termchat.app.attachment_sources import attachment_sources
from termchat.app.build import App, build_app, first_model_with_key, no_default_model, open_registry, open_store
from termchat.app.options import Options
from termchat.config.credentials import Credentials
from termchat.config.load import Config
from termchat.core.chats import ChatPage
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.serve.acp.editor_chats import ChatPlace, EditorChat

if TYPE_CHECKING:
    from termchat.core.chat_store import ChatStore

_CURSOR = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-]\d{1,3}:\d{1,15}")  # of the store: a time, a number
Configure = Callable[[], Config | Failure]


class AcpChats:
    """Implements `serve.acp.editor_chats.EditorChats`.

    configure   reads the configuration: each chat has that of its time, so that a login needs no restart
    on_notice   called with what cannot be saved
    """

    def __init__(
        self, options: Options, configure: Configure, env: Mapping[str, str], on_notice: Callable[[Failure], None]
    ) -> None:
        self._options = options
        self._configure = configure
        self._env = env
        self._on_notice = on_notice
        self._store: ChatStore | None = None

    @property
    def are_saved(self) -> bool:
        return self._options.saved

    @property
    def connects_servers(self) -> bool:
        return self._options.tools

    def missing_key(self) -> Failure | None:
        """Return the failure of new chats if no model has a key, or the configuration is wrong."""
        config = self._configure()
        if isinstance(config, Failure):
            return config
        keys = Credentials(self._env)
        if config.settings.model or first_model_with_key(config, keys):
            return None
        return no_default_model(config, keys, open_registry(config, self._env, keys, self._options))

    async def new(self, place: ChatPlace) -> EditorChat | Failure:
        """Open a new chat, unless no model can answer it."""
        return self.missing_key() or await self._build("", place)

    async def resume(self, chat: str, place: ChatPlace) -> EditorChat | Failure:
        """Open a saved chat."""
        if not self.are_saved:
            words = safe_format("No chat can be opened: chats are not saved in this run (--no-save).")
            return Failure(FailureKind.NOT_FOUND, words, safe_format("Begin a new session."))
        return await self._build(chat, place)

    async def listed(self, directory: str | None, after: str) -> ChatPage | Failure:
        """Return a page of the saved chats; a failure for an `after` that no page has."""
        if after and not _CURSOR.fullmatch(after):
            return Failure(FailureKind.BAD_REQUEST, safe_format("The cursor is not one of a list of sessions."))
        config = self._configure()
        if self._store is None and not isinstance(config, Failure):
            self._store = open_store(config, self._env, self._on_notice)
        return await self._store.chats(directory=directory, after=after) if self._store else ChatPage(())

    async def close(self) -> None:
        """Close the store of the list."""
        if self._store:
            await self._store.close()

    async def _build(self, chat: str, place: ChatPlace) -> EditorChat | Failure:
        config = self._configure()
        if isinstance(config, Failure):
            return config
        options = replace(self._options, directory=str(place.cwd))
        config, notices = _with_servers(config, place)
        stack = AsyncExitStack()
        try:
            app = await stack.enter_async_context(build_app(config, self._env, options, self._on_notice))
            found = app if isinstance(app, Failure) else await self._open(app, chat, place, stack)
        except BaseException:  # a bug, or the end of the agent: the chat must not stay taken
            await stack.aclose()
            raise
        if isinstance(found, Failure):
            await stack.aclose()
            return found
        return replace(found, notices=(*place.notices, *config.notes, *notices, *found.notices))

    async def _open(self, app: App, chat: str, place: ChatPlace, stack: AsyncExitStack) -> EditorChat | Failure:
        from termchat.commands.builtin import builtin
        from termchat.commands.prompts.server_prompts import prompt_commands

        session, notices = app.session, list[Safe]()
        name = chat
        if chat:
            resumed = await session.resume(chat)
            if isinstance(resumed, Failure):
                return resumed
            if resumed.forked:
                notices.append(safe_format("This chat is open in another termchat: a copy goes on here."))
        else:
            name = session.reserve_chat() or uuid4().hex
        commands = builtin()
        commands.follow(lambda: prompt_commands(session))
        tools = app.config.settings.tools or ()
        return EditorChat(
            name,
            session,
            app.registry,
            commands,
            place.cwd,
            tools if session.tools else None,
            tuple(server.name for server in place.servers),
            tuple(notices),
            app.find_secret,
            lambda: attachment_sources(
                app.config, self._env, lambda: session.tools.resources if session.tools else None, place.cwd
            ),
            stack.aclose,
        )


def _with_servers(config: Config, place: ChatPlace) -> tuple[Config, list[Safe]]:
    """Add the MCP servers of an editor; those of the user's own file keep their names."""
    taken = [server.name for server in place.servers if server.name in config.mcp]
    servers = {server.name: server for server in place.servers if server.name not in config.mcp}
    words = "Your own MCP server {name} is used instead of that of the editor."
    return replace(config, mcp={**config.mcp, **servers}), [safe_format(words, name=safe_line(n)) for n in taken]
