"""Model names, the configuration of providers and MCP servers, timeouts, and checks of them.

A model is named `provider/model`; everything after the first `/` is sent to the provider unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from termchat.core.sanitize import EMPTY, Safe
from termchat.late_dataclass import dataclass


class ApiProtocol(StrEnum):
    """The API protocols, by their names in the configuration."""

    CHAT = "openai"
    RESPONSES = "responses"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    DEMO = "demo"


@dataclass(frozen=True, slots=True, order=True)
class ModelRef:
    """The full name of a model: `openai/gpt-6.1-sol`, `ofox/anthropic/claude-sonnet-5.5`, `demo/tour`."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"

    @classmethod
    def parse(cls, name: str) -> ModelRef | None:
        """Parse `provider/model`; None when either part is missing."""
        provider, slash, model = name.partition("/")
        return cls(provider, model) if slash and provider and model else None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts of a request in seconds; time in which the machine sleeps does not count.

    connect         until the connection is established
    first_content   until the first content
    idle            since the last byte, once content has begun
    no_event        since the last event, once content has begun: a server may keep sending empty comments

    The total time of a reply is not limited: a reasoning model may work for an hour.
    """

    connect: float = 10.0
    first_content: float = 300.0
    idle: float = 60.0
    no_event: float = 300.0

    def with_idle(self, seconds: float) -> Timeouts:
        """Set `idle` and `first_content` to `seconds`, and raise `no_event` to at least that (`--idle-timeout`)."""
        return Timeouts(self.connect, seconds, seconds, max(self.no_event, seconds))

    def overridden_by(self, own: Mapping[str, float]) -> Timeouts:
        """Replace some timeouts by a provider's own, a mapping of field names to seconds."""
        return replace(self, **own)


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """The configuration of a provider: a vendor, a gateway or a local server.

    name         the part of a model's name before the first `/`
    title        display name
    key          source of the key: `env:NAME` (several, separated by commas), `cmd:...`, `file:PATH`,
                 `keyring:NAME`, the key itself, or "" for a server without authentication
    base_urls    base URL for each supported protocol
    route        glob of model names -> protocol; the first match wins
    model        the default model, "" when there is none
    timeouts     the provider's own timeouts in seconds, by the field names of `Timeouts`
    max_tokens   glob of model names -> default output limit, for protocols that require one
    prices       glob of model names -> US dollars per million tokens of input, output, cached, cache_write
    source       the file that defines it, or "built in"
    key_page, status_page, credit_page   URLs to get a key, see the server's status, buy credit
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
    prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
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
        """Return the protocol for a model: the first matching row of `route`, else the first of `base_urls`."""
        for pattern, protocol in self.route.items():
            if fnmatchcase(model, pattern):
                return protocol
        return next(iter(self.base_urls), None)

    def max_tokens_for(self, model: str) -> int | None:
        """Return the default output limit for a model in tokens, None when there is none."""
        return next((n for pattern, n in self.max_tokens.items() if fnmatchcase(model, pattern)), None)

    def prices_for(self, model: str) -> Mapping[str, float]:
        """Return the configured prices of a model, empty when there are none."""
        rows = (row for pattern, row in self.prices.items() if fnmatchcase(model, pattern))
        return next(rows, dict[str, float]())


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as a provider lists it. Limits are in tokens, `created` in seconds since 1970; None when not listed.

    known     words about the model: parts of a request that it does not support (`tools`, `images`), and quirks
    refused   names of the parts of a request that its server refused in the last day, for the user
    """

    ref: ModelRef
    title: str = ""
    context: int | None = None
    max_output: int | None = None
    created: int | None = None
    known: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def lacks(self) -> tuple[str, ...]:
        """The kinds of content that the model does not take, of `tools`, `images` and `files`."""
        return tuple(kind for kind in ("tools", "images", "files") if kind in self.known)


@dataclass(frozen=True, slots=True)
class AttachmentLimits:
    """The attachments that a model takes; () for a kind it takes none of, 0 for no known limit.

    images          MIME types
    image_bytes     the largest image
    image_edge      pixels of the longer edge that the model uses; a larger image is scaled down
    image_limit     pixels of the longer edge above which the server refuses an image
    documents       MIME types
    document_bytes  the largest document
    audio           MIME types
    request_bytes   the largest sum of all attachments of a message, in Base64
    """

    images: tuple[str, ...] = ()
    image_bytes: int = 0
    image_edge: int = 0
    image_limit: int = 0
    documents: tuple[str, ...] = ()
    document_bytes: int = 0
    audio: tuple[str, ...] = ()
    request_bytes: int = 0


@dataclass(frozen=True, slots=True)
class McpServer:
    """An MCP server: a program that speaks over its standard input and output, or an address.

    name      its name in the names of its tools: `mcp_NAME_TOOL`; letters, digits and `-`
    command   the program, "" for a server with an address
    env       variables of the program; a value may be a reference: `env:NAME`, `cmd:...`, `file:PATH`, `keyring:NAME`
    cwd       the directory of the program, "" for the working directory of termchat
    url       the address of streamable HTTP, "" for a program
    headers   headers of each request to `url`; a value may be a reference
    client_id      the registration of termchat at the issuer of a login, "" to register by itself
    client_secret  its secret or a reference to one, "" for none
    tools     the server's own names of the tools to use, None for all
    seconds   the longest wait of a question for a server that starts
    disabled  keep the table, but do not use the server
    """

    name: str
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    client_id: str = ""
    client_secret: str = ""
    tools: tuple[str, ...] | None = None
    seconds: float = 5.0
    disabled: bool = False


class CheckState(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """A check of a provider, the terminal or the installation.

    group     `config`, `provider`, `terminal`, `storage` or `extras`
    subject   the provider, the file or the package; "" where the group has only one
    name      the checked ability, such as `key`; stable, for scripts
    words     the finding, without secrets
    step      the next step; EMPTY if there is none
    """

    group: str
    subject: str
    name: str
    state: CheckState
    words: Safe
    step: Safe = EMPTY
