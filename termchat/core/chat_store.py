"""The ports: what the parts of the house expect of each other. `app` alone joins them.

Providers answer requests, tools run calls, prices tell costs; a session turns a message into a turn, a recorder keeps
it, and a library has all that was kept. All of them are asynchronous; a port that streams is an async generator, to
be consumed under `contextlib.aclosing`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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
from termchat.core.events import Event
from termchat.core.messages import Message
from termchat.core.provider import Prices


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
