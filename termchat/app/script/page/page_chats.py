"""The chats of the store for the page: implements `serve.page_api.page_port.PageApi`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from termchat import __version__
from termchat.app.build import App, current_location
from termchat.app.script.page.chat_feeds import ChatFeeds, ClientFeed
from termchat.app.script.page.chat_setup import roles_of, set_up
from termchat.app.script.page.page_turns import PageTurns
from termchat.app.script.page.page_uploads import PageUploads
from termchat.app.script.page.taken_chats import HELD, TakenChats
from termchat.app.script.served_models import ServedModels
from termchat.core.chat_store import ChatStore
from termchat.core.chats import ChatInfo, Location
from termchat.core.errors import Failure
from termchat.engine.session import ChatSession
from termchat.serve.faults import Fault, page_fault
from termchat.serve.page_api.page_json import chat_row, hit_document, model_document
from termchat.serve.page_api.page_port import Document, TurnAsked

_NO_CHAT = Fault(404, "There is no such chat.", "not_found")
_NO_TURN = Fault(404, "This turn has ended.", "not_found")
_NO_CALL = Fault(404, "This call does not run.", "not_found", hint="It has ended, or waits for an answer.")
_DONE: Document = {"ok": True}


@asynccontextmanager
async def open_page(app: App, models: ServedModels) -> AsyncGenerator[PageChats | None]:
    """Open the page on the chat store of a run; None if nothing is saved. Its turns end before the block does."""
    store = app.session.chat_store
    if store is None:
        yield None
        return
    page = PageChats(app, store, models)
    try:
        yield page
    finally:
        await page.close()


class PageChats:
    """All chats, and the turns that the page runs in them."""

    def __init__(self, app: App, store: ChatStore, models: ServedModels) -> None:
        self._app = app
        self._store = store
        self._models = models
        self._uploads = PageUploads()
        self._feeds = ChatFeeds(store)
        self._taken = TakenChats(app.turn, store, current_location().directory)
        self._turns = PageTurns(app, self._taken, self._feeds, self._uploads)
        self._ending: asyncio.Task[None] | None = None

    async def page(self) -> Document:
        """Describe the server, without asking a vendor."""
        registry, turn = self._app.registry, self._app.turn
        usable = set(registry.usable_providers())
        known = [self._app.first, *registry.favourites, *(r for r in registry.known_models() if r.provider in usable)]
        return {
            "version": __version__,
            "default_model": str(self._app.first),
            "models": [model_document(ref, registry) for ref in dict.fromkeys(known)],
            "tools": [spec.name for spec in turn.tools.specs] if turn.tools else [],
            "system": turn.system,
            "roles": await asyncio.to_thread(roles_of, self._app.config.paths.prompts),
            "max_cost": turn.max_cost,
            "max_cost_day": turn.max_cost_day,
        }

    async def models(self) -> Document:
        """Ask the vendors for their models."""
        found = await self._models.listing()
        return {"models": [model_document(info.ref, self._app.registry, info) for info in found]}

    async def chats(self, after: str, words: str, *, deleted: bool) -> Document:
        """List chats, newest first."""
        running = await self._store.watch.running()
        if deleted:
            rows, more = await self._store.deleted_chats(), ""
        else:
            try:
                page = await self._store.chats(words, after=after)
            except (ValueError, OverflowError):  # of a cursor
                page = await self._store.chats(words)
            rows, more = page.chats, page.more
        return {"chats": [chat_row(info, running=info.id in running) for info in rows], "next": more}

    async def search(self, words: str, chat: str) -> Document:
        """Search the messages."""
        return {"hits": [hit_document(hit) for hit in await self._store.search(words, chat=chat)]}

    async def chat(self, chat: str) -> Document | Fault:
        """Return a chat with its tree and its running turns."""
        return await self._feeds.document(chat) or _NO_CHAT

    async def begin(self, chat: str, asked: TurnAsked) -> Document | Fault:
        """Begin a turn; "" is a new chat."""
        if chat and isinstance(found := await self._info(chat), Fault):
            return found
        begun = await self._turns.begin(chat, asked)
        if isinstance(begun, Fault):
            return begun
        name, turns = begun
        return {"id": name, "turns": [{"id": turn.id, "model": str(turn.model)} for turn in turns]}

    def stop_turn(self, turn: str) -> Document | Fault:
        """Stop a turn."""
        return _DONE if self._turns.stop(turn) else _NO_TURN

    def stop_call(self, turn: str, node: str, place: int) -> Document | Fault:
        """Stop one running tool call."""
        return _DONE if self._turns.stop_call(turn, node, place) else _NO_CALL

    def answer(self, turn: str, request: str, decision: str, why: str) -> Document | Fault:
        """Answer the question about a tool call."""
        if self._turns.answer(turn, request, decision, why):
            return _DONE
        return Fault(404, "This question has been answered.", "not_found")

    async def move_head(self, chat: str, node: str) -> Document | Fault:
        """Move the head of a chat to another message."""
        if isinstance(found := await self._info(chat), Fault):
            return found
        if running := self._taken.session(chat):
            return self._moved(chat, running, node)
        async with self._taken.taken(chat) as session:
            return session if isinstance(session, Fault) else self._moved(chat, session, node)

    def _moved(self, chat: str, session: ChatSession, node: str) -> Document | Fault:
        if node and node not in session.conversation.nodes:
            return Fault(404, "There is no such message in this chat.", "not_found")
        session.move_head(node or None)
        self._feeds.move(chat, node or None)
        return _DONE

    async def fork(self, chat: str, node: str) -> Document | Fault:
        """Copy a chat up to a message."""
        found = await self._info(chat)
        if isinstance(found, Fault):
            return found
        place = Location("", found.directory or current_location().directory)
        forked = await self._store.fork(chat, node or None, place, found.title or found.id)
        if isinstance(forked, Failure):
            return page_fault(forked)
        await forked.recorder.close()
        self._feeds.poke()
        return {"id": forked.recorder.chat_id}

    async def set_up(self, chat: str, model: str, system: str | None, role: str) -> Document | Fault:
        """Change the model, the system prompt or the role of a chat."""
        if isinstance(found := await self._info(chat), Fault):
            return found
        async with self._taken.taken(chat) as session:
            if isinstance(session, Fault):
                return session
            failure = set_up(session, self._app, model=model, system=system, role=role)
        self._feeds.poke()
        return page_fault(failure) if failure else _DONE

    async def rename(self, chat: str, title: str) -> Document | Fault:
        """Set the title of a chat."""
        if isinstance(found := await self._info(chat), Fault):
            return found
        await self._store.rename(chat, title)
        self._feeds.poke()
        return _DONE

    async def delete(self, chat: str) -> Document | Fault:
        """Delete a chat, unless it is in use."""
        found = await self._info(chat)
        if isinstance(found, Fault):
            return found
        if found.open_elsewhere:
            return HELD
        async with self._taken.taken(chat) as session:
            if isinstance(session, Fault):
                return session
            await self._store.delete(chat)
        self._feeds.poke()
        return _DONE

    async def restore(self, chat: str) -> Document | Fault:
        """Undo `delete`."""
        if await self._store.watch.chat(chat, 1 << 62) is None:
            return _NO_CHAT
        await self._store.restore(chat)
        self._feeds.poke()
        return _DONE

    async def upload(self, name: str, data: bytes) -> Document | Fault:
        """Keep an attachment until it is sent."""
        found: dict[str, Any] | Failure = self._uploads.add(name, data)
        return page_fault(found) if isinstance(found, Failure) else found

    async def blob(self, name: str) -> bytes | None:
        """Return an attachment by its hash."""
        return await self._store.watch.blob(name)

    async def subscribe(self, chat: str) -> ClientFeed | Fault:
        """Follow a chat and the list of chats."""
        if chat and isinstance(found := await self._info(chat), Fault):
            return found
        return self._feeds.join(chat)

    def stop(self) -> None:
        """Stop all turns; the events of the page end after them."""
        self._turns.stop_all()
        self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        await self._turns.ended()
        self._feeds.end()

    async def close(self) -> None:
        """Wait for the end of all turns, and release their chats."""
        if self._ending:
            await self._ending
        await self._turns.close()
        await self._feeds.close()

    async def _info(self, chat: str) -> ChatInfo | Fault:
        record = await self._store.watch.chat(chat, 1 << 62)
        return _NO_CHAT if record is None or record.info.deleted else record.info
