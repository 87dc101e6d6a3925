"""The ports: what the parts of the house expect of each other. `app` alone joins them.

Providers answer requests, tools run calls, prices tell costs; a session turns a message into a turn, a recorder keeps
it, and a library has all that was kept. All of them are asynchronous; a port that streams is an async generator, to
be consumed under `contextlib.aclosing`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from termchat.core.chats import (
    ChatInfo,
    ChatPage,
    ChatState,
    ExportFormat,
    ImportReport,
    Location,
    PastPrompt,
    SearchHit,
    UsageGroup,
    UsageRow,
)
from termchat.core.conversation import Conversation, Node
from termchat.core.errors import Failure
from termchat.core.events import Delta, Event
from termchat.core.messages import Message, Origin, ToolCall, ToolResult
from termchat.core.models import ModelInfo, ModelRef, Timeouts
from termchat.core.usage import Usage


class Effort(StrEnum):
    """How hard a reasoning model should think."""

    OFF = "off"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Params:
    """What a user may ask of any model; None leaves it to the model. What one does not take is left out, and said.

    stop     texts that end the reply
    schema   JSON Schema, with an object at its root, of the reply
    search   the vendor may search the web for the model
    """

    max_tokens: int | None = None
    think: Effort | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    schema: Mapping[str, Any] | None = None
    search: bool = False


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """What turns are made with, as far as a user may change it on the way."""

    model: ModelRef
    system: str = ""
    params: Params = Params()
    timeouts: Timeouts = field(default_factory=Timeouts)
    max_rounds: int = 25


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it; `parameters` is JSON Schema with an object at its root."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """Everything one request says, for any protocol. The system prompt is "" when none is set.

    chat   which conversation it is of, "" being one of its own: what is told once is told once in it
    patient   a host that cannot be reached is waited for, however long
    """

    messages: tuple[Message, ...]
    system: str = ""
    tools: tuple[ToolSpec, ...] = ()
    params: Params = Params()
    chat: str = ""
    wait_for_host: bool = False


@dataclass(slots=True)
class StreamMonitor:
    """Signs of life of a connection, counted by the transport and watched by the pump.

    hurry   ends the wait before the next try; does nothing while there is none
    """

    bytes_received: int = 0
    skip_wait: Callable[[], None] = lambda: None


class Provider(Protocol):
    """One model behind one endpoint, ready to answer."""

    @property
    def origin(self) -> Origin: ...

    def stream(self, request: Request, wire: StreamMonitor) -> AsyncGenerator[Delta, None]:
        """The reply, delta by delta, ending with `Finished`.

        Raises ProviderError: no reply, or one without its end (`Kind.CUT`).
        """
        ...


class Providers(Protocol):
    """All configured providers."""

    async def open(self, model: ModelRef) -> Provider:
        """The provider of a model, its SDK imported and its client built. Raises ProviderError."""
        ...

    async def models(self, provider: str, *, fresh: bool = False) -> Sequence[ModelInfo]:
        """What the provider's endpoints list, from a cache unless `fresh`. Raises ProviderError."""
        ...

    def resolve(self, name: str) -> ModelRef | Failure:
        """A full name, an alias or an unambiguous part of a known name as a reference."""
        ...

    def model_info(self, model: ModelRef) -> ModelInfo | None:
        """What was listed of a model, without asking anyone; None when nothing was."""
        ...

    def known_models(self) -> Sequence[ModelRef]:
        """Models known without asking anyone, those of usable providers first."""
        ...

    def usable_providers(self) -> Sequence[str]:
        """The providers that have a key, or need none and were asked for, in their order."""
        ...


class Tools(Protocol):
    """The tools a model may call."""

    @property
    def specs(self) -> tuple[ToolSpec, ...]: ...

    async def run(self, call: ToolCall) -> ToolResult:
        """Run one call. Bad arguments, unknown names and errors of the tool are results, never exceptions."""
        ...


class Prices(Protocol):
    def preload(self) -> None:
        """Load the table in the background; called when the first reply begins to stream."""
        ...

    async def cost(self, model: ModelRef, usage: Usage) -> Decimal | None:
        """US dollars, or None when nobody knows."""
        ...


