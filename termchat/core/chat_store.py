"""Ports of the chat store: a recorder saves the chat in use, a recording one turn of it, the store all chats.

The methods are asynchronous where they wait for the disk. An async generator must be consumed under
`contextlib.aclosing`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
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
    WatchedChat,
)
from termchat.core.conversation import Conversation, Node
from termchat.core.errors import Failure
from termchat.core.events import Event
from termchat.core.messages import Message
from termchat.core.models import ModelRef
from termchat.core.provider import Prices
from termchat.core.usage import SpendingStore
from termchat.late_dataclass import dataclass


class Recording(Protocol):
    """Saves the events of one turn as they happen. No method raises; only `flush_user_message` waits."""

    def record(self, event: Event) -> None:
        """Save an event of the turn: messages and results at once, a streaming reply once a second."""
        ...

    async def flush_user_message(self) -> None:
        """Sync a user message sent in the middle of a turn to disk, or warn the user that it cannot be saved.

        Awaited before the request that carries this message is sent.
        """
        ...

    def close(self) -> None:
        """Stop recording. A turn without its TurnEnded is saved as a cut reply."""
        ...


class Recorder(Protocol):
    """Saves the chat in use. The chat is created with its first message. Only `begin` and `close` wait."""

    @property
    def chat_id(self) -> str:
        """The id of the chat, known before the chat is created."""
        ...

    def add(self, node: Node) -> None:
        """Save a node that was added to the tree; it becomes the head."""
        ...

    def move(self, head: str | None) -> None:
        """Save another head, by node id; None is before the first message."""
        ...

    def label(self, node: str, text: str) -> None:
        """Save the label of a node, "" for none."""
        ...

    def set_state(self, state: ChatState) -> None:
        """Save a changed model, system prompt or settings."""
        ...

    def draft(self, text: str) -> None:
        """Save the text of the input within a second; "" when it was sent or cleared."""
        ...

    async def begin(self, turn_id: str, question: str) -> Recording:
        """Open the recording of a turn that answers the node `question`.

        Returns when everything added so far is synced to disk, or the user was warned that it cannot be saved.
        """
        ...

    def begin_aside(self, turn_id: str) -> Recording:
        """Open the recording of a turn outside of the chat: its requests join the ledger, its messages nothing."""
        ...

    async def close(self) -> None:
        """Write what is pending and release the chat, so that another termchat may open it."""
        ...


@dataclass(frozen=True, slots=True)
class Resumed:
    """A resumed chat. `forked` is True when another termchat has the chat open, so that this is a branch of it."""

    recorder: Recorder
    info: ChatInfo
    state: ChatState
    conversation: Conversation
    draft: str = ""
    forked: bool = False


class ChatWatch(Protocol):
    """Reads chats while other processes write them, without opening them."""

    async def follow(self) -> None:
        """Let all processes save streaming replies more often for some seconds."""
        ...

    def unfollow(self) -> None:
        """End `follow`."""
        ...

    async def version(self) -> int:
        """Return a number that changes when another process has written."""
        ...

    async def chat(self, chat: str, after: int = 0) -> WatchedChat | None:
        """Return a chat with its messages behind the row `after`; None if there is no such chat."""
        ...

    async def running(self) -> frozenset[str]:
        """Return the ids of the chats in which a reply streams, in any process."""
        ...

    async def blob(self, name: str) -> bytes | None:
        """Return an attachment by its hash."""
        ...


class ChatStore(Protocol):
    """All saved chats."""

    @property
    def watch(self) -> ChatWatch:
        """The chats as they change."""
        ...

    @property
    def is_ephemeral(self) -> bool:
        """True when the store is in memory and nothing survives the process."""
        ...

    @property
    def spending(self) -> SpendingStore:
        """The money that running requests reserve, in all processes."""
        ...

    def new_recorder(self, state: ChatState, place: Location) -> Recorder:
        """Return a recorder for a new chat, which is created with its first message."""
        ...

    async def resume(self, chat: str, place: Location) -> Resumed | Failure:
        """Open the chat of this id. Its location becomes `place`, unless that is empty."""
        ...

    async def fork(self, chat: str, head: str | None, place: Location, title: str = "") -> Resumed | Failure:
        """Create a chat that shares the messages up to the node `head` (None: the head of the chat)."""
        ...

    async def find(self, name: str) -> ChatInfo | Failure:
        """Find a chat by its id, an id prefix or its title."""
        ...

    async def last(self, place: Location) -> ChatInfo | None:
        """Return the chat that `-c` resumes: the last one of this terminal or directory, None when there is none."""
        ...

    async def chats(
        self, containing: str = "", directory: str | None = None, after: str = "", limit: int = 50
    ) -> ChatPage:
        """List chats, newest first.

        containing   words of the title or of the messages, or the beginning of an id
        directory    working directory of the chats, None for all
        after        the `more` of the page before
        """
        ...

    async def last_messages(self, chat: str, limit: int) -> tuple[Message, ...]:
        """Return up to `limit` messages that end at the head, oldest first, without opening the chat."""
        ...

    async def search(self, typed: str, limit: int = 50, chat: str = "") -> tuple[SearchHit, ...]:
        """Find messages that contain all typed words; best first, of the newest thousand that match.

        typed   words; those in quotes stand together
        chat    the id of the only chat to search, "" for all
        """
        ...

    async def short_id(self, chat: str) -> str:
        """Return the shortest unique prefix of the id."""
        ...

    async def rename(self, chat: str, title: str) -> None:
        """Set the title of a chat."""
        ...

    async def delete(self, chat: str) -> None:
        """Delete a chat; `restore` undoes that for thirty days."""
        ...

    async def restore(self, chat: str) -> None:
        """Undo `delete`."""
        ...

    async def deleted_chats(self) -> tuple[ChatInfo, ...]:
        """Return the chats that `restore` can bring back."""
        ...

    def remember(self, text: str, place: Location, chat: str = "", *, draft: bool = False) -> None:
        """Add a sent prompt, or with `draft` a cleared one, to the prompt history.

        One that begins with a space, or that repeats the last one, is not added.
        """
        ...

    async def prompts(self, containing: str = "", directory: str = "", limit: int = 500) -> tuple[PastPrompt, ...]:
        """Return past prompts of all chats, each once: those of `directory` first, newest first.

        containing   a text in the prompts, "" for all of them
        """
        ...

    async def recover_draft(self, place: Location) -> str:
        """Return the unsent draft of a killed termchat at this location, or "".

        The next `new_recorder` takes it over.
        """
        ...

    async def price(self, prices: Prices, since: float = 0.0) -> None:
        """Add the missing costs of requests since `since` (seconds since 1970): a script does not wait for prices."""
        ...

    async def usage(self, by: UsageGroup, since: float = 0.0) -> tuple[UsageRow, ...]:
        """Sum up the requests since `since` (seconds since 1970)."""
        ...

    async def recent_models(self, limit: int) -> tuple[ModelRef, ...]:
        """Return up to `limit` models of the last requests, the newest first."""
        ...

    def export(
        self, form: ExportFormat, chats: Sequence[str] | None = None, head: str | None = None
    ) -> AsyncGenerator[str | Failure, None]:
        """Yield chats as text in pieces: all when `chats` is None. `head` selects a branch of a single chat.

        A failure between the pieces names a chat that cannot be read, in whole or in part.
        """
        ...

    async def import_file(self, file: Path) -> ImportReport | Failure:
        """Import the chats of an export, a session of an agent, or a folder of sessions."""
        ...

    async def close(self) -> Failure | None:
        """Write what is pending. The failure names what could not be saved."""
        ...
