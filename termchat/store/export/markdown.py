"""Export chats as Markdown: messages unchanged, everything else in code fences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from termchat.core.chats import FullChat
from termchat.core.conversation import Node
from termchat.core.messages import File, Image, Message, Part, Reasoning, Role, Search, Text, ToolCall, ToolResult
from termchat.core.sanitize import code_fence
from termchat.store.export import common


def chat_to_markdown(record: FullChat) -> str:
    """Return the messages on the path to the head."""
    parts = [f"# {' '.join(record.info.title.split()) or 'Chat'}\n"]
    if record.state.system:
        parts.append(f"System prompt:\n\n{fenced(record.state.system)}")
    parts += [_message(record, node) for node in record.conversation.path()]
    return "\n".join(parts)


def fenced(text: str, language: str = "") -> str:
    """Return a text inside a fence that is longer than any fence in the text."""
    fence = code_fence(text)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}\n"


def _message(record: FullChat, node: Node) -> str:
    ending = common.outcome_label(node)
    tool = node.message.role is Role.TOOL
    head = f"{'###' if tool else '##'} {common.author_label(node)}\n"
    line = f"*{common.timestamp(record, node)}{f' · {ending}' if ending else ''}*\n"
    return "\n".join([head, *([] if tool else [line]), *_parts(common.parts(node.message)), *_sources(node.message)])


def _sources(message: Message) -> Iterator[str]:
    """Yield the numbered sources of a reply; only web addresses become links."""
    rows: list[str] = []
    for number, (title, url) in enumerate(common.sources(message), 1):
        label = re.sub(r"([\\\[\]<>`*_])", r"\\\1", title)
        rows.append(f"{number}. [{label}](<{url}>)\n" if url else f"{number}. {label}\n")
    if rows:
        yield f"Sources:\n\n{''.join(rows)}"


def _parts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        match part:
            case Text():
                yield f"{part.text.rstrip()}\n"
            case Reasoning():
                if part.text:
                    yield f"Thinking:\n\n{fenced(part.text)}"
            case Search():
                if part.queries:
                    yield f"Searched the web:\n\n{fenced(chr(10).join(part.queries))}"
            case ToolCall():
                yield f"Calls `{part.name}`:\n\n{fenced(part.arguments, 'json')}"
            case ToolResult():
                yield f"`{part.name}`{common.result_label(part)}:\n\n{fenced(part.text)}"
            case Image():
                yield f"(image {common.image_name(part)})\n"
            case File():
                content = common.file_text(part)
                yield f"(file {common.file_name(part)})\n{f'{chr(10)}{fenced(content)}' if content else ''}"
