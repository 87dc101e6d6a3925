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
from termchat.core.models import ModelInfo, ProviderConfig, Timeouts
from termchat.core.redact import Redactor
from termchat.core.sanitize import safe_format, safe_line
from termchat.providers.client import Client, Endpoint
from termchat.providers.credentials import CredentialSource
from termchat.providers.exchange import EndpointState, StreamingProvider, to_failure
from termchat.providers.http.connection_errors import unexpected_response, unusable_key
from termchat.providers.http.rate_limit import RateLimit
from termchat.providers.http.recording import ResponseRecorder
from termchat.providers.http.retry import RetryPolicy
from termchat.providers.http.transport import new_client, preload_certificates
from termchat.providers.sdk.lazy_import import load_on_thread


class ClientPool:
    """The clients of all endpoints in use, over as few HTTP clients as their proxies and clocks allow.

    limits   provider -> model -> the longest reply it may give, as far as a listing told
    record   the file that all responses are written to
    """

    def __init__(
        self,
        keys: CredentialSource,
        timeouts: Timeouts,
        policy: RetryPolicy,
        limits: Callable[[str], Mapping[str, int]],
        record: Path | None = None,
    ) -> None:
        self._record = record
        self._writing: ResponseRecorder | None = None
        self._keys = keys
        self._timeouts = timeouts
        self._policy = policy
        self._limits = limits
        self._clients: dict[tuple[str, Speech], Client] = {}
        self._https: dict[tuple[float, str, str], httpx2.AsyncClient] = {}
        self._waits: dict[str, RateLimit] = {}
        self._redact = Redactor()
        self._opening = asyncio.Lock()
        self._one_at_a_time = threading.Lock()

    async def open(self, profile: ProviderConfig, speech: Speech, model: str) -> StreamingProvider:
        """A model of a provider. Raises ProviderError."""
        client = await self._client(profile, speech)
        house = EndpointState(self._waits.setdefault(profile.name, RateLimit()), self._recorder())
        return StreamingProvider(client, Origin(profile.name, speech, model), self._policy, self._renewed, house)

    async def listing(self, profile: ProviderConfig, speech: Speech) -> Sequence[ModelInfo]:
        """The models an endpoint lists. Raises ProviderError."""
        client = await self._client(profile, speech)
        try:
            return await client.models()
        except (AttributeError, TypeError) as error:  # what is no JSON the SDKs take for a page of models
            raise ProviderError(unexpected_response(client.endpoint, safe_format("something else"))) from error
        except Exception as error:
            raise ProviderError(to_failure(client, error, "", began=False)) from error

    def _recorder(self) -> ResponseRecorder | None:
        if self._record and self._writing is None:
            self._writing = ResponseRecorder(self._record, self._redact)
        return self._writing

    async def aclose(self) -> None:
        """Close all connections; the SDKs share them, so this is the one place."""
        if self._writing:
            self._writing.close()
        for client in self._https.values():
            await client.aclose()

    async def _client(self, profile: ProviderConfig, speech: Speech) -> Client:
        async with self._opening:  # two turns that begin together share what the first one builds
            known = self._clients.get((profile.name, speech))
            if known is None:
                known = await load_on_thread(lambda: self._build(profile, speech))
                self._clients[profile.name, speech] = known
            return known

    async def _renewed(self, client: Client) -> Client | None:
        """A client with a key read anew, where a command gives the key: it may be a short-lived one."""
        profile, speech = client.endpoint.profile, client.endpoint.protocol
        if not profile.key.startswith("cmd:"):
            return None
        renewed = await load_on_thread(lambda: self._build(profile, speech, again=True))
        self._clients[profile.name, speech] = renewed
        return renewed

    def _build(self, profile: ProviderConfig, speech: Speech, *, again: bool = False) -> Client:
        """Import the SDK and build its client; runs on a thread. Raises ProviderError."""
        key, headers = self._keys.key(profile, again), self._keys.resolve_headers(profile.headers, again)
        if isinstance(key, Failure):
            raise ProviderError(key)
        if isinstance(headers, Failure):
            raise ProviderError(headers)
        if not _is_header_safe(key):
            raise ProviderError(unusable_key(self._keys.source(profile)))
        self._redact.add(key)
        for value in headers.values():
            self._redact.add(value)
        preload_certificates(profile.ca_file)
        make = _client_factory(speech)
        http = self._http(profile)
        base, source = profile.base_urls[speech], self._keys.source(profile)
        timeouts = self._timeouts.overridden_by(profile.timeouts)
        endpoint = Endpoint(profile, speech, base, key, source, headers, http, self._redact, timeouts)
        return make(endpoint, self._limits(profile.name))

    def _http(self, profile: ProviderConfig) -> httpx2.AsyncClient:
        way = (self._timeouts.overridden_by(profile.timeouts).connect, profile.proxy, profile.ca_file)
        with self._one_at_a_time:  # a cancelled opening goes on in its thread
            if way not in self._https:
                try:
                    self._https[way] = new_client(*way)
                except (OSError, ImportError, ValueError) as error:
                    raise ProviderError(_connection_config_error(profile, error)) from error
            return self._https[way]


def _is_header_safe(key: str) -> bool:
    """Whether a header can carry the key."""
    return key.isascii() and key.isprintable() and " " not in key


def _connection_config_error(profile: ProviderConfig, error: Exception) -> Failure:
    name, why = safe_line(profile.name), safe_line(str(error))
    words = safe_format("The proxy or the certificate of {name} cannot be used: {why}", name=name, why=why)
    return Failure(FailureKind.BAD_CONFIG, words, safe_format("Check proxy and ca in [providers.{name}].", name=name))


def _client_factory(speech: Speech) -> Callable[[Endpoint, Mapping[str, int]], Client]:
    """What builds clients of a protocol; its SDK is imported here."""
    match speech:
        case Speech.CHAT:
            from termchat.providers.protocols.openai_chat.client import ChatClient

            return lambda endpoint, _: ChatClient(endpoint)
        case Speech.RESPONSES:
            from termchat.providers.protocols.openai_responses.client import ResponsesClient

            return lambda endpoint, _: ResponsesClient(endpoint)
        case Speech.ANTHROPIC:
            from termchat.providers.protocols.anthropic.client import AnthropicClient

            return AnthropicClient
        case Speech.GEMINI:
            from termchat.providers.protocols.gemini.client import GeminiClient

            return lambda endpoint, _: GeminiClient(endpoint)
        case Speech.DEMO:
            raise AssertionError("the demo has no client")
    assert_never(speech)
