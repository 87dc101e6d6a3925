"""The content of a prompt as a message: texts, pictures, embedded resources and links to files."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from acp.schema import (
    AudioContentBlock,
    BlobResourceContents,
    EmbeddedResourceContentBlock,
    ImageContentBlock,
    ResourceContentBlock,
    TextContentBlock,
    TextResourceContents,
)

from termchat.attachments.classify import LARGEST, file_part, media_part, not_attached, visible_controls
from termchat.attachments.fit_to_model import Taker, fit_attachment, taker_of, too_large_together
from termchat.attachments.resolve import ASK_BYTES, Resolver
from termchat.core.errors import Failure
from termchat.core.messages import File, Image, Message, Part, Text, attached_text, user_message
from termchat.core.sanitize import Safe, repair_surrogates, safe, safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.serve.acp.editor_chats import EditorChat

Block: TypeAlias = (
    TextContentBlock | ImageContentBlock | AudioContentBlock | ResourceContentBlock | EmbeddedResourceContentBlock
)
Confirm: TypeAlias = Callable[[Safe], Awaitable[bool]]
ReadBuffer: TypeAlias = Callable[[str], Awaitable[str | None]]
_NAME = 200  # characters of the name of an attachment
_ATTACHED_SCHEMES = ("file", "http", "https")
_AGAIN = safe_format("Attach it again.")
_PART = safe_format("Attach a part of it.")


@dataclass(frozen=True, slots=True)
class PromptContent:
    """The message of a prompt, and sentences about attachments that are not sent as they are."""

    message: Message
    notes: tuple[Safe, ...] = ()


async def prompt_content(
    blocks: Sequence[Block], chat: EditorChat, confirm: Confirm, read: ReadBuffer
) -> PromptContent | Failure:
    """Return the message of a prompt, its attachments fitted to the model.

    confirm   asks before a file is attached that may hold secrets
    read      returns the text of a file as the editor has it, None if it does not tell
    """
    reader = _BlockReader(chat, confirm, read)
    for block in blocks:
        if failure := await reader.add(block):
            return failure
    if failure := too_large_together(reader.parts, reader.taker):
        return failure
    return PromptContent(user_message("".join(reader.words), *reader.parts), tuple(reader.notes))


class _BlockReader:
    """Reads the blocks of a prompt in their order. Links stand in the text in their places."""

    def __init__(self, chat: EditorChat, confirm: Confirm, read: ReadBuffer) -> None:
        self._chat = chat
        self._confirm = confirm
        self._read = read
        self._resolver: Resolver | None = None
        self.taker: Taker = taker_of(chat.providers, chat.session.model)
        self.words: list[str] = []
        self.parts: list[Part] = []
        self.notes: list[Safe] = []

    async def add(self, block: Block) -> Failure | None:
        """Read a block; return why it cannot be sent."""
        match block:
            case TextContentBlock():
                self.words.append(repair_surrogates(block.text))
                return None
            case ImageContentBlock() | AudioContentBlock():
                kind = "image" if isinstance(block, ImageContentBlock) else "audio"
                name = _file_name(getattr(block, "uri", None) or "") or kind
                return await self._attach(_media(name, kind, block.data))
            case EmbeddedResourceContentBlock():
                self._mention(block.resource.uri)
                return await self._attach(_embedded(block.resource))
            case ResourceContentBlock():
                return await self._follow(block)

    async def _attach(self, part: Part | Failure) -> Failure | None:
        fitted = part if isinstance(part, Failure) else await fit_attachment(part, self.taker)
        if isinstance(fitted, Failure):
            return fitted
        self.parts.append(fitted.part)
        self.notes += [fitted.note] if fitted.note else []
        return None

    async def _follow(self, link: ResourceContentBlock) -> Failure | None:
        """Attach what a link names; other addresses than files and pages stay links."""
        parts = _address(link.uri)
        if parts.scheme not in _ATTACHED_SCHEMES:
            self.words.append(repair_surrogates(f"[{link.title or link.name}]({link.uri})"))
            return None
        self._mention(link.uri)
        target = link.uri
        if parts.scheme == "file":
            target = unquote(parts.path)
        self._resolver = self._resolver or Resolver(self._chat.attachments())
        found = await self._resolver.attach([target], self.taker)
        approved = bool(found.questions)
        if approved:
            if not await self._agrees(found.questions[0], link):
                return None
            found = await self._resolver.attach([target], self.taker, approved=True)
        if found.failures:
            return found.failures[0]
        self.notes += found.notes
        for part in found.parts:
            text = await self._read(target) if isinstance(part, Text) and target.startswith("/") else None
            if text is None:
                self.parts.append(part)
            elif failure := await self._attach_unsaved(link, target, text, approved=approved):
                return failure
        return None

    async def _attach_unsaved(
        self, link: ResourceContentBlock, target: str, text: str, *, approved: bool
    ) -> Failure | None:
        """Attach a text file as the editor has it, with the limits and the question of a file on disk."""
        data = repair_surrogates(text).encode()
        if len(data) > LARGEST:
            return not_attached(target, f"it is larger than {LARGEST >> 20} MB", _PART)
        if not approved and len(data) > ASK_BYTES:
            size = safe(f"{len(data) / 1000:.0f}")
            words = safe_format("{name} is {n} kB of text.", name=safe_line(target), n=size)
            if not await self._agrees(words, link):
                return None
        return await self._attach(file_part(target, data))

    async def _agrees(self, question: Safe, link: ResourceContentBlock) -> bool:
        """Ask about a link; without a yes, a note says that it is not attached."""
        if await self._confirm(question):
            return True
        self.notes.append(safe_format("Not attached: {name}.", name=safe_line(link.name[:_NAME])))
        return False

    def _mention(self, uri: str) -> None:
        """Name an attachment in the text."""
        name = _shown(uri, self._chat.cwd)
        self.words.append(f"@{name}" if " " not in name else f'@"{name}"')


def _media(name: str, kind: str, data: str) -> Part | Failure:
    raw = _decoded(name, data)
    part = raw if isinstance(raw, Failure) else media_part(name, raw)
    wanted = isinstance(part, Image) if kind == "image" else isinstance(part, File) and part.mime.startswith("audio/")
    if isinstance(part, Failure) or (part and wanted):
        return part
    return not_attached(name, f"its content is no {kind}", _AGAIN)


def _embedded(resource: TextResourceContents | BlobResourceContents) -> Part | Failure:
    name = _file_name(resource.uri) or "resource"
    if isinstance(resource, TextResourceContents):
        return attached_text(name, visible_controls(repair_surrogates(resource.text)))
    raw = _decoded(name, resource.blob)
    return raw if isinstance(raw, Failure) else file_part(name, raw)


def _decoded(name: str, data: str) -> bytes | Failure:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return not_attached(name, "it is not Base64", _AGAIN)


def _address(uri: str) -> SplitResult:
    """Return the parts of an address; one that is malformed has no scheme."""
    try:
        return urlsplit(uri)
    except ValueError:
        return urlsplit("")


def _shown(uri: str, cwd: Path) -> str:
    """Return the path of a file below the working directory, or the whole path; other addresses as they are."""
    parts = _address(uri)
    if parts.scheme != "file":
        return safe_line(uri[:_NAME])
    path = Path(unquote(parts.path))
    shown = path.relative_to(cwd) if path.is_relative_to(cwd) else path
    lines = f"#{parts.fragment}" if parts.fragment else ""
    return safe_line(f"{shown}{lines}"[-_NAME:])


def _file_name(uri: str) -> str:
    """Return the name that an attachment has in the message, "" without one."""
    parts = _address(uri)
    name = unquote(parts.path) if parts.scheme in ("file", "") else uri
    return safe_line(name[-_NAME:]).replace('"', "'")
