"""Opening endpoints: keys resolved, SDKs imported, clients built and kept. Heavy: imported on first use."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import assert_never

import httpx2

from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.messages import Origin
from termchat.core.models import ApiProtocol as Speech
from termchat.core.models import ModelInfo, Profile, Timeouts
from termchat.core.redact import Redactor
from termchat.core.sanitize import safe_line, say
from termchat.providers.client import Client, Endpoint
from termchat.providers.credentials import Keys
from termchat.providers.errors import not_an_answer, unusable_key
from termchat.providers.exchange import Exchange, House, converted
from termchat.providers.lazy_import import loaded
from termchat.providers.rate_limit import Limit
from termchat.providers.retry import RetryPolicy
from termchat.providers.wire.recording import Recorder
from termchat.providers.wire.transport import new_client, read_ahead


class Opener:
    """The clients of all endpoints in use, over as few HTTP clients as their proxies and clocks allow.

    limits   provider -> model -> the longest reply it may give, as far as a listing told
    record   the file that all responses are written to
    """

    def __init__(
        self,
        keys: Keys,
        timeouts: Timeouts,
        policy: RetryPolicy,
        limits: Callable[[str], Mapping[str, int]],
        record: Path | None = None,
    ) -> None:
        self._record = record
        self._writing: Recorder | None = None
        self._keys = keys
        self._timeouts = timeouts
        self._policy = policy
        self._limits = limits
        self._clients: dict[tuple[str, Speech], Client] = {}
        self._https: dict[tuple[float, str, str], httpx2.AsyncClient] = {}
        self._waits: dict[str, Limit] = {}
        self._redact = Redactor()
        self._opening = asyncio.Lock()
        self._one_at_a_time = threading.Lock()

    async def open(self, profile: Profile, speech: Speech, model: str) -> Exchange:
        """A model of a provider. Raises ProviderError."""
        client = await self._client(profile, speech)
        house = House(self._waits.setdefault(profile.name, Limit()), self._recorder())
        return Exchange(client, Origin(profile.name, speech, model), self._policy, self._renewed, house)

    async def listing(self, profile: Profile, speech: Speech) -> Sequence[ModelInfo]:
        """The models an endpoint lists. Raises ProviderError."""
        client = await self._client(profile, speech)
        try:
            return await client.models()
        except (AttributeError, TypeError) as error:  # what is no JSON the SDKs take for a page of models
            raise ProviderError(not_an_answer(client.endpoint, say("something else"))) from error
        except Exception as error:
            raise ProviderError(converted(client, error, "", began=False)) from error

    def _recorder(self) -> Recorder | None:
        if self._record and self._writing is None:
            self._writing = Recorder(self._record, self._redact)
        return self._writing

    async def aclose(self) -> None:
        """Close all connections; the SDKs share them, so this is the one place."""
        if self._writing:
            self._writing.close()
        for client in self._https.values():
            await client.aclose()

    async def _client(self, profile: Profile, speech: Speech) -> Client:
        async with self._opening:  # two turns that begin together share what the first one builds
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
        key, headers = self._keys.key(profile, again), self._keys.expand(profile.headers, again)
        if isinstance(key, Failure):
            raise ProviderError(key)
        if isinstance(headers, Failure):
            raise ProviderError(headers)
        if not _can_travel(key):
            raise ProviderError(unusable_key(self._keys.source(profile)))
        self._redact.add(key)
        for value in headers.values():
            self._redact.add(value)
        read_ahead(profile.ca)
        make = _maker(speech)
        http = self._http(profile)
        base, source = profile.bases[speech], self._keys.source(profile)
        timeouts = self._timeouts.over(profile.timeouts)
        endpoint = Endpoint(profile, speech, base, key, source, headers, http, self._redact, timeouts)
        return make(endpoint, self._limits(profile.name))

    def _http(self, profile: Profile) -> httpx2.AsyncClient:
        way = (self._timeouts.over(profile.timeouts).connect, profile.proxy, profile.ca)
        with self._one_at_a_time:  # a cancelled opening goes on in its thread
            if way not in self._https:
                try:
                    self._https[way] = new_client(*way)
                except (OSError, ImportError, ValueError) as error:
                    raise ProviderError(_no_way(profile, error)) from error
            return self._https[way]


def _can_travel(key: str) -> bool:
    """Whether a header can carry the key."""
    return key.isascii() and key.isprintable() and " " not in key


def _no_way(profile: Profile, error: Exception) -> Failure:
    name, why = safe_line(profile.name), safe_line(str(error))
    words = say("The proxy or the certificate of {name} cannot be used: {why}", name=name, why=why)
    return Failure(FailureKind.BAD_CONFIG, words, say("Check proxy and ca in [providers.{name}].", name=name))


def _maker(speech: Speech) -> Callable[[Endpoint, Mapping[str, int]], Client]:
    """What builds clients of a protocol; its SDK is imported here."""
    match speech:
        case Speech.CHAT:
            from termchat.providers.openai_chat.client import ChatClient

            return lambda endpoint, _: ChatClient(endpoint)
        case Speech.RESPONSES:
            from termchat.providers.openai_responses.client import ResponsesClient

            return lambda endpoint, _: ResponsesClient(endpoint)
        case Speech.ANTHROPIC:
            from termchat.providers.anthropic.client import AnthropicClient

            return AnthropicClient
        case Speech.GEMINI:
            from termchat.providers.gemini.client import GeminiClient

            return lambda endpoint, _: GeminiClient(endpoint)
        case Speech.DEMO:
            raise AssertionError("the demo has no client")
    assert_never(speech)
