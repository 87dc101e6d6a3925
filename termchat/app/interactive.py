"""The REPL, put together: the house of this run, how it is to look, and what may be loaded behind the first paint."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterable, Mapping
from importlib import import_module

from termchat.app.build import DEMO, App, AppOptions, build_app, models_with_key
from termchat.app.options import Launch, hyperlinks_enabled, resolve_theme, usage_error
from termchat.commands.builtin import builtin
from termchat.config.credentials import Credentials
from termchat.config.load import Config
from termchat.config.runtime import RuntimeSettings
from termchat.config.settings import EnterKey, QueueMode, UsageLine
from termchat.core.errors import Failure, ProviderError
from termchat.core.models import ModelRef
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.core.style import Theme
from termchat.ui.frontend import DisplayOptions
from termchat.ui.frontend import FrontendContext as Room
from termchat.ui.notices import NoticeQueue
from termchat.ui.repl.app import run_repl
from termchat.ui.stderr import Stderr, print_stdout
from termchat.ui.terminal.capabilities import is_append_only
from termchat.ui.terminal.early_prompt import supports_unicode
from termchat.ui.terminal.tty import Tty
from termchat.ui.text.palette import detect_color_depth
from termchat.ui.turn_state import Think


def run_interactive(launch: Launch, config: Config, env: Mapping[str, str], tty: Tty | None) -> int:
    """Talk until the user leaves; the exit code. `tty` is the terminal if it was taken already."""
    theme = resolve_theme(config, env)
    if isinstance(theme, Failure):
        return usage_error(theme, tty)
    tty = tty or Tty.acquire()
    try:
        return asyncio.run(_run_repl(launch, config, env, theme, tty))
    finally:
        if tty:
            tty.restore()


async def _run_repl(launch: Launch, config: Config, env: Mapping[str, str], theme: Theme, tty: Tty | None) -> int:
    bulletin = NoticeQueue()
    wish = AppOptions(
        tools=launch.tools,
        priced=True,
        saved=launch.saved,
        chat=launch.chat,
        last=launch.last,
        record=launch.record,
        person=True,
    )
    async with build_app(config, env, wish, bulletin.post) as house:
        if isinstance(house, Failure):
            return usage_error(house, tty)

        async def prepare() -> None:
            if launch.saved:
                await asyncio.to_thread(import_module, "termchat.store.chat_store")

        room = Room(
            house.session,
            house.registry,
            builtin(),
            theme,
            _display_options(config, env),
            tty,
            notes=(*config.notes, *_no_key_notice(house.session.model, models_with_key(config, Credentials(env)))),
            typeahead=tty.typed if tty else "",
            env=env,
            cwd=os.getcwd(),
            preload_store=prepare,
            preload_sdk=lambda: _preload_sdk(house),
            preferences=RuntimeSettings(config, house.session, house.registry, env, house.first),
            bulletin=bulletin,
            resumed=house.resumed,
        )
        code = await _run_frontend(room)
        bulletin.subscribe(Stderr().failure)  # the screen is given back: what closing has to tell goes below it
        await _print_resume_hint(house)
        return code


async def _run_frontend(context: Room) -> int:
    """Run the plain front end where the settings or the terminal ask for it, else the REPL."""
    if context.look.plain or context.look.accessible:
        from termchat.ui.plain.app import run_plain

        return await run_plain(context)
    return await run_repl(context)


async def _preload_sdk(house: App) -> None:
    """Load the SDK of the first model while its first question is being typed."""
    try:
        await house.registry.open(house.session.model)
    except ProviderError:
        pass  # told when it is asked
    finally:
        gc.enable()  # off since the start, see __main__


async def _print_resume_hint(house: App) -> None:
    library, chat = house.session.library, house.session.chat_id
    if library and not library.is_ephemeral and chat:
        print_stdout(safe_format("Resume: termchat --chat {chat}\n", chat=safe_line(await library.short_id(chat))))


def _display_options(config: Config, env: Mapping[str, str]) -> DisplayOptions:
    settings = config.settings
    return DisplayOptions(
        plain=settings.plain or is_append_only(env),
        accessible=settings.accessible,
        depth=detect_color_depth(env),
        hyperlinks=hyperlinks_enabled(config, env),
        think=Think(settings.reasoning.value),
        usage=settings.usage is UsageLine.LINE,
        enter_sends=settings.enter is EnterKey.SEND,
        signs=supports_unicode(env),
        motion=not settings.reduced_motion,
        notify=settings.notify,
        merge_queue=settings.queue is QueueMode.TOGETHER,
        vi=settings.vi,
    )


def _no_key_notice(model: ModelRef, found: Iterable[str]) -> tuple[Safe, ...]:
    """The line for who has no key; a key that was found for another provider is offered."""
    if model != DEMO:
        return ()
    others = safe_line(" or ".join(found))
    way = (
        safe_format("Choose {others} with /model.", others=others)
        if others
        else safe_format("Set OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY and start again to talk to a model.")
    )
    return (safe_format("This is demo/tour, a guide that only knows termchat."), way)
