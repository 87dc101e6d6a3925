"""The plain mode: append-only text for dumb terminals and screen readers. Nothing on the screen is ever changed.

The terminal edits the line; Enter sends it, a backslash at its end continues it. What is typed while a reply comes
is sent after it. Lists to choose from are numbered and answered with a number.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from time import monotonic
from typing import assert_never

from termchat.commands.registry import Context, is_command, message_of
from termchat.config.settings import UsageLine
from termchat.core.effects import (
    Choice,
    Configure,
    Copy,
    Effect,
    Exit,
    Export,
    Fork,
    Incognito,
    ListChats,
    ListModels,
    MoveHead,
    NewChat,
    OpenChat,
    Page,
    Pick,
    Preview,
    Rename,
    Replay,
    Say,
    Send,
    Table,
    UseModel,
)
from termchat.core.errors import ProviderError
from termchat.core.messages import user
from termchat.core.models import ModelRef
from termchat.core.outcomes import Exit as Code
from termchat.core.outcomes import Outcome
from termchat.core.ports import Turn
from termchat.core.sanitize import Safe, safe, safe_line, say
from termchat.core.style import Theme
from termchat.ui import keeping
from termchat.ui.blocks import Line, line, lines_of
from termchat.ui.clipboard import copied
from termchat.ui.repl.fitting import configured
from termchat.ui.repl.house import House
from termchat.ui.repl.lines import LineReader
from termchat.ui.repl.voice import Voice
from termchat.ui.tables import table_lines
from termchat.ui.terminal import background
from termchat.ui.view import Think, View, sent, step

_HEARTBEAT = 30.0
_AGAIN = 2.0


async def run_plain(house: House) -> int:
    """Talk in plain lines until the user leaves; the exit code."""
    return await PlainTalk(house).run()


class PlainTalk:
    def __init__(self, house: House) -> None:
        self._house = house
        self._session = house.session
        self._context = Context(house.session, house.providers, house.registry, house.preferences)
        self._voice = Voice(sys.stdout, house.theme, house.look)
        self._view = View(think=Think.LINE, usage_line=house.look.usage)
        self._reader = LineReader(0)
        self._turn: Turn | None = None
        self._choices: Sequence[Choice] = ()
        self._unanswered = ""
        self._interrupted = -1e9
        self._code: asyncio.Future[int] | None = None

    async def run(self) -> int:
        typed = self._house.typeahead
        if tty := self._house.tty:
            tty.leave_porch(sweep=True)
            tty.cooked()
            typed = tty.typed
        self._reader.put(typed)
        loop = asyncio.get_running_loop()
        self._code = loop.create_future()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        for number, code in ((signal.SIGTERM, Code.SIGTERM), (signal.SIGHUP, Code.SIGHUP)):
            loop.add_signal_handler(number, self._leave, int(code))
        self._voice.lines([line(words) for words in self._house.notes])
        self._house.bulletin.listen(lambda failure: self._voice.lines([line(failure.message)]))
        if self._house.resumed:
            await self._perform(keeping.greeting(self._session, self._house.resumed))
        self._reader.open()
        talking = loop.create_task(self._talk())
        warming = loop.create_task(self._warm())
        await asyncio.wait({talking, self._code}, return_when=asyncio.FIRST_COMPLETED)
        self._reader.close()
        for task in (talking, warming):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if self._house.tty:
            self._house.tty.restore()
        return self._code.result() if self._code.done() else 0

    async def _warm(self) -> None:
        with suppress(ProviderError):
            await self._house.warm()

    async def _talk(self) -> None:
        while self._code and not self._code.done():
            self._voice.prompt()
            text = await self._reader.next()
            if text is None:
                self._voice.lines([])
                self._leave(0)
                return
            await self._entered(text)

    async def _entered(self, text: str) -> None:
        if self._choices and text.strip().isdigit():
            await self._choose(int(text))
        elif is_command(text):
            await self._perform(self._house.registry.run(self._context, text))
        elif text.strip() or self._unanswered:
            self._choices = ()
            text, self._unanswered = message_of(text) if text.strip() else self._unanswered, ""
            node = self._session.add(user(text), self._session.conversation.head)
            await self._follow(self._session.send(node), text)

    async def _choose(self, number: int) -> None:
        choices, self._choices = self._choices, ()
        if 1 <= number <= len(choices):
            await self._perform(choices[number - 1].effects)
        else:
            self._voice.lines([line(say("There is no such number."))])

    async def _follow(self, turn: Turn, question: str) -> None:
        self._turn = turn
        self._view = sent(self._view, turn.id, self._session.model, monotonic())
        beating = asyncio.get_running_loop().create_task(self._heartbeat())
        try:
            async with aclosing(turn.events()) as events:
                async for event in events:
                    self._view, blocks = step(self._view, event, monotonic())
                    self._voice.show(blocks, self._given_back(question))
        finally:
            beating.cancel()
            self._turn = None
            self._voice.done()
        self._hold_back()

    def _hold_back(self) -> None:
        """After a stop or an error, what was typed meanwhile waits to be sent by the user."""
        ended = self._view.last
        waiting = self._reader.take_waiting() if ended and ended.outcome is not Outcome.COMPLETE else []
        if waiting:
            self._unanswered = "\n\n".join((self._unanswered, *waiting) if self._unanswered else waiting)
            self._voice.lines([line(say("What you typed meanwhile waits: an empty line sends it."))])

    def _given_back(self, question: str) -> Callable[[], None]:
        def give_back() -> None:
            self._unanswered = question
            self._voice.lines([line(say("Your message is kept: an empty line sends it again."))])

        return give_back

    async def _heartbeat(self) -> None:
        """Say now and then that it still goes on, when nothing is shown meanwhile."""
        began = monotonic()
        while True:
            await asyncio.sleep(_HEARTBEAT)
            self._voice.aside(say("still working, {n} seconds", n=Safe(str(round(monotonic() - began)))))

    async def _perform(self, effects: Sequence[Effect]) -> None:  # noqa: C901, one case an effect
        for effect in effects:
            match effect:
                case Say(words, role):
                    self._voice.lines(lines_of(words, role))
                case Table():
                    self._voice.lines(table_lines(effect, self._voice.columns))
                case Pick(title, choices):
                    self._offer(title, choices)
                case Configure():
                    await self._perform(self._configured(effect))
                case Preview():
                    pass  # nothing is marked here
                case Copy(text, what):
                    self._voice.lines([line((await copied(text, what, self._house.env, None)).words)])
                case ListModels():
                    await self._list_models()
                case Send(parent, message, model):
                    await self._send(parent, message.text if message else "", effect)
                case MoveHead(node, restore):
                    self._session.move(node)
                    self._unanswered = restore
                case UseModel(model):
                    self._session.use(model)
                case NewChat():
                    self._session.new()
                case Page(text):
                    self._voice.lines(lines_of(text))
                case Replay(text):
                    self._voice.lines(lines_of(safe(text)))
                case Exit(code):
                    self._leave(code)
                case ListChats() | OpenChat() | Rename() | Fork() | Export() | Incognito():
                    await self._perform(await keeping.done(self._session, effect))
                case _:
                    assert_never(effect)

    def _configured(self, effect: Configure) -> Sequence[Effect]:
        done, said = configured(self._house.preferences, effect)
        if done and self._house.preferences:
            settings = self._house.preferences.settings
            self._view = replace(self._view, usage_line=settings.usage is UsageLine.LINE)
            theme = self._house.preferences.theme(background=background(self._house.env))
            if isinstance(theme, Theme):
                self._voice.wear(theme)
        return said

    async def _send(self, parent: str | None, text: str, effect: Send) -> None:
        node = self._session.add(effect.message, parent) if effect.message else parent
        if node is None:
            return
        before = self._session.conversation.head
        self._session.move(node)
        await self._follow(self._session.send(node, effect.model), text)
        if self._view.last and not self._view.last.received and not effect.message:
            self._session.move(before)

    async def _list_models(self) -> None:
        refs = [self._session.model, *self._house.providers.known()]
        for name in self._house.providers.usable():
            try:
                refs += [info.ref for info in await self._house.providers.models(name)]
            except ProviderError as error:
                self._voice.lines([line(error.failure.message)])
        self._offer(say("Model"), tuple(_choice(ref) for ref in dict.fromkeys(refs)))

    def _offer(self, title: Safe, choices: Sequence[Choice]) -> None:
        self._choices = choices
        rows: list[Line] = [line(say("{title}: type a number and Enter.", title=title))]
        rows += [line(Safe(f"  {n}  {choice.label}  {choice.detail}".rstrip())) for n, choice in enumerate(choices, 1)]
        self._voice.lines(rows)

    def _interrupt(self) -> None:
        """Ctrl-C: stop the reply; twice at the prompt leaves."""
        now = monotonic()
        if self._turn:
            self._turn.cancel()
        elif now - self._interrupted <= _AGAIN:
            self._leave(0)
        else:
            self._interrupted = now
            self._voice.aside(say("Press Ctrl-C again to exit"))
            self._voice.prompt()

    def _leave(self, code: int) -> None:
        if self._turn:
            self._turn.cancel()
        if self._code and not self._code.done():
            self._code.set_result(code)


def _choice(ref: ModelRef) -> Choice:
    label = safe_line(str(ref))
    return Choice(label, effects=(UseModel(ref), Say(say("→ {model}", model=label))))
