"""A guess at what unfinished markup will look like, for the live rows only; nothing here is ever final."""

from __future__ import annotations

import re

from termchat.ui.markdown.inline import parse

_TICKS = re.compile(r"\\.|`+", re.DOTALL)
_LINK = re.compile(r"!?\[((?:[^\[\]\\`]|\\.|`[^`]*`)+)(?:\](?:\([^()\s]*(?:\s+[\"'][^\"']*)?)?)?$")
_AUTO = re.compile(r"<(?=[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*$)")


def autoclose(source: str) -> str:
    """The source with what is open at its end closed, and the signs that mean nothing yet left out."""
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
    """The source without signs at its end that begin or end nothing yet."""
    solid = source.rstrip("*_~`\\")
    if solid != source:
        return solid.rstrip(" ")
    return source.removesuffix("[").removesuffix("!") if source.endswith("[") else source


def _open_code(source: str) -> tuple[int, str] | None:
    """Where a code span begins that nothing has closed, and its ticks."""
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
    """The delimiters that would close what is open."""
    return parse(source).openers[::-1] if any(sign in source for sign in "*_~") else ""
