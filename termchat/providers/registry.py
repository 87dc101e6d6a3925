"""All configured providers by name. A provider is opened, and its SDK imported, on first use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.models import ApiProtocol, AttachmentLimits, ModelInfo, ModelRef, ProviderConfig, Timeouts
from termchat.core.provider import Effort, Provider, split_effort
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.providers.catalog.model_cache import ModelCache
from termchat.providers.credentials import CredentialSource
from termchat.providers.fallback import FallbackProvider
from termchat.providers.http.retry import RetryPolicy
from termchat.providers.sdk.lazy_import import load_on_thread

if TYPE_CHECKING:
    from termchat.batch.vendors import BatchEndpoint
    from termchat.providers.client_pool import ClientPool
    from termchat.providers.installed import InstalledProviders

_ALIKE = 0.7  # similarity of a name that may be misspelled


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    """The configuration of the registry.

    providers    by name, in the order of the configuration
    offline      providers that need no network, by name
    aliases      short name -> full name of a model
    favourites   models listed first, by alias or full name
    fallback     model -> the models to try when it fails, by any name that `resolve` accepts
    cache        the file of cached model listings, None for no cache
    record       the file that all responses are written to, None for no recording
    installed    providers of installed packages, which the configuration does not override
    one_shot     a request follows each `open` at once, so its connection is opened meanwhile
    """

    providers: Mapping[str, ProviderConfig]
    keys: CredentialSource
    offline: Mapping[str, Provider]
    aliases: Mapping[str, str]
    favourites: Sequence[str] = ()
    fallback: Mapping[ModelRef, Sequence[str]] = field(default_factory=dict[ModelRef, Sequence[str]])
    timeouts: Timeouts = field(default_factory=Timeouts)
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    cache: Path | None = None
    record: Path | None = None
    installed: InstalledProviders | None = None
    one_shot: bool = False


class ProviderRegistry:
    """The providers of a configuration; implements `core.provider.Providers`."""

    def __init__(self, config: RegistryConfig) -> None:
        self._config = config
        self.providers = dict(config.providers)  # and the loaded ones of packages, as logins have changed them
        self._installed: dict[str, Callable[[str], Provider]] = {}  # those of packages that are code
        self._favourites = tuple(config.favourites)
        self._listings = ModelCache(config.cache)
        self._pool: ClientPool | None = None
        self._lock = asyncio.Lock()

    async def open(self, model: ModelRef) -> Provider:
        first = await self._open(model)
        others = [self.resolve(name) for name in self._config.fallback.get(model, ())]
        known = [ref for ref in others if isinstance(ref, ModelRef) and ref != model]
        return FallbackProvider(first, known, self._open) if known else first

    async def _open(self, model: ModelRef) -> Provider:
        if model.provider in self._config.offline:
            return self._config.offline[model.provider]
        await self._load_installed(model.provider)
        if make := self._installed.get(model.provider):
            return make(model.model)
        config = self._provider_config(model.provider)
        protocol = config.protocol_for(model.model)
        if protocol is None or protocol not in config.base_urls:
            raise ProviderError(_no_base_url(config, protocol))
        pool = await self._client_pool()
        return await pool.open(config, protocol, model.model)

    async def batches(self, model: ModelRef) -> BatchEndpoint:
        """Return the batches of a model; implements `batch.vendors.BatchVendors`."""
        await self._load_installed(model.provider)
        if model.provider in self._config.offline or model.provider in self._installed:
            raise ProviderError(_no_batches(model.provider))
        from termchat.providers.catalog.batch_vendors import batch_vendor

        config = self._provider_config(model.provider)
        protocol = config.protocol_for(model.model)
        if protocol is None or protocol not in config.base_urls:
            raise ProviderError(_no_base_url(config, protocol))
        vendor = batch_vendor(config.name, protocol)
        if vendor is None:
            raise ProviderError(_no_batches(model.provider))
        pool = await self._client_pool()
        return await pool.batches(config, protocol, model.model, vendor)

    async def models(self, provider: str, *, fresh: bool = False) -> Sequence[ModelInfo]:
        if provider in self._config.offline:
            return [ModelInfo(self._config.offline[provider].origin.ref)]
        await self._load_installed(provider)
        if provider in self._installed:
            return []
        config = self._provider_config(provider)
        known = None if fresh else self._listings.get(provider)
        if known is not None:
            return self._with_learned(provider, known)
        models = await _list_models(await self._client_pool(), config)
        self._listings.put(provider, models)
        if fresh:
            self._listings.forget_refused(provider)
        return self._with_learned(provider, models)

    def _is_installed(self, name: str) -> bool:
        """Return True for a provider of a package, which may not be loaded yet."""
        installed = self._config.installed
        return installed is not None and name not in self.providers and name in installed

    async def _load_installed(self, name: str) -> None:
        """Import a provider of a package that is not loaded. Raises ProviderError."""
        installed = self._config.installed
        if installed is None or name in self._installed or not self._is_installed(name):
            return
        loaded = await load_on_thread(lambda: installed.load(name))
        if isinstance(loaded, ProviderConfig):
            self.providers[name] = loaded
        else:
            self._installed[name] = loaded

    def _with_learned(self, provider: str, models: Sequence[ModelInfo]) -> Sequence[ModelInfo]:
        """Return the rows of a listing with the parts that the models have refused."""
        learned = self._listings.learned(provider)
        if not learned:
            return models
        return [replace(info, refused=_part_names(learned.get(info.ref.model, ()))) for info in models]

    def effort(self, name: str) -> Effort | None:
        return self._split_effort(name)[1]

    def _split_effort(self, name: str) -> tuple[str, Effort | None]:
        """Replace an alias by its model and split off the effort, unless a model is listed under the whole name."""
        whole = self._config.aliases.get(name, name).strip()
        name, effort = split_effort(whole)
        if effort is None:
            return whole, None
        name = self._config.aliases.get(name, name)
        ref, listed = ModelRef.parse(name), self._listed()
        config = self.providers.get(ref.provider) if ref else None
        is_tag = config is not None and config.local and ref not in listed  # such as phi3:medium
        return (whole, None) if is_tag or ModelRef.parse(whole) in listed else (name, effort)

    def resolve(self, name: str) -> ModelRef | Failure:
        name, effort = self._split_effort(name)
        if effort is None and (refused := self._unknown_effort(name)):
            return refused
        if not name.isprintable() or not name.partition("/")[0] or name.endswith("/"):
            return self._unknown(name, None)
        ref = ModelRef.parse(name)
        if ref and (offline := self._config.offline.get(ref.provider)):
            return ref if ref == offline.origin.ref else self._unknown(name, None)
        if ref and (ref.provider in self.providers or self._is_installed(ref.provider)):
            return ref
        known = self.known_models()
        exact = [k for k in known if k.model == name or k.model.rpartition("/")[2] == name]
        matches = exact or [k for k in known if name.lower() in str(k).lower()]
        own = self.usable_providers()
        usable = [k for k in matches if k.provider in own] or matches
        if len(usable) == 1:
            return usable[0]
        return _ambiguous(name, usable) if usable else self._unknown(name, ref)

    def model_info(self, model: ModelRef) -> ModelInfo | None:
        rows = self._listings.get(model.provider, stale=True) or ()
        info = next((info for info in rows if info.ref == model), None)
        refused = _part_names(self._listings.learned(model.provider).get(model.model, ()))
        return replace(info or ModelInfo(model), refused=refused) if refused else info

    def attachment_limits(self, model: ModelRef) -> AttachmentLimits | None:
        config = self.providers.get(model.provider)
        protocol = config.protocol_for(model.model) if config else None
        if protocol is None:
            return None
        from termchat.core.messages import Origin
        from termchat.providers.catalog.attachment_limits import attachment_limits

        info = self.model_info(model)
        return attachment_limits(
            Origin(model.provider, protocol, model.model), (*info.lacks, *info.refused) if info else ()
        )

    @property
    def favourites(self) -> Sequence[ModelRef]:
        names = (self._split_effort(name)[0] for name in self._favourites)
        return [ref for name in names if (ref := ModelRef.parse(name))]

    def set_favourites(self, names: Sequence[str]) -> None:
        self._favourites = tuple(names)

    def known_models(self) -> Sequence[ModelRef]:
        return list(dict.fromkeys((*self.favourites, *self._listed())))

    def _listed(self) -> Sequence[ModelRef]:
        """Return the models of the configuration and of cached listings, those of usable providers first."""
        usable = self.usable_providers()
        names = (*usable, *(name for name in self.providers if name not in usable))
        return [ref for name in names for ref in self._known_of(name)]

    def usable_providers(self) -> Sequence[str]:
        configs = self.providers.values()
        own = [p.name for p in configs if p.base_urls and not p.local and self._config.keys.has_key(p)]
        return [*own, *(p.name for p in configs if p.local and self._is_set_up(p)), *self._config.offline]

    def _is_set_up(self, local: ProviderConfig) -> bool:
        """Return True for a server on this machine that the user has configured or set a key for."""
        if local.source != "built in":
            return True
        return local.key.startswith("env:") and bool(self._config.keys.key(local))

    def configure(self, config: ProviderConfig, models: Sequence[ModelInfo] = ()) -> None:
        """Add a provider, or replace its configuration and listing: requests from now on use the new one."""
        self.providers[config.name] = config
        self._installed.pop(config.name, None)
        self._listings.renew(config.name, models)
        if self._pool:
            self._pool.drop(config.name)

    def missing_key(self, provider: str) -> Safe:
        config = self.providers.get(provider)
        return EMPTY if config is None or self._config.keys.has_key(config) else self._config.keys.source(config)

    async def aclose(self) -> None:
        """Close all connections and the recording. Raises OSError if the recording is incomplete."""
        if self._pool:
            await self._pool.aclose()

    def _known_of(self, name: str) -> list[ModelRef]:
        if name in self._config.offline:
            return [self._config.offline[name].origin.ref]
        config = self.providers[name]
        names = [config.model] if config.model else []
        listed = [info.ref.model for info in self._listings.get(name, stale=True) or ()]
        return [ModelRef(name, model) for model in (*names, *config.models, *listed)]

    def _provider_config(self, name: str) -> ProviderConfig:
        config = self.providers.get(name)
        if config is None:
            failure = self._unknown(name, ModelRef(name, ""))
            raise ProviderError(failure)
        return config

    async def _client_pool(self) -> ClientPool:
        """Return the client pool. The first call imports it, and httpx2 with it."""
        async with self._lock:
            if self._pool is None:
                self._pool = await load_on_thread(self._new_client_pool)
            return self._pool

    def _new_client_pool(self) -> ClientPool:
        from termchat.providers.client_pool import ClientPool

        config = self._config
        return ClientPool(
            config.keys,
            config.timeouts,
            config.policy,
            self._output_limits,
            self._listings,
            config.record,
            connect_early=config.one_shot,
        )

    def _output_limits(self, provider: str) -> Mapping[str, int]:
        """Return the output limits of a provider's models in tokens, from the cached listing."""
        infos = self._listings.get(provider, stale=True) or ()
        return {info.ref.model: info.max_output for info in infos if info.max_output}

    def _unknown(self, name: str, ref: ModelRef | None) -> Failure:
        if ref:
            names = [*self.providers, *self._config.offline]
            close = _alike(ref.provider, names)
            hint = safe_format("Did you mean {name}? ", name=safe_line(close[0])) if close else Safe("")
            message = safe_format('There is no provider "{name}".', name=safe_line(ref.provider))
            return Failure(
                FailureKind.NOT_FOUND,
                message,
                safe_format("{hint}`termchat models` lists the providers and models.", hint=hint),
            )
        message = safe_format('There is no model "{name}".', name=safe_line(name))
        near = self._of_the_same_family(name) if name.isprintable() else None
        hint = safe_format("Did you mean {name}? ", name=safe_line(str(near))) if near else Safe("")
        return Failure(
            FailureKind.NOT_FOUND,
            message,
            safe_format(
                "{hint}Use the form provider/model; `termchat models` or, in a chat, /model lists them.", hint=hint
            ),
        )

    def _unknown_effort(self, name: str) -> Failure | None:
        """Return the failure of `MODEL:WORD` for a known model of a provider without names that have a colon.

        Other providers may have a variant of that name which they do not list.
        """
        base, _, word = name.rpartition(":")
        known = self.known_models() if base and "/" not in word else ()
        same = [ref for ref in known if base in (str(ref), ref.model, ref.model.rpartition("/")[2])]
        ref = same[0] if same else None
        if ref is None or ("/" in ref.model and not self._listings.get(ref.provider, stale=True)):
            return None
        config = self.providers.get(ref.provider)
        if config is None or config.local or any(":" in k.model for k in known if k.provider == ref.provider):
            return None
        return Failure(
            FailureKind.NOT_FOUND,
            safe_format("{word} is no reasoning effort.", word=safe_line(f'"{word}"')),
            safe_format("The levels are {names}.", names=safe_line(", ".join(effort.value for effort in Effort))),
        )

    def _of_the_same_family(self, name: str) -> ModelRef | None:
        """Return the name at the first provider that has models of its family, such as `gpt` or `claude`.

        A name that begins like none of them is compared as a whole: it may be misspelled.
        """
        known = [ref for ref in self.known_models() if ref.provider not in self._config.offline]
        family, dash, _ = name.lower().partition("-")
        at = next((ref for ref in known if dash and ref.model.lower().startswith(f"{family}-")), None)
        if at:
            return ModelRef(at.provider, name)
        by_name = {ref.model: ref for ref in reversed(known)}
        close = _alike(name, by_name)
        return by_name[close[0]] if close else None


