"""Attachments of the page: kept until they are sent, fitted to the model that gets them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from termchat.attachments.classify import file_part
from termchat.attachments.fit_to_model import fit_parts, taker_of, too_large_together
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import File, Image, Part, Text
from termchat.core.models import ModelRef
from termchat.core.provider import Providers
from termchat.core.sanitize import Safe, safe_format

_MOST_BYTES = 128 << 20  # of all uploads; the oldest go first
_LONGEST = 3600.0  # seconds


class PageUploads:
    """Uploads by id, in memory."""

    def __init__(self) -> None:
        self._parts: OrderedDict[str, tuple[float, int, Part]] = OrderedDict()

    def add(self, name: str, data: bytes) -> dict[str, Any] | Failure:
        """Keep a file; return its id and kind, or why it cannot be attached."""
        part = file_part(name, data)
        if isinstance(part, Failure):
            return part
        upload, now = uuid4().hex, time.monotonic()
        self._parts[upload] = (now, len(data), part)
        while sum(size for _, size, _ in self._parts.values()) > _MOST_BYTES or self._is_old(now):
            self._parts.popitem(last=False)
        kind = "image" if isinstance(part, Image) else "file" if isinstance(part, File) else "text"
        mime = "text/plain" if isinstance(part, Text) else getattr(part, "mime", "")
        return {"id": upload, "name": name, "kind": kind, "type": mime, "size": len(data)}

    def _is_old(self, now: float) -> bool:
        oldest = next(iter(self._parts.values()), None)
        return oldest is not None and now - oldest[0] > _LONGEST

    async def fitted(
        self, uploads: Sequence[str], models: Sequence[ModelRef], providers: Providers
    ) -> tuple[tuple[Part, ...], tuple[Safe, ...]] | Failure:
        """Return uploads as the first model takes them, and notes about those that are not sent as they are.

        A failure if one of the models does not take them.
        """
        if any(upload not in self._parts for upload in uploads):
            words = safe_format("An attachment is no longer there.")
            return Failure(FailureKind.NOT_FOUND, words, safe_format("Attach it again."))
        given = [self._parts[upload][2] for upload in uploads]
        found = [await _fitted_to(given, model, providers) for model in models]
        return next((one for one in found if isinstance(one, Failure)), found[0])

    def drop(self, uploads: Sequence[str]) -> None:
        """Forget uploads that were sent."""
        for upload in uploads:
            self._parts.pop(upload, None)


async def _fitted_to(
    given: Sequence[Part], model: ModelRef, providers: Providers
) -> tuple[tuple[Part, ...], tuple[Safe, ...]] | Failure:
    taker, notes = taker_of(providers, model), list[Safe]()
    parts = await fit_parts(given, taker, notes.append)
    if isinstance(parts, Failure):
        return parts
    return too_large_together(parts, taker) or (parts, tuple(notes))
