"""Build the parts of one run: providers, tools, prices, chat store and session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from termchat.app.build_tools import build_tools, idle_saved_rules
from termchat.app.guide import GuideProvider, running_local_servers
from termchat.app.options import Options
from termchat.app.roles import begin_role, resumed_in_role
from termchat.app.secrets import PromptCheck, RedactedCredentials, add_known_secrets
from termchat.app.setup import AppSetup
from termchat.config.credentials import Credentials
from termchat.config.load import Config
from termchat.config.paths import user_path
from termchat.config.settings import Unpriced
from termchat.core.approval import ToolLimits
from termchat.core.chat_store import Resumed
from termchat.core.chats import Location
from termchat.core.errors import Failure, FailureKind, bug_reporting, error_reason
from termchat.core.messages import Message
from termchat.core.models import ModelRef, ProviderConfig
from termchat.core.redact import Redactor
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.core.session import TurnSettings
from termchat.late_dataclass import dataclass
from termchat.ui.stderr import report_stray_errors

if TYPE_CHECKING:
    from termchat.engine.session import ChatSession
    from termchat.engine.turn import TurnConfig
    from termchat.providers.registry import ProviderRegistry
    from termchat.store.chat_store import SqliteChatStore

DEMO = ModelRef("demo", "tour")
_VENDORS = ("openai", "anthropic", "gemini")


@dataclass(frozen=True, slots=True)
class App:
    """The parts of a run.

    first        the model of new chats
    turn         the configuration of turns
    find_secret  returns a sentence about a key in a message, EMPTY without one
    resumed      the chat that the run continues, if any
    setup        what /login and /doctor need
    """

    config: Config
    registry: ProviderRegistry
    session: ChatSession
    first: ModelRef
    turn: TurnConfig
    find_secret: Callable[[Message], Safe]
    resumed: Resumed | None = None
    setup: AppSetup | None = None


OnNotice = Callable[[Failure], None]


@asynccontextmanager
async def build_app(
    config: Config, env: Mapping[str, str], options: Options, on_notice: OnNotice
) -> AsyncGenerator[App | Failure]:
    """Build the app, or yield the failure that prevents it; close every part at the end.

    `on_notice` is called with each failure to save, or to write the recording.
    """
    from termchat.engine.session import ChatSession

    if options.record and (failure := _claim_recording(options.record)):
        yield failure
        return
    redact = Redactor(shapes=False)
    _report_bugs(config, env, redact)
    keys = RedactedCredentials(env, redact)
    registry = open_registry(config, env, keys, options)
    turn_config = _turn_config(config, registry, env, options, keys)
    if isinstance(turn_config, Failure):
        yield turn_config
        return
    saved = options.saved and (not options.dry_run or options.chat or options.last)
    open_saved = (lambda: open_store(config, env, on_notice, redact)) if saved else None
    session = ChatSession(
        turn_config,
        open_saved,
        current_location(options.directory),
        one_shot=not options.person,
        open_shared=lambda: open_store(config, env, on_notice, redact),
    )
    notices = asyncio.create_task(_report_idle_rules(config, turn_config, options, on_notice))
    try:
        if not options.person:
            await notices
        resumed = await _resume_chat(session, config, options)
        find_secret = PromptCheck(config, env, redact, lambda: session.chat_store is not None, person=options.person)
        setup = AppSetup(config, env, keys, registry, (redact,))
        app = App(config, registry, session, turn_config.model, turn_config, find_secret, setup=setup)
        yield resumed if isinstance(resumed, Failure) else replace(app, resumed=resumed)
    finally:
        notices.cancel()
        trouble = await session.close()
        if trouble:
            on_notice(trouble)
        if turn_config.tools:
            await turn_config.tools.close()
        try:
            await registry.aclose()
        except OSError as error:
            on_notice(_incomplete_recording(options.record, error))


def _report_bugs(config: Config, env: Mapping[str, str], redact: Redactor) -> None:
    """Write a report of every internal error from now on."""

    def write(error: BaseException) -> Safe:
        from termchat.app.diagnosis.error_reports import ErrorReports

        add_known_secrets(redact, config, env)
        reports = bug_reporting.write = ErrorReports(env, config, redact).write
        return reports(error)

    bug_reporting.write = write
    report_stray_errors()


async def _report_idle_rules(config: Config, turn: TurnConfig, options: Options, on_notice: OnNotice) -> None:
    """Report the rules of the config file that have no effect; a person does not wait for it."""
    settings = config.settings
    if turn.tools is None or options.quiet or not (settings.deny or settings.ask or settings.allow):
        return
    from termchat.tools.toolbox import Toolbox

    if isinstance(turn.tools, Toolbox):
        for failure in await asyncio.to_thread(idle_saved_rules, config, turn.tools):
            on_notice(failure)


def open_store(
    config: Config, env: Mapping[str, str], on_notice: OnNotice, redact: Redactor | None = None
) -> SqliteChatStore:
    """Open the chat store of a configuration; known keys are masked in everything it writes."""
    from termchat.store.chat_store import SqliteChatStore

    redact = redact or Redactor(shapes=False)
    add_known_secrets(redact, config, env)
    return SqliteChatStore(config.paths.data / "termchat.db", on_notice, redact=redact)


def _claim_recording(name: str) -> Failure | None:
    """Create the file of a recording before anything is sent; return the failure, if any."""
    from termchat.providers.http.recording import claim_recording

    try:
        claim_recording(user_path(name))
    except FileExistsError:
        words = safe_format("{name} exists and is not overwritten.", name=safe_line(name))
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Remove it, or choose another file for --record."))
    except OSError as error:
        words = safe_format("Cannot record to {name}: {why}.", name=safe_line(name), why=error_reason(error))
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Choose another file for --record."))
    return None


def _incomplete_recording(name: str, error: OSError) -> Failure:
    why = error_reason(error)
    words = safe_format("The recording {name} is incomplete: {why}.", name=safe_line(name), why=why)
    return Failure(FailureKind.STORAGE, words, safe_format("Remove it, and choose another file for --record."))


def current_location(directory: str = "") -> Location:
    """The current terminal and directory, or another one; the directory is "" if it was deleted."""
    from termchat.store.processes import controlling_terminal

    try:
        return Location(controlling_terminal(), directory or str(Path.cwd()))
    except OSError:  # the directory is gone
        return Location(controlling_terminal())


def alternatives_to_demo(config: Config, keys: Credentials) -> Iterator[str]:
    """Yield the models with a key and the running servers on this machine, which can replace the demo."""
    yield from models_with_key(config, keys)
    yield from running_local_servers(config.providers.values())


def models_with_key(config: Config, keys: Credentials) -> Iterator[str]:
    """Yield the default model of each provider that has a key."""
    profiles = config.providers.values()
    return (f"{p.name}/{p.model}" for p in profiles if p.model and p.base_urls and not p.local and keys.has_key(p))


def providers_without_model(config: Config, keys: Credentials) -> list[str]:
    """Return the names of the providers in the user's configuration that have a key but no default model."""
    profiles = config.providers.values()
    return [p.name for p in profiles if not p.model and p.source != "built in" and p.base_urls and keys.has_key(p)]


