"""The Markdown document: fed in pieces it gives the rows of the whole text, safe and within the width."""

from __future__ import annotations

from termchat.core.sanitize import Safe, safe
from termchat.ui.markdown.document import Document
from termchat.ui.text.row import Row
from tests.fuzz.targets import FuzzTarget, pieces, split_head
from tests.ui.markdown.texts import SPEC, TRAPS

_WIDTHS = (20, 33, 40, 80)
_LONGEST = 3000  # characters; longer ones find nothing new, only later


def _rows(text: Safe, width: int, sizes: bytes, *, previews: bool = False) -> list[Row]:
    document, rows = Document(width), list[Row]()
    for piece in pieces(text, sizes):
        document.feed(Safe(piece))
        rows += document.take()
        if previews:
            document.preview()
    document.close()
    return rows + document.take()


def _run(data: bytes) -> None:
    head, body = split_head(data, 4)
    text, width = safe(body.decode("utf-8", "replace")[:_LONGEST]), _WIDTHS[head[0] % len(_WIDTHS)]
    rows = _rows(text, width, b"\0")
    assert rows == _rows(text, width, head[1:], previews=True)
    for row in rows:
        assert row.text == safe(row.text)
        assert "\n" not in row.text
        assert row.cells <= width
        assert all(segment.url.isascii() and segment.url.isprintable() for segment in row.segments)


_TEXTS = (*TRAPS.values(), *(text for _, text in SPEC))
markdown = FuzzTarget(_run, tuple(b"\2\5\0\1" + text[:600].encode("utf-8", "replace") for text in _TEXTS))
