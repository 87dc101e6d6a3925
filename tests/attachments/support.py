"""Sources of attachments in a temporary directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from termchat.attachments.sources import AttachmentSources, Confirmation, IndexedFile
from termchat.core.approval import ResourceRow
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import File, Image, Part, attached_text
from termchat.core.provider import Resources
from termchat.core.sanitize import EMPTY, safe_format

PDF = b"%PDF-1.4 nothing"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(4) + b"IHDR" + (640).to_bytes(4, "big") + (480).to_bytes(4, "big")


@dataclass
class OneServer:
    """Resources of a server `docs`; `read` are the URIs that were read."""

    read_uris: list[str] = field(default_factory=list)

    def servers(self) -> tuple[str, ...]:
        return ("docs",)

    async def listed(self, server: str) -> tuple[ResourceRow, ...] | Failure:
        return (ResourceRow("note://a", "A note"), ResourceRow("note://{name}", template=True))

    async def read(self, server: str, uri: str) -> tuple[Part, ...] | Failure:
        self.read_uris.append(uri)
        if uri == "note://png":
            return (File("docs:note://png", "", PICTURE),)
        if uri != "note://a":
            return Failure(FailureKind.SERVER, safe_format("There is no such note."), safe_format("Look again."))
        return (attached_text("docs:note://a", "the note"),)


def sources(cwd: Path, resources: Resources | None = None, *, clipboard: Part | None = None) -> AttachmentSources:
    """Return sources: `.env` is sensitive, `http://private/` is not public, every other page says `page`."""

    async def fetch(url: str, *, approved: bool) -> Part | Failure | Confirmation:
        if "private" in url and not approved:
            return Confirmation(safe_format("private is not public."))
        return attached_text(url, "page")

    async def read_clipboard() -> Part | Failure:
        return clipboard or Failure(FailureKind.NOT_FOUND, safe_format("The clipboard is empty."))

    def walk(stopped: Callable[[], bool]) -> Iterator[IndexedFile]:
        for folder, _, names in os.walk(cwd):
            for name in names:
                path = Path(folder, name)
                yield IndexedFile(str(path.relative_to(cwd)), path.stat().st_size)

    def sensitive(path: Path):
        return safe_format(".env may hold secrets") if path.name == ".env" else EMPTY

    return AttachmentSources(cwd, sensitive, fetch, walk, lambda: resources, read_clipboard)


def picture(mime: str = "image/png", data: bytes = PICTURE) -> Image:
    return Image(mime, data, name="cat.png")
