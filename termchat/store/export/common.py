"""What stands above a message in an export."""

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
    """Who speaks, in words."""
    message = node.message
    match message.role:
        case Role.USER:
            return "You"
        case Role.TOOL:
            return "Tools"
        case Role.ASSISTANT:
            return str(message.origin.ref) if message.origin else "Assistant"


def timestamp(record: FullChat, node: Node) -> str:
    """When it was said, as local time to the minute."""
    return date(record.times.get(node.id, record.info.created))


def date(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def sources(message: Message) -> Iterator[tuple[str, str]]:
    """The title and the address of each source, on one line; "" for an address that is no web page."""
    for citation in message.sources:
        yield safe_line(" ".join(citation.title.split()) or citation.url), safe_url(citation.url)


def parts(message: Message) -> Iterator[Part]:
    """The parts of a message; words that the vendor gave in pieces, one for each source, are one text again."""
    said: list[str] = []
    for part in message.parts:
        if isinstance(part, Text):
            said.append(part.text)
            continue
        if said:
            yield Text("".join(said))
            said = []
        yield part
    if said:
        yield Text("".join(said))


def outcome_label(node: Node) -> str:
    """How a reply ended, if it is not complete."""
    outcome = node.message.outcome
    return "" if outcome is None or outcome is Outcome.COMPLETE else outcome.value
