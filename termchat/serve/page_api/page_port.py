"""Port of the page: chats, turns, uploads and events as JSON documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from termchat.late_dataclass import dataclass
from termchat.serve.faults import Fault

Document: TypeAlias = Mapping[str, Any]
PageEvent: TypeAlias = tuple[str, Document]  # its name, its data


@dataclass(frozen=True, slots=True)
class TurnAsked:
    """A turn that the page asks for.

    kind         `send`, `edit`, `retry`, `continue` or `compare`
    text         of a new question
    node         the message that is edited, retried or continued; the question of a comparison without a text
    parent       the message that a new question follows, None for the head
    attachments  ids of uploads
    model        a name, "" for that of the chat; `models` those of a comparison
    keep         an edited message keeps its attachments
    confirmed    send a text that holds a key
    system       the system prompt of a new chat, None for the usual one; `role` its role, "" for none
    """

    kind: str
    text: str = ""
    node: str = ""
    parent: str | None = None
    attachments: tuple[str, ...] = ()
    model: str = ""
    models: tuple[str, ...] = ()
    keep: bool = True
    confirmed: bool = False
    system: str | None = None
    role: str = ""


class Subscription(Protocol):
    """The events for one client."""

    async def next(self) -> Sequence[PageEvent]:
        """Wait for events; none at the end of the server or of the chat."""
        ...

    def close(self) -> None:
        """End the subscription."""
        ...


class PageApi(Protocol):
    """The program, as the page uses it. An error is a Fault."""

    async def page(self) -> Document:
        """Describe the server: version, models, tools."""
        ...

    async def models(self) -> Document:
        """Ask the vendors for their models."""
        ...

    async def chats(self, after: str, words: str, *, deleted: bool) -> Document:
        """Return a page of the chats, newest first.

        after     the `next` of the page before, "" for the first one
        words     of the title or the messages, "" for all chats
        deleted   only the chats that `restore` can bring back, all of them
        """
        ...

    async def search(self, words: str, chat: str) -> Document:
        """Search the messages of one chat, of all for ""."""
        ...

    async def chat(self, chat: str) -> Document | Fault:
        """Return a chat with its tree and its running turns."""
        ...

    async def begin(self, chat: str, asked: TurnAsked) -> Document | Fault:
        """Begin a turn; "" is a new chat."""
        ...

    def stop_turn(self, turn: str) -> Document | Fault:
        """Stop a turn."""
        ...

    def stop_call(self, turn: str, node: str, place: int) -> Document | Fault:
        """Stop one running tool call, by its reply and its place in it; the turn goes on with its result."""
        ...

    def answer(self, turn: str, request: str, decision: str, why: str) -> Document | Fault:
        """Answer the question about a tool call.

        request    the id of the question
        decision   `once`, `always` or `deny`
        why        the reason for the model, with `deny`
        """
        ...

    async def move_head(self, chat: str, node: str) -> Document | Fault:
        """Move the head of a chat to another message, or before the first one for ""."""
        ...

    async def fork(self, chat: str, node: str) -> Document | Fault:
        """Copy a chat up to a message, or up to the head."""
        ...

    async def set_up(self, chat: str, model: str, system: str | None, role: str) -> Document | Fault:
        """Change the model, the system prompt or the role of a chat; "" and None keep each."""
        ...

    async def rename(self, chat: str, title: str) -> Document | Fault:
        """Set the title of a chat."""
        ...

    async def delete(self, chat: str) -> Document | Fault:
        """Delete a chat."""
        ...

    async def restore(self, chat: str) -> Document | Fault:
        """Undo `delete`."""
        ...

    async def upload(self, name: str, data: bytes) -> Document | Fault:
        """Keep an attachment until it is sent."""
        ...

    async def blob(self, name: str) -> bytes | None:
        """Return an attachment by its hash."""
        ...

    async def subscribe(self, chat: str) -> Subscription | Fault:
        """Follow a chat and the list of chats; only the list for ""."""
        ...
