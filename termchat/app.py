"""The composition root: what was configured, the providers, the tools, the engine and a front end become a program.

Everything heavy is imported where it is needed: the REPL must take keys before any of it, and a script loads one
SDK and nothing of the terminal's.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from termchat.config.load import Config, load
from termchat.config.secrets import Secrets
from termchat.config.settings import EnterKey, Links, Queue, UsageLine
from termchat.config.system import system_prompt
from termchat.core.errors import Failure, Kind, ProviderError
from termchat.core.library import By
from termchat.core.models import ModelRef
from termchat.core.outcomes import Exit
from termchat.core.ports import Library
from termchat.core.sanitize import Safe, safe_line, say
from termchat.core.style import Theme
from termchat.joined import DEMO, Wish, joined, open_library, with_a_key
from termchat.ui.formats import Format
from termchat.ui.notes import Notes, print_out
from termchat.ui.terminal import appends_only, background, links_work

if TYPE_CHECKING:
    from termchat.ui.repl.tty import Tty


@dataclass(frozen=True, slots=True)
class Launch:
    """What the command line asked for.

    words       the prompt, "" when there is none
    files       attachments, as paths
    settings    setting -> text of its flag, or its texts where it may be repeated
    sets        other settings of this run, as KEY=VALUE; a flag goes before them
    read_input  whether standard input may be read
    raw         the reply as plain text, on a terminal too
    tools       whether the model is offered tools
    saved       whether the chat is kept
    chat        go on with this chat; `last`: with the last one of this terminal and directory
    record      write the raw bytes of every response to this file
    schema      what a script's reply has to be: a file with a JSON Schema, or fields in short
    continue_cut  how often an incomplete reply of a script is gone on with
    quiet       errors only, verbose: tokens and cost too
    """

    words: str = ""
    files: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    sets: tuple[str, ...] = ()
    read_input: bool = True
    raw: bool = False
    tools: bool = True
    saved: bool = True
    chat: str = ""
    last: bool = False
    record: str = ""
    schema: str = ""
    continue_cut: int = 0
    quiet: bool = False
    verbose: bool = False


_NO_QUESTION = Failure(
    Kind.BAD_CONFIG,
    say("--schema is for one question, and there is none."),
    say("Write it behind the options, or leave --schema out to start the chat."),
)


def run(launch: Launch, env: Mapping[str, str], tty: Tty | None = None) -> int:
    """The program, from a parsed command line to an exit code; `tty` is the terminal if it was taken already."""
    config = load(env)
    config = config if isinstance(config, Failure) else _with_flags(config, launch)
    if isinstance(config, Failure):
        return _refused(config, tty)
    if not launch.words and not launch.files and _both_terminals():
        return _refused(_NO_QUESTION, tty) if launch.schema else _repl(launch, config, env, tty)
    return _oneshot(launch, config, env)


def _with_flags(config: Config, launch: Launch) -> Config | Failure:
    changed = config.with_pairs(launch.sets)
    changed = changed if isinstance(changed, Failure) else changed.with_flags(launch.settings)
    if isinstance(changed, Failure) or changed.where("system") not in ("--system", "--set"):
        return changed
    system = system_prompt(changed.settings.system)
    return (
        system if isinstance(system, Failure) else replace(changed, settings=replace(changed.settings, system=system))
    )


def models(query: str, env: Mapping[str, str], *, fresh: bool, as_json: bool) -> int:
    """`termchat models`: what the usable providers list."""
    from termchat.ui.listing import show_models

    config = load(env)
    if isinstance(config, Failure):
        return _refused(config, None)

    async def show() -> int:
        async with joined(config, env, Wish(saved=False, person=True), Notes().failure) as house:
            if isinstance(house, Failure):
                return _refused(house, None)
            return await show_models(house.registry, query, fresh=fresh, as_json=as_json)

    return asyncio.run(show())


def show_config(env: Mapping[str, str]) -> int:
    """`termchat config`: every setting with its value and where it came from."""
    from termchat.config.listing import listing

    config = load(env)
    if isinstance(config, Failure):
        return _refused(config, None)
    for line in listing(config, Secrets(env)):
        sys.stdout.write(f"{line}\n")
    theme = _theme(config, env)
    return _refused(theme, None) if isinstance(theme, Failure) else Exit.COMPLETE


def themes(env: Mapping[str, str]) -> int:
    """`termchat themes`: every theme with a sample of it, the names alone for a pipe."""
    from termchat.ui.gallery import show_themes

    config = load(env)
    return _refused(config, None) if isinstance(config, Failure) else show_themes(config, env)


def chats(env: Mapping[str, str], act: Callable[[Library], Awaitable[int]]) -> int:
    """`termchat chats …`: something is done with the kept chats."""
    config = load(env)
    if isinstance(config, Failure):
        return _refused(config, None)

    gc.enable()  # off since the start, see __main__; here is no SDK to wait for

    async def run_it() -> int:
        library = open_library(config, env, Notes().failure)
        try:
            return await act(library)
        finally:
            await library.close()

    return asyncio.run(run_it())


def usage(by: By, since: float, env: Mapping[str, str], *, as_json: bool) -> int:
    """`termchat usage`: what was asked since a moment, added up."""
    from termchat.providers.prices import PriceTable
    from termchat.ui.ledger import show_usage

    config = load(env)
    if isinstance(config, Failure):
        return _refused(config, None)
    prices = PriceTable(config.profiles)

    async def show(library: Library) -> int:
        await library.price(prices, since)
        show_usage(await library.usage(by, since), as_json=as_json)
        return Exit.COMPLETE

    return chats(env, show)


def replay(file: str, speed: float, launch: Launch, env: Mapping[str, str]) -> int:
    """`termchat replay`: the responses of a recording, through everything but the network; the last one's exit code."""
    from termchat.core.messages import user
    from termchat.engine.session import Session
    from termchat.engine.turn import Plan
    from termchat.providers.recording import read
    from termchat.providers.registry import Registry, Setup
    from termchat.providers.replay import NAME, Replay
    from termchat.ui import oneshot

    config = load(env)
    out = config if isinstance(config, Failure) else _format(launch, config, env)
    if isinstance(config, Failure) or isinstance(out, Failure):
        assert isinstance(out, Failure)
        return _refused(out, None)
    try:
        responses = read(Path(file).expanduser().read_bytes())
    except (OSError, ValueError) as error:
        why = safe_line(error.strerror or "it cannot be read" if isinstance(error, OSError) else str(error))
        words = say("Cannot replay {file}: {why}.", file=safe_line(file), why=why)
        return _refused(Failure(Kind.BAD_CONFIG, words, say("--record FILE writes such a file.")), None)

    async def play() -> int:
        player, code = Replay(responses, speed), int(Exit.COMPLETE)
        registry = Registry(Setup({}, Secrets(env), {NAME: player}, {}))
        session = Session(Plan(ModelRef(NAME, player.origin.model), registry))
        for _ in responses:
            code = await oneshot.run(session, user("(recorded)"), out, Notes(launch.quiet, usage=launch.verbose))
        return code

    return asyncio.run(play())


