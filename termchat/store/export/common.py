"""Labels, times, parts and sources of messages, for the export formats that people read."""

from __future__ import annotations

import time
from collections.abc import Iterator

from termchat.core.chats import FullChat
from termchat.core.conversation import Node
from termchat.core.messages import File, Image, Message, Part, Role, Text, ToolResult, attachment_name
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import safe_line, safe_url


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
    """Yield the parts of a message, text files of a question as files.

    Adjacent texts, which vendors split at each source, are joined.
    """
    texts: list[str] = []
    for part in message.parts:
        if message.role is Role.USER and isinstance(part, Text) and (name := attachment_name(part)):
            content = part.text.partition("\n")[2].removesuffix("\n</file>\n")
            part = File(name, "text/plain", content.encode("utf-8", "replace"))
        if isinstance(part, Text):
            texts.append(part.text)
            continue
        if texts:
            yield Text("".join(texts))
            texts = []
        yield part
    if texts:
        yield Text("".join(texts))


def image_name(part: Image) -> str:
    """Return the name of an image on one line, or its URL, or its type."""
    return safe_line(" ".join(part.name.split()) or part.url or part.mime)


def file_name(part: File) -> str:
    """Return the name of a file on one line."""
    return safe_line(" ".join(part.name.split()) or "file")


def file_text(part: File) -> str:
    """Return the content of a text file, "" for any other file."""
    return part.data.decode("utf-8", "replace") if part.mime.startswith("text/") else ""


def result_label(result: ToolResult) -> str:
    """Return the words that follow the name of a tool: ` declined`, ` failed, edited`, "" for a plain success."""
    ends = [result.status.value or ("failed" if result.is_error else ""), "edited" if result.edited else ""]
    words = ", ".join(end for end in ends if end)
    return f" {words}" if words else ""


def outcome_label(node: Node) -> str:
    """Return the outcome of a reply, "" for a complete one."""
    outcome = node.message.outcome
    return "" if outcome is None or outcome is Outcome.COMPLETE else outcome.value
