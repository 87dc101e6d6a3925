"""Tell connected pages what changes: turns of this server as they stream, other processes by reading the store.

While anybody listens, the store is asked several times a second if another process has written (PRAGMA
data_version). Only then is it read: the list of chats, and of each chat in view what is new in it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from termchat.core.chat_store import ChatStore
from termchat.core.chats import WatchedChat
from termchat.core.conversation import Node
from termchat.core.errors import internal_error
from termchat.core.events import Event
from termchat.core.outcomes import Outcome
from termchat.serve.page_api.live_turn import LiveTurn
from termchat.serve.page_api.page_json import (
    chat_document,
    chat_row,
    cost_text,
    setup_document,
    stored_node,
    usage_document,
)
from termchat.serve.page_api.page_port import PageEvent

INTERVAL = 0.2  # seconds between two looks for changes of other processes
_RECHECK = 2.0  # seconds after which a chat that another process held is looked at again: it may have ended
_MOST = 5000  # events that wait for a slow client; then it gets the whole state
_ROWS = 50
_RECENT = 60.0  # seconds after the end of a turn, in which a client that connects late hears of it


class ClientFeed:
    """The events for one client: implements `serve.page_api.page_port.Subscription`."""

    def __init__(self, feeds: ChatFeeds, chat: str) -> None:
        self.chat = chat
        self._feeds = feeds
        self._events: list[PageEvent] = []
        self._pieces: list[str] = []  # of the delta at the end of the events, which further ones extend
        self._woken = asyncio.Event()
        self._stale = bool(chat)
        self._ended = False
        if self._stale:
            self._woken.set()

    async def next(self) -> Sequence[PageEvent]:
        """Wait for events; the first of a chat is its whole state."""
        while True:
            await self._woken.wait()
            if self._stale and not self._ended:
                found = await self._feeds.read(self.chat)
                self._stale = False  # no await from here on: the snapshot and the events behind it fit together
                if found:
                    record, whole = found
                    self._join()
                    rest = [event for event in map(_without_turn, self._events) if event]
                    self._events = [("snapshot", self._feeds.snapshot(record, whole)), *rest]
                self._ended = self._ended or found is None
            self._join()
            events, self._events = self._events, []
            if not self._ended:
                self._woken.clear()
            if events or self._ended:
                return events

    def put(self, name: str, document: Mapping[str, Any]) -> None:
        """Queue an event; a piece of text joins the piece before it."""
        if self._ended:
            return
        last = self._events[-1] if self._events else None
        if last and name == "turn" and document["type"] == "delta" and _extends(document, last[1]):
            self._pieces.append(document["text"])
        else:
            self._join()
            self._events.append((name, document))
        if len(self._events) > _MOST:
            kept = [] if self.chat else self._events[-1:]  # the list of chats is whole in each event
            self._events, self._pieces, self._stale = kept, [], bool(self.chat)
        self._woken.set()

    def _join(self) -> None:
        if self._pieces:
            name, document = self._events[-1]
            self._events[-1] = (name, {**document, "text": "".join((document["text"], *self._pieces))})
            self._pieces = []

    def end(self) -> None:
        """End the events, after those that wait."""
        self._ended = True
        self._woken.set()

    def close(self) -> None:
        self._feeds.leave(self)


def _extends(piece: Mapping[str, Any], last: Mapping[str, Any]) -> bool:
    same = all(piece.get(key) == last.get(key) for key in ("turn", "type", "index", "kind"))
    return same and piece.get("name") == last.get("name") and piece.get("id") == last.get("id")


def _without_turn(event: PageEvent) -> PageEvent | None:
    """Return the part of a queued event that a later snapshot of the turns does not contain."""
    name, document = event
    if name != "turn":
        return event
    if document["type"] == "message":
        return "chat", {"chat": document["chat"], "nodes": [document["node"]], "head": document["head"]}
    return event if document["type"] == "ended" else None


class _ChatState:
    """The state of a chat, as its clients know it."""

    def __init__(self, record: WatchedChat) -> None:
        self.last = record.last
        self.seen = set(record.nodes)
        self.fields = _fields(record)
        self.labels = {node: text for node, text in record.labels.items() if node in self.seen}
        self.others: dict[str, LiveTurn] = {}  # turns of other processes, by their id
        self.changes = 0  # by this process


class ChatFeeds:
    """All clients, and the turns of this process."""

    def __init__(self, store: ChatStore) -> None:
        self.store = store
        self.turns: dict[str, LiveTurn] = {}
        self._clients: set[ClientFeed] = set()
        self._chats: dict[str, _ChatState] = {}
        self._rows: list[dict[str, Any]] | None = None
        self._poked = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self._ended = False
        self._changes = 0  # of trees and turns, by this process
        self._ended_turns: deque[tuple[float, dict[str, Any]]] = deque(maxlen=32)

    def join(self, chat: str) -> ClientFeed:
        """Add a client; "" for the list of chats only."""
        client = ClientFeed(self, chat)
        if self._ended:
            client.end()
            return client
        self._clients.add(client)
        if self._watcher is None or self._watcher.done():
            self._poked.set()
            self._watcher = asyncio.get_running_loop().create_task(self._watch())
        return client

    def leave(self, client: ClientFeed) -> None:
        """Remove a client; after the last one nothing is looked at any more."""
        self._clients.discard(client)
        if client.chat and not self._of(client.chat):
            self._chats.pop(client.chat, None)
        if not self._clients and self._watcher:
            self._watcher.cancel()
            self._watcher = self._rows = None
            self.store.watch.unfollow()

    def end(self) -> None:
        """End the events of all clients."""
        self._ended = True
        for client in self._clients:
            client.end()

    async def close(self) -> None:
        """Stop looking."""
        self.end()
        if self._watcher:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher

    def poke(self) -> None:
        """Look at the list of chats now: this process has changed it."""
        self._poked.set()

    def snapshot(self, record: WatchedChat, whole: Mapping[str, Any]) -> dict[str, Any]:
        """Return a chat, `whole` as a document, with its running turns, and go on from there."""
        chat = record.info.id
        own = [turn for turn in self.turns.values() if turn.chat == chat]
        state = self._chats.get(chat)
        if state is None:  # other clients know less than this one will: they are told what is new for all
            state = self._chats[chat] = _ChatState(record)
            for reply in record.replies:
                turn = state.others[reply.turn] = LiveTurn(reply.turn, chat, "elsewhere", reply.parent, reply.model)
                list(turn.follow(reply))
        turns = [*own, *state.others.values()]
        return self._with_turns(whole, turns)

    async def document(self, chat: str) -> dict[str, Any] | None:
        """Return the state of a chat for one who does not follow it; None if there is no such chat."""
        found = await self.read(chat)
        return self._document(*found) if found and not found[0].info.deleted else None

    async def read(self, chat: str) -> tuple[WatchedChat, dict[str, Any]] | None:
        """Return a chat, as it is stored and as a document, with all replies of the turns that have ended."""
        while True:
            changes = self._changes
            record = await self.store.watch.chat(chat)
            if record is None:
                return None
            whole = await asyncio.to_thread(chat_document, record)
            if changes == self._changes:  # else the turns are newer than what was read
                return record, whole

    def _document(self, record: WatchedChat, whole: Mapping[str, Any]) -> dict[str, Any]:
        state = self._chats.get(record.info.id)
        turns = [turn for turn in self.turns.values() if turn.chat == record.info.id]
        if state:
            return self._with_turns(whole, [*turns, *state.others.values()])
        for reply in record.replies:
            turn = LiveTurn(reply.turn, record.info.id, "elsewhere", reply.parent, reply.model)
            list(turn.follow(reply))
            turns.append(turn)
        return self._with_turns(whole, turns)

    def _with_turns(self, whole: Mapping[str, Any], turns: Sequence[LiveTurn]) -> dict[str, Any]:
        """Return a chat with turns that run, and with those that ended a moment ago."""
        since = time.monotonic() - _RECENT
        ended = [told for at, told in self._ended_turns if at >= since and told["chat"] == whole["id"]]
        return {**whole, "turns": [turn.document() for turn in turns], "running": bool(turns), "ended": ended}

    def begin(self, turn: LiveTurn) -> None:
        """Announce a turn of this process."""
        self.turns[turn.id] = turn
        self._tell(turn.chat, "turn", {**turn.document(), "type": "started"})
        self.poke()

    def add(self, chat: str, document: Mapping[str, Any], head: str | None) -> None:
        """Announce a message that this process has added."""
        self._note(chat, document["id"], head)
        self._tell(chat, "chat", {"chat": chat, "nodes": [document], "head": head})

    def move(self, chat: str, head: str | None) -> None:
        """Announce another head."""
        self._note(chat, "", head)
        self._tell(chat, "chat", {"chat": chat, "nodes": [], "head": head})

    def show(self, turn: LiveTurn, event: Event, head: str | None) -> None:
        """Announce an event of a turn of this process."""
        for document in turn.apply(event, head):
            if document["type"] == "message":
                self._note(turn.chat, document["node"]["id"], head)
            told = {"turn": turn.id, "chat": turn.chat, **document}
            if document["type"] == "ended":
                self._note(turn.chat, "", head)
                self.turns.pop(turn.id, None)
                told["parent"] = turn.question
                self._ended_turns.append((time.monotonic(), told))
            self._tell(turn.chat, "turn", told)

    def _note(self, chat: str, node: str, head: str | None) -> None:
        self._changes += 1
        state = self._chats.get(chat)
        if state:
            state.seen.add(node)
            state.fields["head"] = head
            state.changes += 1

    def _of(self, chat: str) -> list[ClientFeed]:
        return [client for client in self._clients if client.chat == chat]

    def _tell(self, chat: str, name: str, document: Mapping[str, Any]) -> None:
        for client in self._of(chat):
            client.put(name, document)

    async def _watch(self) -> None:
        version, looked, marked = -1, 0.0, 0.0
        clock = asyncio.get_running_loop().time
        while True:
            if clock() - marked >= _RECHECK:
                marked = clock()
                await self.store.watch.follow()
            found = await self.store.watch.version()
            due = clock() - looked >= _RECHECK and self._has_others()
            if found != version or self._poked.is_set() or due:
                version, looked = found, clock()
                self._poked.clear()
                try:
                    await self._look()
                except Exception as error:
                    internal_error(error)  # is logged; the next look may succeed
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._poked.wait()

    def _has_others(self) -> bool:
        held = any(state.fields.get("held") or state.others for state in self._chats.values())
        return held or any(row["held"] or row["running"] for row in self._rows or ())

    async def _look(self) -> None:
        page, running = await self.store.chats(limit=_ROWS), await self.store.watch.running()
        rows = [chat_row(info, running=info.id in running) for info in page.chats]
        if rows != self._rows:
            first, self._rows = self._rows is None, rows
            for client in self._clients:
                if not first or not client.chat:
                    client.put("chats", {"chats": rows, "next": page.more})
        for chat, state in list(self._chats.items()):
            await self._look_at(chat, state)

    async def _look_at(self, chat: str, state: _ChatState) -> None:
        changes = state.changes
        record = await self.store.watch.chat(chat, state.last)
        if record is None or self._chats.get(chat) is not state:
            return
        if state.changes != changes:  # what was read may be older than what was told
            self._poked.set()
            return
        own = any(turn.chat == chat for turn in self.turns.values())
        new = [stored_node(record, node) for name, node in record.nodes.items() if name not in state.seen]
        state.last = max(state.last, record.last)
        state.seen |= record.nodes.keys()
        fields = {**_fields(record), **({"head": state.fields.get("head")} if own else {})}
        told = {key: value for key, value in fields.items() if state.fields.get(key) != value}
        now = {node: text for node, text in record.labels.items() if node in state.seen}
        labels = {node: text for node, text in now.items() if state.labels.get(node) != text}
        labels |= {node: "" for node in state.labels if node not in now}
        state.fields, state.labels = fields, now
        if new or told or labels:
            self._tell(chat, "chat", {"chat": chat, "nodes": new, **told, **({"labels": labels} if labels else {})})
        self._follow(chat, state, record)

    def _follow(self, chat: str, state: _ChatState, record: WatchedChat) -> None:
        """Tell what is new in the replies of other processes."""
        running = {reply.turn for reply in record.replies}
        for reply in record.replies:
            turn = state.others.get(reply.turn)
            if turn is None:
                turn = state.others[reply.turn] = LiveTurn(reply.turn, chat, "elsewhere", reply.parent, reply.model)
                self._tell(chat, "turn", {**turn.document(), "type": "started"})
            for document in turn.follow(reply):
                self._tell(chat, "turn", {"turn": turn.id, "chat": chat, **document})
        last = next((node for node in reversed(list(record.nodes.values())) if node.message.outcome), None)
        for name in state.others.keys() - running:
            turn = state.others[name]
            calls = bool(last and last.message.calls and last.message.outcome is Outcome.COMPLETE)
            if record.info.open_elsewhere and (calls or (turn.runs_tools and last is None)):
                turn.runs_tools, turn.parts = True, []
                self._tell(chat, "turn", {"turn": name, "chat": chat, "type": "reset"})
                continue
            del state.others[name]
            self._tell(chat, "turn", {"turn": name, "chat": chat, "type": "ended", **_end(turn, record, last)})


def _fields(record: WatchedChat) -> dict[str, Any]:
    row = chat_row(record.info, running=False)
    return {
        "head": record.head,
        "deleted": record.info.deleted is not None,
        **setup_document(record.state),
        **{key: row[key] for key in ("title", "held", "model")},
    }


def _end(turn: LiveTurn, record: WatchedChat, last: Node | None) -> dict[str, Any]:
    """Return the end of a turn of another process: that of its `last` reply, if it is known."""
    figures = record.figures[last.id] if last else None
    return {
        "outcome": last.message.outcome.value if last and last.message.outcome else "failed",
        "model": str(turn.model),
        "usage": usage_document(last.message.usage if last else None),
        "cost": cost_text(figures.cost if figures else None),
        "about": bool(figures and figures.about),
        "seconds": figures.seconds if figures else None,
        "parent": turn.question,
        "has_content": True,
        "failure": None,
        "head": record.head,
    }
