"""The parts of the house joined for one run: providers, tools, prices, the kept chats, and the session over them.

Only here, in `app` and in `tour` are the engine, the providers, the tools and the store known together.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from termchat.app.guide import Tour, listening
from termchat.config.credentials import Secrets
from termchat.config.load import Config
from termchat.core.chat_store import Resumed, Terms
from termchat.core.chats import Place
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ModelRef, Profile
from termchat.core.sanitize import say
from termchat.store.secrecy import Secrecy

if TYPE_CHECKING:
    from termchat.engine.session import Session
    from termchat.engine.turn import Plan
    from termchat.providers.registry import Registry
    from termchat.store.chat_store import Library

DEMO = ModelRef("demo", "tour")
_VENDORS = ("openai", "anthropic", "gemini")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run wants of the house.

    tools      the model is offered tools
    priced     somebody will look at the cost
    saved      chats are kept
    chat       go on with this chat: an id, the beginning of one, or a title
    record     write the raw bytes of every response to this file
    schema     JSON Schema of the replies
    last       go on with the last chat of this terminal and directory
    person     somebody sits at a terminal: without a key there is the demo
    """

    tools: bool = True
    priced: bool = False
    saved: bool = True
    chat: str = ""
    last: bool = False
    record: str = ""
    schema: Mapping[str, Any] | None = None
    person: bool = False


@dataclass(frozen=True, slots=True)
class House:
    """The parts joined; `resumed` is the chat that was taken up again, `first` the model that new chats begin with."""

    config: Config
    registry: Registry
    session: Session
    first: ModelRef
    resumed: Resumed | None = None


Tell = Callable[[Failure], None]


@asynccontextmanager
async def joined(config: Config, env: Mapping[str, str], wish: Wish, tell: Tell) -> AsyncGenerator[House | Failure]:
    """Everything joined around the model to begin with, or why that cannot be; all of it is closed at the end.

    `tell` is called with what the user should know of the saving.
    """
    from termchat.engine.session import Session

    secrecy = Secrecy()
    registry = _registry(config, env, _Keys(env, secrecy), wish)
    plan = _plan(config, registry, Secrets(env), wish)
    if isinstance(plan, Failure):
        yield plan
        return
    library = (lambda: open_library(config, env, tell, secrecy)) if wish.saved else None
    session = Session(plan, library, here())
    try:
        resumed = await _taken_up(session, config, wish)
        yield resumed if isinstance(resumed, Failure) else House(config, registry, session, plan.model, resumed)
    finally:
        trouble = await session.close()
        if trouble:
            tell(trouble)
        await registry.aclose()


def open_library(config: Config, env: Mapping[str, str], tell: Tell, hide: Secrecy | None = None) -> Library:
    """The kept chats of a configuration; no key that is known reaches them."""
    from termchat.store.chat_store import Library

    hide = hide or Secrecy()
    keys = Secrets(env)
    for profile in config.profiles.values():
        key = "" if profile.key.startswith(("cmd:", "keyring:")) else keys.key(profile)  # those are known when used
        if isinstance(key, str):
            hide.add(key)
    return Library(config.paths.data / "termchat.db", tell, hide=hide)


def here() -> Place:
    """This terminal and this directory."""
    from termchat.store.processes import terminal

    try:
        return Place(terminal(), str(Path.cwd()))
    except OSError:  # the directory is gone
        return Place(terminal())


def offers(config: Config, keys: Secrets) -> Iterator[str]:
    """What could be used instead of the demo: models with a key, servers on this machine."""
    yield from with_a_key(config, keys)
    yield from listening(config.profiles.values())


def with_a_key(config: Config, keys: Secrets) -> Iterator[str]:
    """The default models of all providers that have a key."""
    profiles = config.profiles.values()
    return (f"{p.name}/{p.model}" for p in profiles if p.model and p.bases and not p.local and keys.has_key(p))


