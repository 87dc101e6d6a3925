"""Chats, messages and errors as JSON for the page. Texts are foreign: the page sanitises them where it shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any, assert_never

from termchat.core.approval import ApprovalRequest
from termchat.core.chats import ChatInfo, ChatState, NodeFigures, SearchHit, WatchedChat
from termchat.core.conversation import Node
from termchat.core.errors import Failure
from termchat.core.messages import (
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Role,
    Search,
    Text,
    ToolCall,
    ToolResult,
    attachment_name,
    main_argument,
)
from termchat.core.models import ModelInfo, ModelRef
from termchat.core.provider import Providers
from termchat.core.usage import Usage
from termchat.serve.faults import client_words

BlobName = Callable[[bytes], str]


def hash_of(data: bytes) -> str:
    """Return the name of an attachment by its bytes, "" for none."""
    return sha256(data).hexdigest() if data else ""


def stored_hash(data: bytes) -> str:
    """Return the name of an attachment of a `WatchedChat`, whose data is the name."""
    return data.decode()


def chat_row(info: ChatInfo, *, running: bool) -> dict[str, Any]:
    """Return a chat as a row of a list."""
    return {
        "id": info.id,
        "title": info.title,
        "model": str(info.model) if info.model else "",
        "created": info.created,
        "updated": info.updated,
        "messages": info.turns,
        "held": "elsewhere" if info.open_elsewhere else None,
        "running": running,
        "directory": info.directory,
    }


def chat_document(chat: WatchedChat) -> dict[str, Any]:
    """Return a whole chat, without its turns."""
    nodes = [stored_node(chat, node) for node in chat.nodes.values()]
    row = chat_row(chat.info, running=bool(chat.replies))
    return {**row, **setup_document(chat.state), "head": chat.head, "nodes": nodes}


def setup_document(state: ChatState) -> dict[str, Any]:
    """Return what the next turns of a chat are sent with, beside the model."""
    settings, compared = state.settings, state.compared
    return {
        "system": state.system,
        "role": settings.get("role", ""),
        "think": settings.get("think", ""),
        "compared": {"question": compared.question, "models": list(compared.models)} if compared else None,
    }


def stored_node(chat: WatchedChat, node: Node) -> dict[str, Any]:
    """Return a message of a chat that was read."""
    label = chat.labels.get(node.id, "")
    return node_document(node, chat.figures[node.id], label, stored_hash, chat.sizes)


def node_document(
    node: Node,
    figures: NodeFigures,
    label: str = "",
    blob: BlobName = hash_of,
    sizes: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return a message with its place in the tree; `sizes` are those of blobs whose bytes were not read."""
    message = node.message
    return {
        "id": node.id,
        "parent": node.parent,
        "role": message.role.value,
        "label": label,
        "created": figures.created,
        "outcome": message.outcome.value if message.outcome else None,
        "can_continue": _continues(message),
        "model": str(message.origin.ref) if message.origin else "",
        "usage": usage_document(message.usage),
        "cost": cost_text(figures.cost),
        "about": figures.about,
        "seconds": figures.seconds,
        "parts": [_part(part, message.role, blob, sizes or {}) for part in message.parts],
    }


def _continues(message: Message) -> bool:
    return message.role is Role.TOOL or (message.can_continue and bool(message.text))


def cost_text(cost: Decimal | None) -> str | None:
    """Return US dollars as text, None if they are unknown."""
    return None if cost is None else format(cost, "f")


def usage_document(usage: Usage | None) -> dict[str, Any] | None:
    """Return token counts, None if they are unknown."""
    if usage is None:
        return None
    counts = {"input": usage.input, "output": usage.output, "cached": usage.cached, "reasoning": usage.reasoning}
    return {**counts, "estimated": usage.estimated}


def part_document(part: Part) -> dict[str, Any]:
    """Return a part of a reply."""
    return _part(part, Role.ASSISTANT, hash_of, {})


