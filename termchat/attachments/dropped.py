"""Paths that a terminal inserts when files are dropped on it: quoted, escaped, or as `file://` addresses."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path
from urllib.parse import unquote, urlsplit

from termchat.config.paths import user_path
from termchat.core.wire.media_types import media_type

_MOST = 8_192  # characters
_FILES = 20
_HEAD = 64  # bytes that tell the kind of a file
_BEGINS = ("/", "~/", "'/", '"/', "'~/", '"~/', "file://")


def dropped_paths(text: str) -> tuple[str, ...]:
    """Return the absolute paths, or those below `~`, that a pasted text consists of; () for any other text.

    Whether the files exist is not known here.
    """
    text = text.strip()
    if not text.startswith(_BEGINS) or len(text) > _MOST or "\0" in text:
        return ()
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    if len(lines) == 1 and not re.search(r"[\\'\"]", text) and not text.startswith("file:"):
        return (text,) if "  " not in text else ()  # a name with blanks, as some terminals insert it
    words: list[str] = []
    for line in lines:
        try:
            words += [line] if line.startswith("file:") else shlex.split(line)
        except ValueError:  # an apostrophe
            return ()
    found = [_path(word) for word in words[: _FILES + 1]]
    return tuple(found) if found and len(found) <= _FILES and all(found) else ()


class Dropped(Enum):
    """Kinds of dropped paths."""

    NOTHING = auto()  # one of them is no file
    FILES = auto()
    MEDIA = auto()  # images, PDFs or audio only


def look_at(paths: Sequence[str]) -> Dropped:
    """Return what paths are. It looks at the disk."""
    try:
        files = [user_path(path) for path in paths]
        if not files or not all(file.is_file() for file in files):
            return Dropped.NOTHING
        return Dropped.MEDIA if all(media_type(_head(file)) for file in files) else Dropped.FILES
    except (OSError, ValueError):
        return Dropped.NOTHING


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_HEAD)


def _path(word: str) -> str:
    """Return the path of a word, "" for one that is none."""
    if not word.startswith("file:"):
        return word if word.startswith(("/", "~/")) else ""
    parts = urlsplit(word)
    return unquote(parts.path) if parts.hostname in (None, "", "localhost") else ""
