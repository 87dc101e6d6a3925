"""Labels, times, parts and sources of messages, for the export formats that people read."""

from __future__ import annotations

import time
from collections.abc import Iterator

from termchat.core.chats import FullChat
from termchat.core.conversation import Node
from termchat.core.messages import Message, Part, Role, Text
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import safe_line
from termchat.core.urls import safe_url


def author_label(node: Node) -> str:
    """Return the label of the message's author: `You`, `Tools`, or the model."""
    message = node.message
    match message.role:
        case Role.USER:
            return "You"
        case Role.TOOL:
            return "Tools"
        case Role.ASSISTANT:
            return str(message.origin.ref) if message.origin else "Assistant"


def timestamp(record: FullChat, node: Node) -> str:
    """Return the local time of the message, to the minute."""
    return date(record.times.get(node.id, record.info.created))


def date(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def sources(message: Message) -> Iterator[tuple[str, str]]:
    """Yield the title and URL of each source, on one line; the URL is "" unless it is a web address."""
    for citation in message.sources:
        yield safe_line(" ".join(citation.title.split()) or citation.url), safe_url(citation.url)


def parts(message: Message) -> Iterator[Part]:
    """Yield the parts of a message; adjacent texts, which vendors split at each source, are joined."""
    texts: list[str] = []
    for part in message.parts:
        if isinstance(part, Text):
            texts.append(part.text)
            continue
        if texts:
            yield Text("".join(texts))
            texts = []
        yield part
    if texts:
        yield Text("".join(texts))


def outcome_label(node: Node) -> str:
    """Return the outcome of a reply, "" for a complete one."""
    outcome = node.message.outcome
    return "" if outcome is None or outcome is Outcome.COMPLETE else outcome.value
