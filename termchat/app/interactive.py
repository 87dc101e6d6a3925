"""Run the REPL or the plain front end, and load the SDK and the store after the first paint."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from termchat.app.build import DEMO, App, build_app, models_with_key, providers_without_model
from termchat.app.build_tools import working_directory
from termchat.app.options import Options, hyperlinks_enabled, resolve_theme, usage_error
from termchat.app.start.first_request import load_first_request
from termchat.app.start.first_screen import first_screen
from termchat.commands.builtin import builtin
from termchat.commands.prompts.server_prompts import prompt_commands
from termchat.commands.registry import CommandRegistry
from termchat.config.credentials import Credentials
from termchat.config.load import Config
from termchat.config.runtime import RuntimeSettings
from termchat.config.settings import EnterKey, QueueMode
from termchat.core.errors import Failure, ProviderError
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.core.style import Theme
from termchat.system import startup_gc
from termchat.ui.frontend import DisplayOptions, FrontendContext
from termchat.ui.notices import NoticeQueue
from termchat.ui.repl.app import run_repl
from termchat.ui.stderr import Stderr, print_stdout
from termchat.ui.terminal.capabilities import is_append_only
from termchat.ui.terminal.early_prompt import supports_unicode
from termchat.ui.terminal.frame_clock import frame_rate
from termchat.ui.terminal.tty import Tty
from termchat.ui.text.palette import detect_color_depth

if TYPE_CHECKING:
    from termchat.attachments.sources import AttachmentSources


def run_interactive(options: Options, config: Config, env: Mapping[str, str], tty: Tty | None) -> int:
    """Chat until the user quits and return the exit code; `tty` is the terminal if it is acquired already."""
    theme = resolve_theme(config, env)
    if isinstance(theme, Failure):
        return usage_error(theme, tty)
    tty = tty or Tty.acquire()
    try:
        return asyncio.run(_run_repl(options, config, env, theme, tty))
    finally:
        if tty:
            tty.restore()


async def _run_repl(options: Options, config: Config, env: Mapping[str, str], theme: Theme, tty: Tty | None) -> int:
    notices = NoticeQueue()
    async with build_app(config, env, replace(options, priced=True, person=True), notices.post) as app:
        if isinstance(app, Failure):
            return usage_error(app, tty)

        async def prepare() -> None:
            if options.saved:
                await asyncio.to_thread(import_module, "termchat.store.chat_store")

        is_guide = app.session.model == DEMO
        keys = Credentials(env)
        usable = list(models_with_key(config, keys)), providers_without_model(config, keys)
        first_lines = first_screen(*usable) if is_guide else ()
        context = FrontendContext(
            app.session,
            app.registry,
            _commands(app),
            theme,
            _display_options(config, env),
            tty,
            notes=(*config.notes, *_no_chat_notice(options, app), *first_lines),
            typeahead=tty.typed if tty else "",
            env=env,
            cwd=str(working_directory(env)),
            preload_store=prepare,
            preload_sdk=lambda: _preload_sdk(app),
            preferences=RuntimeSettings(config, app.session, app.registry, env, app.first),
            notices=notices,
            resumed=app.resumed,
            find_secret=app.find_secret,
            attachments=lambda: open_attachments(app, env),
            setup=app.setup,
        )
        code = await _run_frontend(context)
        notices.subscribe(Stderr().failure)  # the screen is restored: notices of the closing store go below it
        if code != ExitCode.SIGHUP:  # the terminal has not gone
            await _print_resume_hint(app)
        return code


def _no_chat_notice(options: Options, app: App) -> tuple[Safe, ...]:
    """Return the line for -c without a chat to continue."""
    if not options.last or app.resumed:
        return ()
    return (safe_format("There is no chat to continue in this directory; this is a new one. /chats lists all."),)


async def _run_frontend(context: FrontendContext) -> int:
    """Run the plain front end if the settings or the terminal require it, else the REPL."""
    if context.look.plain or context.look.accessible:
        from termchat.ui.plain.app import run_plain

        return await run_plain(context)
    return await run_repl(context)


def open_attachments(app: App, env: Mapping[str, str]) -> AttachmentSources:
    """Return the sources of attachments, imported with the first one."""
    from termchat.app.attachment_sources import attachment_sources

    tools = app.session.tools
    return attachment_sources(app.config, env, lambda: tools.resources if tools else None)


async def _preload_sdk(app: App) -> None:
    """Load the SDK of the first model, and all else of a request, while its first question is being typed."""
    try:
        await app.registry.open(app.session.model)
        await asyncio.to_thread(load_first_request)
    except ProviderError:
        pass  # the first question reports it
    finally:
        startup_gc.resume()  # paused in __main__


async def _print_resume_hint(app: App) -> None:
    store, chat = app.session.chat_store, app.session.chat_id
    if store and not store.is_ephemeral and chat:
        name = safe_line(started_as(sys.argv[0], os.environ.get("PATH")))
        print_stdout(
            safe_format("Resume: {name} --chat {chat}\n", name=name, chat=safe_line(await store.short_id(chat)))
        )


def started_as(program: str, path: str | None) -> str:
    """Return the words that start termchat again: `.venv/bin/termchat`, as typed, if `path` leads to no termchat."""
    import shlex
    import shutil  # slow to import

    if os.path.basename(program) != "termchat" or shutil.which("termchat", path=path):
        return "termchat"
    return shlex.quote(program)


def _display_options(config: Config, env: Mapping[str, str]) -> DisplayOptions:
    settings = config.settings
    return DisplayOptions(
        plain=settings.plain or is_append_only(env),
        accessible=settings.accessible,
        depth=detect_color_depth(env),
        hyperlinks=hyperlinks_enabled(config, env),
        reasoning=settings.reasoning,
        usage=settings.usage,
        enter_sends=settings.enter is EnterKey.SEND,
        signs=supports_unicode(env),
        math=settings.math,
        motion=not settings.reduced_motion,
        frame_rate=frame_rate(settings.frame_rate, env),
        notify=settings.notify,
        merge_queue=settings.queue is QueueMode.TOGETHER,
        vi=settings.vi,
        keys=config.keys,
    )


def _commands(app: App) -> CommandRegistry:
    """Return the commands, with the prompts of MCP servers that have started."""
    registry = builtin()
    registry.follow(lambda: prompt_commands(app.session))
    return registry
