"""All configured providers by name: opened on first use, their SDK imported then and not before."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, assert_never

import httpx2

from termchat.core.errors import Failure, Kind, ProviderError
from termchat.core.messages import Origin
from termchat.core.models import ModelInfo, ModelRef, Profile, Timeouts
from termchat.core.models import Protocol as Speech
from termchat.core.ports import Provider
from termchat.core.redact import Redactor
from termchat.core.sanitize import Safe, safe_line, say
from termchat.providers.endpoint import Client, Endpoint
from termchat.providers.exchange import Exchange, converted
from termchat.providers.http import new_client
from termchat.providers.listing import ListingCache
from termchat.providers.loading import loaded
from termchat.providers.retry import RetryPolicy


class Keys(Protocol):
    """Where keys come from; `config.secrets.Secrets` is one. May run a command: asked on a thread."""

    def key(self, profile: Profile, again: bool = False) -> str | Failure: ...
    def has_key(self, profile: Profile) -> bool: ...
    def source(self, profile: Profile) -> Safe: ...
    def expand(self, headers: Mapping[str, str], again: bool = False) -> dict[str, str] | Failure: ...


@dataclass(frozen=True, slots=True)
class Setup:
    """What the registry is made with; `offline` are the providers that need no network, by name."""

    profiles: Mapping[str, Profile]
    keys: Keys
    offline: Mapping[str, Provider]
    aliases: Mapping[str, str]
    favourites: Sequence[str] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    cache: Path | None = None


class Registry:
    """`core.ports.Providers` over a setup."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._clients: dict[tuple[str, Speech], Client] = {}
        self._https: dict[tuple[str, str], httpx2.AsyncClient] = {}
        self._listings = ListingCache(setup.cache)
        self._redact = Redactor()

    async def open(self, model: ModelRef) -> Provider:
        if model.provider in self._setup.offline:
            return self._setup.offline[model.provider]
        profile = self._profile(model.provider)
        speech = profile.protocol_for(model.model)
        if speech is None or speech not in profile.bases:
            raise ProviderError(_no_base(profile, speech))
        client = await self._client(profile, speech)
        return Exchange(client, Origin(profile.name, speech, model.model), self._setup.policy, self._renewed)

    async def models(self, provider: str, *, fresh: bool = False) -> Sequence[ModelInfo]:
        if provider in self._setup.offline:
            return [ModelInfo(self._setup.offline[provider].origin.ref)]
        profile = self._profile(provider)
        known = None if fresh else self._listings.get(provider)
        if known is not None:
            return known
        found: dict[ModelRef, ModelInfo] = {}
        for speech in profile.bases:
            client = await self._client(profile, speech)
            for info in await _asked(client):
                found.setdefault(info.ref, info)
        models = sorted(found.values(), key=lambda info: info.ref)
        self._listings.put(provider, models)
        return models

    def resolve(self, name: str) -> ModelRef | Failure:
        name = self._setup.aliases.get(name, name)
        ref = ModelRef.parse(name)
        if ref and (ref.provider in self._setup.profiles or ref.provider in self._setup.offline):
            return ref
        known = self.known()
        exact = [k for k in known if k.model == name or k.model.rpartition("/")[2] == name]
        matches = exact or [k for k in known if name.lower() in str(k).lower()]
        usable = [k for k in matches if k.provider in self.usable()] or matches
        if len(usable) == 1:
            return usable[0]
        return _ambiguous(name, usable) if usable else self._unknown(name, ref)

    def known(self) -> Sequence[ModelRef]:
        refs: dict[ModelRef, None] = {}
        for name in self._setup.favourites:
            ref = ModelRef.parse(self._setup.aliases.get(name, name))
            refs.update({ref: None} if ref else {})
        usable = self.usable()
        for name in (*usable, *(n for n in self._setup.profiles if n not in usable)):
            refs.update(dict.fromkeys(self._known_of(name)))
        return list(refs)

    def usable(self) -> Sequence[str]:
        profiles = self._setup.profiles.values()
        own = [p.name for p in profiles if p.bases and not p.local and self._setup.keys.has_key(p)]
        return [*own, *(p.name for p in profiles if p.local and p.source != "built in"), *self._setup.offline]

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._https.values():
            await client.aclose()

    def _known_of(self, name: str) -> list[ModelRef]:
        if name in self._setup.offline:
            return [self._setup.offline[name].origin.ref]
        profile = self._setup.profiles[name]
        names = [profile.model] if profile.model else []
        listed = [info.ref.model for info in self._listings.get(name, stale=True) or ()]
        return [ModelRef(name, model) for model in (*names, *profile.models, *listed)]

    def _profile(self, name: str) -> Profile:
        profile = self._setup.profiles.get(name)
        if profile is None:
            failure = self._unknown(name, ModelRef(name, ""))
            raise ProviderError(failure)
        return profile

    async def _client(self, profile: Profile, speech: Speech) -> Client:
        known = self._clients.get((profile.name, speech))
        if known is None:
            known = await loaded(lambda: self._build(profile, speech))
            self._clients[profile.name, speech] = known
        return known

    async def _renewed(self, client: Client) -> Client | None:
        """A client with a key read anew, where a command gives the key: it may be a short-lived one."""
        profile, speech = client.endpoint.profile, client.endpoint.protocol
        if not profile.key.startswith("cmd:"):
            return None
        renewed = await loaded(lambda: self._build(profile, speech, again=True))
        self._clients[profile.name, speech] = renewed
        return renewed

    def _build(self, profile: Profile, speech: Speech, *, again: bool = False) -> Client:
        """Import the SDK and build its client; runs on a thread. Raises ProviderError."""
        keys = self._setup.keys
        key, headers = keys.key(profile, again), keys.expand(profile.headers, again)
        if isinstance(key, Failure):
            raise ProviderError(key)
        if isinstance(headers, Failure):
            raise ProviderError(headers)
        self._redact.add(key)
        for value in headers.values():
            self._redact.add(value)
        http = self._http(profile)
        base, source, timeouts = profile.bases[speech], keys.source(profile), self._setup.timeouts
        endpoint = Endpoint(profile, speech, base, key, source, headers, http, self._redact, timeouts)
        return _client_for(endpoint, self._limits(profile))

    def _http(self, profile: Profile) -> httpx2.AsyncClient:
        way = (profile.proxy, profile.ca)
        if way not in self._https:
            try:
                self._https[way] = new_client(self._setup.timeouts.connect, *way)
            except (OSError, ImportError, ValueError) as error:
                raise ProviderError(_no_way(profile, error)) from error
        return self._https[way]

    def _limits(self, profile: Profile) -> Mapping[str, int]:
        infos = self._listings.get(profile.name, stale=True) or ()
        return {info.ref.model: info.max_output for info in infos if info.max_output}

    def _unknown(self, name: str, ref: ModelRef | None) -> Failure:
        if ref:
            close = difflib.get_close_matches(ref.provider, [*self._setup.profiles, *self._setup.offline], 1)
            hint = say("Did you mean {name}? ", name=safe_line(close[0])) if close else Safe("")
            words = say('There is no provider "{name}".', name=safe_line(ref.provider))
            return Failure(Kind.NOT_FOUND, words, say("{hint}`termchat models` lists what there is.", hint=hint))
        words = say('No model is known by "{name}".', name=safe_line(name))
        return Failure(Kind.NOT_FOUND, words, say("Write it as provider/model; `termchat models` lists them."))


