"""The parts of the house joined for one run: providers, tools, prices, the kept chats, and the session over them.

Only here, in `app` and in `tour` are the engine, the providers, the tools and the store known together.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from termchat.app.guide import GuideProvider, running_local_servers
from termchat.config.credentials import Credentials
from termchat.config.load import Config
from termchat.core.chat_store import Resumed
from termchat.core.chats import Location
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ModelRef, ProviderConfig
from termchat.core.sanitize import safe_format
from termchat.core.session import TurnSettings
from termchat.store.secrecy import Secrecy

if TYPE_CHECKING:
    from termchat.engine.session import ChatSession
    from termchat.engine.turn import TurnConfig
    from termchat.providers.registry import ProviderRegistry
    from termchat.store.chat_store import SqliteChatStore

DEMO = ModelRef("demo", "tour")
_VENDORS = ("openai", "anthropic", "gemini")


@dataclass(frozen=True, slots=True)
class AppOptions:
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
class App:
    """The parts joined; `resumed` is the chat that was taken up again, `first` the model that new chats begin with."""

    config: Config
    registry: ProviderRegistry
    session: ChatSession
    first: ModelRef
    resumed: Resumed | None = None


OnNotice = Callable[[Failure], None]


@asynccontextmanager
async def build_app(
    config: Config, env: Mapping[str, str], wish: AppOptions, tell: OnNotice
) -> AsyncGenerator[App | Failure]:
    """Everything joined around the model to begin with, or why that cannot be; all of it is closed at the end.

    `tell` is called with what the user should know of the saving.
    """
    from termchat.engine.session import ChatSession

    secrecy = Secrecy()
    registry = _registry(config, env, _RedactedCredentials(env, secrecy), wish)
    plan = _turn_config(config, registry, Credentials(env), wish)
    if isinstance(plan, Failure):
        yield plan
        return
    library = (lambda: open_library(config, env, tell, secrecy)) if wish.saved else None
    session = ChatSession(plan, library, current_location())
    try:
        resumed = await _resume_chat(session, config, wish)
        yield resumed if isinstance(resumed, Failure) else App(config, registry, session, plan.model, resumed)
    finally:
        trouble = await session.close()
        if trouble:
            tell(trouble)
        await registry.aclose()


def open_library(
    config: Config, env: Mapping[str, str], tell: OnNotice, hide: Secrecy | None = None
) -> SqliteChatStore:
    """The kept chats of a configuration; no key that is known reaches them."""
    from termchat.store.chat_store import SqliteChatStore

    hide = hide or Secrecy()
    keys = Credentials(env)
    for profile in config.providers.values():
        key = "" if profile.key.startswith(("cmd:", "keyring:")) else keys.key(profile)  # those are known when used
        if isinstance(key, str):
            hide.add(key)
    return SqliteChatStore(config.paths.data / "termchat.db", tell, hide=hide)


def current_location() -> Location:
    """This terminal and this directory."""
    from termchat.store.processes import controlling_terminal

    try:
        return Location(controlling_terminal(), str(Path.cwd()))
    except OSError:  # the directory is gone
        return Location(controlling_terminal())


def alternatives_to_demo(config: Config, keys: Credentials) -> Iterator[str]:
    """What could be used instead of the demo: models with a key, servers on this machine."""
    yield from models_with_key(config, keys)
    yield from running_local_servers(config.providers.values())


def models_with_key(config: Config, keys: Credentials) -> Iterator[str]:
    """The default models of all providers that have a key."""
    profiles = config.providers.values()
    return (f"{p.name}/{p.model}" for p in profiles if p.model and p.base_urls and not p.local and keys.has_key(p))


class _RedactedCredentials(Credentials):
    """Keys whose values are told to the secrecy of the store as soon as they are known."""

    def __init__(self, env: Mapping[str, str], secrecy: Secrecy) -> None:
        super().__init__(env)
        self._secrecy = secrecy

    def key(self, profile: ProviderConfig, again: bool = False) -> str | Failure:
        key = super().key(profile, again)
        if isinstance(key, str):
            self._secrecy.add(key)
        return key


def _registry(config: Config, env: Mapping[str, str], keys: Credentials, wish: AppOptions) -> ProviderRegistry:
    from termchat.providers.registry import ProviderRegistry, RegistryConfig
    from termchat.providers.retry import RetryPolicy

    return ProviderRegistry(
        RegistryConfig(
            config.providers,
            keys,
            offline={DEMO.provider: GuideProvider(env, lambda: alternatives_to_demo(config, keys))},
            aliases=config.aliases,
            favourites=config.favourites,
            timeouts=config.settings.timeouts,
            policy=RetryPolicy(config.settings.max_retries),
            fallback=_fallback_chains(config),
            record=Path(wish.record).expanduser() if wish.record else None,
            cache=config.paths.cache / "models.json",
        )
    )


def _turn_config(
    config: Config, registry: ProviderRegistry, keys: Credentials, wish: AppOptions
) -> TurnConfig | Failure:
    from termchat.engine.turn import TurnConfig
    from termchat.providers.prices import PriceTable
    from termchat.tools.registry import Toolbox

    settings = config.settings
    model = _default_model(config, registry, keys)
    if model is None:
        model = DEMO if wish.person or wish.chat or wish.last else _no_key()
    if isinstance(model, Failure):
        return model
    return TurnConfig(
        model,
        registry,
        Toolbox(Path.cwd(), private=(config.paths.config, config.paths.data)) if wish.tools else None,
        PriceTable(config.providers) if wish.priced else None,
        system=settings.system,
        params=replace(settings.params, schema=wish.schema),
        timeouts=settings.timeouts,
        own_timeouts={p.name: p.timeouts for p in config.providers.values() if p.timeouts},
        max_rounds=settings.max_rounds,
    )


def _fallback_chains(config: Config) -> Mapping[ModelRef, tuple[str, ...]]:
    """Who takes over for whom; an alias stands for its model."""
    named = ((ModelRef.parse(config.aliases.get(name, name)), others) for name, others in config.fallback.items())
    return {ref: others for ref, others in named if ref}


async def _resume_chat(session: ChatSession, config: Config, wish: AppOptions) -> Resumed | Failure | None:
    """The chat to go on with, in the session; what was asked for on the way in goes before the chat's own."""
    library = session.library if wish.chat or wish.last else None
    if library is None:
        return None
    if wish.last and not session.location.terminal:
        words = safe_format("-c goes on with the last chat of a terminal, and there is none.")
        return Failure(
            FailureKind.BAD_CONFIG, words, safe_format("Name the chat with --chat; `termchat chats` lists them.")
        )
    found = await library.find(wish.chat) if wish.chat else await library.last(session.location)
    if isinstance(found, Failure):
        return found
    if found is None:
        words = safe_format("There is no chat of this directory to go on with.")
        return Failure(
            FailureKind.NOT_FOUND, words, safe_format("`termchat chats` lists all of them; --chat takes one by name.")
        )
    asked = session.settings
    resumed = await session.resume(found.id)
    if (
        not isinstance(resumed, Failure)
        and _apply_explicit_options(config, asked, session.settings) != session.settings
    ):
        session.update_settings(lambda terms: _apply_explicit_options(config, asked, terms), lasting=False)
    return resumed


