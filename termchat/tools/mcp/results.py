"""Turn the result of a tool of an MCP server into parts for a model."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from termchat.core.messages import Image, Text
from termchat.core.wire.media_types import common_image_type
from termchat.tools.registry import ToolError, ToolOutput

if TYPE_CHECKING:
    from mcp_types import CallToolResult

IMAGES = 8  # of one result
IMAGE_BYTES = 5_000_000  # of one image


def tool_output(result: CallToolResult) -> ToolOutput:
    """Return text and images in the order of the server; structured content counts where there is no text.

    An image is known by its first bytes: what the server calls it does not matter.
    """
    parts = list(_limited(part for block in result.content for part in _parts(block)))
    structured: Any = result.structured_content
    if structured is not None and not any(isinstance(part, Text) for part in parts):
        parts.insert(0, Text(json.dumps(structured, ensure_ascii=False)))
    joined = _joined(parts)
    if result.is_error:
        words = "\n".join(part.text for part in joined if isinstance(part, Text))
        return ToolError(words or "the tool failed and does not say why")
    return tuple(joined) or "[no output]"


def _parts(block: Any) -> Iterator[Text | Image]:
    match block.type:
        case "text":
            yield Text(block.text)
        case "image":
            yield _image(block.data)
        case "audio":
            yield Text(f"[audio of {len(block.data) * 3 // 4} bytes, which cannot be passed on]")
        case "resource_link":
            about = f": {block.description}" if block.description else ""
            yield Text(f"[resource {block.name}{about}] {block.uri}")
        case "resource" if getattr(block.resource, "text", None) is not None:
            yield Text(f"[resource {block.resource.uri}]\n{block.resource.text}")
        case "resource":
            found = _image(block.resource.blob)
            yield found if isinstance(found, Image) else Text(f"[resource {block.resource.uri}, not text or image]")
        case other:
            yield Text(f"[content of the unknown type {other}]")


def _image(data: str) -> Text | Image:
    if len(data) > IMAGE_BYTES * 4 // 3 + 4:
        return Text(f"[an image of {len(data) * 3 // 4} bytes; the limit is {IMAGE_BYTES}]")
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return Text("[an image that is not Base64]")
    mime = common_image_type(raw)
    return Image(mime, raw) if mime else Text("[an image that is no PNG, JPEG, GIF or WebP]")


def _limited(parts: Iterable[Text | Image]) -> Iterator[Text | Image]:
    images = 0
    for part in parts:
        images += isinstance(part, Image)
        if isinstance(part, Text) or images <= IMAGES:
            yield part
    if images > IMAGES:
        yield Text(f"[{images - IMAGES} more images; the limit is {IMAGES}]")


def _joined(parts: Iterable[Text | Image]) -> list[Text | Image]:
    """Join texts that follow each other, so that a limit holds for all of them."""
    joined: list[Text | Image] = []
    texts: list[str] = []
    for part in parts:
        if isinstance(part, Text):
            texts.append(part.text)
            continue
        if texts:
            joined.append(Text("\n".join(texts)))
            texts = []
        joined.append(part)
    if texts:
        joined.append(Text("\n".join(texts)))
    return joined
