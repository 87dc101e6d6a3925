"""Ports to the models: a provider streams deltas for a request; tools run calls; prices turn usage into cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from termchat.core.approval import (
    ApprovalRequest,
    ApprovalScope,
    Ask,
    Permit,
    PromptRow,
    ResourceRow,
    RuleRow,
    ToolRow,
)
from termchat.core.errors import Failure
from termchat.core.events import Delta
from termchat.core.messages import Message, Origin, Part, ToolCall, ToolResult
from termchat.core.models import AttachmentLimits, ModelInfo, ModelRef
from termchat.core.sanitize import EMPTY, Safe
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass


class Effort(StrEnum):
    """The reasoning effort of a model, in ascending order; "none", the vendors' name of OFF, is accepted too."""

    OFF = "off"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"

    @classmethod
    def _missing_(cls, value: object) -> Effort | None:
        return cls.OFF if value == "none" else None


def split_effort(name: str) -> tuple[str, Effort | None]:
    """Split `MODEL:EFFORT` into the name of a model and a reasoning effort, None for a name that ends in no effort."""
    model, _, word = name.rpartition(":")
    effort = next((effort for effort in Effort if effort.value == word), None)
    return (model, effort) if model and effort else (name, None)


class Speed(StrEnum):
    """The processing of a request: cheap and slow, normal, or fast at a higher price."""

    CHEAP = "cheap"
    NORMAL = "normal"
    FAST = "fast"


