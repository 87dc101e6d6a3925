"""Images: their size from the first bytes, and smaller copies by Pillow, an optional dependency."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from termchat.core.messages import Image
from termchat.core.wire.media_types import media_type

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of a frame header
_QUALITIES = (88, 75, 60)
_STEPS = 6  # each makes the image smaller by a quarter
_PIXELS = 120_000_000  # of the largest image that is decoded
_PNG, _JPEG = "image/png", "image/jpeg"
_PHOTOS = frozenset({_JPEG, "image/heic", "image/heif", "image/avif"})


class PictureError(Exception):
    """An image that cannot be made smaller, with the reason as the rest of a sentence."""


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels of a PNG, JPEG, GIF or WebP image; None for others and damaged ones."""
    try:
        match media_type(data):
            case "image/png" if data[12:16] == b"IHDR":
                return struct.unpack(">II", data[16:24])
            case "image/gif":
                return struct.unpack("<HH", data[6:10])
            case "image/jpeg":
                return _jpeg_size(data)
            case "image/webp":
                return _webp_size(data)
            case _:
                return None
    except (struct.error, IndexError):
        return None


def can_scale() -> bool:
    """Return True if Pillow is installed."""
    from importlib.util import find_spec

    return find_spec("PIL") is not None


def scaled(picture: Image, types: tuple[str, ...], edge: int, most_bytes: int) -> Image:
    """Return a copy of an image as one of `types`, at most `edge` pixels wide and high and `most_bytes` large.

    0 is no limit. It takes up to seconds, so run it on a thread. Raises PictureError.
    """
    from PIL import Image as Pillow

    shown = _opened(picture.data)
    edge = min(edge or max(shown.size), max(shown.size))
    for _ in range(_STEPS):
        size = _fitted(shown.size, edge)
        copy = shown.copy()
        copy.thumbnail(size, Pillow.Resampling.LANCZOS)
        for mime, data in _encodings(copy, picture.mime, types):
            if not most_bytes or len(data) <= most_bytes:
                return replace(picture, mime=mime, data=data)
        edge = max(1, edge * 3 // 4)
    raise PictureError("it cannot be made small enough")


def _opened(data: bytes) -> PillowImage:
    """Return the first frame, upright, with a mode that PNG and JPEG have."""
    from PIL import Image as Pillow
    from PIL import ImageOps

    try:
        with Pillow.open(io.BytesIO(data)) as opened:
            wide, high = opened.size
            if wide * high <= _PIXELS:
                shown = ImageOps.exif_transpose(opened)
                return shown if shown.mode in ("RGB", "L") else shown.convert("RGBA" if _is_clear(shown) else "RGB")
    except Exception as error:  # Pillow raises errors of every kind for a damaged file
        raise PictureError("it is damaged, or its kind cannot be read") from error
    raise PictureError(f"it has {wide}×{high} pixels")


def _is_clear(image: PillowImage) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _encodings(image: PillowImage, mime: str, types: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield encodings from the best to the smallest: a drawing without loss, then as JPEG on white."""
    from PIL import Image as Pillow

    if _PNG in types and mime not in _PHOTOS:
        yield _PNG, _saved(image, "PNG")
    if _JPEG not in types:
        return
    if image.mode == "RGBA":
        white = Pillow.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    for quality in _QUALITIES:
        yield _JPEG, _saved(image, "JPEG", quality)


def _saved(image: PillowImage, kind: str, quality: int = 0) -> bytes:
    file = io.BytesIO()
    if quality:
        image.save(file, kind, quality=quality)
    else:
        image.save(file, kind)
    return file.getvalue()


def _fitted(size: tuple[int, int], edge: int) -> tuple[int, int]:
    longer = max(size)
    if longer <= edge:
        return size
    return max(1, size[0] * edge // longer), max(1, size[1] * edge // longer)


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker in _JPEG_SIZES:
            high, wide = struct.unpack(">HH", data[at + 5 : at + 9])
            return wide, high
        at += (
            2 if marker in (0x01, 0xFF) or 0xD0 <= marker <= 0xD8 else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        )
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    match data[12:16]:
        case b"VP8 ":
            wide, high = struct.unpack("<HH", data[26:30])
            return wide & 0x3FFF, high & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack("<I", data[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        case _:
            return None
