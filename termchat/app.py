"""The composition root: what was configured, the providers, the tools, the engine and a front end become a program.

Everything heavy is imported where it is needed: the REPL must take keys before any of it, and a script loads one
SDK and nothing of the terminal's.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from termchat.config.load import Config, load
from termchat.config.secrets import Secrets
from termchat.config.settings import EnterKey, Links, UsageLine
from termchat.core.errors import Failure, Kind, ProviderError
from termchat.core.models import ModelRef, Profile
from termchat.core.outcomes import Exit
from termchat.core.ports import Params
from termchat.core.sanitize import Safe, safe_line, say
from termchat.core.style import Theme
from termchat.tour import Tour, listening
from termchat.ui.formats import Format
from termchat.ui.notes import Notes
from termchat.ui.terminal import background, links_work

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from termchat.engine.session import Session
    from termchat.providers.registry import Registry
    from termchat.ui.repl.tty import Tty

DEMO = ModelRef("demo", "tour")
_VENDORS = ("openai", "anthropic", "gemini")
_BY_BACKGROUND = {"light": "light", "dark": "dark", "any": "neutral"}


@dataclass(frozen=True, slots=True)
class Launch:
    """What the command line asked for.

    words       the prompt, "" when there is none
    files       attachments, as paths
    settings    setting -> text of its flag
    read_input  whether standard input may be read
    raw         the reply as plain text, on a terminal too
    tools       whether the model is offered tools
    quiet       errors only, verbose: tokens and cost too
    """

    words: str = ""
    files: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    read_input: bool = True
    raw: bool = False
    tools: bool = True
    quiet: bool = False
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class House:
    """The parts joined, for one run of the program."""

    config: Config
    registry: Registry
    session: Session


def run(launch: Launch, env: Mapping[str, str], tty: Tty | None = None) -> int:
    """The program, from a parsed command line to an exit code; `tty` is the terminal if it was taken already."""
    config = load(env)
    config = config if isinstance(config, Failure) else _with_flags(config, launch.settings)
    if isinstance(config, Failure):
        return _refused(config, tty)
    if not launch.words and not launch.files and _both_terminals():
        return _repl(launch, config, env, tty)
    return _oneshot(launch, config, env)


def _with_flags(config: Config, flags: Mapping[str, str]) -> Config | Failure:
    system = system_prompt(flags["system"]) if "system" in flags else ""
    if isinstance(system, Failure):
        return system
    return config.with_flags({**flags, "system": system} if system else flags)


def models(query: str, env: Mapping[str, str], *, fresh: bool, as_json: bool) -> int:
    """`termchat models`: what the usable providers list."""
    from termchat.ui.listing import show_models

    config = load(env)
    if isinstance(config, Failure):
        return _refused(config, None)

    async def show() -> int:
        async with _joined(config, env, DEMO) as house:
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
    return Exit.COMPLETE


def _oneshot(launch: Launch, config: Config, env: Mapping[str, str]) -> int:
    from termchat.ui import oneshot, prompt

    notes = Notes(launch.quiet, usage=launch.verbose or (sys.stderr.isatty() and sys.stdout.isatty()))
    for words in config.notes:
        notes.note(words)
    standard_input = prompt.read_standard_input(notes.note) if launch.read_input else ""
    message = standard_input
    if not isinstance(standard_input, Failure):
        message = prompt.message(launch.words, standard_input, launch.files)
    if isinstance(message, Failure | str):
        assert isinstance(message, Failure)
        return _refused(message, None)

    out = _format(launch, config, env)
    if isinstance(out, Failure):
        return _refused(out, None)

    async def ask() -> int:
        async with _joined(config, env, None, tools=launch.tools, priced=notes.usage) as house:
            if isinstance(house, Failure):
                notes.failure(house)
                return Exit.NO_KEY if house.kind is Kind.NO_KEY else Exit.USAGE
            return await oneshot.run(house.session, message, out, notes)

    return asyncio.run(ask())


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
    from termchat.config.themes import load_theme, theme_folders

    name = config.settings.theme
    if name == "auto":
        name = _BY_BACKGROUND[background(env)]
    return load_theme(name, theme_folders(config.paths))


def _links(config: Config, env: Mapping[str, str]) -> bool:
    wanted = config.settings.hyperlinks
    return wanted is Links.ON or (wanted is Links.AUTO and links_work(env))


def _repl(launch: Launch, config: Config, env: Mapping[str, str], tty: Tty | None) -> int:
    from termchat.commands.builtin import builtin
    from termchat.ui.palette import Depth, depth_of
    from termchat.ui.repl.house import House as ReplHouse
    from termchat.ui.repl.house import Look
    from termchat.ui.repl.loop import run as talk
    from termchat.ui.repl.tty import Tty
    from termchat.ui.view import Think

    theme, settings = _theme(config, env), config.settings
    if isinstance(theme, Failure):
        return _refused(theme, tty)
    tty = tty or Tty.take()
    look = Look(
        plain=settings.plain or depth_of(env) is Depth.PLAIN,
        accessible=settings.accessible,
        depth=depth_of(env),
        hyperlinks=_links(config, env),
        think=Think(settings.reasoning.value),
        usage=settings.usage is UsageLine.LINE,
        enter_sends=settings.enter is EnterKey.SEND,
    )

    async def chat() -> int:
        async with _joined(config, env, DEMO, tools=launch.tools, priced=True) as house:
            if isinstance(house, Failure):
                return _refused(house, tty)

            async def warm() -> None:
                """Load the SDK of the first model while its first question is being typed."""
                try:
                    await house.registry.open(house.session.model)
                except ProviderError:
                    pass  # told when it is asked
                finally:
                    gc.enable()  # off since the start, see __main__

            return await talk(
                ReplHouse(
                    house.session,
                    house.registry,
                    builtin(),
                    theme,
                    look,
                    tty,
                    notes=(*config.notes, *_first_words(house.session.model, _with_a_key(config, Secrets(env)))),
                    typeahead=tty.typed if tty else "",
                    env=env,
                    cwd=os.getcwd(),
                    warm=warm,
                    themes=_themes(config) if settings.theme == "auto" else None,
                )
            )

    try:
        return asyncio.run(chat())
    finally:
        if tty:
            tty.restore()


def _themes(config: Config) -> Callable[[str], Theme]:
    """Background -> theme, for a terminal that tells its background later."""
    from termchat.config.themes import load_theme, theme_folders

    def theme(kind: str) -> Theme:
        found = load_theme(_BY_BACKGROUND[kind], theme_folders(config.paths))
        assert isinstance(found, Theme), "the themes that come with termchat are complete"
        return found

    return theme


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


@asynccontextmanager
async def _joined(
    config: Config, env: Mapping[str, str], fallback: ModelRef | None, *, tools: bool = True, priced: bool = False
) -> AsyncGenerator[House | Failure]:
    """Everything joined around the model to begin with, or why there is none; connections are closed at the end.

    `fallback` is the model where none is configured: the demo for a person, nothing for a script. `priced` when
    somebody will look at the cost.
    """
    from termchat.engine.session import Session
    from termchat.engine.turn import Plan
    from termchat.providers.prices import PriceTable
    from termchat.providers.registry import Registry, Setup
    from termchat.providers.retry import RetryPolicy
    from termchat.tools.registry import Toolbox

    settings, keys = config.settings, Secrets(env)
    setup = Setup(
        config.profiles,
        keys,
        offline={DEMO.provider: Tour(env, lambda: _offers(config, keys))},
        aliases=config.aliases,
        favourites=config.favourites,
        timeouts=settings.timeouts,
        policy=RetryPolicy(settings.max_retries),
        cache=config.paths.cache / "models.json",
    )
    registry = Registry(setup)
    model = _first_model(config, registry, keys) or fallback or _no_key()
    if isinstance(model, Failure):
        yield model
        return
    plan = Plan(
        model,
        registry,
        Toolbox(Path.cwd(), private=(config.paths.config, config.paths.data)) if tools else None,
        PriceTable(config.profiles) if priced else None,
        system=settings.system,
        params=Params(settings.max_tokens, settings.think),
        timeouts=settings.timeouts,
        max_rounds=settings.max_rounds,
    )
    try:
        yield House(config, registry, Session(plan))
    finally:
        await registry.aclose()


def _offers(config: Config, keys: Secrets) -> Iterator[str]:
    """What could be used instead of the demo: models with a key, servers on this machine."""
    yield from _with_a_key(config, keys)
    yield from listening(config.profiles.values())


def _with_a_key(config: Config, keys: Secrets) -> Iterator[str]:
    profiles = config.profiles.values()
    return (f"{p.name}/{p.model}" for p in profiles if p.model and p.bases and not p.local and keys.has_key(p))


def _first_model(config: Config, registry: Registry, keys: Secrets) -> ModelRef | Failure | None:
    """The model of a new chat: the one that is set, else the first configured provider's own default."""
    if config.settings.model:
        return registry.resolve(config.settings.model)
    first = (p for p in config.profiles.values() if p.model and _comes_first(p) and keys.has_key(p))
    return next((ModelRef(p.name, p.model) for p in first), None)


def _comes_first(profile: Profile) -> bool:
    """Whether a provider may be chosen unasked: one of the user's own file, or one of the three vendors."""
    return bool(profile.bases) and (profile.source != "built in" or profile.name in _VENDORS)


def _no_key() -> Failure:
    return Failure(
        Kind.NO_KEY,
        say("No API key."),
        say("Set OPENAI_API_KEY (or ANTHROPIC_API_KEY, GEMINI_API_KEY), or run termchat alone for a guide."),
    )


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


def system_prompt(value: str) -> str | Failure:
    """The value of `--system`: the prompt itself, or the file named behind an @."""
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = safe_line(
            (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is not UTF-8 text"
        )
        words = say("Cannot read the system prompt {name}: {why}.", name=safe_line(value[1:]), why=why)
        return Failure(Kind.BAD_CONFIG, words, say("Check the name behind --system @."))
