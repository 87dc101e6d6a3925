"""Open endpoints: resolve keys, import SDKs, build and keep clients. Imports httpx2, so it is imported on first use."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, assert_never
from urllib.parse import unquote_to_bytes

import httpx2

from termchat.core.errors import Failure, ProviderError
from termchat.core.messages import Origin
from termchat.core.models import ApiProtocol, ModelInfo, ProviderConfig, Timeouts
from termchat.core.redact import Redactor, header_secrets, url_secrets
from termchat.core.sanitize import safe_format
from termchat.providers.catalog.model_cache import ModelCache
from termchat.providers.client import Client, Endpoint
from termchat.providers.credentials import CredentialSource
from termchat.providers.exchange import EndpointState, StreamingProvider, to_provider_error
from termchat.providers.http.connection_errors import (
    unexpected_response,
    unusable_base_url,
    unusable_header,
    unusable_key,
    unusable_option,
)
from termchat.providers.http.connection_options import ConnectionOptionError, preload_certificates
from termchat.providers.http.rate_limit import RateLimit
from termchat.providers.http.recording import ResponseRecorder
from termchat.providers.http.retry import RetryPolicy
from termchat.providers.http.transport import HttpClient, new_client
from termchat.providers.repair import Repair, ServerFacts
from termchat.providers.sdk.deferred_packages import build_with_fallback, import_gemini_sdk
from termchat.providers.sdk.fallback_client import FallbackClient
from termchat.providers.sdk.lazy_import import load_on_thread

if TYPE_CHECKING:
    from termchat.providers.catalog.batch_vendors import BatchVendor
    from termchat.providers.http.pacing import Pacer
    from termchat.providers.protocols.vendor_batches import VendorBatches


class ClientPool:
    """The clients of all endpoints in use. Endpoints with the same proxy, certificates and timeout share connections.

    limits   provider -> model -> output limit in tokens, from the cached listing
    cache    listings, and what servers have refused
    record   the file that all responses are written to, None for no recording

    With `connect_early`, a request follows each `open` at once: it connects while the SDK is being imported.
    """

    def __init__(
        self,
        keys: CredentialSource,
        timeouts: Timeouts,
        policy: RetryPolicy,
        limits: Callable[[str], Mapping[str, int]],
        cache: ModelCache,
        record: Path | None = None,
        *,
        connect_early: bool = False,
    ) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None  # in which to connect early
        self._early = connect_early
        self._facts = ServerFacts(cache)
        self._record = record
        self._recorder: ResponseRecorder | None = None
        self._keys = keys
        self._timeouts = timeouts
        self._policy = policy
        self._limits = limits
        self._clients: dict[tuple[str, ApiProtocol], Client] = {}
        self._http_clients: dict[tuple[float, str, str], HttpClient] = {}
        self._rate_limits: dict[str, RateLimit] = {}
        self._redact = Redactor()
        self._lock = asyncio.Lock()
        self._http_lock = threading.Lock()

    async def open(self, config: ProviderConfig, protocol: ApiProtocol, model: str) -> StreamingProvider:
        """Return a model of a provider, ready to answer. Raises ProviderError."""
        client = await self._client(config, protocol)
        state = EndpointState(self._rate_limit(config.name), self._facts, self._open_recorder())
        return StreamingProvider(client, Origin(config.name, protocol, model), self._policy, self._renew, state)

    async def batches(
        self, config: ProviderConfig, protocol: ApiProtocol, model: str, vendor: BatchVendor
    ) -> VendorBatches:
        """Return the batches of a model. Raises ProviderError."""
        from termchat.providers.protocols.vendor_batches import VendorBatches

        client, origin = await self._client(config, protocol), Origin(config.name, protocol, model)
        repair = Repair(origin, self._facts)
        return await load_on_thread(lambda: VendorBatches(client, origin, vendor, repair, self._renew))

    async def listing(self, config: ProviderConfig, protocol: ApiProtocol) -> Sequence[ModelInfo]:
        """List the models of an endpoint. Raises ProviderError."""
        client = await self._client(config, protocol)
        try:
            return await client.models()
        except (AttributeError, TypeError) as error:  # the SDKs take a body that is no JSON for a page
            raise ProviderError(unexpected_response(client.endpoint, safe_format("unexpected content"))) from error
        except Exception as error:
            raise to_provider_error(client, error, "", began=False) from error

    def drop(self, provider: str) -> None:
        """Forget the clients of a provider whose configuration has changed; running requests keep theirs."""
        self._clients = {key: client for key, client in self._clients.items() if key[0] != provider}

    def _rate_limit(self, provider: str) -> RateLimit:
        if provider not in self._rate_limits:
            self._rate_limits[provider] = RateLimit(pacer=_new_pacer() if self._policy.paced else None)
        return self._rate_limits[provider]

    def _open_recorder(self) -> ResponseRecorder | None:
        if self._record and self._recorder is None:
            self._recorder = ResponseRecorder(self._record, self._redact)
        return self._recorder

    async def aclose(self) -> None:
        """Close all connections and the recording. No SDK's close method is called: SDKs share the HTTP clients.

        Raises OSError if the recording is incomplete.
        """
        for client in self._http_clients.values():
            await client.aclose()
        if self._recorder:
            self._recorder.close()

    async def _client(self, config: ProviderConfig, protocol: ApiProtocol) -> Client:
        async with self._lock:  # two turns that begin together share one client
            client = self._clients.get((config.name, protocol))
            self._loop = asyncio.get_running_loop() if self._early else None
            if client is None or client.endpoint.config != config:
                client = await load_on_thread(lambda: self._build(config, protocol))
                self._clients[config.name, protocol] = client
            return client

    async def _renew(self, client: Client) -> Client | None:
        """Return a client with a new key if a command prints the key, because it may have expired; else None.

        Requests that are rejected together run the command once.
        """
        config, protocol = client.endpoint.config, client.endpoint.protocol
        if not config.key.startswith("cmd:"):
            return None
        async with self._lock:
            known = self._clients.get((config.name, protocol))
            if known is not None and known is not client and known.endpoint.config == config:
                return known
            renewed = await load_on_thread(lambda: self._build(config, protocol, again=True))
            if self._clients.get((config.name, protocol)) is client:  # else the configuration has changed
                self._clients[config.name, protocol] = renewed
            return renewed

    def _build(self, config: ProviderConfig, protocol: ApiProtocol, *, again: bool = False) -> Client:
        """Import the SDK and build its client, on a thread; `again` runs a key command again. Raises ProviderError."""
        key, headers = self._keys.key(config, again), self._keys.resolve_headers(config.headers, again)
        if isinstance(key, Failure):
            raise ProviderError(key)
        if isinstance(headers, Failure):
            raise ProviderError(headers)
        if not _is_header_safe(key):
            raise ProviderError(unusable_key(self._keys.source(config)))
        for name, value in headers.items():
            if not (_is_header_safe(name) and _is_header_safe(value.replace(" ", ""))):
                raise ProviderError(unusable_header(name, config))
        self._hide(config, key, headers)
        source = self._keys.source(config)
        try:
            base, key, headers = _authentication(config, protocol, key, source, headers)
        except httpx2.InvalidURL as error:
            raise ProviderError(unusable_base_url(config.base_urls[protocol], config)) from error
        preload_certificates(config.ca_file, lambda: self._connect_early(config, base))
        build_with_fallback(lambda: _client_factory(protocol))  # before the certificates are needed
        http = self._http(config)
        timeouts = self._timeouts.overridden_by(config.timeouts)
        endpoint = Endpoint(config, protocol, base, key, source, headers, http, self._redact, timeouts)
        return FallbackClient(lambda: _client_factory(protocol)(endpoint, self._limits(config.name)))

    def _hide(self, config: ProviderConfig, key: str, headers: Mapping[str, str]) -> None:
        """Mask the secrets of a provider in all texts of servers."""
        secrets = [key, *(secret for url in (*config.base_urls.values(), config.proxy) for secret in url_secrets(url))]
        for name, value in headers.items():
            secrets += header_secrets(name, value, referenced=config.headers[name] != value)
        for secret in secrets:
            self._redact.add(secret)

    def _connect_early(self, config: ProviderConfig, base: str) -> None:
        """Begin to connect to a server, if a request follows at once. Called on a thread."""
        if self._loop:
            with suppress(ProviderError, RuntimeError):  # the build raises it; or the loop has ended
                self._loop.call_soon_threadsafe(self._http(config).connect_early, base)

    def _http(self, config: ProviderConfig) -> HttpClient:
        options = (self._timeouts.overridden_by(config.timeouts).connect, config.proxy, config.ca_file)
        with self._http_lock:  # the thread of a cancelled opening keeps running
            if options not in self._http_clients:
                try:
                    self._http_clients[options] = new_client(*options)
                except ConnectionOptionError as error:
                    raise ProviderError(unusable_option(error, config)) from error
            return self._http_clients[options]


def _is_header_safe(key: str) -> bool:
    """Return True if a header can carry the key."""
    return key.isascii() and key.isprintable() and " " not in key


def _authentication(
    config: ProviderConfig, protocol: ApiProtocol, key: str, source: str, headers: Mapping[str, str]
) -> tuple[str, str, dict[str, str]]:
    """Return the base URL without user name and password, the key, and the headers.

    A user and a password in the base URL become a header unless the key needs it: httpx2 would replace the key by
    them. The value of a variable such as ANTHROPIC_AUTH_TOKEN is a bearer token, not an API key.
    """
    base = httpx2.URL(config.base_urls[protocol])
    keeps_header = protocol in (ApiProtocol.ANTHROPIC, ApiProtocol.GEMINI)  # their keys have a header of their own
    found: dict[str, str] = {}
    if protocol is ApiProtocol.ANTHROPIC and key and source.endswith("_AUTH_TOKEN"):
        found, key = {"Authorization": f"Bearer {key}"}, ""
    elif base.userinfo and (keeps_header or not key):
        found = {"Authorization": f"Basic {b64encode(unquote_to_bytes(base.userinfo)).decode()}"}
    if any(name.lower() == "authorization" for name in headers):
        found = {}
    return (
        str(base.copy_with(userinfo=b"")).rstrip("/") if base.userinfo else config.base_urls[protocol],
        key,
        found | dict(headers),
    )


def _client_factory(protocol: ApiProtocol) -> Callable[[Endpoint, Mapping[str, int]], Client]:
    """Import the SDK of a protocol and return the function that builds its clients."""
    match protocol:
        case ApiProtocol.CHAT:
            from termchat.providers.protocols.openai_chat.client import ChatClient

            return lambda endpoint, _: ChatClient(endpoint)
        case ApiProtocol.RESPONSES:
            from termchat.providers.protocols.openai_responses.client import ResponsesClient

            return lambda endpoint, _: ResponsesClient(endpoint)
        case ApiProtocol.ANTHROPIC:
            from termchat.providers.protocols.anthropic.client import AnthropicClient

            return AnthropicClient
        case ApiProtocol.GEMINI:
            import_gemini_sdk()
            from termchat.providers.protocols.gemini.client import GeminiClient

            return lambda endpoint, _: GeminiClient(endpoint)
        case ApiProtocol.DEMO:
            raise AssertionError("the demo has no client")
    assert_never(protocol)


def _new_pacer() -> Pacer:
    from termchat.providers.http.pacing import Pacer

    return Pacer()
