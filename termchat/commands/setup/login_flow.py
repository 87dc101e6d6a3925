"""The login: choose a provider, enter its key, try both, keep the key, go on with a model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from termchat.commands.setup.choose_provider import ProviderQuestions, ask_base_url
from termchat.commands.setup.keep_key import KeyPlaces
from termchat.commands.setup.outcome_words import Suspect, outcome_words, price_words
from termchat.commands.setup.pasted_key import read_pasted_key
from termchat.commands.setup.ports import Dialog, DialogCancelledError, ListingResult, Setup, TextQuestion
from termchat.config.credentials import is_reference, source_words, variables_of
from termchat.config.stored_keys import write_provider
from termchat.core.effects import Choice, Effect, Print, UseModel
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ApiProtocol, ModelInfo, ModelRef, ProviderConfig
from termchat.core.redact import mask, redact_url
from termchat.core.sanitize import EMPTY, Safe, counted, join, safe, safe_format, safe_line
from termchat.core.style import TextRole

_OPENAI = (ApiProtocol.CHAT, ApiProtocol.RESPONSES)  # both list the same models


async def run_login(dialog: Dialog, setup: Setup, name: str, *, at_once: bool = False) -> Sequence[Effect]:
    """Set up a provider with the user; return the effects that go on with the chosen model.

    name      the provider, "" to choose one
    at_once   ask only for the model; for a server on this machine
    """
    login = LoginDialogue(dialog, setup)
    try:
        return await login.run(name, at_once=at_once)
    except DialogCancelledError:
        words = safe_format("Stopped.") if login.in_use else safe_format("Stopped; nothing was changed.")
        return (Print(words),)


class LoginDialogue:
    """One login; `in_use` is True once the provider can be used in this run."""

    def __init__(self, dialog: Dialog, setup: Setup) -> None:
        self._dialog = dialog
        self._setup = setup
        self._pasted = False  # the key itself was entered, not its source
        self._keyless = False  # the last trial sent no key
        self._models: list[ModelInfo] = []
        self._failures: list[tuple[ApiProtocol, Failure]] = []
        self.in_use = False

    async def run(self, name: str, *, at_once: bool) -> Sequence[Effect]:
        """Set up a provider as `run_login` does. Raises DialogCancelledError."""
        questions = ProviderQuestions(self._dialog, self._setup)
        config = await questions.choose(name)
        if not at_once:
            config = await self._ask_key(config)
        while not await self._tried(config, at_once=at_once):
            changed = await self._corrected(config)
            if changed is None:
                break
            config = changed
        if not at_once:
            config = await self._keep(config)
        else:
            config = replace(config, source="this run")
        self._setup.use(config, self._models)
        self.in_use = True
        return await self._choose_model(config, at_once=at_once)

    # The key

    async def _ask_key(self, config: ProviderConfig) -> ProviderConfig:
        """Return the provider with its key: that of the environment, or the entered one."""
        if config.local and not (config.key.startswith("env:") and self._setup.has_key(replace(config, local=False))):
            return config  # a server on this machine rarely asks for one; if it does, the correction asks
        found = next((name for name in variables_of(config.key) if self._setup.is_set(name)), "")
        if found:
            rows = (
                Choice(safe_format("Use {name}", name=safe_line(found)), safe_format("it is set in the environment")),
                Choice(safe_format("Enter another key")),
            )
            if await self._dialog.choose(safe_format("Key of {name}", name=safe_line(config.title)), rows) == 0:
                self._pasted = False
                return config
        return await self._enter_key(config)

    async def _enter_key(self, config: ProviderConfig) -> ProviderConfig:
        page = safe_line(config.key_page)
        help_ = [safe_format("Make a key at {page}", page=page)] if page else []
        help_ += [
            safe_format("Paste it here: it is never shown, and not saved with the chat."),
            safe_format("Or name its source: env:NAME, cmd:COMMAND, file:PATH or keyring:NAME."),
        ]
        while True:
            question = TextQuestion(
                safe_format("Key of {name}", name=safe_line(config.title)), tuple(help_), secret=True
            )
            entered = read_pasted_key(await self._dialog.ask(question))
            if entered.problem:
                self._dialog.show(entered.problem, TextRole.WARNING)
                continue
            if entered.removed:
                self._dialog.show(entered.removed)
            self._pasted = not is_reference(entered.key)
            if self._pasted:
                self._setup.hide(entered.key)
                length, end = safe(str(len(entered.key))), safe_line(mask(entered.key))
                self._dialog.show(safe_format("Key {mask}, {n} characters", mask=end, n=length))
            else:
                self._dialog.show(safe_format("Key from {source}", source=source_words(entered.key)))
            return replace(config, key=entered.key, source="this run")

    # The trial

    async def _tried(self, config: ProviderConfig, *, at_once: bool) -> bool:
        """Try the provider and report each finding; return False if something must be corrected."""
        self._failures, self._keyless = [], False
        if isinstance(key := await self._key_of(config), Failure):
            self._report(config, next(iter(config.base_urls)), key)
            return False
        self._keyless = not key
        listed: list[ListingResult] = []
        for protocol in _distinct(config):
            where = safe_line(redact_url(config.base_urls[protocol]))
            words = safe_format("asking {base} for its models", base=where)
            listed.append(await self._dialog.wait(words, self._setup.list_models(config, protocol)))
        self._models = _joined(listed)
        refused = [found for found in listed if found.failure and _is_serious(found.failure, listed)]
        for found in listed:
            self._report_listing(config, found, serious=found in refused)
        if refused:
            return False
        return at_once or config.local or await self._asked(config, listed)

    async def _key_of(self, config: ProviderConfig) -> str | Failure:
        """Read the key from its source, which may be a command."""
        if not is_reference(config.key) or config.key.startswith("env:"):
            return await self._setup.run_command(config)
        words = safe_format("reading the key from {source}", source=source_words(config.key))
        key = await self._dialog.wait(words, self._setup.run_command(config))
        if isinstance(key, str):
            self._setup.hide(key)
        return key

    def _report_listing(self, config: ProviderConfig, found: ListingResult, *, serious: bool) -> None:
        if found.failure is None:
            where = safe_line(redact_url(config.base_urls[found.protocol]))
            what, seconds = counted(len(found.models), "model"), Safe(f"{found.seconds:.1f}")
            line = safe_format("✓ {base}: {what}, {s} s", base=where, what=what, s=seconds)
            self._dialog.show(line, TextRole.SUCCESS)
        elif serious:
            self._report(config, found.protocol, found.failure)
        else:
            protocol = safe(found.protocol.value)
            words = safe_format("! {protocol} lists no models here; only a request will tell.", protocol=protocol)
            self._dialog.show(words, TextRole.WARNING)

    def _report(self, config: ProviderConfig, protocol: ApiProtocol, failure: Failure) -> None:
        found = outcome_words(failure, config, keyless=self._keyless)
        self._failures.append((protocol, failure))
        self._dialog.show(safe_format("✗ {words}", words=found.words), TextRole.ERROR)
        if found.step:
            self._dialog.show(safe_format("  {step}", step=found.step))

    async def _asked(self, config: ProviderConfig, listed: Sequence[ListingResult]) -> bool:
        """Offer a small request to a model of each protocol; return False if one failed and must be corrected."""
        models = _models_to_ask(config, self._models)
        if not models:
            return True
        proof = next((found.protocol for found in listed if found.failure is None), None)
        public = proof is None or await self._dialog.wait(
            safe_format("asking whether the list needs a key"), self._setup.lists_without_key(config, proof)
        )
        if public:
            words = safe_format("The list of models is open to anyone, so it does not prove the key.")
            self._dialog.show(words, TextRole.WARNING)
        price = price_words(await self._setup.price(config, models), config)
        names = safe_line(" and ".join(models))
        rows = (
            Choice(safe_format("No"), safe_format("the first message will tell") if public else EMPTY),
            Choice(safe_format("Yes, ask for one word"), safe_format("{price} · {names}", price=price, names=names)),
        )
        if await self._dialog.choose(safe_format("Try a reply too? It costs {price}", price=price), rows) == 0:
            return True
        for model in models:
            asked = await self._dialog.wait(
                safe_format("asking {model} for one word", model=safe_line(model)), self._setup.ask(config, model)
            )
            protocol = config.protocol_for(model) or next(iter(config.base_urls))
            if asked.failure:
                self._report(config, protocol, asked.failure)
            else:
                took = Safe(f"{asked.seconds:.1f}")
                done = safe_format("✓ {model} replies, {s} s", model=safe_line(model), s=took)
                self._dialog.show(done, TextRole.SUCCESS)
        return not self._failures

    # The correction

    async def _corrected(self, config: ProviderConfig) -> ProviderConfig | None:
        """Ask what to change after a failed trial; return the changed provider, None to keep it as it is.

        A server that only wants a key is given one without a question in between.
        """
        protocol, failure = self._failures[0]
        suspect = outcome_words(failure, config).suspect
        if suspect is Suspect.KEY and self._keyless:
            return await self._enter_key(config)
        key = Choice(safe_format("Enter another key"))
        again = Choice(safe_format("Try again"))
        keep = Choice(safe_format("Keep it as it is"), safe_format("and go on"))
        urls = {p: Choice(words, _url(config, p)) for p, words in _base_url_words(config).items()}
        ordered = [key, *urls.values(), again, keep]
        first = {
            Suspect.KEY: key,
            Suspect.ADDRESS: urls.get(protocol, key),
            Suspect.CONNECTION: urls.get(protocol, again) if config.local else again,
            Suspect.ACCOUNT: keep,
            Suspect.SERVER: again,
        }[suspect]
        rows = (first, *(row for row in ordered if row is not first))
        chosen = rows[await self._dialog.choose(safe_format("What should be changed?"), rows)]
        if chosen is key:
            return await self._enter_key(config)
        for changed, row in urls.items():
            if chosen is row:
                return await ask_base_url(self._dialog, config, changed)
        return None if chosen is keep else config

    # The place of the key, and the model

    async def _keep(self, config: ProviderConfig) -> ProviderConfig:
        """Ask where the key is to be kept, and write the provider to the config file."""
        places = KeyPlaces(self._dialog, self._setup)
        key = await places.choose(config) if self._pasted else config.key
        if key is None:
            self._dialog.show(safe_format("The key is kept for this run only."))
            return replace(config, source="this run")
        row = self._changes(config, key)
        if not row:
            before = self._setup.kept.get(config.name, config).source
            return replace(config, source=before if before != "built in" else "this run")
        if failure := await asyncio.to_thread(write_provider, self._setup.file, config.name, row):
            self._dialog.show(failure.message, TextRole.ERROR)
            self._dialog.show(safe_format("The key is kept for this run only."))
            return replace(config, source="this run")
        mode = safe_format(", which only you can read") if key == config.key and self._pasted else EMPTY
        words = safe_format("Saved in {file}{mode}.", file=_home(self._setup.file.as_posix()), mode=mode)
        self._dialog.show(words)
        return replace(config, source=str(self._setup.file))

    def _changes(self, config: ProviderConfig, key: str) -> dict[str, object]:
        """Return the fields of `[providers.NAME]` that differ from what is kept, with this key."""
        before = self._setup.kept.get(config.name)
        row: dict[str, object] = {}
        if key and (before is None or key != before.key):
            row["key"] = key
        urls = before.base_urls if before else dict[ApiProtocol, str]()
        row |= {p.value: url for p, url in config.base_urls.items() if urls.get(p) != url}
        if before is None and config.route:
            row["route"] = {pattern: protocol.value for pattern, protocol in config.route.items()}
        if config.local and not row and before and before.source == "built in":
            row = {p.value: url for p, url in config.base_urls.items()}  # a table makes it one of the user's own
        return row

    async def _choose_model(self, config: ProviderConfig, *, at_once: bool) -> Sequence[Effect]:
        """Offer the models that were listed; return the effects that use the chosen one."""
        model = await self._ask_model(config, at_once=at_once)
        if not config.model and config.source == str(self._setup.file):
            await asyncio.to_thread(write_provider, self._setup.file, config.name, {"model": model})
            config = replace(config, model=model)
            self._setup.use(config, self._models)
        return _use(config, model)

    async def _ask_model(self, config: ProviderConfig, *, at_once: bool) -> str:
        names = [info.ref.model for info in self._models] or ([config.model] if config.model else [])
        if not names:
            question = TextQuestion(safe_format("Model"), (safe_format("The server lists no models. Enter a name."),))
            while not (model := (await self._dialog.ask(question)).strip()):
                pass
            return model
        if at_once and len(names) == 1:
            return names[0]
        infos = {info.ref.model: info for info in self._models}
        ordered = sorted(names, key=lambda name: name != config.model)
        rows = [Choice(safe_line(name), _facts(infos.get(name)), name=name) for name in ordered]
        return ordered[await self._dialog.choose(safe_format("Model"), rows)]


def _use(config: ProviderConfig, model: str) -> Sequence[Effect]:
    ref = ModelRef(config.name, model)
    return (UseModel(ref), Print(safe_format("→ {model}", model=safe_line(str(ref)))))


def _distinct(config: ProviderConfig) -> list[ApiProtocol]:
    """Return the protocols with listings of their own."""
    found: dict[tuple[str, bool], ApiProtocol] = {}
    for protocol, base in config.base_urls.items():
        found.setdefault((base, protocol in _OPENAI), protocol)
    return list(found.values())


def _joined(listed: Sequence[ListingResult]) -> list[ModelInfo]:
    models = {info.ref: info for found in listed for info in reversed(found.models)}
    return sorted(models.values(), key=lambda info: info.ref)


def _is_serious(failure: Failure, listed: Sequence[ListingResult]) -> bool:
    """Return True if the failure of a listing must be corrected.

    A gateway may list its models for one of its protocols only.
    """
    missing = failure.kind in (FailureKind.NOT_FOUND, FailureKind.BAD_RESPONSE, FailureKind.BAD_REQUEST)
    return not (missing and any(found.failure is None for found in listed))


def _models_to_ask(config: ProviderConfig, models: Sequence[ModelInfo]) -> list[str]:
    """Return a model of each protocol: the default one where it is listed, else the first."""
    names = [info.ref.model for info in models] or [*config.models, *([config.model] if config.model else [])]
    ordered = sorted(names, key=lambda name: name != config.model)
    found: dict[ApiProtocol | None, str] = {}
    for name in ordered:
        found.setdefault(config.protocol_for(name), name)
    return [name for protocol, name in found.items() if protocol in config.base_urls]


def _base_url_words(config: ProviderConfig) -> dict[ApiProtocol, Safe]:
    """Return the rows that change an address; where there are several, each begins with its protocol."""
    words, protocols = safe_format("Change the base URL"), _distinct(config)
    if len(protocols) == 1:
        return {protocols[0]: words}
    return {p: safe_format("{protocol}: change the base URL", protocol=safe(p.value)) for p in protocols}


def _url(config: ProviderConfig, protocol: ApiProtocol) -> Safe:
    base = safe_line(redact_url(config.base_urls[protocol]))
    return safe_format("{base} ({protocol})", base=base, protocol=safe(protocol.value))


def _facts(info: ModelInfo | None) -> Safe:
    if info is None:
        return EMPTY
    facts = [safe_line(info.title)] if info.title and info.title != info.ref.model else []
    if info.context:
        facts.append(safe_format("{n}k context", n=safe(str(round(info.context / 1000)))))
    return join(" · ", facts)


def _home(path: str) -> Safe:
    from pathlib import Path

    home = Path.home().as_posix()
    return safe_line(f"~{path.removeprefix(home)}" if path.startswith(f"{home}/") else path)
