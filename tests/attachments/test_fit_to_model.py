"""Attachments are made fit for a model by the limits of its protocol, or refused with the next step."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image as Pillow
from pypdf import PdfReader, PdfWriter

from termchat.attachments.documents import DocumentError, document_text
from termchat.attachments.fit_to_model import Fitted, Taker, fit_attachment, fit_messages, too_large_together
from termchat.attachments.pictures import PictureError, picture_size, scaled
from termchat.core.errors import Failure
from termchat.core.messages import File, Image, Origin, Text, user_message
from termchat.core.models import ApiProtocol, AttachmentLimits
from termchat.core.sanitize import Safe, safe_format
from termchat.core.wire.media_types import media_type
from termchat.providers.catalog.attachment_limits import attachment_limits

NAME = safe_format("model")
NOTHING = Taker(NAME, AttachmentLimits())


def taker(protocol: ApiProtocol, model: str = "model") -> Taker:
    return Taker(NAME, attachment_limits(Origin("it", protocol, model)))


def made(kind: str, size: tuple[int, int], mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Pillow.effect_noise(size, 60).convert(mode).save(file, kind)
    return file.getvalue()


def pdf(words: str = "Hello there") -> bytes:
    content = f"BT /F1 24 Tf 72 720 Td ({words}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
    ]
    body, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return body + b"xref\n0 5\n0000000000 65535 f \n%strailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(body),
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("size", [(1, 1), (640, 480), (3, 2000)])
def test_size_of_picture_is_read_from_its_first_bytes(kind: str, size: tuple[int, int]) -> None:
    data = made(kind, size)
    assert picture_size(data) == size
    assert picture_size(data[:9]) is None
    assert media_type(data) == f"image/{kind.lower()}"


@pytest.mark.parametrize(
    "protocol", [ApiProtocol.CHAT, ApiProtocol.RESPONSES, ApiProtocol.ANTHROPIC, ApiProtocol.GEMINI]
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
async def test_large_picture_of_any_kind_fits_each_protocol(protocol: ApiProtocol, kind: str) -> None:
    target = taker(protocol)
    given = Image(f"image/{kind.lower()}", made(kind, (4000, 300)), name="big")
    fitted = await fit_attachment(given, target)
    assert isinstance(fitted, Fitted) and isinstance(fitted.part, Image) and target.limits
    assert fitted.part.mime in target.limits.images
    assert media_type(fitted.part.data) == fitted.part.mime
    wide, high = picture_size(fitted.part.data) or (0, 0)
    assert max(wide, high) <= target.limits.image_edge
    assert abs(wide / high - 4000 / 300) < 0.2
    assert len(fitted.part.data) <= target.limits.image_bytes
    assert "is sent as" in fitted.note


async def test_picture_that_fits_keeps_its_bytes() -> None:
    given = Image("image/png", made("PNG", (600, 400)), name="small.png")
    assert await fit_attachment(given, taker(ApiProtocol.ANTHROPIC)) == Fitted(given)


async def test_picture_of_many_bytes_is_made_small_enough() -> None:
    fitted = scaled(Image("image/png", made("PNG", (900, 900), "RGBA")), ("image/png", "image/jpeg"), 0, 60_000)
    assert (fitted.mime, len(fitted.data) <= 60_000) == ("image/jpeg", True)
    with pytest.raises(PictureError):
        scaled(Image("image/png", made("PNG", (400, 400))), ("image/png",), 0, 10)


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0junk", b"GIF89a", b"II*\0junk"])
async def test_damaged_picture_never_raises(data: bytes) -> None:
    found = await fit_attachment(Image(media_type(data), data, name="bad"), taker(ApiProtocol.GEMINI))
    assert isinstance(found, Failure | Fitted)
    with pytest.raises(PictureError):
        scaled(Image("image/png", data), ("image/png",), 10, 0)


async def test_model_without_images_refuses_them_with_next_step() -> None:
    found = await fit_attachment(Image("image/png", made("PNG", (9, 9)), name="cat.png"), NOTHING)
    assert isinstance(found, Failure)
    assert found.message == "Cannot attach cat.png: model does not take images."
    assert "/model" in found.hint


async def test_document_is_sent_as_it_is_or_as_text() -> None:
    file = File("a.pdf", "application/pdf", pdf())
    assert await fit_attachment(file, taker(ApiProtocol.GEMINI)) == Fitted(file)
    fitted = await fit_attachment(file, NOTHING)
    assert isinstance(fitted, Fitted) and isinstance(fitted.part, Text)
    assert "Hello there" in fitted.part.text
    assert fitted.note == "a.pdf is sent as text: model does not take PDFs."


async def test_long_document_sent_as_text_says_which_pages_are_left_out() -> None:
    writer = PdfWriter(PdfReader(io.BytesIO(pdf())))
    for _ in range(501):
        writer.add_blank_page(9, 9)
    data = io.BytesIO()
    writer.write(data)
    fitted = await fit_attachment(File("a.pdf", "application/pdf", data.getvalue()), NOTHING)
    assert isinstance(fitted, Fitted) and isinstance(fitted.part, Text)
    assert "sent as text, only the first 500 of its 502 pages: model" in fitted.note
    assert "Hello there" in fitted.part.text and "after 500 of 502 pages" in fitted.part.text


def encrypted(data: bytes) -> bytes:
    writer = PdfWriter(PdfReader(io.BytesIO(data)))
    writer.encrypt("secret")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("change", "why"),
    [(encrypted, "password"), (lambda data: data[:40], "damaged"), (lambda data: pdf(""), "no text")],
)
async def test_document_without_text_is_refused_with_reason(change: Callable[[bytes], bytes], why: str) -> None:
    data = change(pdf())
    with pytest.raises(DocumentError, match=why):
        document_text(data)
    found = await fit_attachment(File("a.pdf", "application/pdf", data), NOTHING)
    assert isinstance(found, Failure)
    assert why in found.message


@pytest.mark.parametrize(
    ("protocol", "model", "mime", "taken"),
    [
        (ApiProtocol.GEMINI, "gemini-3-pro", "audio/flac", True),
        (ApiProtocol.CHAT, "gpt-audio-2", "audio/wav", True),
        (ApiProtocol.CHAT, "google/gemini-3-pro", "audio/mpeg", True),
        (ApiProtocol.CHAT, "gpt-audio-2", "audio/flac", False),
        (ApiProtocol.CHAT, "gpt-6", "audio/wav", False),
        (ApiProtocol.RESPONSES, "gpt-audio-2", "audio/wav", False),
        (ApiProtocol.ANTHROPIC, "claude", "audio/wav", False),
    ],
)
async def test_audio_is_taken_where_the_protocol_has_it(
    protocol: ApiProtocol, model: str, mime: str, taken: bool
) -> None:
    found = await fit_attachment(File("a.wav", mime, b"RIFF"), taker(protocol, model))
    assert isinstance(found, Fitted) is taken


def test_attachments_that_exceed_a_request_together_are_refused() -> None:
    half = File("a.pdf", "application/pdf", bytes(13_000_000))
    assert too_large_together([half], taker(ApiProtocol.ANTHROPIC)) is None
    failure = too_large_together([half, half], taker(ApiProtocol.ANTHROPIC))
    assert failure and failure.message == "The attachments are 35 MB in a request; model takes 32 MB."


async def test_attachments_of_all_messages_are_one_request() -> None:
    half = user_message("", File("a.pdf", "application/pdf", bytes(13_000_000)))
    assert await fit_messages([half], taker(ApiProtocol.ANTHROPIC)) == (half,)
    failure = await fit_messages([half, half], taker(ApiProtocol.ANTHROPIC))
    assert isinstance(failure, Failure)
    assert failure.message == "The attachments are 35 MB in a request; model takes 32 MB."


async def test_messages_are_fitted_with_a_note_on_each_attachment() -> None:
    notes: list[Safe] = []
    gif = Image("image/gif", made("GIF", (30, 40)), name="a.gif")
    messages = [user_message("one", gif), user_message("two"), user_message("three", gif)]
    fitted = await fit_messages(messages, taker(ApiProtocol.GEMINI), notes.append)
    assert not isinstance(fitted, Failure)
    assert [[type(part).__name__ for part in message.parts] for message in fitted] == [
        [type(part).__name__ for part in message.parts] for message in messages
    ]
    assert [part.mime for message in fitted for part in message.parts if isinstance(part, Image)] == ["image/png"] * 2
    assert len(notes) == 2


async def test_unknown_model_takes_everything() -> None:
    file = File("a.wav", "audio/wav", b"RIFF")
    assert await fit_attachment(file, Taker(NAME, None)) == Fitted(file)
