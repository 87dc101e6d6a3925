"""A saved chat as the updates that would have made it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path

from acp.schema import ImageContentBlock, TextContentBlock, UserMessageChunk

from termchat.core.conversation import Node, as_typed
from termchat.core.messages import Image, Part, Reasoning, Role, Text, ToolCall, ToolResult, attachment_name
from termchat.core.sanitize import repair_surrogates, safe_line
from termchat.serve.acp.tool_updates import call_ended, call_started
from termchat.serve.acp.turn_updates import Update, call_name, text_chunk, thought_chunk


def replayed(path: Sequence[Node], cwd: Path) -> Iterator[Update]:
    """Yield the updates of the messages of a path, oldest first. Calls without a result have none."""
    called: dict[str, tuple[str, ToolCall]] = {}  # call id -> its id in the session, the call
    for node in path:
        for number, part in enumerate(node.message.parts):
            if node.message.role is Role.USER:
                yield _asked(part, node.id)
                continue
            message = f"{node.id}-{number}"
            match part:
                case Text() if part.text:
                    yield text_chunk(part.text, message)
                case Reasoning() if part.text:
                    yield thought_chunk(part.text, message)
                case ToolCall() if part.complete:
                    called[part.id] = call_name(node.id, part), part
                case ToolResult() if part.call_id in called:
                    name, call = called.pop(part.call_id)
                    yield call_started(name, call, cwd)
                    yield call_ended(name, call, part, cwd)
                case _:
                    continue


def _asked(part: Part, message: str) -> UserMessageChunk:
    if isinstance(part, Image) and part.data:
        data = base64.b64encode(part.data).decode()
        block = ImageContentBlock(type="image", data=data, mime_type=safe_line(part.mime))
        return UserMessageChunk(session_update="user_message_chunk", content=block, message_id=message)
    name = attachment_name(part)
    words = f"[{safe_line(name)}] " if name else as_typed(part.text) if isinstance(part, Text) else ""
    text = TextContentBlock(type="text", text=repair_surrogates(words))
    return UserMessageChunk(session_update="user_message_chunk", content=text, message_id=message)
