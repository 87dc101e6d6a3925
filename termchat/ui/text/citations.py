"""The sources of a reply as numbered lines: the linked title and the host."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.core.messages import Citation
from termchat.core.sanitize import Safe, host, safe_format, safe_line, safe_url
from termchat.core.style import TextRole
from termchat.ui.text.line import Line, styled_line
from termchat.ui.text.row import Segment

_LONGEST = 100  # characters of a title
_DIM = (TextRole.DIM,)


def source_lines(sources: Sequence[Citation], *, hyperlinks: bool) -> tuple[Line, ...]:
    """Return the line `Sources:` and a line per source; without `hyperlinks` the whole URL is written out.

    An address that is not an http or https URL is shown as text, never as a link.
    """
    rows = [_row(number, source, hyperlinks) for number, source in enumerate(sources, 1)]
    return (styled_line(safe_format("Sources:"), TextRole.DIM), *rows) if rows else ()


def _row(number: int, source: Citation, hyperlinks: bool) -> Line:
    url = safe_url(source.url)
    title = _title(source.title) or safe_line(host(url) if url else source.url)
    first = Segment(safe_line(f"{number}. "), _DIM)
    if not url:
        return (first, Segment(title, _DIM))
    if not hyperlinks:
        return (first, Segment(title, _DIM), Segment(safe_format(" ({url})", url=safe_line(url)), _DIM))
    name = safe_line(host(url))
    behind = () if title == name else (Segment(safe_format(" · {host}", host=name), _DIM),)
    return (first, Segment(title, (TextRole.DIM, TextRole.LINK), url), *behind)


def _title(title: str) -> Safe:
    flat = " ".join(title.split())
    return safe_line(flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 1]}…")


def with_source(sources: tuple[Citation, ...], citation: Citation) -> tuple[Citation, ...]:
    """Return the sources with a citation added, each URL once; a title replaces a missing one."""
    known = next((source for source in sources if source.url == citation.url), None)
    if known is None:
        return (*sources, citation)
    if known.title or not citation.title:
        return sources
    return tuple(citation if source is known else source for source in sources)