class _Keys(Secrets):
    """Keys whose values are told to the secrecy of the store as soon as they are known."""

    def __init__(self, env: Mapping[str, str], secrecy: Secrecy) -> None:
        super().__init__(env)
        self._secrecy = secrecy

    def key(self, profile: Profile, again: bool = False) -> str | Failure:
        key = super().key(profile, again)
        if isinstance(key, str):
            self._secrecy.add(key)
        return key


def _registry(config: Config, env: Mapping[str, str], keys: Secrets, wish: Wish) -> Registry:
    from termchat.providers.registry import Registry, Setup
    from termchat.providers.retry import RetryPolicy

    return Registry(
        Setup(
            config.profiles,
            keys,
            offline={DEMO.provider: Tour(env, lambda: offers(config, keys))},
            aliases=config.aliases,
            favourites=config.favourites,
            timeouts=config.settings.timeouts,
            policy=RetryPolicy(config.settings.max_retries),
            fallback=_chains(config),
            record=Path(wish.record).expanduser() if wish.record else None,
            cache=config.paths.cache / "models.json",
        )
    )


def _plan(config: Config, registry: Registry, keys: Secrets, wish: Wish) -> Plan | Failure:
    from termchat.engine.turn import Plan
    from termchat.providers.prices import PriceTable
    from termchat.tools.registry import Toolbox

    settings = config.settings
    model = _first_model(config, registry, keys)
    if model is None:
        model = DEMO if wish.person or wish.chat or wish.last else _no_key()
    if isinstance(model, Failure):
        return model
    return Plan(
        model,
        registry,
        Toolbox(Path.cwd(), private=(config.paths.config, config.paths.data)) if wish.tools else None,
        PriceTable(config.profiles) if wish.priced else None,
        system=settings.system,
        params=replace(settings.params, schema=wish.schema),
        timeouts=settings.timeouts,
        own_timeouts={p.name: p.timeouts for p in config.profiles.values() if p.timeouts},
        max_rounds=settings.max_rounds,
    )


def _chains(config: Config) -> Mapping[ModelRef, tuple[str, ...]]:
    """Who takes over for whom; an alias stands for its model."""
    named = ((ModelRef.parse(config.aliases.get(name, name)), others) for name, others in config.fallback.items())
    return {ref: others for ref, others in named if ref}


async def _taken_up(session: Session, config: Config, wish: Wish) -> Resumed | Failure | None:
    """The chat to go on with, in the session; what was asked for on the way in goes before the chat's own."""
    library = session.library if wish.chat or wish.last else None
    if library is None:
        return None
    if wish.last and not session.place.terminal:
        words = say("-c goes on with the last chat of a terminal, and there is none.")
        return Failure(FailureKind.BAD_CONFIG, words, say("Name the chat with --chat; `termchat chats` lists them."))
    found = await library.find(wish.chat) if wish.chat else await library.last(session.place)
    if isinstance(found, Failure):
        return found
    if found is None:
        words = say("There is no chat of this directory to go on with.")
        return Failure(
            FailureKind.NOT_FOUND, words, say("`termchat chats` lists all of them; --chat takes one by name.")
        )
    asked = session.terms
    resumed = await session.resume(found.id)
    if not isinstance(resumed, Failure) and _asked_for(config, asked, session.terms) != session.terms:
        session.tune(lambda terms: _asked_for(config, asked, terms), lasting=False)
    return resumed


def _asked_for(config: Config, asked: Terms, terms: Terms) -> Terms:
    """The terms of a chat, with those in their place that the command line or the environment asks for."""
    if config.where("model") in ("--model", "--set", "TERMCHAT_MODEL"):
        terms = replace(terms, model=asked.model)
    if config.where("system") in ("--system", "--set"):
        terms = replace(terms, system=asked.system)
    if config.where("think") in ("--think", "--set"):
        terms = replace(terms, params=replace(terms.params, think=asked.params.think))
    return terms


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
        FailureKind.NO_KEY,
        say("No API key."),
        say("Set OPENAI_API_KEY (or ANTHROPIC_API_KEY, GEMINI_API_KEY), or run termchat alone for a guide."),
    )
