"""What stands above a message in an export."""

from __future__ import annotations

import time

from termchat.core.conversation import Node
from termchat.core.library import ChatRecord
from termchat.core.messages import Author
from termchat.core.outcomes import Outcome


def speaker(node: Node) -> str:
    """Who speaks, in words."""
    message = node.message
    match message.author:
        case Author.USER:
            return "You"
        case Author.TOOL:
            return "Tools"
        case Author.ASSISTANT:
            return str(message.origin.ref) if message.origin else "Assistant"


def when(record: ChatRecord, node: Node) -> str:
    """When it was said, as local time to the minute."""
    return date(record.times.get(node.id, record.info.created))


def date(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def ending(node: Node) -> str:
    """How a reply ended, if it is not complete."""
    outcome = node.message.outcome
    return "" if outcome is None or outcome is Outcome.COMPLETE else outcome.value
