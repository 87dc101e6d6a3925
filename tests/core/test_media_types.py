"""MIME types by the first bytes."""

from __future__ import annotations

import pytest

from termchat.core.wire.media_types import common_image_type, media_type


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"BM\x10\0\0\0\0\0\0\0", "image/bmp"),
        (b"%PDF-1.7", "application/pdf"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "audio/wav"),
        (b"FORM\0\0\0\x10AIFF", "audio/aiff"),
    ],
)
def test_media_type_is_that_of_first_bytes(data: bytes, mime: str) -> None:
    common = mime in ("image/png", "image/jpeg", "image/gif", "image/webp")
    assert media_type(data) == mime
    assert common_image_type(data) == (mime if common else "")


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG is a format", b"GIF8 has 8 bits", b"12345678WEBP", b"12345678WAVE", b"123456\0\0\0\0"]
)
def test_media_type_of_other_content_is_empty(data: bytes) -> None:
    assert media_type(data) == ""
    assert common_image_type(data) == ""
