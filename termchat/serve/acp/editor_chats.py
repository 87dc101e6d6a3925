"""Ports of the agent: the chats that it opens for a client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

from termchat.attachments.sources import AttachmentSources
from termchat.commands.registry import CommandRegistry
from termchat.core.chats import ChatPage
from termchat.core.errors import Failure
from termchat.core.messages import Message
from termchat.core.models import McpServer
from termchat.core.provider import Providers
from termchat.core.sanitize import Safe
from termchat.core.session import Session
from termchat.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class EditorChat:
    """An open chat and the parts that its prompts need.

    id            the id of its session; that of the saved chat, if it is saved
    cwd           the working directory of its tools and attachments
    tools         the names of the tools that are offered at the start, None if tools are switched off
    servers       names of MCP servers of the client that are connected when tools are on
    notices       sentences for the user, shown with the first reply
    find_secret   returns a sentence about a key in a message, EMPTY without one
    attachments   returns the sources of attachments
    close         releases the chat and writes what is pending
    """

    id: str
    session: Session
    providers: Providers
    commands: CommandRegistry
    cwd: Path
    tools: tuple[str, ...] | None
    servers: tuple[str, ...]
    notices: tuple[Safe, ...]
    find_secret: Callable[[Message], Safe]
    attachments: Callable[[], AttachmentSources]
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ChatPlace:
    """The place of a chat: its working directory, the MCP servers of the client, notices about those left out."""

    cwd: Path
    servers: Sequence[McpServer] = ()
    notices: tuple[Safe, ...] = ()


class EditorChats(Protocol):
    """The chats of the program, as a client opens them."""

    @property
    def are_saved(self) -> bool:
        """Return True if chats are saved, so that they can be listed and opened again."""
        ...

    @property
    def connects_servers(self) -> bool:
        """Return True if MCP servers can be connected."""
        ...

    def missing_key(self) -> Failure | None:
        """Return the failure of new chats if there is no model to answer them, None otherwise."""
        ...

    async def new(self, place: ChatPlace) -> EditorChat | Failure:
        """Open a new chat."""
        ...

    async def resume(self, chat: str, place: ChatPlace) -> EditorChat | Failure:
        """Open the saved chat of an id."""
        ...

    async def listed(self, directory: str | None, after: str) -> ChatPage | Failure:
        """Return a page of saved chats, newest first; `after` is the `more` of the page before, else a failure."""
        ...

    async def close(self) -> None:
        """Release what belongs to no chat."""
        ...
