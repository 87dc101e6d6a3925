"""The checks of a diagnosis, except for those of the terminal."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from termchat.config.paths import tilde_path
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ApiProtocol, Check, CheckState, ModelInfo, ProviderConfig
from termchat.core.redact import redact_url
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.system.installation import install_command

if TYPE_CHECKING:
    from termchat.config.credentials import Credentials
    from termchat.config.load import Config
    from termchat.providers.check import Asked, Listing, ProviderChecks

OPTIONAL_PACKAGES = {  # extra -> its package
    "acp": "agent-client-protocol",
    "images": "pillow",
    "keyring": "keyring",
    "mcp": "mcp",
    "pdf": "pypdf",
    "serve": "uvicorn",
    "tools": "shfmt-py",
}
_NOT_TRIED = safe_format("not tried: it costs tokens (--full; in a chat: /doctor full)")
_KEY_KINDS = (FailureKind.AUTH, FailureKind.NO_KEY, FailureKind.PERMISSION)
_REACHED = (*_KEY_KINDS, FailureKind.QUOTA, FailureKind.RATE_LIMITED, FailureKind.OVERLOADED, FailureKind.SERVER)


def configured_providers(providers: Iterable[ProviderConfig], keys: Credentials) -> list[ProviderConfig]:
    """Return the providers that are the user's own or have a key; a preset of a local server is neither."""
    return [
        provider
        for provider in providers
        if provider.base_urls
        and ApiProtocol.DEMO not in provider.base_urls
        and (provider.source != "built in" or (not provider.local and keys.has_key(provider)))
    ]


async def models_to_ask(
    providers: Sequence[ProviderConfig], checks: ProviderChecks
) -> Sequence[tuple[ProviderConfig, str]]:
    """Return each provider with the model that a full diagnosis asks: its default one, else the first it lists."""
    found: list[tuple[ProviderConfig, str]] = []
    for provider in providers:
        model = provider.model
        if not model:
            listing = await checks.list_models(provider, next(iter(provider.base_urls)))
            model = listing.models[0].ref.model if listing.models else ""
        if model:
            found.append((provider, model))
    return found


async def all_checks(
    config: Config,
    env: Mapping[str, str],
    keys: Credentials,
    providers: Sequence[ProviderConfig],
    checks: ProviderChecks,
    *,
    full: bool,
) -> AsyncIterator[Check]:
    """Yield all findings; with `full` also those of requests that cost tokens."""
    for check in _configuration(config, env):
        yield check
    if not providers:
        words = safe_format("none has a key")
        step = safe_format("Set one up: termchat login, or /login in a chat.")
        yield Check("provider", "", "provider", CheckState.WARNING, words, step)
    for provider in providers:
        async for check in _provider(provider, keys, checks, full=full):
            yield check
    for check in await asyncio.to_thread(_storage, config, env):
        yield check
    for check in await asyncio.to_thread(_reports, env):
        yield check
    for check in await _extras():
        yield check


# The configuration


def _configuration(config: Config, env: Mapping[str, str]) -> Iterator[Check]:
    file, shown = config.file, tilde_path(str(config.file), env)
    if not file.exists():
        yield Check("config", shown, "file", CheckState.OK, safe_format("does not exist, which is fine"))
    else:
        yield Check("config", shown, "file", CheckState.OK, safe_format("read without a mistake"))
    if os.name == "posix" and file.exists():
        mode = file.stat().st_mode & 0o777
        state = CheckState.WARNING if mode & 0o022 else CheckState.OK
        step = safe_format("Run: chmod 600 {file}", file=safe_line(shown)) if state is CheckState.WARNING else EMPTY
        yield Check("config", shown, "mode", state, safe_format("mode {mode}", mode=Safe(f"{mode:o}")), step)
    for note in config.notes:
        yield Check("config", shown, "note", CheckState.WARNING, note)


# A provider


async def _provider(
    config: ProviderConfig, keys: Credentials, checks: ProviderChecks, *, full: bool
) -> AsyncIterator[Check]:
    """Yield the findings about a provider: key, reach, models, and what a reply shows."""
    from termchat.providers.sdk.lazy_import import load_on_thread

    key = await load_on_thread(lambda: keys.key(config))
    if isinstance(key, Failure):
        yield _check(config, "key", CheckState.FAILED, key.message, key.hint)
        for name in ("reach", "models"):
            yield _check(config, name, CheckState.SKIPPED, safe_format("not tried without a key"))
        return
    listings = [await checks.list_models(config, protocol) for protocol in _distinct(config)]
    for listing in listings:
        yield _reach(config, listing)
    yield await _key(config, keys, checks, listings, key)
    models = sorted({info.ref: info for listing in listings for info in listing.models}.values(), key=_name)
    yield _models(config, listings, models)
    usable = any(listing.failure is None for listing in listings)
    if not (full and usable):
        for name in ("stream", "usage", "tools", "images"):
            yield _known(config, name, models)
        return
    model = config.model or (models[0].ref.model if models else "")
    async for check in _requests(config, checks, model):
        yield check


