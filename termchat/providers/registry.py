"""All configured providers by name: opened on first use, their SDK imported then and not before."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.models import ApiProtocol as Speech
from termchat.core.models import ModelInfo, ModelRef, ProviderConfig, Timeouts
from termchat.core.provider import Provider
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.providers.catalog.model_cache import ModelCache
from termchat.providers.credentials import CredentialSource
from termchat.providers.fallback import FallbackProvider
from termchat.providers.http.retry import RetryPolicy
from termchat.providers.sdk.lazy_import import load_on_thread

if TYPE_CHECKING:
    from termchat.providers.client_pool import ClientPool


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    """What the registry is made with.

    offline    the providers that need no network, by name
    record     a file to write all responses to
    fallback   model -> those that take over when it cannot answer, by any name that resolves
    """

    profiles: Mapping[str, ProviderConfig]
    keys: CredentialSource
    offline: Mapping[str, Provider]
    aliases: Mapping[str, str]
    favourites: Sequence[str] = ()
    fallback: Mapping[ModelRef, Sequence[str]] = field(default_factory=dict[ModelRef, Sequence[str]])
    timeouts: Timeouts = field(default_factory=Timeouts)
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    cache: Path | None = None
    record: Path | None = None


class ProviderRegistry:
    """`core.ports.Providers` over a setup."""

    def __init__(self, setup: RegistryConfig) -> None:
        self._setup = setup
        self._listings = ModelCache(setup.cache)
        self._opening: ClientPool | None = None
        self._one_at_a_time = asyncio.Lock()

    async def open(self, model: ModelRef) -> Provider:
        first = await self._open(model)
        others = [self.resolve(name) for name in self._setup.fallback.get(model, ())]
        known = [ref for ref in others if isinstance(ref, ModelRef) and ref != model]
        return FallbackProvider(first, known, self._open) if known else first

    async def _open(self, model: ModelRef) -> Provider:
        if model.provider in self._setup.offline:
            return self._setup.offline[model.provider]
        profile = self._profile(model.provider)
        speech = profile.protocol_for(model.model)
        if speech is None or speech not in profile.base_urls:
            raise ProviderError(_no_base(profile, speech))
        opener = await self._opener()
        return await opener.open(profile, speech, model.model)

    async def models(self, provider: str, *, fresh: bool = False) -> Sequence[ModelInfo]:
        if provider in self._setup.offline:
            return [ModelInfo(self._setup.offline[provider].origin.ref)]
        profile = self._profile(provider)
        known = None if fresh else self._listings.get(provider)
        if known is not None:
            return known
        models = await _listed(await self._opener(), profile)
        self._listings.put(provider, models)
        return models

    def resolve(self, name: str) -> ModelRef | Failure:
        name = self._setup.aliases.get(name, name)
        ref = ModelRef.parse(name)
        if ref and (ref.provider in self._setup.profiles or ref.provider in self._setup.offline):
            return ref
        known = self.known_models()
        exact = [k for k in known if k.model == name or k.model.rpartition("/")[2] == name]
        matches = exact or [k for k in known if name.lower() in str(k).lower()]
        usable = [k for k in matches if k.provider in self.usable_providers()] or matches
        if len(usable) == 1:
            return usable[0]
        return _ambiguous(name, usable) if usable else self._unknown(name, ref)

    def model_info(self, model: ModelRef) -> ModelInfo | None:
        rows = self._listings.get(model.provider, stale=True) or ()
        return next((info for info in rows if info.ref == model), None)

    def known_models(self) -> Sequence[ModelRef]:
        refs: dict[ModelRef, None] = {}
        for name in self._setup.favourites:
            ref = ModelRef.parse(self._setup.aliases.get(name, name))
            refs.update({ref: None} if ref else {})
        usable = self.usable_providers()
        for name in (*usable, *(n for n in self._setup.profiles if n not in usable)):
            refs.update(dict.fromkeys(self._known_of(name)))
        return list(refs)

    def usable_providers(self) -> Sequence[str]:
        profiles = self._setup.profiles.values()
        own = [p.name for p in profiles if p.base_urls and not p.local and self._setup.keys.has_key(p)]
        return [*own, *(p.name for p in profiles if p.local and p.source != "built in"), *self._setup.offline]

    async def aclose(self) -> None:
        """Close all connections."""
        if self._opening:
            await self._opening.aclose()

    def _known_of(self, name: str) -> list[ModelRef]:
        if name in self._setup.offline:
            return [self._setup.offline[name].origin.ref]
        profile = self._setup.profiles[name]
        names = [profile.model] if profile.model else []
        listed = [info.ref.model for info in self._listings.get(name, stale=True) or ()]
        return [ModelRef(name, model) for model in (*names, *profile.models, *listed)]

    def _profile(self, name: str) -> ProviderConfig:
        profile = self._setup.profiles.get(name)
        if profile is None:
            failure = self._unknown(name, ModelRef(name, ""))
            raise ProviderError(failure)
        return profile

    async def _opener(self) -> ClientPool:
        """What opens connections: it and the HTTP client are imported when the first one is needed."""
        async with self._one_at_a_time:
            if self._opening is None:
                self._opening = await load_on_thread(self._new_opener)
            return self._opening

    def _new_opener(self) -> ClientPool:
        from termchat.providers.client_pool import ClientPool

        setup = self._setup
        return ClientPool(setup.keys, setup.timeouts, setup.policy, self._longest_replies, setup.record)

    def _longest_replies(self, provider: str) -> Mapping[str, int]:
        """What the provider's listing tells of the output limits of its models, in tokens."""
        infos = self._listings.get(provider, stale=True) or ()
        return {info.ref.model: info.max_output for info in infos if info.max_output}

    def _unknown(self, name: str, ref: ModelRef | None) -> Failure:
        if ref:
            close = difflib.get_close_matches(ref.provider, [*self._setup.profiles, *self._setup.offline], 1)
            hint = safe_format("Did you mean {name}? ", name=safe_line(close[0])) if close else Safe("")
            words = safe_format('There is no provider "{name}".', name=safe_line(ref.provider))
            return Failure(
                FailureKind.NOT_FOUND, words, safe_format("{hint}`termchat models` lists what there is.", hint=hint)
            )
        words = safe_format('No model is known by "{name}".', name=safe_line(name))
        return Failure(
            FailureKind.NOT_FOUND, words, safe_format("Write it as provider/model; `termchat models` lists them.")
        )


