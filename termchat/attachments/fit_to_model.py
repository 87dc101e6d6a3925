"""Fit an attachment to what a model takes: scale an image, read the text of a PDF, or refuse with the next step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from termchat.attachments.classify import not_attached, visible_controls
from termchat.attachments.pictures import PictureError, can_scale, picture_size, scaled
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import File, Image, Message, Part, attached_text
from termchat.core.models import AttachmentLimits, ModelRef
from termchat.core.provider import Providers
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.core.wire.media_types import PDF
from termchat.late_dataclass import dataclass
from termchat.system.installation import install_command

_ANOTHER = safe_format("Choose another model: /model in a chat, -m in a script.")


@dataclass(frozen=True, slots=True)
class Taker:
    """A model and the attachments it takes; None if nothing is known of it."""

    name: Safe
    limits: AttachmentLimits | None


@dataclass(frozen=True, slots=True)
class Fitted:
    """An attachment as it will be sent, and a note if it is not the file itself."""

    part: Part
    note: Safe = EMPTY


def taker_of(providers: Providers, model: ModelRef) -> Taker:
    """Return a model as a taker of attachments."""
    return Taker(safe_line(model.model), providers.attachment_limits(model))


async def fit_attachment(part: Part, taker: Taker) -> Fitted | Failure:
    """Return an attachment as the model takes it, or why it does not."""
    limits = taker.limits
    if limits is None:
        return Fitted(part)
    match part:
        case Image() if part.data:
            return await asyncio.to_thread(_fit_picture, part, taker, limits)
        case File() if part.mime == PDF:
            return await asyncio.to_thread(_fit_document, part, taker, limits)
        case File() if part.mime.startswith("audio/") and part.mime not in limits.audio:
            kind = safe_line(part.mime.removeprefix("audio/").upper())
            words = safe_format("{model} does not take {kind} audio", model=taker.name, kind=kind)
            return not_attached(part.name, words, _ANOTHER)
        case _:
            return Fitted(part)


async def fit_parts(
    parts: Iterable[Part], taker: Taker, note: Callable[[Safe], object] | None = None
) -> tuple[Part, ...] | Failure:
    """Return parts with each attachment as the model takes it, or why it does not take one.

    note   is called with the note of each attachment that is not sent as it is
    """
    fitted: list[Part] = []
    for part in parts:
        found = await fit_attachment(part, taker)
        if isinstance(found, Failure):
            return found
        if found.note and note:
            note(found.note)
        fitted.append(found.part)
    return tuple(fitted)


async def fit_messages(
    messages: Sequence[Message], taker: Taker, note: Callable[[Safe], object] | None = None
) -> tuple[Message, ...] | Failure:
    """Return the messages of one request with their attachments as the model takes them, or why it does not."""
    fitted: list[Message] = []
    for message in messages:
        parts = await fit_parts(message.parts, taker, note)
        if isinstance(parts, Failure):
            return parts
        fitted.append(replace(message, parts=parts))
    every = (part for message in fitted for part in message.parts)
    return too_large_together(every, taker) or tuple(fitted)


def too_large_together(parts: Iterable[Part], taker: Taker) -> Failure | None:
    """Return the failure of attachments that exceed a request together, None if they fit."""
    most = taker.limits.request_bytes if taker.limits else 0
    total = sum(len(part.data) * 4 // 3 for part in parts if isinstance(part, Image | File))
    if not most or total <= most:
        return None
    words = safe_format(
        "The attachments are {n} MB in a request; {model} takes {most} MB.",
        n=safe(str(-(-total // 1_000_000))),
        model=taker.name,
        most=safe(str(most // 1_000_000)),
    )
    return Failure(FailureKind.BAD_CONFIG, words, safe_format("Send them in several messages, or make them smaller."))


def _fit_picture(picture: Image, taker: Taker, limits: AttachmentLimits) -> Fitted | Failure:
    name = picture.name or "image"
    if not limits.images:
        return not_attached(name, safe_format("{model} does not take images", model=taker.name), _ANOTHER)
    before = picture_size(picture.data)
    longer = max(before) if before else 0
    reason = _picture_problem(picture, longer, taker, limits)
    wanted = reason or (limits.image_edge and longer > limits.image_edge)
    if not wanted:
        return Fitted(picture)
    if not can_scale():
        if not reason:
            return Fitted(picture)  # the server scales it by itself
        return not_attached(
            name, reason, safe_format("Install what scales it: {command}", command=install_command("images"))
        )
    try:
        made = scaled(picture, limits.images, limits.image_edge, limits.image_bytes)
    except PictureError as error:
        if not reason:
            return Fitted(picture)
        words = safe_format("{reason}, and {why}", reason=reason, why=safe_line(str(error)))
        return not_attached(name, words, safe_format("Make it smaller, or save it as PNG or JPEG."))
    after = picture_size(made.data)
    note = safe_format("{name} is sent as {size}.", name=safe_line(name), size=_size(made, after))
    return Fitted(made, note)


def _picture_problem(picture: Image, longer: int, taker: Taker, limits: AttachmentLimits) -> Safe:
    """Return why the server would refuse an image, EMPTY if it would not."""
    if picture.mime not in limits.images:
        kind = safe_line(picture.mime.removeprefix("image/").upper())
        return safe_format("{model} does not take {kind} images", model=taker.name, kind=kind)
    if limits.image_limit and longer > limits.image_limit:
        most = safe(str(limits.image_limit))
        return safe_format(
            "{n} pixels are more than the {most} of {model}", n=safe(str(longer)), most=most, model=taker.name
        )
    if limits.image_bytes and len(picture.data) > limits.image_bytes:
        most = safe(f"{limits.image_bytes / 1e6:g}")
        return safe_format("it is larger than the {most} MB that {model} takes", most=most, model=taker.name)
    return EMPTY


def _fit_document(file: File, taker: Taker, limits: AttachmentLimits) -> Fitted | Failure:
    from termchat.attachments.documents import DocumentError, can_read_documents, document_text

    small = not limits.document_bytes or len(file.data) <= limits.document_bytes
    if PDF in limits.documents and small:
        return Fitted(file)
    reason = safe_format("{model} does not take PDFs", model=taker.name)
    if PDF in limits.documents:
        most = safe(f"{limits.document_bytes / 1e6:g}")
        reason = safe_format("it is larger than the {most} MB that {model} takes", most=most, model=taker.name)
    if not can_read_documents():
        return not_attached(
            file.name, reason, safe_format("Install what reads its text: {command}", command=install_command("pdf"))
        )
    try:
        document = document_text(file.data)
    except DocumentError as error:
        words = safe_format("{reason}, and {why}", reason=reason, why=safe_line(str(error)))
        return not_attached(file.name, words, _ANOTHER)
    name, text = safe_line(file.name), visible_controls(document.text)
    read, pages = safe(str(document.read)), safe(str(document.pages))
    note = safe_format("{name} is sent as text: {reason}.", name=name, reason=reason)
    if document.read < document.pages:
        left_out = safe_format("only the first {read} of its {pages} pages", read=read, pages=pages)
        note = safe_format("{name} is sent as text, {left_out}: {reason}.", name=name, left_out=left_out, reason=reason)
        text += f"\n[The text ends here, after {read} of {pages} pages.]"
    return Fitted(attached_text(file.name, text), note)


def _size(picture: Image, pixels: tuple[int, int] | None) -> Safe:
    kind = safe_line(picture.mime.removeprefix("image/").upper())
    return safe(f"{kind}, {pixels[0]}×{pixels[1]} pixels") if pixels else kind
