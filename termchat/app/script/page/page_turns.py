"""Turns of the page: a chat is taken, a question added, its replies streamed to all who look; then it is released."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from uuid import uuid4

from termchat.app.build import App
from termchat.app.script.page.chat_feeds import ChatFeeds
from termchat.app.script.page.chat_setup import may_offer_tools, set_up
from termchat.app.script.page.page_uploads import PageUploads
from termchat.app.script.page.taken_chats import TakenChats
from termchat.core.approval import ApprovalScope, Approve, Decision, Decline
from termchat.core.chats import NodeFigures
from termchat.core.conversation import Node
from termchat.core.errors import Failure, internal_error
from termchat.core.events import Event, Notice, Timing, TurnEnded
from termchat.core.messages import Message, Part, Role, user_message
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.provider import Effort
from termchat.core.sanitize import Safe
from termchat.core.session import Turn
from termchat.core.usage import Usage
from termchat.engine.session import ChatSession
from termchat.late_dataclass import dataclass
from termchat.serve.faults import Fault, page_fault
from termchat.serve.page_api.live_turn import LiveTurn
from termchat.serve.page_api.page_json import node_document
from termchat.serve.page_api.page_port import TurnAsked
from termchat.ui.turn_end import with_suggestions

_STOPPING = Fault(503, "The server is stopping.", "stopping")
_LEAVING = 4.0  # seconds for the turns to end at the stop of the server
_NO_NODE = Fault(404, "There is no such message in this chat.", "not_found")

_Named = tuple[ModelRef, Effort | None]
_Prepared = tuple[str, tuple[Safe, ...]]  # the node that is answered, notes about its attachments


@dataclass(frozen=True, slots=True)
class _Running:
    """The turns that answer one request: one, or those of a comparison, which stop together."""

    chat: str
    session: ChatSession
    lives: tuple[LiveTurn, ...]
    events: AsyncGenerator[tuple[int, Event], None]
    cancel: Callable[[], None]
    turn: Turn | None = None


class PageTurns:
    """Begins turns and follows them to their end."""

    def __init__(self, app: App, chats: TakenChats, feeds: ChatFeeds, uploads: PageUploads) -> None:
        self._app = app
        self._chats = chats
        self._feeds = feeds
        self._uploads = uploads
        self._running: dict[str, _Running] = {}  # by the id of each of their turns
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def begin(self, chat: str, asked: TurnAsked) -> tuple[str, Sequence[LiveTurn]] | Fault:
        """Begin what is asked in a chat, "" for a new one; return the id of the chat and the turns."""
        if self._stopped:
            return _STOPPING
        models = self._named(asked)
        if isinstance(models, Failure):
            return page_fault(models)
        if not asked.confirmed and (found := self._app.find_secret(user_message(asked.text))):
            return Fault(409, found, "secret", hint="Send it again to confirm.")
        session = await self._chats.take(chat) if chat else self._chats.new_session()
        if isinstance(session, Fault):
            return session
        try:
            begun = await self._begin(chat, session, asked, models)
        except BaseException:
            await self._give_back(chat, session)
            raise
        if isinstance(begun, Fault):
            await self._give_back(chat, session)
            return begun
        self._follow(begun)
        return begun.chat, begun.lives

    async def _give_back(self, chat: str, session: ChatSession) -> None:
        await self._chats.release(chat or session.chat_id, session)

    def _named(self, asked: TurnAsked) -> list[_Named] | Failure:
        names = asked.models if asked.kind == "compare" else (asked.model,) if asked.model else ()
        registry, found = self._app.registry, list[_Named]()
        for name in names:
            model = registry.resolve(name)
            if isinstance(model, Failure):
                return model
            found.append((model, registry.effort(name)))
        return found

    async def _begin(
        self, chat: str, session: ChatSession, asked: TurnAsked, models: Sequence[_Named]
    ) -> _Running | Fault:
        nodes = session.conversation.nodes
        if any(node and node not in nodes for node in (asked.node, asked.parent)):
            return _NO_NODE
        chosen = asked.model if asked.kind in ("send", "edit") else ""
        role, system = ("", None) if chat else (asked.role, asked.system)
        if failure := set_up(session, self._app, model=chosen, system=system, role=role):
            return page_fault(failure)
        prepared = await self._question(session, asked, models)
        if isinstance(prepared, Fault):
            return prepared
        if self._stopped:
            return _STOPPING
        chat = chat or session.chat_id
        self._chats.hold(chat, session)
        question, notes = prepared
        return self._started(chat, session, asked, models, question, notes)

    async def _question(self, session: ChatSession, asked: TurnAsked, models: Sequence[_Named]) -> _Prepared | Fault:
        """Find the message that is answered, or add it."""
        nodes = session.conversation.nodes
        node = nodes.get(asked.node)
        if asked.kind == "retry" or (asked.kind == "compare" and not asked.text and not asked.attachments):
            found = session.conversation.turn(asked.node)[0] if node else session.conversation.last_question()
            if found is None or found.message.role is not Role.USER:
                return Fault(400, "There is no question to answer.", "bad_request")
            return found.id, ()
        if asked.kind == "continue":
            assert node, "it was checked"
            if not (node.message.role is Role.TOOL or (node.message.can_continue and node.message.text)):
                return Fault(400, "This reply is not incomplete.", "bad_request")
            return node.id, ()
        if asked.kind == "edit" and (node is None or node.message.role is not Role.USER):
            return Fault(400, "Only a question can be edited.", "bad_request")
        takers = [model for model, _ in models] or [session.model]
        fitted = await self._uploads.fitted(asked.attachments, takers, self._app.registry)
        if isinstance(fitted, Failure):
            return page_fault(fitted)
        parts, notes = fitted
        if asked.kind == "edit" and node:
            kept = node.message.attachments if asked.keep else ()
            return self._added(session, asked, (*kept, *parts), node.parent), notes
        parent = asked.parent or session.conversation.head
        return self._added(session, asked, parts, parent), notes

    def _added(self, session: ChatSession, asked: TurnAsked, parts: tuple[Part, ...], parent: str | None) -> str:
        message: Message = user_message(asked.text, *parts)
        question = session.add(message, parent)
        session.remember(asked.text)
        self._uploads.drop(asked.attachments)
        document = node_document(Node(question, parent, message), NodeFigures(time.time()))
        self._feeds.add(session.chat_id, document, question)
        return question

    def _started(
        self, chat: str, session: ChatSession, asked: TurnAsked, models: Sequence[_Named], question: str,
        notes: Sequence[Safe],
    ) -> _Running:  # fmt: skip
        if asked.kind == "compare":
            comparison = session.compare(question, [model for model, _ in models], [think for _, think in models])
            lives = tuple(LiveTurn(uuid4().hex, chat, asked.kind, question, model) for model, _ in models)
            running = _Running(chat, session, lives, comparison.events(), comparison.cancel)
            self._feeds.move(chat, session.conversation.head)
        else:
            session.move_head(question)
            self._feeds.move(chat, question)
            once = models[0] if models and asked.kind == "retry" else (None, None)
            tools = may_offer_tools(session, self._app)
            turn = session.send(question, once[0], think=once[1], tools=tools)
            live = LiveTurn(turn.id, chat, asked.kind, question, once[0] or session.model)
            running = _Running(chat, session, (live,), _numbered(turn), turn.cancel, turn)
        for live in running.lives:
            self._running[live.id] = running
            self._feeds.begin(live)
            for words in notes:
                self._feeds.show(live, Notice(live.id, words), session.conversation.head)
        return running

    def _follow(self, running: _Running) -> None:
        task = asyncio.get_running_loop().create_task(self._run(running))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, running: _Running) -> None:
        """Show all events; every turn ends with exactly one end, also by a bug."""
        session, left = running.session, dict(enumerate(running.lives))
        failure: Failure | None = None
        try:
            async with aclosing(running.events) as events:
                async for n, event in events:
                    if isinstance(event, TurnEnded):
                        event = await with_suggestions(event, self._app.registry)
                        left.pop(n, None)
                    self._feeds.show(running.lives[n], event, session.conversation.head)
        except Exception as error:
            failure = internal_error(error)
        finally:
            for live in left.values():
                self._feeds.show(live, _broken(live, failure), session.conversation.head)
            for live in running.lives:
                self._running.pop(live.id, None)
            await self._chats.release(running.chat, session)
            self._feeds.poke()

    def stop(self, turn: str) -> bool:
        """Stop a turn, with those it is compared with; return False if there is no such turn."""
        running = self._running.get(turn)
        if running:
            running.cancel()
        return running is not None

    def stop_call(self, turn: str, node: str, place: int) -> bool:
        """Stop one tool call of the reply `node`; return False if it does not run."""
        running = self._running.get(turn)
        live = running.lives[0] if running and running.turn else None
        if running is None or running.turn is None or live is None or live.parent != node or not live.calls.runs(place):
            return False
        running.turn.cancel_call(place)
        return True

    def answer(self, turn: str, request: str, decision: str, why: str) -> bool:
        """Answer the question about a tool call; return False if it is not waiting."""
        running = self._running.get(turn)
        asked = running.lives[0].calls.asks.get(request) if running and running.turn else None
        if running is None or running.turn is None or asked is None:
            return False
        always = decision == "always" and asked.rules and not asked.only_person
        scope = ApprovalScope.SAVED if always else ApprovalScope.ONCE
        answer: Decision = Decline(why) if decision == "deny" else Approve(scope)
        running.turn.answer(asked, answer)
        return True

    def stop_all(self) -> None:
        """Stop all turns, and begin no other."""
        self._stopped = True
        for running in list(self._running.values()):
            running.cancel()

    async def ended(self) -> None:
        """Wait until all turns have ended and their chats are released, up to a limit."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LEAVING)

    async def close(self) -> None:
        """Abandon what has not ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _numbered(turn: Turn) -> AsyncGenerator[tuple[int, Event], None]:
    async with aclosing(turn.events()) as events:
        async for event in events:
            yield 0, event


def _broken(live: LiveTurn, failure: Failure | None) -> TurnEnded:
    timing = Timing(None, time.time() - live.began)
    outcome = Outcome.FAILED if failure else Outcome.CANCELLED
    return TurnEnded(
        live.id, outcome, live.model, Usage(), None, timing, steps=0, has_content=True, failure=failure
    )  # fmt: skip
