"""Models and the servers that offer them, as data.

A model is named `provider/model`; everything after the first `/` goes to the provider as it is. A provider is a
profile: where it listens for each protocol it speaks, with which key, and which models go over which protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any


class ApiProtocol(StrEnum):
    """The languages termchat speaks, by the name they have in the configuration."""

    CHAT = "openai"
    RESPONSES = "responses"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    DEMO = "demo"


@dataclass(frozen=True, slots=True, order=True)
class ModelRef:
    """The full name of a model: `openai/gpt-5.2`, `ofox/anthropic/claude-sonnet-4.5`, `demo/tour`."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"

    @classmethod
    def parse(cls, name: str) -> ModelRef | None:
        """`provider/model` as a reference, None when there is no provider in the name."""
        provider, slash, model = name.partition("/")
        return cls(provider, model) if slash and provider and model else None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The clocks, in seconds of time awake (design: clocks and retries).

    `first` until the first content, `idle` since the last byte and `silent` since the last event once content
    began; there is no limit on the whole.
    """

    connect: float = 10.0
    first_content: float = 300.0
    idle: float = 60.0
    no_event: float = 300.0

    def with_idle(self, seconds: float) -> Timeouts:
        """The idle and the first-content clock set alike, as `--idle-timeout` does."""
        return Timeouts(self.connect, seconds, seconds, max(self.no_event, seconds))

    def overridden_by(self, own: Mapping[str, float]) -> Timeouts:
        """These clocks with a provider's own in the place of some, by the names of the fields."""
        return replace(self, **own)


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """A provider: a vendor, a gateway or a local server.

    name      the part before the first `/` of a model's name
    title     as people call it
    key       where the key is: `env:NAME` (several, by comma), `cmd:...`, `keyring:NAME`, the key itself, or
              "" for a server that wants none
    bases     base URL for each protocol it speaks
    route     pattern of model names -> protocol, first match wins
    model     the default model, "" when there is none
    timeouts  the provider's own clocks, by the names of `Timeouts`
    max_tokens pattern of model names -> default output limit, where the protocol demands one
    key_page, status_page, credit_page   where people get a key, see how the server is, and buy credit
    """

    name: str
    title: str = ""
    key: str = ""
    base_urls: Mapping[ApiProtocol, str] = field(default_factory=dict[ApiProtocol, str])
    route: Mapping[str, ApiProtocol] = field(default_factory=dict[str, ApiProtocol])
    model: str = ""
    models: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    extra_body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    max_tokens: Mapping[str, int] = field(default_factory=dict[str, int])
    quirks: frozenset[str] = frozenset()
    fallback_paths: tuple[str, ...] = ()
    vendor: str = ""
    proxy: str = ""
    ca_file: str = ""
    stream: bool = True
    timeouts: Mapping[str, float] = field(default_factory=dict[str, float])
    key_page: str = ""
    status_page: str = ""
    credit_page: str = ""
    local: bool = False
    source: str = "built in"

    def protocol_for(self, model: str) -> ApiProtocol | None:
        """The protocol that carries this model: the first matching row of `route`, else the first base."""
        for pattern, protocol in self.route.items():
            if fnmatchcase(model, pattern):
                return protocol
        return next(iter(self.base_urls), None)

    def max_tokens_for(self, model: str) -> int | None:
        """The default output limit for a model in tokens, where one is known."""
        return next((n for pattern, n in self.max_tokens.items() if fnmatchcase(model, pattern)), None)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a listing tells of a model; None where it does not tell. Limits are in tokens."""

    ref: ModelRef
    title: str = ""
    context: int | None = None
    max_output: int | None = None
    created: int | None = None