class Turn(Protocol):
    """One message being answered: requests and tool calls until the model is done."""

    @property
    def id(self) -> str: ...

    def events(self) -> AsyncGenerator[Event, None]:
        """All that happens, ending with exactly one TurnEnded. To be read once."""
        ...

    def cancel(self) -> None:
        """Stop now: what came is kept and the turn ends as an event."""
        ...

    def retry_now(self) -> None:
        """Send again at once what waits to be sent again."""
        ...

    def steer(self, message: Message | None) -> None:
        """Say this too with the next request, if one answers tools: it comes back as a MessageDone of the user's.

        A later one takes its place, None takes it back. Whatever the turn ends without is still the caller's.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What a model was asked in this session."""

    turns: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: Decimal | None = Decimal(0)


class Session(Protocol):
    """A conversation in use."""

    @property
    def conversation(self) -> Conversation: ...
    @property
    def model(self) -> ModelRef: ...
    @property
    def system(self) -> str: ...
    @property
    def totals(self) -> Mapping[ModelRef, ModelUsage]: ...

    @property
    def failure(self) -> Failure | None:
        """Why the last turn that failed did; None while none has."""
        ...

    def switch_model(self, model: ModelRef) -> None:
        """The next turns go to this model."""
        ...

    @property
    def settings(self) -> TurnSettings:
        """What the turns to come are made with."""
        ...

    def update_settings(self, change: Callable[[TurnSettings], TurnSettings], *, lasting: bool) -> None:
        """The turns to come are made with other terms; `lasting`: those of new chats too."""
        ...

    def move_head(self, head: str | None) -> None:
        """Go elsewhere in the tree; None is before the first message."""
        ...

    def new(self) -> None:
        """Begin an empty conversation."""
        ...

    @property
    def library(self) -> ChatStore | None:
        """All chats that are kept; None when nothing is kept."""
        ...

    @property
    def chat_id(self) -> str:
        """The id of this chat as it is kept; "" while nothing of it is."""
        ...

    @property
    def location(self) -> Location: ...

    async def resume(self, chat: str) -> Resumed | Failure:
        """Go on with a chat that was kept."""
        ...

    async def fork(self, title: str = "") -> Resumed | Failure:
        """Go on in a chat of its own that shares everything up to the head."""
        ...

    def incognito(self) -> None:
        """Begin an empty conversation, and keep nothing from now on."""
        ...

    def draft(self, text: str) -> None:
        """What stands in the input, so that it outlives a crash."""
        ...

    def remember(self, text: str, *, draft: bool = False) -> None:
        """Add a prompt that was sent, or a draft that was cleared, to the history of prompts."""
        ...

    def add(self, message: Message, parent: str | None) -> str:
        """A message below `parent`, the head on it; its node id."""
        ...

    def send(self, parent: str, model: ModelRef | None = None, *, patient: bool = False) -> Turn:
        """Have what stands at `parent` answered, by the session's model or another.

        `patient`: where its host cannot be reached, that is waited for until it can.
        """
        ...


class Recording(Protocol):
    """The tee of one turn: what happens is kept as it happens. Nothing here raises, and only `asked` waits."""

    def record(self, event: Event) -> None:
        """Keep an event of the turn: messages and results at once, a streaming reply every second."""
        ...

    async def flush_user_message(self) -> None:
        """What the user said in the middle of the turn is on the disk itself, or the user was told that it cannot be.

        The only one here that waits: the request that takes it along has not left.
        """
        ...

    def close(self) -> None:
        """Nobody reads the turn any more; without its TurnEnded, what came is kept as a cut message."""
        ...


