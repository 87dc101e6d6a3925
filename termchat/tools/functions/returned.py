"""The value that a function returned, as parts of a result: text and images; used in the worker process."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from io import BytesIO
from typing import Any, cast

from pydantic import TypeAdapter

from termchat.core.wire.media_types import common_image_type

_TEXT = 16_000_000  # characters of a text
_IMAGE = 20_000_000  # bytes of an image
_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def returned_parts(value: object) -> list[dict[str, str]]:
    """Return the parts of a value as JSON: `{"text": ...}` or `{"image": base64, "mime": ...}`; none for None."""
    if value is None:
        return []
    if type(value) in (list, tuple):
        items = list(cast("Sequence[object]", value))
        if any(_image(item) for item in items):
            return [part for item in items for part in returned_parts(item)]
    return [_image(value) or {"text": _text(value)}]


def _image(value: object) -> dict[str, str] | None:
    """Return the part of bytes that are an image, or of an image of Pillow; None for anything else."""
    data = bytes(value) if isinstance(value, bytes | bytearray) else _pillow_png(value)
    mime = common_image_type(data)
    if not mime or len(data) > _IMAGE:
        return None
    return {"image": base64.b64encode(data).decode(), "mime": mime}


def _pillow_png(value: object) -> bytes:
    if not type(value).__module__.startswith("PIL.") or not hasattr(value, "save"):
        return b""
    file = BytesIO()
    cast("Any", value).save(file, "PNG")
    return file.getvalue()


def _text(value: object) -> str:
    if isinstance(value, str):
        text = str(value)
    elif isinstance(value, bytes | bytearray):
        text = _bytes_text(bytes(value))
    else:
        text = _json_text(value)
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}\n[cut: {_TEXT} of {len(text)} characters]"


def _bytes_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"[{len(data)} bytes of binary data]"


def _json_text(value: object) -> str:
    """Return a value as JSON; what is no JSON inside it as its `str`, and all of it if even that fails."""
    try:
        return _ANY.dump_json(value, fallback=str).decode()
    except Exception:  # cycles, bytes, and the user's own code
        try:
            return json.dumps(value, default=str, ensure_ascii=False)
        except Exception:
            return str(value)
