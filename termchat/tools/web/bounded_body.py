"""Bodies of responses, read up to a limit, compressed and decompressed."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable
from dataclasses import dataclass

BODY_BYTES = 5_000_000


class EncodingError(Exception):
    """The body is compressed in an unknown way, or damaged."""


@dataclass(frozen=True, slots=True)
class BoundedBody:
    """The beginning of a body; `cut` is True if there is more."""

    raw: bytes
    cut: bool


async def read_body(chunks: AsyncIterable[bytes], encoding: str, limit: int = BODY_BYTES) -> BoundedBody:
    """Read at most `limit` bytes, counted compressed and decompressed.

    encoding   the header Content-Encoding: "", identity, gzip or deflate

    Raises EncodingError.
    """
    decoder = _Decoder(encoding.strip().lower())
    made, received = bytearray(), 0
    async for chunk in chunks:
        received += len(chunk)
        made += decoder.decode(chunk, limit + 1 - len(made))
        if len(made) > limit or received > limit:
            return BoundedBody(bytes(made[:limit]), cut=True)
    return BoundedBody(bytes(made), cut=False)


class _Decoder:
    def __init__(self, encoding: str) -> None:
        self._zlib = None
        self._deflate = encoding == "deflate"
        if encoding in ("gzip", "x-gzip", "deflate"):
            self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)
        elif encoding not in ("", "identity"):
            raise EncodingError(f"the server compresses in a way that was not asked for: {encoding[:40]}")

    def decode(self, chunk: bytes, limit: int) -> bytes:
        """Decode a chunk to at most `limit` bytes; a limit of 0 is none left."""
        if self._zlib is None or limit <= 0:
            return chunk[: max(0, limit)]
        try:
            made = self._zlib.decompress(chunk, limit)
        except zlib.error as error:
            if not self._deflate:
                raise EncodingError("the compressed content is damaged") from error
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)  # some servers send deflate without its header
            made = self._restart(chunk, limit)
        self._deflate = False
        return made

    def _restart(self, chunk: bytes, limit: int) -> bytes:
        assert self._zlib
        try:
            return self._zlib.decompress(chunk, limit)
        except zlib.error as error:
            raise EncodingError("the compressed content is damaged") from error
