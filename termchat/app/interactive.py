"""The REPL, put together: the house of this run, how it is to look, and what may be loaded behind the first paint."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterable, Mapping
from importlib import import_module

from termchat.app.build import DEMO, House, Wish, joined, with_a_key
from termchat.app.options import Launch, chosen_theme, links_of, refused
from termchat.commands.builtin import builtin
from termchat.config.credentials import Secrets
from termchat.config.load import Config
from termchat.config.runtime import Preferences
from termchat.config.settings import EnterKey, Queue, UsageLine
from termchat.core.errors import Failure, ProviderError
from termchat.core.models import ModelRef
from termchat.core.sanitize import Safe, safe_line, say
from termchat.core.style import Theme
from termchat.ui.frontend import House as Room
from termchat.ui.frontend import Look
from termchat.ui.notices import Bulletin
from termchat.ui.repl.app import run
from termchat.ui.stderr import Notes, print_out
from termchat.ui.terminal.capabilities import appends_only
from termchat.ui.terminal.early_prompt import signs_work
from termchat.ui.terminal.tty import Tty
from termchat.ui.text.palette import depth_of
from termchat.ui.turn_state import Think


def talk(launch: Launch, config: Config, env: Mapping[str, str], tty: Tty | None) -> int:
    """Talk until the user leaves; the exit code. `tty` is the terminal if it was taken already."""
    theme = chosen_theme(config, env)
    if isinstance(theme, Failure):
        return refused(theme, tty)
    tty = tty or Tty.take()
    try:
        return asyncio.run(_talk(launch, config, env, theme, tty))
    finally:
        if tty:
            tty.restore()


async def _talk(launch: Launch, config: Config, env: Mapping[str, str], theme: Theme, tty: Tty | None) -> int:
    bulletin = Bulletin()
    wish = Wish(
        tools=launch.tools,
        priced=True,
        saved=launch.saved,
        chat=launch.chat,
        last=launch.last,
        record=launch.record,
        person=True,
    )
    async with joined(config, env, wish, bulletin.tell) as house:
        if isinstance(house, Failure):
            return refused(house, tty)

        async def prepare() -> None:
            if launch.saved:
                await asyncio.to_thread(import_module, "termchat.store.chat_store")

        room = Room(
            house.session,
            house.registry,
            builtin(),
            theme,
            _look(config, env),
            tty,
            notes=(*config.notes, *_first_words(house.session.model, with_a_key(config, Secrets(env)))),
            typeahead=tty.typed if tty else "",
            env=env,
            cwd=os.getcwd(),
            prepare=prepare,
            warm=lambda: _warm(house),
            preferences=Preferences(config, house.session, house.registry, env, house.first),
            bulletin=bulletin,
            resumed=house.resumed,
        )
        code = await run(room)
        bulletin.listen(Notes().failure)  # the screen is given back: what closing has to tell goes below it
        await _tell_the_way_back(house)
        return code


async def _warm(house: House) -> None:
    """Load the SDK of the first model while its first question is being typed."""
    try:
        await house.registry.open(house.session.model)
    except ProviderError:
        pass  # told when it is asked
    finally:
        gc.enable()  # off since the start, see __main__


async def _tell_the_way_back(house: House) -> None:
    library, chat = house.session.library, house.session.chat
    if library and not library.in_memory and chat:
        print_out(say("Resume: termchat --chat {chat}\n", chat=safe_line(await library.short(chat))))


def _look(config: Config, env: Mapping[str, str]) -> Look:
    settings = config.settings
    return Look(
        plain=settings.plain or appends_only(env),
        accessible=settings.accessible,
        depth=depth_of(env),
        hyperlinks=links_of(config, env),
        think=Think(settings.reasoning.value),
        usage=settings.usage is UsageLine.LINE,
        enter_sends=settings.enter is EnterKey.SEND,
        signs=signs_work(env),
        motion=not settings.reduced_motion,
        notify=settings.notify,
        together=settings.queue is Queue.TOGETHER,
        vi=settings.vi,
    )


def _first_words(model: ModelRef, found: Iterable[str]) -> tuple[Safe, ...]:
    """The line for who has no key; a key that was found for another provider is offered."""
    if model != DEMO:
        return ()
    others = safe_line(" or ".join(found))
    way = (
        say("Choose {others} with /model.", others=others)
        if others
        else say("Set OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY and start again to talk to a model.")
    )
    return (say("This is demo/tour, a guide that only knows termchat."), way)