def _alike(name: str, known: Iterable[str]) -> list[str]:
    """Return the known name that is most like a name, or nothing."""
    from difflib import get_close_matches  # for errors only

    return get_close_matches(name, list(known), 1, _ALIKE)


def _part_names(words: Iterable[str]) -> tuple[str, ...]:
    from termchat.providers.catalog.capabilities import part_names

    return part_names(words)


async def _list_models(pool: ClientPool, config: ProviderConfig) -> Sequence[ModelInfo]:
    """List the models of all endpoints of a provider, sorted by name and without duplicates.

    An endpoint that fails is ignored if another lists models. Raises ProviderError.
    """
    protocols: dict[tuple[str, bool], ApiProtocol] = {}
    for protocol, base in config.base_urls.items():  # both protocols of OpenAI have the same listing
        protocols.setdefault((base, protocol in (ApiProtocol.CHAT, ApiProtocol.RESPONSES)), protocol)
    answers = await asyncio.gather(
        *(pool.listing(config, protocol) for protocol in protocols.values()), return_exceptions=True
    )
    found: dict[ModelRef, ModelInfo] = {}
    failure: BaseException | None = None
    for answer in answers:
        if isinstance(answer, BaseException):
            failure = failure or answer
            continue
        for info in answer:
            found.setdefault(info.ref, info)
    if failure and (not found or not isinstance(failure, ProviderError)):
        raise failure
    return sorted(found.values(), key=lambda info: info.ref)


def _no_base_url(config: ProviderConfig, protocol: ApiProtocol | None) -> Failure:
    name = safe_line(config.name)
    message = safe_format(
        "The provider {name} has no base URL for {protocol}.", name=name, protocol=safe_line(protocol or "any protocol")
    )
    return Failure(
        FailureKind.BAD_CONFIG,
        message,
        safe_format("Add a base URL to [providers.{name}] in the configuration.", name=name),
    )


def _no_batches(name: str) -> Failure:
    message = safe_format("The provider {name} has no batches.", name=safe_line(name))
    return Failure(FailureKind.BAD_CONFIG, message, safe_format("Run the batch without --vendor-batch."))


def _ambiguous(name: str, matches: Sequence[ModelRef]) -> Failure:
    shown = ", ".join(str(ref) for ref in matches[:5]) + (", …" if len(matches) > 5 else "")
    message = safe_format('"{name}" matches several models: {shown}.', name=safe_line(name), shown=safe_line(shown))
    return Failure(FailureKind.NOT_FOUND, message, safe_format("Use a longer part of the name."))
