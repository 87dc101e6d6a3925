"""Summary of the chat for the title and the status line, computed once per state of the chat."""

from __future__ import annotations

from termchat.core.conversation import Conversation
from termchat.core.messages import Message, Reasoning, Role
from termchat.core.sanitize import EMPTY, Safe, excerpt
from termchat.core.session import Session
from termchat.core.usage import Usage

_TOPIC = 40  # characters


class ChatSummary:
    """Topic, usage and reasoning of the messages up to the head of the chat.

    topic     the title of the chat, or the beginning of the question that it began with, "" without one
    usage     tokens of the last reply, None without one
    thought   the last reasoning that can be shown, "" without one
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: Conversation | None = None
        self._topic = EMPTY
        self._usage: Usage | None = None
        self._thought = ""

    @property
    def topic(self) -> Safe:
        self._update()
        return excerpt(self._session.title, _TOPIC) if self._session.title and self._topic else self._topic

    @property
    def usage(self) -> Usage | None:
        self._update()
        return self._usage

    @property
    def thought(self) -> str:
        self._update()
        return self._thought

    def _update(self) -> None:
        conversation = self._session.conversation
        if conversation is self._seen:
            return
        self._seen = conversation
        messages = conversation.history()
        first = next(iter(conversation.nodes.values()), None)  # as the store does, also after /undo or /edit
        replies = [message for message in reversed(messages) if message.role is Role.ASSISTANT]
        self._topic = excerpt(first.message.subject, _TOPIC) if first and messages else EMPTY
        self._usage = next((reply.usage for reply in replies if reply.usage), None)
        self._thought = next((thought for reply in replies if (thought := _thought(reply))), "")


def _thought(reply: Message) -> str:
    return "\n\n".join(part.text for part in reply.parts if isinstance(part, Reasoning) and part.text)
