"""Safe text: the only text that may reach a terminal.

Text from outside (a model, a tool, a file name, a server, a saved chat) is foreign. `safe` turns it into `Safe`,
which has no control characters that a terminal would execute. Every sink takes `Safe` only, so a missing call is a
type error.

Control characters are replaced by visible ones, never removed:

    C0 but TAB and LF     its control picture, U+2400 + c    (ESC is seen as ␛)
    DEL                   U+2421 ␡
    C1                    U+FFFD
    bidi controls         U+FFFD   (they reorder the displayed text; UAX #9)
    line separators       U+FFFD   (U+2028, U+2029)
    lone surrogates       U+FFFD
    CRLF and CR           LF

For text in chunks, `Sanitizer` holds back a trailing CR or high surrogate, so that any split of a text gives the
same result.
"""

from __future__ import annotations

import re
from functools import cache
from typing import LiteralString, NewType
from unicodedata import combining, east_asian_width
from urllib.parse import quote, urlsplit

Safe = NewType("Safe", str)
EMPTY = Safe("")
_SLICE = 50_000  # characters encoded at a time: Python reserves four bytes for each
LINK_SCHEMES = ("http", "https", "mailto")  # schemes of the URLs a link may have
# "%", and the characters RFC 3986 allows in a URL (sections 2.2 and 2.3); `quote` keeps letters and digits anyway.
_UNQUOTED = "%/:?#[]@!$&'()*+,;=~-._"

LINE_AND_BIDI_CONTROLS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029)
_TABLE: dict[int, int] = {
    **{c: 0x2400 + c for c in range(0x20) if c not in (0x09, 0x0A)},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
    **dict.fromkeys(LINE_AND_BIDI_CONTROLS, 0xFFFD),
    **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD),
}
_ONE_LINE = {**_TABLE, 0x09: 0x20, 0x0A: 0x20}


def safe(text: str) -> Safe:
    """Make foreign text safe for a terminal; newlines and tabs stay."""
    return Safe(_newlines(_join_surrogates(text)).translate(_TABLE))


def safe_line(text: str) -> Safe:
    """Make foreign text safe for one row: newlines and tabs become spaces."""
    return Safe(_newlines(_join_surrogates(text)).translate(_ONE_LINE))


def safe_format(template: LiteralString, **parts: Safe) -> Safe:
    """Format a literal template with safe parts: `safe_format("No model {name}.", name=safe(name))`."""
    return Safe(template.format(**parts))


def join(separator: LiteralString, parts: list[Safe] | tuple[Safe, ...]) -> Safe:
    """Join safe parts with a literal separator."""
    return Safe(separator.join(parts))


def counted(number: int, noun: LiteralString) -> Safe:
    """Return a number and its noun: `1 chat`, `2 chats`, `1,200 messages`; `noun` is a singular that takes an `s`."""
    return Safe(f"{number:,} {noun}{'' if number == 1 else 's'}")


def repair_surrogates(text: str) -> str:
    """Pair split surrogates and replace lone ones, so that the text can be encoded as UTF-8."""
    return text if text.isascii() else _join_surrogates(text)  # a long text is not copied


def code_fence(text: str) -> Safe:
    """Return the fence of a code block in Markdown that no line of this text can close."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    return Safe("`" * max(3, longest + 1))


def escape_json(text: str) -> Safe:
    """Make JSON safe for a terminal: each character that `safe` replaces becomes an escape of the same value."""
    return Safe(text.translate(_json_escapes()))


@cache
def _json_escapes() -> dict[int, str]:
    """Return the escape of each character that JSON does not escape itself."""
    return {c: f"\\u{c:04x}" for c in _TABLE if c >= 0x20}


def excerpt(text: str, columns: int) -> Safe:
    """Collapse the white space of a text to one safe line and cut it to `columns`, with an ellipsis.

    Widths are approximate: 2 for a wide character, 0 for a combining one. `ui` measures what it draws.
    """
    flat = " ".join(text.split())
    if flat.isascii():
        return safe_line(flat if len(flat) <= columns else f"{flat[: max(0, columns - 1)]}…")
    used = end = 0
    for at, character in enumerate(flat, 1):
        used += _columns(character)
        if used > columns:
            return safe_line(f"{flat[:end]}…")
        if used < columns:
            end = at
    return safe_line(flat)


class Sanitizer:
    """Applies `safe` to chunks: `"".join(map(feed, chunks)) + close() == safe("".join(chunks))`."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, chunk: str) -> Safe:
        """Return the safe text of a chunk, except for a held back last character."""
        text = self._held + chunk
        self._held = ""
        if text and (text[-1] == "\r" or "\ud800" <= text[-1] <= "\udbff"):
            text, self._held = text[:-1], text[-1]
        return safe(text)

    def close(self) -> Safe:
        """Return the held back character, and reset the sanitizer."""
        text, self._held = self._held, ""
        return safe(text)


def _columns(character: str) -> int:
    return 0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _join_surrogates(text: str) -> str:
    try:
        for at in range(0, len(text), _SLICE):
            text[at : at + _SLICE].encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def safe_url(url: str) -> str:
    """Return the URL stripped and percent-encoded as ASCII, or "" for a malformed URL or another scheme."""
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018, raises ValueError for an invalid port
    except ValueError:
        return ""
    if parts.scheme.lower() not in LINK_SCHEMES or not (parts.netloc or parts.scheme.lower() == "mailto"):
        return ""
    return quote(url.strip().encode("utf-8", "replace"), safe=_UNQUOTED)


def host(url: str) -> str:
    """Return the host and port of a URL without user name and password, or the mail address of a mailto URL."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path.rpartition("@")[2]
