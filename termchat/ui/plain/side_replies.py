"""Work beside the chat in the plain front end: whole replies, and a line when a fork has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from termchat.config.settings import ReasoningView
from termchat.core.effects import Adopt, AskAside, Compare, Effect, ForkAside, SideEffect
from termchat.core.messages import Message
from termchat.core.sanitize import Safe, safe, safe_format
from termchat.core.session import Session
from termchat.ui.blocks import Block
from termchat.ui.compare.side_work import SideWork, adopt_effects
from termchat.ui.frontend import Timings
from termchat.ui.plain.heartbeat import Heartbeat
from termchat.ui.plain.writer import PlainWriter
from termchat.ui.turn_state import ViewState

_CLOSING = 2.0  # seconds
Result = TypeVar("Result")


class ViewedChat(Protocol):
    """The plain front end; `view` is the state of its turns."""

    view: ViewState


class PlainSideRunner:
    """Performs the effects that run beside the chat. Implements `ui.compare.side_work.SideScreen`.

    A comparison and a side question keep the prompt until they end; Ctrl-C stops them. A fork runs on.
    """

    def __init__(self, session: Session, writer: PlainWriter, chat: ViewedChat, timings: Timings) -> None:
        self._session = session
        self._writer = writer
        self._chat = chat
        self._timings = timings
        self._tasks: set[asyncio.Task[None]] = set()
        self._work = SideWork(session)
        self._work.screen = self

    async def run(self, effect: SideEffect) -> Sequence[Effect]:
        """Perform an effect; return the effects that report the result."""
        match effect:
            case Compare():
                return await self._waited(self._work.compare(effect), self._work.stop_comparison)
            case AskAside():
                await self._waited(self._work.ask(effect), self._work.stop_questions)
                return ()
            case ForkAside():
                task = asyncio.get_running_loop().create_task(self._fork(effect))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                self._writer.aside(safe_format("The fork runs in the background."))
                return ()
            case Adopt():
                return adopt_effects(self._session, effect)

    def turn_ended(self) -> None:
        """Show what has ended while a reply was being shown."""
        self._work.turn_ended()

    async def close(self) -> None:
        """Stop everything and wait up to two seconds until it is saved."""
        self._work.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSING)

    @property
    def replying(self) -> bool:
        return self._chat.view.busy

    @property
    def reasoning(self) -> ReasoningView:
        return self._chat.view.reasoning

    def asked(self, message: Message) -> None:
        self._writer.aside(safe_format("You asked: {words}", words=safe(message.subject)))

    def show_whole(self, blocks: Sequence[Block]) -> None:
        self._writer.restart_code_numbers()
        self._writer.show(blocks)

    def report(self, words: Safe) -> None:
        """Say nothing: the line would split the reply that is being shown."""

    def changed(self) -> None:
        """Do nothing: there are no live rows."""

    async def _fork(self, effect: ForkAside) -> None:
        self._writer.notice(*[printed.words for printed in await self._work.fork(effect)])

    async def _waited(self, work: Awaitable[Result], stop: Callable[[], None]) -> Result:
        """Wait for work beside the chat; Ctrl-C stops it, and what came is still shown."""
        beat = Heartbeat(self._writer.aside, self._timings, spoken=False)
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            stop()
            return await task
        finally:
            beat.stop()
            with suppress(asyncio.CancelledError):
                self._writer.done()
