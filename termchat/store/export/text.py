"""Export chats as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from termchat.core.chats import FullChat
from termchat.core.conversation import Node
from termchat.core.messages import File, Image, Message, Part, Reasoning, Search, Text, ToolCall, ToolResult
from termchat.store.export import common


def chat_to_text(record: FullChat) -> str:
    """Return the messages on the path to the head."""
    title = record.info.title or "Chat"
    parts = [f"{title}\n{'=' * len(title)}\n"]
    if record.state.system:
        parts.append(f"System prompt:\n{record.state.system}\n")
    parts += [_message(record, node) for node in record.conversation.path()]
    return "\n".join(parts)


def _message(record: FullChat, node: Node) -> str:
    ending = common.outcome_label(node)
    head = f"{common.author_label(node)}, {common.timestamp(record, node)}{f' ({ending})' if ending else ''}:"
    return "\n".join([head, *_parts(common.parts(node.message)), *_sources(node.message), ""])


def _sources(message: Message) -> Iterator[str]:
    for number, (title, url) in enumerate(common.sources(message), 1):
        if number == 1:
            yield "Sources:"
        yield f"{number}. {title} {url}".rstrip() if title != url else f"{number}. {url}"


def _parts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        match part:
            case Text():
                yield part.text
            case Reasoning():
                if part.text:
                    yield f"[thinking: {part.text}]"
            case Search():
                if part.queries:
                    yield f"[searched the web: {', '.join(part.queries)}]"
            case ToolCall():
                yield f"[calls {part.name} {part.arguments}]"
            case ToolResult():
                yield f"[{part.name}{common.result_label(part)}: {part.text}]"
            case Image():
                yield f"[image {common.image_name(part)}]"
            case File():
                content = common.file_text(part)
                yield f"[file {common.file_name(part)}{f':{chr(10)}{content}' if content else ''}]"