def _reach(config: ProviderConfig, listing: Listing) -> Check:
    """Return the finding about one base URL."""
    where = safe_line(redact_url(config.base_urls[listing.protocol]))
    took = Safe(f"{listing.seconds:.1f}")
    if listing.failure is None or listing.failure.kind in _REACHED:
        return _check(config, "reach", CheckState.OK, safe_format("{base}, {s} s", base=where, s=took))
    if listing.failure.kind in (FailureKind.NOT_FOUND, FailureKind.BAD_REQUEST):
        words = safe_format("{base} answers, but lists no models", base=where)
        return _check(config, "reach", CheckState.WARNING, words, listing.failure.hint)
    step = listing.failure.hint
    if config.local:
        step = safe_format("Start {title}, or change its address.", title=safe_line(config.title))
    return _check(config, "reach", CheckState.FAILED, listing.failure.message, step)


async def _key(
    config: ProviderConfig, keys: Credentials, checks: ProviderChecks, listings: Sequence[Listing], key: str
) -> Check:
    """Return the finding about the key."""
    source = keys.source(config) if config.key else EMPTY
    refused = next((x.failure for x in listings if x.failure and x.failure.kind in _KEY_KINDS), None)
    if refused:
        step = safe_format("Set another key: termchat login {name}", name=safe_line(config.name))
        return _check(config, "key", CheckState.FAILED, refused.message, step)
    if not key:
        return _check(config, "key", CheckState.OK, safe_format("none, and none is needed"))
    spent = next((x.failure for x in listings if x.failure and x.failure.kind is FailureKind.QUOTA), None)
    if spent:
        return _check(config, "key", CheckState.FAILED, spent.message, spent.hint)
    works = next((x for x in listings if x.failure is None), None)
    if works is None:
        return _check(config, "key", CheckState.SKIPPED, safe_format("from {source}; not proved", source=source))
    if not config.local and await checks.lists_without_key(config, works.protocol):
        words = safe_format("from {source}; the open list of models does not prove it", source=source)
        return _check(config, "key", CheckState.SKIPPED, words)
    return _check(config, "key", CheckState.OK, safe_format("from {source}, accepted", source=source))


def _models(config: ProviderConfig, listings: Sequence[Listing], models: Sequence[ModelInfo]) -> Check:
    """Return the finding about the list of models and the default model."""
    if not any(listing.failure is None for listing in listings):
        return _check(config, "models", CheckState.SKIPPED, safe_format("not known"))
    number = safe(str(len(models)))
    if not models:
        return _check(config, "models", CheckState.WARNING, safe_format("the list is empty"), _no_model(config))
    words = safe_format("{n} listed", n=number)
    if not config.model:
        return _check(config, "models", CheckState.OK, words)
    default = safe_line(config.model)
    if any(info.ref.model == config.model for info in models):
        return _check(config, "models", CheckState.OK, safe_format("{words}, the default {model} among them",
                                                                    words=words, model=default))  # fmt: skip
    words = safe_format("{words}, but not the default {model}", words=words, model=default)
    return _check(config, "models", CheckState.WARNING, words, _no_model(config))


def _no_model(config: ProviderConfig) -> Safe:
    name = safe_line(config.name)
    return safe_format('Set model = "..." in [providers.{name}]; termchat models lists the names.', name=name)


def _known(config: ProviderConfig, name: str, models: Sequence[ModelInfo]) -> Check:
    """Return what the listing says about an ability."""
    info = next((info for info in models if info.ref.model == config.model), None)
    if info and name in info.lacks:
        model = safe_line(info.ref.model)
        return _check(config, name, CheckState.WARNING, safe_format("{model} takes none, by the list", model=model))
    return _check(config, name, CheckState.SKIPPED, _NOT_TRIED)


