"""MIME types of images, PDFs and audio by their first bytes."""

from __future__ import annotations

PDF = "application/pdf"
_COMMON_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_SIGNATURES = (  # offset, bytes, type
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypheix", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (4, b"ftypavif", "image/avif"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (6, b"\0\0\0\0", "image/bmp"),
    (0, b"%PDF-", PDF),
    (8, b"WAVE", "audio/wav"),
    (8, b"AIFF", "audio/aiff"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf1", "audio/aac"),
    (0, b"\xff\xf9", "audio/aac"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (4, b"ftypM4A", "audio/mp4"),
)
_STARTS = {"image/bmp": b"BM", "image/webp": b"RIFF", "audio/wav": b"RIFF", "audio/aiff": b"FORM"}  # of the same files


def media_type(data: bytes) -> str:
    """Return the MIME type of an image, a PDF or audio by its first bytes, "" for other content."""
    for offset, signature, mime in _SIGNATURES:
        if data.startswith(signature, offset) and data.startswith(_STARTS.get(mime, b"")):
            return mime
    return ""


def common_image_type(data: bytes) -> str:
    """Return the MIME type of a PNG, JPEG, GIF or WebP image, which most models take, "" for other content."""
    mime = media_type(data)
    return mime if mime in _COMMON_IMAGES else ""
