"""Chats that this process has taken: for a turn or a change, and released right after.

A chat that another termchat has open (a terminal, an editor, a server) is not taken; it can be followed, and continued
in a copy.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from termchat.core.chat_store import ChatStore
from termchat.core.chats import Location
from termchat.core.errors import Failure
from termchat.engine.session import ChatSession
from termchat.engine.turn import TurnConfig
from termchat.serve.faults import Fault, page_fault

HELD = Fault(409, "This chat is open in another termchat.", "held", hint="Continue in a copy, or close the chat there.")
BUSY = Fault(409, "A reply is running in this chat.", "busy", hint="Stop it, or wait for its end.")


class TakenChats:
    """The sessions of chats in use, one for each."""

    def __init__(self, config: TurnConfig, store: ChatStore, directory: str) -> None:
        self._config = config
        self._store = store
        self._directory = directory
        self._sessions: dict[str, ChatSession] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # those in use

    def new_session(self) -> ChatSession:
        """Return a session that begins a chat of the server's directory."""
        return ChatSession(self._config, lambda: self._store, Location("", self._directory))

    async def take(self, chat: str) -> ChatSession | Fault:
        """Open a chat for a turn; `release` gives it back. Its terminal and directory stay as they are."""
        async with self._lock(chat):
            if chat in self._sessions:
                return BUSY
            session = ChatSession(self._config, lambda: self._store, Location())
            try:
                resumed = await session.resume(chat)
            except BaseException:  # a bug, or the end of the server: the chat must not stay taken
                await session.release()
                raise
            if isinstance(resumed, Failure):
                return page_fault(resumed)
            if resumed.forked:
                await session.release()
                return HELD
            self._sessions[chat] = session
            return session

    def hold(self, chat: str, session: ChatSession) -> None:
        """Note that a session has begun a chat."""
        self._sessions[chat] = session

    def session(self, chat: str) -> ChatSession | None:
        """Return the session that runs a turn of a chat."""
        return self._sessions.get(chat)

    async def release(self, chat: str, session: ChatSession) -> None:
        """Give a chat back, once all of it is written."""
        async with self._lock(chat):
            try:
                await session.release()
            finally:
                self._sessions.pop(chat, None)

    def _lock(self, chat: str) -> asyncio.Lock:
        return self._locks.setdefault(chat, asyncio.Lock())

    @asynccontextmanager
    async def taken(self, chat: str) -> AsyncGenerator[ChatSession | Fault]:
        """Take a chat for a change."""
        session = await self.take(chat)
        try:
            yield session
        finally:
            if not isinstance(session, Fault):
                await self.release(chat, session)
