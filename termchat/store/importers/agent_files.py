"""Find the sessions of agents on disk, and read their JSON Lines: one record a line, appended while the agent runs."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

from termchat.core.errors import error_reason
from termchat.core.messages import Image
from termchat.core.usage import Usage
from termchat.store import json_fields
from termchat.store.json_fields import InvalidRecord, Raw

_HEAD = 1 << 18  # bytes of a file whose lines decide its format
_LOOKED_AT = 50  # lines at most
_DATA_URL = "data:"


class AgentFile(NamedTuple):
    """A file of one session; its name stands in reports."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    def records(self, unreadable: Callable[[], object]) -> Iterator[tuple[int, Raw]]:
        """Yield the number and the record of each line; call `unreadable` for a line that is not a JSON object.

        Raises InvalidRecord if the file cannot be read.
        """
        for number, line in enumerate(self._bytes().split(b"\n"), 1):
            if not line.strip():
                continue
            found = _object(line)
            if found is None:
                unreadable()
            else:
                yield number, found

    def text(self) -> str:
        """Return the whole text. Raises InvalidRecord if the file cannot be read."""
        return self._bytes().decode("utf-8-sig", "replace")

    def _bytes(self) -> bytes:
        try:
            return self.path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        except OSError as error:
            raise InvalidRecord(error_reason(error)) from error


def first_records(path: Path) -> list[Raw]:
    """Return the readable records among the first lines of a file. Raises OSError."""
    with path.open("rb") as file:
        begin = file.read(_HEAD)
        whole = begin + (file.readline() if b"\n" not in begin else b"")
    lines = whole.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return [found for line in lines[:_LOOKED_AT] if (found := _object(line)) is not None]


def walk_files(folder: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """Yield the regular files below a folder whose names have one of the endings, in order; links are not followed."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if name.endswith(endings) and path.is_file():
                yield path


def object_or_empty(raw: Raw, key: str) -> Raw:
    """Return an object inside another, {} for anything else: a fact that a chat can do without."""
    found: Any = raw.get(key)
    return cast("Raw", found) if isinstance(found, dict) else {}


def text_or_empty(raw: Raw, key: str) -> str:
    """Return a text, "" for anything else: a fact that a chat can do without."""
    found: Any = raw.get(key)
    return found if isinstance(found, str) else ""


def content_blocks(message: Raw) -> Iterator[object]:
    """Return the blocks of a message's content; a text is one block."""
    content = message.get("content")
    if isinstance(content, str):
        return iter(({"type": "text", "text": content},))
    return json_fields.items(message, "content")


def argument_text(value: object) -> str:
    """Return the arguments of a call as JSON text; text stays unchanged. Raises InvalidRecord for `nan`."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps({} if value is None else value, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise InvalidRecord("its arguments are not JSON") from error


def decode_base64(text: str) -> bytes:
    """Return the bytes of a base64 text. Raises InvalidRecord."""
    try:
        return b64decode(text, validate=True)
    except (BadBase64, ValueError) as error:
        raise InvalidRecord("its data is not base64") from error


def image_of_url(url: str) -> Image:
    """Return the image of a `data:` URL with its bytes, or of another URL as a reference. Raises InvalidRecord."""
    if not url.startswith(_DATA_URL):
        return Image("", url=url)
    head, comma, data = url[len(_DATA_URL) :].partition(",")
    if not comma or not head.endswith(";base64"):
        raise InvalidRecord("its data is not base64")
    return Image(head.removesuffix(";base64"), decode_base64(data))


def usage_of(counts: Raw, names: tuple[str, str, str, str]) -> Usage | None:
    """Return the tokens of a request, from the keys of its new input, cache reads, cache writes and output.

    None without any valid count.
    """
    fresh, cached, written, output = found = [_count(counts.get(name)) for name in names]
    return Usage(fresh + cached + written, output, cached, written) if any(found) else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40 else 0


def _object(line: bytes) -> Raw | None:
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        found: Any = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return cast("Raw", found) if isinstance(found, dict) else None