def open_registry(config: Config, env: Mapping[str, str], keys: Credentials, options: Options) -> ProviderRegistry:
    """Return the providers of a run. Nothing is connected yet."""
    from termchat.config.providers import installed_provider
    from termchat.providers.http.retry import RetryPolicy
    from termchat.providers.installed import InstalledProviders
    from termchat.providers.registry import ProviderRegistry, RegistryConfig

    return ProviderRegistry(
        RegistryConfig(
            config.providers,
            keys,
            offline={DEMO.provider: GuideProvider(env, lambda: alternatives_to_demo(config, keys))},
            aliases=config.aliases,
            favourites=config.favourites,
            timeouts=config.settings.timeouts,
            policy=RetryPolicy(config.settings.max_retries, options.paced),
            fallback=_fallback_chains(config),
            record=user_path(options.record) if options.record else None,
            installed=InstalledProviders(installed_provider),
            cache=config.paths.cache / "models.json",
            one_shot=not (options.person or options.dry_run),  # it connects early
        )
    )


def _turn_config(
    config: Config,
    registry: ProviderRegistry,
    env: Mapping[str, str],
    options: Options,
    keys: RedactedCredentials,
) -> TurnConfig | Failure:
    from termchat.engine.turn import TurnConfig
    from termchat.providers.catalog.prices import PriceTable

    settings = config.settings
    model = default_model(config, registry, keys)
    if model is None and (options.person or options.chat or options.last):
        model = DEMO
    if model is None:
        model = no_default_model(config, keys, registry)
    if isinstance(model, Failure):
        return model
    tools = build_tools(config, env, options, keys=keys, learn=keys.learn)
    if isinstance(tools, Failure):
        return tools
    explicit = config.origin("think") in ("--think", "--set")
    effort = registry.effort(settings.model) if settings.model and not explicit else None
    prices = PriceTable(registry.providers)  # those of later logins, too
    made = TurnConfig(
        model,
        registry,
        tools,
        prices if options.priced or settings.max_cost or settings.max_cost_day else None,
        system=settings.system,
        params=replace(settings.params, schema=options.json_schema, think=effort or settings.params.think),
        timeouts=settings.timeouts,
        own_timeouts={p.name: p.timeouts for p in config.providers.values() if p.timeouts},
        max_rounds=settings.max_rounds,
        tool_limits=ToolLimits(settings.max_calls, seconds=settings.tool_timeout),
        max_cost=settings.max_cost,
        max_cost_day=settings.max_cost_day,
        fit=settings.fit,
        unpriced=settings.unpriced is Unpriced.ALLOW,
        budget_prices=prices,
    )
    if options.unroled is None:
        return made
    usual = default_model(replace(config, settings=options.unroled), registry, keys)
    return begin_role(made, options, usual if isinstance(usual, ModelRef) else model)