def _part(part: Part, role: Role, blob: BlobName, sizes: Mapping[str, int]) -> dict[str, Any]:
    match part:
        case Text():
            return _text(part, role)
        case Reasoning():
            return {"kind": "reasoning", "text": part.text, "redacted": part.redacted}
        case Search():
            return {"kind": "search", "queries": list(part.queries)}
        case ToolCall():
            call = {"kind": "tool_call", "id": part.id, "name": part.name, "arguments": part.arguments}
            return {**call, "complete": part.complete, "summary": main_argument(part.arguments)}
        case ToolResult():
            images = [_part(inner, role, blob, sizes) for inner in part.parts if isinstance(inner, Image)]
            ok = not part.is_error and not part.status
            result = {"kind": "tool_result", "call": part.call_id, "name": part.name, "text": part.text, "ok": ok}
            return {**result, "status": part.status.value, "edited": part.edited, "images": images}
        case Image():
            name = blob(part.data)
            size = sizes.get(name, len(part.data))
            return {"kind": "image", "blob": name, "url": part.url, "type": part.mime, "name": part.name, "size": size}
        case File():
            name = blob(part.data)
            size = sizes.get(name, len(part.data))
            return {"kind": "file", "blob": name, "type": part.mime, "name": part.name, "size": size}
        case _:
            assert_never(part)


def _text(part: Text, role: Role) -> dict[str, Any]:
    name = attachment_name(part) if role is Role.USER else ""
    if name:
        inner = part.text.partition("\n")[2].removesuffix("\n</file>\n")
        return {"kind": "file", "type": "text/plain", "name": name, "size": len(inner.encode("utf-8", "replace")),
                "text": inner}  # fmt: skip
    found: dict[str, Any] = {"kind": "text", "text": part.text}
    if part.citations:
        found["citations"] = [{"url": one.url, "title": one.title} for one in part.citations]
    return found


def failure_document(failure: Failure | None) -> dict[str, Any] | None:
    """Return a failure; its texts are redacted already."""
    if failure is None:
        return None
    return {
        "message": failure.message,
        "hint": client_words(failure.hint),
        "kind": failure.kind.value,
        "url": failure.url,
        "suggestions": [str(model) for model in failure.suggestions],
    }


def hit_document(hit: SearchHit) -> dict[str, Any]:
    """Return a found message; the snippet in pieces, each with True for a match."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for start, end in hit.marks:
        pieces += ((hit.snippet[at:start], False), (hit.snippet[start:end], True))
        at = end
    pieces.append((hit.snippet[at:], False))
    shown = [[text, marked] for text, marked in pieces if text]
    return {"chat": hit.chat, "title": hit.title, "node": hit.node, "role": hit.role.value, "created": hit.created,
            "snippet": shown}  # fmt: skip


def request_document(request: ApprovalRequest, place: int) -> dict[str, Any]:
    """Return the question about the tool call at a place of its reply, with the answers that it takes."""
    choices = [{"decision": "once", "label": "Allow once"}]
    if request.rules and not request.only_person:
        choices.append({"decision": "always", "label": f"Always allow {' and '.join(request.rules)}"})
    choices.append({"decision": "deny", "label": "Deny"})
    return {
        "id": request.id,
        "call": request.call.id,
        "place": place,
        "tool": request.call.name,
        "summary": request.title or main_argument(request.call.arguments),
        "arguments": request.call.arguments,
        "effect": request.effect.value,
        "preview": request.preview,
        "preview_kind": request.kind.value,
        "facts": list(request.facts),
        "reason": request.reason,
        "rules": list(request.rules),
        "choices": choices,
    }


def model_document(ref: ModelRef, providers: Providers, info: ModelInfo | None = None) -> dict[str, Any]:
    """Return a model with what is known of it; None where nothing is."""
    info = info or providers.model_info(ref)
    limits = providers.attachment_limits(ref)
    return {
        "id": str(ref),
        "provider": ref.provider,
        "title": info.title if info else "",
        "context": info.context if info else None,
        "vision": bool(limits.images) if limits else None,
        "documents": bool(limits.documents) if limits else None,
        "lacks": list(info.lacks) if info else [],
    }