async def _listed(opener: ClientPool, profile: ProviderConfig) -> Sequence[ModelInfo]:
    """What the provider's endpoints list together; one that does not list is no matter while another does.

    Raises ProviderError.
    """
    speeches: dict[tuple[str, bool], Speech] = {}
    for speech, base in profile.base_urls.items():  # the two protocols of one vendor have one listing
        speeches.setdefault((base, speech in (Speech.CHAT, Speech.RESPONSES)), speech)
    asked = await asyncio.gather(
        *(opener.listing(profile, speech) for speech in speeches.values()), return_exceptions=True
    )
    found: dict[ModelRef, ModelInfo] = {}
    failure: BaseException | None = None
    for answer in asked:
        if isinstance(answer, BaseException):
            failure = failure or answer
            continue
        for info in answer:
            found.setdefault(info.ref, info)
    if failure and (not found or not isinstance(failure, ProviderError)):
        raise failure
    return sorted(found.values(), key=lambda info: info.ref)


def _no_base(profile: ProviderConfig, speech: Speech | None) -> Failure:
    name = safe_line(profile.name)
    words = safe_format(
        "The provider {name} has no base URL for {speech}.", name=name, speech=safe_line(speech or "any protocol")
    )
    return Failure(
        FailureKind.BAD_CONFIG, words, safe_format("Add one to [providers.{name}] in the configuration.", name=name)
    )


def _ambiguous(name: str, matches: Sequence[ModelRef]) -> Failure:
    shown = ", ".join(str(ref) for ref in matches[:5]) + (", …" if len(matches) > 5 else "")
    words = safe_format('"{name}" may be {shown}.', name=safe_line(name), shown=safe_line(shown))
    return Failure(FailureKind.NOT_FOUND, words, safe_format("Write more of the name."))