async def _asked(client: Client) -> Sequence[ModelInfo]:
    """An endpoint's listing. Raises ProviderError."""
    try:
        return await client.models()
    except Exception as error:
        raise ProviderError(converted(client, error, "", began=False)) from error


def _no_base(profile: Profile, speech: Speech | None) -> Failure:
    name = safe_line(profile.name)
    words = say(
        "The provider {name} has no base URL for {speech}.", name=name, speech=safe_line(speech or "any protocol")
    )
    return Failure(Kind.BAD_CONFIG, words, say("Add one to [providers.{name}] in the configuration.", name=name))


def _no_way(profile: Profile, error: Exception) -> Failure:
    name, why = safe_line(profile.name), safe_line(str(error))
    words = say("The proxy or the certificate of {name} cannot be used: {why}", name=name, why=why)
    return Failure(Kind.BAD_CONFIG, words, say("Check proxy and ca in [providers.{name}].", name=name))


def _ambiguous(name: str, matches: Sequence[ModelRef]) -> Failure:
    shown = ", ".join(str(ref) for ref in matches[:5]) + (", …" if len(matches) > 5 else "")
    words = say('"{name}" may be {shown}.', name=safe_line(name), shown=safe_line(shown))
    return Failure(Kind.NOT_FOUND, words, say("Write more of the name."))


def _client_for(endpoint: Endpoint, limits: Mapping[str, int]) -> Client:
    match endpoint.protocol:
        case Speech.CHAT:
            from termchat.providers.openai_chat.client import ChatClient

            return ChatClient(endpoint)
        case Speech.RESPONSES:
            from termchat.providers.openai_responses.client import ResponsesClient

            return ResponsesClient(endpoint)
        case Speech.ANTHROPIC:
            from termchat.providers.anthropic.client import AnthropicClient

            return AnthropicClient(endpoint, limits)
        case Speech.GEMINI:
            from termchat.providers.gemini.client import GeminiClient

            return GeminiClient(endpoint)
        case Speech.DEMO:
            raise AssertionError("the demo has no client")
    assert_never(endpoint.protocol)