def _apply_explicit_options(config: Config, asked: TurnSettings, terms: TurnSettings) -> TurnSettings:
    """The terms of a chat, with those in their place that the command line or the environment asks for."""
    if config.origin("model") in ("--model", "--set", "TERMCHAT_MODEL"):
        terms = replace(terms, model=asked.model)
    if config.origin("system") in ("--system", "--set"):
        terms = replace(terms, system=asked.system)
    if config.origin("think") in ("--think", "--set"):
        terms = replace(terms, params=replace(terms.params, think=asked.params.think))
    return terms


def _default_model(config: Config, registry: ProviderRegistry, keys: Credentials) -> ModelRef | Failure | None:
    """The model of a new chat: the one that is set, else the first configured provider's own default."""
    if config.settings.model:
        return registry.resolve(config.settings.model)
    first = (p for p in config.providers.values() if p.model and _may_be_default(p) and keys.has_key(p))
    return next((ModelRef(p.name, p.model) for p in first), None)


def _may_be_default(profile: ProviderConfig) -> bool:
    """Whether a provider may be chosen unasked: one of the user's own file, or one of the three vendors."""
    return bool(profile.base_urls) and (profile.source != "built in" or profile.name in _VENDORS)


def _no_key() -> Failure:
    return Failure(
        FailureKind.NO_KEY,
        safe_format("No API key."),
        safe_format("Set OPENAI_API_KEY (or ANTHROPIC_API_KEY, GEMINI_API_KEY), or run termchat alone for a guide."),
    )