def _fallback_chains(config: Config) -> Mapping[ModelRef, tuple[str, ...]]:
    """The fallback models of each model, aliases resolved."""
    named = ((ModelRef.parse(config.aliases.get(name, name)), others) for name, others in config.fallback.items())
    return {ref: others for ref, others in named if ref}


async def _resume_chat(session: ChatSession, config: Config, options: Options) -> Resumed | Failure | None:
    """Resume the requested chat in the session; explicit options take precedence over the chat's own settings."""
    store = session.chat_store if options.chat or options.last else None
    if store is None:
        return None
    if options.last and not session.location.terminal:
        words = safe_format("-c continues the last chat of a terminal, but there is no terminal.")
        return Failure(
            FailureKind.BAD_CONFIG,
            words,
            safe_format("Use --chat to continue a chat; `termchat chats` lists all chats."),
        )
    found = await store.find(options.chat) if options.chat else await store.last(session.location)
    if isinstance(found, Failure):
        return found
    if found is None and options.person:
        return None  # the front end says so and begins a new chat
    if found is None:
        words = safe_format("There is no chat to continue in this directory.")
        return Failure(
            FailureKind.NOT_FOUND,
            words,
            safe_format("Use --chat to continue another chat; `termchat chats` lists all chats."),
        )
    asked = session.settings
    resumed = await session.resume(found.id)
    if (
        not isinstance(resumed, Failure)
        and _apply_explicit_options(config, asked, session.settings) != session.settings
    ):
        session.update_settings(lambda settings: _apply_explicit_options(config, asked, settings), lasting=False)
    return resumed


def _apply_explicit_options(config: Config, asked: TurnSettings, settings: TurnSettings) -> TurnSettings:
    """The settings of a chat, overridden by those given on the command line or in the environment."""
    if config.origin("model") in ("--model", "--set", "TERMCHAT_MODEL"):
        settings = replace(settings, model=asked.model)
        if asked.params.think != config.settings.params.think:  # the name of the model ends in an effort
            settings = replace(settings, params=replace(settings.params, think=asked.params.think))
    if config.origin("system") in ("--system", "--set"):
        settings = replace(settings, system=asked.system)
    if config.origin("think") in ("--think", "--set"):
        settings = replace(settings, params=replace(settings.params, think=asked.params.think))
    if config.origin("max_cost") in ("--max-cost", "--set") and asked.max_cost:  # a script has a limit of its run
        settings = replace(settings, max_cost=asked.max_cost)
    return resumed_in_role(config, asked, settings)


def default_model(config: Config, registry: ProviderRegistry, keys: Credentials) -> ModelRef | Failure | None:
    """The model of a new chat: the configured one, else the default of the first provider that has a key."""
    if config.settings.model:
        return registry.resolve(config.settings.model)
    return first_model_with_key(config, keys)


def first_model_with_key(config: Config, keys: Credentials) -> ModelRef | None:
    """Return the default model of the first provider that has a key and may be the default."""
    first = (p for p in config.providers.values() if p.model and _may_be_default(p) and keys.has_key(p))
    return next((ModelRef(p.name, p.model) for p in first), None)


def _may_be_default(provider: ProviderConfig) -> bool:
    """True if a provider may be the default: it is in the user's own file, or one of the three vendors."""
    return bool(provider.base_urls) and (provider.source != "built in" or provider.name in _VENDORS)


def no_default_model(config: Config, keys: Credentials, registry: ProviderRegistry) -> Failure:
    """Return the failure of a run without any model: no key, or a provider with a key but no default model."""
    open_providers = providers_without_model(config, keys)
    return _no_model(open_providers[0], registry) if open_providers else _no_key()


def _no_model(provider: str, registry: ProviderRegistry) -> Failure:
    """Return the failure of a provider that has a key but no default model, with a model of its cached listing."""
    known = next((str(ref) for ref in registry.known_models() if ref.provider == provider), f"{provider}/MODEL")
    return Failure(
        FailureKind.BAD_CONFIG,
        safe_format("No model is chosen for {name}.", name=safe_line(provider)),
        safe_format(
            'Use -m {known}, or set model = "{known}" in config.toml; termchat models lists the models.',
            known=safe_line(known),
        ),
    )


def _no_key() -> Failure:
    return Failure(
        FailureKind.NO_KEY,
        safe_format("No API key."),
        safe_format("Set OPENAI_API_KEY (or ANTHROPIC_API_KEY, GEMINI_API_KEY), or run: termchat login"),
    )