def _oneshot(launch: Launch, config: Config, env: Mapping[str, str]) -> int:
    from termchat.ui import oneshot, prompt

    schema = _schema(launch)
    if isinstance(schema, Failure):
        return _refused(schema, None)
    notes = Notes(launch.quiet, usage=launch.verbose or (sys.stderr.isatty() and sys.stdout.isatty()))
    for words in config.notes:
        notes.note(words)
    piped = prompt.read_standard_input(notes.note) if launch.read_input else ""
    message = piped if isinstance(piped, Failure) else prompt.message(launch.words, piped, launch.files)
    if isinstance(message, Failure):
        return _refused(message, None)
    out = _format(launch, config, env)
    if isinstance(out, Failure):
        return _refused(out, None)

    def check(reply: str) -> Failure | None:
        from termchat.config.schemas import misfit

        return misfit(schema, reply) if schema else None

    async def ask() -> int:
        wish = Wish(launch.tools, notes.usage, launch.saved, launch.chat, launch.last, launch.record, schema)
        async with joined(config, env, wish, notes.failure) as house:
            if isinstance(house, Failure):
                notes.failure(house)
                return Exit.NO_KEY if house.kind is Kind.NO_KEY else Exit.USAGE
            return await oneshot.run(house.session, message, out, notes, launch.continue_cut, check)

    return asyncio.run(ask())


def _schema(launch: Launch) -> Mapping[str, Any] | Failure | None:
    from termchat.config.schemas import reply_schema

    return reply_schema(launch.schema) if launch.schema else None