async def _requests(config: ProviderConfig, checks: ProviderChecks, model: str) -> AsyncIterator[Check]:
    """Yield the findings of three small requests."""
    if not model:
        yield _check(config, "stream", CheckState.SKIPPED, safe_format("no model to ask"), _no_model(config))
        return
    shown = safe_line(model)
    asked = await checks.ask(config, model)
    if asked.failure:
        yield _check(config, "stream", CheckState.FAILED, asked.failure.message, asked.failure.hint)
        for name in ("usage", "tools", "images"):
            yield _check(config, name, CheckState.SKIPPED, safe_format("not tried without a reply"))
        return
    took = Safe(f"{asked.seconds:.1f}")
    yield _check(config, "stream", CheckState.OK, safe_format("{model} replies, {s} s", model=shown, s=took))
    yield _usage(config, asked)
    called = await checks.ask_for_call(config, model)
    yield _ability(config, "tools", called, works=called.called, otherwise=safe_format("the model called no tool"))
    seen = await checks.ask_about_image(config, model)
    yield _ability(config, "images", seen, works=not seen.dropped, otherwise=safe_format("the model takes none"))


def _usage(config: ProviderConfig, asked: Asked) -> Check:
    if asked.usage is None or asked.usage.estimated:
        words = safe_format("the server reports no token counts: they are estimated")
        return _check(config, "usage", CheckState.WARNING, words)
    sent, got = safe(str(asked.usage.input)), safe(str(asked.usage.output))
    return _check(config, "usage", CheckState.OK, safe_format("{sent} in, {got} out", sent=sent, got=got))


def _ability(config: ProviderConfig, name: str, asked: Asked, *, works: bool, otherwise: Safe) -> Check:
    if asked.failure:
        return _check(config, name, CheckState.WARNING, asked.failure.message)
    if not works:
        return _check(config, name, CheckState.WARNING, asked.dropped[0] if asked.dropped else otherwise)
    return _check(config, name, CheckState.OK, safe_format("yes"))


def _distinct(config: ProviderConfig) -> list[ApiProtocol]:
    """Return the protocols with listings of their own: both of OpenAI list the same models."""
    found: dict[tuple[str, bool], ApiProtocol] = {}
    for protocol, base in config.base_urls.items():
        found.setdefault((base, protocol in (ApiProtocol.CHAT, ApiProtocol.RESPONSES)), protocol)
    return list(found.values())


def _name(info: ModelInfo) -> str:
    return info.ref.model


def _check(config: ProviderConfig, name: str, state: CheckState, words: Safe, step: Safe = EMPTY) -> Check:
    return Check("provider", config.name, name, state, words, step)


# The chats, the extras and the sandbox


def _storage(config: Config, env: Mapping[str, str]) -> list[Check]:
    """Return the findings about the database of chats."""
    from termchat.store.sqlite.integrity import integrity

    file = config.paths.data / "termchat.db"
    shown = tilde_path(str(file), env)
    if not file.exists():
        return [Check("storage", shown, "database", CheckState.OK, safe_format("does not exist yet"))]
    problem = integrity(file)
    if problem:
        step = safe_format("The next start recovers what can be read, and keeps the damaged file.")
        return [Check("storage", shown, "database", CheckState.FAILED, safe_line(problem), step)]
    size = safe(f"{file.stat().st_size / 1e6:.1f}")
    return [Check("storage", shown, "database", CheckState.OK, safe_format("sound, {size} MB", size=size))]


def _reports(env: Mapping[str, str]) -> list[Check]:
    """Return the finding about the newest report of an internal error, none without one."""
    from termchat.app.diagnosis.error_reports import saved_reports

    try:
        newest = next(iter(saved_reports(env)), None)
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(newest.stat().st_mtime)) if newest else ""
    except OSError:
        return []
    if newest is None:
        return []
    words = safe_format("an internal error of {when}", when=safe_line(when))
    step = safe_format("Attach the file to a bug report, then remove it.")
    return [Check("reports", tilde_path(str(newest), env), "newest", CheckState.WARNING, words, step)]


async def _extras() -> list[Check]:
    """Return the findings about optional packages and the sandbox."""
    from termchat.tools.process.sandbox import detect_sandbox

    found: list[Check] = []
    missing: list[str] = []
    for extra, package in OPTIONAL_PACKAGES.items():
        try:
            number = safe_line(version(package))
            found.append(Check("extras", extra, "installed", CheckState.OK, safe_format("yes, {n}", n=number)))
        except PackageNotFoundError:
            missing.append(extra)
    for extra in missing:
        command = install_command(",".join(missing)) if extra == missing[-1] else EMPTY  # once, for all
        found.append(Check("extras", extra, "installed", CheckState.SKIPPED, safe_format("no"), command))
    sandbox = await detect_sandbox()
    if sandbox:
        words = safe_format("commands run in {program}", program=safe_line(sandbox.program))
        found.append(Check("extras", "sandbox", "works", CheckState.OK, words))
    else:
        words = safe_format("none works here: every command asks before it runs")
        step = safe_format("Install bubblewrap, on Linux.")
        found.append(Check("extras", "sandbox", "works", CheckState.WARNING, words, step))
    return found
