"""The sources of attachments, as the composition root provides them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Protocol

from termchat.core.errors import Failure
from termchat.core.messages import Part
from termchat.core.provider import Resources
from termchat.core.sanitize import Safe
from termchat.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A sentence that the user confirms before something is read or sent."""

    words: Safe


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file or directory of the index; the path of a directory ends with a slash. `size` is in bytes."""

    path: str
    size: int = 0


class Fetch(Protocol):
    """Fetches a web page."""

    def __call__(self, url: str, *, approved: bool) -> Awaitable[Part | Failure | Confirmation]:
        """Return a page as text, an image or a PDF; a question for an address that is not public."""
        ...


@dataclass(frozen=True, slots=True)
class AttachmentSources:
    """The sources of attachments.

    cwd         the working directory
    sensitive   returns why a file is not attached without a question: `.env may hold secrets`; EMPTY for others
    fetch       fetches a page
    walk        yields the files below the working directory that no `.gitignore` names, until a function returns True
    resources   returns the resources of MCP servers, None without tools
    clipboard   returns the image or the text of the clipboard, a failure for an empty one
    """

    cwd: Path
    sensitive: Callable[[Path], Safe]
    fetch: Fetch
    walk: Callable[[Callable[[], bool]], Iterator[IndexedFile]]
    resources: Callable[[], Resources | None]
    clipboard: Callable[[], Awaitable[Part | Failure]]
