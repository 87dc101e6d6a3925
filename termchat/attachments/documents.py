"""Text of a PDF by pypdf, an optional dependency, for a model that takes no PDFs."""

from __future__ import annotations

import io
import logging
from typing import NamedTuple

_PAGES = 500
_CHARACTERS = 2_000_000


class DocumentError(Exception):
    """A PDF whose text cannot be read, with the reason as the rest of a sentence."""


class DocumentText(NamedTuple):
    """The text of the first `read` of `pages` pages of a PDF, separated by form feeds."""

    text: str
    read: int
    pages: int


def can_read_documents() -> bool:
    """Return True if pypdf is installed."""
    from importlib.util import find_spec

    return find_spec("pypdf") is not None


def document_text(data: bytes) -> DocumentText:
    """Return the text of a PDF, of its first pages only if it is long.

    It takes up to seconds, so run it on a thread. Raises DocumentError.
    """
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it reports each oddity of a file
    pages: list[str] = []
    length = 0
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError("it needs a password")
        total = len(reader.pages)
        for page in reader.pages[:_PAGES]:
            pages.append(page.extract_text())
            length += len(pages[-1])
            if length > _CHARACTERS:
                break
    except DocumentError:
        raise
    except Exception as error:  # pypdf raises errors of every kind for a damaged file
        raise DocumentError("it is damaged, or of a kind that cannot be read") from error
    text = "\f".join(pages)
    if not text.strip():
        raise DocumentError("it holds no text, only pictures of pages")
    return DocumentText(text, len(pages), total)