def _format(launch: Launch, config: Config, env: Mapping[str, str]) -> Format | Failure:
    """Rendered for a person at a terminal, exact for everything else."""
    from termchat.ui.formats.text import TextFormat

    fd = sys.stdout.fileno()
    if not os.isatty(fd):
        return TextFormat(fd)
    from termchat.ui.palette import Depth, depth_of

    depth = depth_of(env)
    if launch.raw or config.settings.plain or config.settings.accessible or depth is Depth.PLAIN:
        return TextFormat(fd, terminal=True)
    theme = _theme(config, env)
    if isinstance(theme, Failure):
        return theme
    from termchat.ui.formats.markdown import Canvas, MarkdownFormat

    return MarkdownFormat(Canvas(fd, theme, depth, _links(config, env)))


def _theme(config: Config, env: Mapping[str, str]) -> Theme | Failure:
    """The chosen theme; `auto` goes by what the environment tells of the background."""
    from termchat.config.themes import BY_BACKGROUND, load_theme, theme_folders

    name = config.settings.theme
    if name == "auto":
        name = BY_BACKGROUND[background(env)]
    theme = load_theme(name, theme_folders(config.paths))
    if isinstance(theme, Failure):
        return replace(theme, message=say("{at}: {what}", at=config.where("theme"), what=theme.message))
    return theme


def _links(config: Config, env: Mapping[str, str]) -> bool:
    wanted = config.settings.hyperlinks
    return wanted is Links.ON or (wanted is Links.AUTO and links_work(env))


def _repl(launch: Launch, config: Config, env: Mapping[str, str], tty: Tty | None) -> int:
    from termchat.commands.builtin import builtin
    from termchat.config.preferences import Preferences
    from termchat.ui.bulletin import Bulletin
    from termchat.ui.palette import depth_of
    from termchat.ui.repl.house import House as ReplHouse
    from termchat.ui.repl.house import Look
    from termchat.ui.repl.loop import run as talk
    from termchat.ui.repl.porch import signs_work
    from termchat.ui.repl.tty import Tty
    from termchat.ui.view import Think

    theme, settings = _theme(config, env), config.settings
    if isinstance(theme, Failure):
        return _refused(theme, tty)
    tty = tty or Tty.take()
    look = Look(
        plain=settings.plain or appends_only(env),
        accessible=settings.accessible,
        depth=depth_of(env),
        hyperlinks=_links(config, env),
        think=Think(settings.reasoning.value),
        usage=settings.usage is UsageLine.LINE,
        enter_sends=settings.enter is EnterKey.SEND,
        signs=signs_work(env),
        motion=not settings.reduced_motion,
        notify=settings.notify,
        together=settings.queue is Queue.TOGETHER,
        vi=settings.vi,
    )

    bulletin = Bulletin()

    async def chat() -> int:
        wish = Wish(launch.tools, True, launch.saved, launch.chat, launch.last, launch.record, person=True)
        async with joined(config, env, wish, bulletin.tell) as house:
            if isinstance(house, Failure):
                return _refused(house, tty)

            async def prepare() -> None:
                """Import what the kept chats need, on a thread."""
                if launch.saved:
                    await asyncio.to_thread(import_module, "termchat.store.library")

            async def warm() -> None:
                """Load the SDK of the first model while its first question is being typed."""
                try:
                    await house.registry.open(house.session.model)
                except ProviderError:
                    pass  # told when it is asked
                finally:
                    gc.enable()  # off since the start, see __main__

            code = await talk(
                ReplHouse(
                    house.session,
                    house.registry,
                    builtin(),
                    theme,
                    look,
                    tty,
                    notes=(*config.notes, *_first_words(house.session.model, with_a_key(config, Secrets(env)))),
                    typeahead=tty.typed if tty else "",
                    env=env,
                    cwd=os.getcwd(),
                    prepare=prepare,
                    warm=warm,
                    preferences=Preferences(config, house.session, house.registry, env, house.first),
                    bulletin=bulletin,
                    resumed=house.resumed,
                )
            )
            bulletin.listen(Notes().failure)  # the screen is given back: what closing has to tell goes below it
            library = house.session.library
            if library and not library.in_memory and house.session.chat:
                short = await library.short(house.session.chat)
                print_out(say("Resume: termchat --chat {chat}\n", chat=safe_line(short)))
            return code

    try:
        return asyncio.run(chat())
    finally:
        if tty:
            tty.restore()


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


def _refused(failure: Failure, tty: Tty | None) -> int:
    """A command line or a configuration that cannot be used."""
    if tty:
        tty.restore()
    Notes().failure(failure)
    return Exit.USAGE


def _both_terminals() -> bool:
    try:
        return os.isatty(0) and os.isatty(1)
    except OSError:
        return False
