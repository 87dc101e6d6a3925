"""A key as people paste it: with quotes, blanks, a line of a shell around it."""

from __future__ import annotations

import re
from typing import NamedTuple

from termchat.config.credentials import is_reference
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line

_LONGEST = 8192  # characters
_ASSIGNMENT = re.compile(r"^(?:export\s+|set\s+|\$env:)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?=\S)")
_BEARER = re.compile(r"^(?:authorization\s*:\s*)?bearer\s+", re.IGNORECASE)
_QUOTES = {"'": "'", '"': '"', "`": "`", "“": "”", "‘": "’", "<": ">"}
_PASTE_MARKS = re.compile("\x1b?\\[20[01]~")  # around a paste, where they are not understood
_NO_KEY = ("http://", "https://")


class PastedKey(NamedTuple):
    """A key without what was around it.

    key       the key, or a reference such as `env:NAME`; "" with a problem
    removed   a sentence about what was removed
    problem   the reason for which the text is no key
    """

    key: str
    removed: Safe = EMPTY
    problem: Safe = EMPTY


def read_pasted_key(text: str) -> PastedKey:
    """Read a key from what was typed or pasted; no part of it appears in the sentences."""
    text = _PASTE_MARKS.sub("", text)
    key, removed = text.strip(), list[Safe]()
    if is_reference(key):
        return _checked_reference(key)
    if key != text.strip("\r\n"):
        removed.append(safe_format("the blanks around it"))
    if found := _ASSIGNMENT.match(key):
        key = key[found.end() :].strip().removesuffix(";").strip()
        removed.append(safe_format("{name}=", name=safe_line(found[1])))
    for _ in range(2):  # quotes may be inside `Bearer`, or around it
        if found := _BEARER.match(key):
            key = key[found.end() :].strip()
            removed.append(safe_format("the word Bearer"))
        if len(key) > 1 and _QUOTES.get(key[0]) == key[-1]:
            key = key[1:-1].strip()
            removed.append(safe_format("the quotes around it"))
    if "\n" in key or "\r" in key:
        key = "".join(part.strip() for part in key.splitlines())
        removed.append(safe_format("the line breaks inside"))
    if is_reference(key):
        return _checked_reference(key)
    if problem := _problem(key):
        return PastedKey("", problem=problem)
    words = safe_format("Removed {what}.", what=_listed(removed)) if removed else EMPTY
    return PastedKey(key, words)


def looks_like_key(word: str) -> bool:
    """Return True for a word that is a key rather than the name of a provider."""
    return len(word) > 24 and " " not in word and any(map(str.isdigit, word))


def _checked_reference(text: str) -> PastedKey:
    kind, _, rest = text.partition(":")
    rest = rest.strip()
    if not rest:
        return PastedKey("", problem=safe_format("{kind}: needs a name after it.", kind=safe_line(kind)))
    if kind == "env" and not re.fullmatch(r"\w+(\s*,\s*\w+)*", rest):
        return PastedKey("", problem=safe_format("env: needs the name of a variable, such as env:OPENAI_API_KEY."))
    return PastedKey(f"{kind}:{rest}")


def _problem(key: str) -> Safe:
    """Return the reason for which a text is no key, EMPTY if it may be one."""
    if not key:
        return safe_format("There was nothing in it.")
    if key.lower().startswith(_NO_KEY):
        return safe_format("That is an address, not a key.")
    if any(map(str.isspace, key)):
        return safe_format("That has blanks inside, and a key has none.")
    if not (key.isascii() and key.isprintable()):
        return safe_format("That has characters that no key has.")
    if len(key) > _LONGEST:
        return safe_format("That is too long for a key.")
    return EMPTY


def _listed(parts: list[Safe]) -> Safe:
    if len(parts) == 1:
        return parts[0]
    return Safe(f"{', '.join(parts[:-1])} and {parts[-1]}")
