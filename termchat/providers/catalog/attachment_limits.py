"""Attachments that a model takes, from `attachments.toml` and from what its server has refused.

`without_untaken` holds for messages written to another model, or before this table knew better.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from termchat.core.messages import File, Image, Origin
from termchat.core.models import AttachmentLimits
from termchat.core.provider import Request
from termchat.providers.catalog.capabilities import matches_pattern, unsupported_params
from termchat.providers.catalog.dropped_parts import all_parts, with_notes
from termchat.providers.decoder import as_count, as_list, as_object

_FILE = Path(__file__).with_name("attachments.toml")


@cache
def _rows() -> tuple[Mapping[str, Any], ...]:
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(as_object(row) for row in as_list(table.get("row")))


def attachment_limits(origin: Origin, refused: Iterable[str] = ()) -> AttachmentLimits | None:
    """Return the attachments that a model takes, None for a protocol that the table does not name.

    refused   kinds of content that its server has refused or does not list: `images`, `files`
    """
    fields = _fields(origin)
    if not fields:
        return None
    lacking = {*unsupported_params(origin), *refused}
    return AttachmentLimits(
        images=() if "images" in lacking else _words(fields, "images"),
        image_bytes=as_count(fields.get("image_bytes")),
        image_edge=as_count(fields.get("image_edge")),
        image_limit=as_count(fields.get("image_limit")),
        documents=() if "files" in lacking else _words(fields, "documents"),
        document_bytes=as_count(fields.get("document_bytes")),
        audio=_words(fields, "audio"),
        request_bytes=as_count(fields.get("request_bytes")),
    )


def without_untaken(request: Request, origin: Origin) -> tuple[Request, tuple[str, ...]]:
    """Return the request with notes in place of images and audio that a model does not take, and their kinds."""
    kinds = {_mime(part) for part in all_parts(request.messages) if isinstance(part, Image | File) and part.data}
    if not kinds:
        return request, ()
    fields = _fields(origin)
    taken = {*_words(fields, "images"), *_words(fields, "audio")}
    untaken = {kind for kind in kinds if kind.startswith(("image/", "audio/")) and kind not in taken}
    if not untaken or not taken:
        return request, ()
    messages = with_notes(request.messages, lambda part: _mime(part) in untaken and bool(part.data))
    return replace(request, messages=messages), tuple(sorted(map(_kind_name, untaken)))


def _mime(part: Image | File) -> str:
    mime = part.mime.partition(";")[0].strip().lower()
    return "image/jpeg" if mime == "image/jpg" else mime


def _kind_name(mime: str) -> str:
    family, _, kind = mime.partition("/")
    return f"{kind.upper()} {'images' if family == 'image' else family}"


def _fields(origin: Origin) -> dict[str, Any]:
    name = origin.model.rpartition("/")[2].lower()
    fields: dict[str, Any] = {}
    for row in _rows():
        models = [str(pattern) for pattern in as_list(row.get("models"))]
        if origin.protocol.value in as_list(row.get("protocols")) and (
            not models or any(matches_pattern(name, pattern) for pattern in models)
        ):
            fields |= row
    return fields


def _words(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(str(word) for word in as_list(fields.get(name)))