class Recorder(Protocol):
    """A chat while it is led. It comes into being with its first message. Only `begin` and `close` wait."""

    @property
    def chat_id(self) -> str:
        """The id of the chat, before it exists too."""
        ...

    def add(self, node: Node) -> None:
        """A message stands in the tree, the head on it."""
        ...

    def move(self, head: str | None) -> None:
        """The head stands elsewhere."""
        ...

    def set_state(self, state: ChatState) -> None:
        """The model, the system prompt or the settings of the chat are others now."""
        ...

    def draft(self, text: str) -> None:
        """What stands in the input now; it is on disk a second later. "" when it was sent or cleared."""
        ...

    async def begin(self, turn_id: str, question: str) -> Recording:
        """A request is about to leave for the message at `question`: all that was added is on the disk itself
        when this returns, or the user has been told that it cannot be."""
        ...

    async def close(self) -> None:
        """The chat is put down; another termchat may take it up."""
        ...


@dataclass(frozen=True, slots=True)
class Resumed:
    """A chat taken up again. `forked`: another running termchat has it open, so this is a branch of its own."""

    recorder: Recorder
    info: ChatInfo
    state: ChatState
    conversation: Conversation
    draft: str = ""
    forked: bool = False


class ChatStore(Protocol):
    """All chats that are kept."""

    @property
    def is_ephemeral(self) -> bool:
        """Whether nothing will be left of what is kept."""
        ...

    def new_recorder(self, state: ChatState, place: Location) -> Recorder:
        """A new chat, which exists from its first message on."""
        ...

    async def resume(self, chat: str, place: Location) -> Resumed | Failure: ...
    async def fork(self, chat: str, head: str | None, place: Location, title: str = "") -> Resumed | Failure:
        """A chat of its own that shares the messages up to `head`, None being where the chat stands."""
        ...

    async def find(self, name: str) -> ChatInfo | Failure:
        """The chat that an id, a beginning of one or a title means."""
        ...

    async def last(self, place: Location) -> ChatInfo | None:
        """The chat that `-c` means."""
        ...

    async def chats(
        self, containing: str = "", directory: str | None = None, after: str = "", limit: int = 50
    ) -> ChatPage:
        """Chats, newest first; `containing` looks into titles and texts, `directory` None is everywhere."""
        ...

    async def last_messages(self, chat: str, limit: int) -> tuple[Message, ...]:
        """The last messages of a chat on the way to its head, oldest first, without taking it up."""
        ...

    async def search(self, typed: str, limit: int = 50) -> tuple[SearchHit, ...]:
        """Messages with these words: the newest thousand, the best first."""
        ...

    async def short_id(self, chat: str) -> str:
        """The shortest beginning of the id that is enough to name the chat."""
        ...

    async def rename(self, chat: str, title: str) -> None: ...
    async def delete(self, chat: str) -> None:
        """Set a chat aside; `restore` brings it back for thirty days."""
        ...

    async def restore(self, chat: str) -> None: ...
    async def deleted_chats(self) -> tuple[ChatInfo, ...]: ...
    def remember(self, text: str, place: Location, chat: str = "", *, draft: bool = False) -> None:
        """Add a prompt that was sent, or a draft that was cleared, to the history of prompts."""
        ...

    async def prompts(self, containing: str = "", directory: str = "", limit: int = 500) -> tuple[PastPrompt, ...]:
        """Past prompts of all chats, each once; those of `directory` first, newest first."""
        ...

    async def recover_draft(self, place: Location) -> str:
        """What was typed here into a chat that never began, before termchat was killed; "" when there is nothing.

        It is the draft of the chat that `begin` gives next.
        """
        ...

    async def price(self, prices: Prices, since: float = 0.0) -> None:
        """Price the requests whose cost nobody asked for when they were made: a script does not wait for that."""
        ...

    async def usage(self, by: UsageGroup, since: float = 0.0) -> tuple[UsageRow, ...]: ...
    def export(
        self, form: ExportFormat, chats: Sequence[str] | None = None, head: str | None = None
    ) -> AsyncGenerator[str, None]:
        """Chats as text, piece by piece: all of them when `chats` is None. `head` picks a branch of a single one."""
        ...

    async def import_file(self, file: Path) -> ImportReport | Failure:
        """Import chats from a file of termchat, ChatGPT, Claude or llm."""
        ...

    async def close(self) -> Failure | None:
        """Write what waits; the failure says what could not be kept."""
        ...