class ToolMode(StrEnum):
    """The calls of a reply: as the model likes, none, or one at least."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """A choice of tools; with a `name`, which goes with REQUIRED, the call of this tool."""

    mode: ToolMode
    name: str = ""

    def __str__(self) -> str:
        return self.mode.value


@dataclass(frozen=True, slots=True)
class Params:
    """Parameters of a request; None is the model's default. A parameter the model rejects is dropped, with a notice.

    stop          sequences that end the reply
    schema        JSON Schema of the reply, with an object at its root
    strict        the vendor must enforce the schema, or refuse it
    json_object   the reply is any JSON object
    search        allow the vendor to search the web
    speed         the processing, where the vendor offers a choice
    tool_choice   only with tools
    single_call   at most one call per reply
    exact         the request fails if the model rejects a part that decides what the reply is
    """

    max_tokens: int | None = None
    think: Effort | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    schema: Mapping[str, Any] | None = None
    search: bool = False
    speed: Speed | None = None
    strict: bool = False
    json_object: bool = False
    tool_choice: ToolChoice | None = None
    single_call: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it; `parameters` is JSON Schema with an object at its root.

    strict   the vendor must make the arguments fit the schema
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A request, independent of the protocol. The system prompt is "" when none is set.

    chat            id of the conversation, for notices shown once per conversation; "" for a request without one
    wait_for_host   retry without limit while the host is unreachable
    """

    messages: tuple[Message, ...]
    system: str = ""
    tools: tuple[ToolSpec, ...] = ()
    params: Params = Params()
    chat: str = ""
    wait_for_host: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may be sent, with a reply of `max_tokens` at most; None leaves it as it is."""

    max_tokens: int | None = None
    notice: Safe = EMPTY


@dataclass(frozen=True, slots=True)
class Bill:
    """A request as it is about to be sent, with the parts of its body that decide its price.

    max_tokens   the limit of the reply in the body, None without one
    tier         the service tier that it asks for, "" for the standard one
    """

    origin: Origin
    request: Request
    max_tokens: int | None = None
    tier: str = ""


class RequestGate(Protocol):
    """Admits each request before it is sent. Providers call it for every attempt."""

    async def admit(self, bill: Bill) -> Admission:
        """Reserve the most that a request can cost. Raises ProviderError, `FailureKind.BUDGET`, if that is too much."""
        ...

    def unlimited(self, origin: Origin) -> None:
        """Report that a server takes no limit of the reply. Raises ProviderError."""
        ...

    def failed(self, usage: Usage | None, *, accepted: bool) -> None:
        """Report an attempt without a reply: what its server counted, and True if it had accepted the request."""
        ...


class PendingWait(Protocol):
    """A wait that `set` ends, such as that of an `asyncio.Event`."""

    def set(self) -> None: ...


@dataclass(slots=True)
class StreamMonitor:
    """Progress of one request, shared by transport and engine.

    bytes_received   bytes of the body so far, counted by the transport
    pending_wait     the wait before the next attempt, None while nothing waits
    waiting          True while an attempt waits to be admitted; that time does not count
    gate             admits every attempt before it is sent, None without a budget
    """

    bytes_received: int = 0
    pending_wait: PendingWait | None = None
    waiting: bool = False
    gate: RequestGate | None = None

    def skip_wait(self) -> None:
        """End the wait before the next attempt; no effect while nothing waits."""
        if self.pending_wait:
            self.pending_wait.set()


class Provider(Protocol):
    """One model behind one endpoint, ready to answer."""

    @property
    def origin(self) -> Origin: ...

    def stream(self, request: Request, monitor: StreamMonitor) -> AsyncGenerator[Delta, None]:
        """Stream the deltas of a reply, ending with `Finished`.

        Raises ProviderError when there is no reply, or a reply without its end (`FailureKind.CUT`).
        """
        ...


class Providers(Protocol):
    """All configured providers."""

    async def open(self, model: ModelRef) -> Provider:
        """Import the SDK, build the client and return the provider of a model. Raises ProviderError."""
        ...

    async def models(self, provider: str, *, fresh: bool = False) -> Sequence[ModelInfo]:
        """List the models of a provider, from a cache unless `fresh`. Raises ProviderError."""
        ...

    def resolve(self, name: str) -> ModelRef | Failure:
        """Resolve a full name, an alias or an unambiguous part of a known name; each may end in `:EFFORT`."""
        ...

    def effort(self, name: str) -> Effort | None:
        """Return the reasoning effort that a name ends in, `high` of `gpt-6.1-sol:high`; None if it ends in none.

        A name that is listed as a whole, such as that of a local model with the tag `medium`, ends in none.
        """
        ...

    @property
    def favourites(self) -> Sequence[ModelRef]:
        """The models that the user listed first, in this order."""
        ...

    def set_favourites(self, names: Sequence[str]) -> None:
        """Replace the favourites, by alias or full name."""
        ...

    def model_info(self, model: ModelRef) -> ModelInfo | None:
        """Return the cached listing of a model, None when there is none. No request is made."""
        ...

    def attachment_limits(self, model: ModelRef) -> AttachmentLimits | None:
        """Return the attachments that a model takes, None if nothing is known. No request is made."""
        ...

    def known_models(self) -> Sequence[ModelRef]:
        """Return the models known without a request, those of usable providers first."""
        ...

    def usable_providers(self) -> Sequence[str]:
        """Return the providers that have a key, or were chosen and need none, in the order of the configuration."""
        ...

    def missing_key(self, provider: str) -> Safe:
        """Return the variable that has to hold the key of a provider; "" if it has a key or needs none."""
        ...


class PendingTools(Protocol):
    """A wait for tools, such as an `asyncio.Task`; its result is notices for the user."""

    def cancel(self) -> object: ...

    def __await__(self) -> Generator[Any, None, tuple[Safe, ...]]: ...


class Resources(Protocol):
    """The resources of MCP servers: texts and files that a user attaches."""

    def servers(self) -> tuple[str, ...]:
        """Return the names of the configured servers. Starts none."""
        ...

    async def listed(self, server: str) -> tuple[ResourceRow, ...] | Failure:
        """Return the resources and templates of a server; start it first."""
        ...

    async def read(self, server: str, uri: str) -> tuple[Part, ...] | Failure:
        """Return the contents of a resource as attachments."""
        ...


class Tools(Protocol):
    """The tools a model may call."""

    @property
    def specs(self) -> tuple[ToolSpec, ...]: ...

    async def judge(self, call: ToolCall) -> Permit | ApprovalRequest | ToolResult:
        """Decide about a call: run it, ask the user, or answer it with an error. Has no effect, raises nothing."""
        ...

    async def run(
        self, call: ToolCall, permit: Permit, output: Callable[[str], None], ask: Ask | None = None
    ) -> ToolResult:
        """Run one call as it was permitted; `output` receives what it prints meanwhile, `ask` asks the user.

        Bad arguments, unknown names and errors of the tool become error results, never exceptions.
        """
        ...

    async def add_rule(self, rule: str, scope: ApprovalScope) -> str:
        """Allow what a rule names, until the user leaves this chat or in all chats.

        Return "", or why it could not be saved.
        """
        ...

    async def remove_rule(self, rule: str) -> str:
        """Remove a rule of this chat or a saved one. Return "", or why it could not be removed."""
        ...

    def rules(self) -> tuple[RuleRow, ...]:
        """Return the rules in force."""
        ...

    def tools(self) -> tuple[ToolRow, ...]:
        """Return all tools, offered or not."""
        ...

    def offer(self, names: Sequence[str], *, on: bool) -> str:
        """Offer tools to the model, or no longer, by name or group. Return the first unknown name, "" if none is."""
        ...

    def prompts(self) -> tuple[PromptRow, ...]:
        """Return the prompts of the servers that were started."""
        ...

    async def prompt(self, name: str, arguments: Mapping[str, str]) -> str | Failure:
        """Return the text of a prompt."""
        ...

    @property
    def resources(self) -> Resources | None:
        """The resources of MCP servers, None without any server."""
        ...

    def begin_chat(self) -> None:
        """Forget the rules of the last chat."""
        ...

    def prepare(self) -> PendingTools | None:
        """Begin to load tools that are not known yet; None if there are none.

        The result of the wait is notices for the user; a tool that takes too long is not waited for.
        """
        ...

    async def close(self) -> None:
        """Remove temporary files and end helper processes."""
        ...


class Prices(Protocol):
    """The price table."""

    def preload(self) -> None:
        """Load the table in the background; called when the first reply begins to stream."""
        ...

    async def cost(self, model: ModelRef, usage: Usage, at: float | None = None) -> Decimal | None:
        """Return the cost in US dollars at a time (Unix time, default now), None when the price is unknown."""
        ...

    def is_approximate(self, model: ModelRef) -> bool:
        """Return True when the price is that of another vendor's model of the same name."""
        ...

    def is_free(self, model: ModelRef) -> bool:
        """Return True when nobody bills the model: the demo, and a server that runs models on this machine."""
        ...
