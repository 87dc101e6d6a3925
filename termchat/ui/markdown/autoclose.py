"""Complete unfinished inline markup for the preview, as it will probably be completed by the text that follows."""

from __future__ import annotations

import re

from termchat.ui.markdown.inline import open_delimiters

_TICKS = re.compile(r"\\.|`+", re.DOTALL)
_LINK = re.compile(r"!?\[((?:[^\[\]\\`]|\\.|`[^`]*`)+)(?:\](?:\([^()\s]*(?:\s+[\"'][^\"']*)?)?)?$")
_AUTO = re.compile(r"<(?=[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*$)")


def autoclose(source: str) -> str:
    """Close the markup that is open at the end of a source, and remove signs whose meaning is not known yet."""
    source = _without_lone(source)
    code = _open_code(source)
    if code:
        at, ticks = code
        head, tail = source[:at], source[at:].rstrip()
        return head + tail + ticks + _closers(head) if len(tail) > len(ticks) else autoclose(head)
    link = _LINK.search(source)
    if link:
        label = link[1]
        source = source[: link.start()] + (label if set(label) & set("*_~") else f"[{label}]()")
    else:
        source = _AUTO.sub("", source)
    closers = _closers(source)
    return source.rstrip() + closers if closers else source


def _without_lone(source: str) -> str:
    """Remove the signs at the end of the source that may begin or end markup."""
    solid = source.rstrip("*_~`\\")
    if solid != source:
        return solid.rstrip(" ")
    return source.removesuffix("[").removesuffix("!") if source.endswith("[") else source


def _open_code(source: str) -> tuple[int, str] | None:
    """Return the index of an unclosed code span and its backticks, or None."""
    at = 0
    while found := _TICKS.search(source, at):
        at = found.end()
        if found[0][0] == "\\":
            continue
        close = re.compile(rf"(?<!`){found[0]}(?!`)").search(source, at)
        if close is None:
            return found.start(), found[0]
        at = close.end()
    return None


def _closers(source: str) -> str:
    """Return the delimiters that close the open emphasis."""
    return open_delimiters(source)[::-1] if any(sign in source for sign in "*_~") else ""
