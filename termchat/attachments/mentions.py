"""Mentions in the text of a message: `@path`, `@"a path"`, `@file#20-45`, `@https://…`, `@clipboard`, `@server:uri`.

The parser finds candidates only. A candidate becomes an attachment if it resolves; the text stays as typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from termchat.late_dataclass import dataclass

CLIPBOARD = "clipboard"
_MARKS = "\U00100000-\U0010ffff"  # stand for pastes and attachments in an input
_BARE = rf"(?:\\[ \t\\]|[^\s{_MARKS}])+"
_MENTION = re.compile(rf'@(?:"([^"\n{_MARKS}]+)"(#L?\d+(?:-L?\d+)?)?|({_BARE}))')
_TYPING = re.compile(rf'@(?:"([^"\n{_MARKS}]*)|({_BARE}|))$')
_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|(?<!`)`[^`\n]+`(?!`)", re.DOTALL)
_ESCAPED = re.compile(r"\\([ \t\\])")
_CLOSING = ".,;:!?)]}>'\"，。；：！？、）】》」』”’…"
_CHINESE = "，。；：！？、（）【】《》「」『』“”…"
_PAIRS = {")": "(", "]": "[", "}": "{"}
_OPENING = "([{<\"'“‘（【《「『,;:，。；：！？、—"
_LINES = re.compile(r"#L?(\d{1,9})(?:-L?(\d{1,9}))?$")
_PLAIN_NAME = re.compile(r"[^\s\"\\]*[^\s\"\\.,;:!?)\]}>'，。；：！？、）】》」』”’…]")


@dataclass(frozen=True, slots=True)
class Mention:
    """A candidate: its place in the text, and its target without `@`, quotes and backslashes."""

    start: int
    end: int
    target: str


@dataclass(frozen=True, slots=True)
class LineSpan:
    """A range of lines, from 1; both ends belong to it."""

    first: int
    last: int


def find_mentions(text: str) -> tuple[Mention, ...]:
    """Return the candidates of a text in order, none of them in code or in a word such as an e-mail address."""
    if "@" not in text:
        return ()
    code = [found.span() for found in _CODE.finditer(text)]
    found: list[Mention] = []
    for hit in _MENTION.finditer(text):
        if begins_mention(text, hit.start()) and not any(start <= hit.start() < end for start, end in code):
            quoted, lines, bare = hit.groups()
            target = f"{quoted}{lines or ''}" if quoted else _unescaped(bare)
            found.append(Mention(hit.start(), hit.end(), target))
    return tuple(found)


def begins_mention(text: str, at: int) -> bool:
    """Return True if the `@` at an offset may begin a mention: it follows no letter, digit or sign of an address."""
    before = text[at - 1] if at else " "
    return before.isspace() or before in _OPENING or ord(before) > 0x7F


def readings(text: str, mention: Mention) -> Iterator[Mention]:
    """Yield a candidate whole, then without closing punctuation, then without text in another script behind it."""
    yield mention
    if text[mention.start + 1] == '"':
        return
    bare = text[mention.start + 1 : mention.end]
    ends = {len(bare)}
    end = len(bare)
    while end > 1 and bare[end - 1] in _CLOSING:
        end -= 1
        ends.add(end)
        yield _part(mention, bare, end)
    foreign = next((n for n, letter in enumerate(bare) if ord(letter) > 0x7F), 0)
    if foreign and foreign not in ends:
        yield _part(mention, bare, foreign)


def address_reading(text: str, mention: Mention) -> Mention:
    """Return an address or URI without the punctuation of the sentence around it.

    It ends before punctuation of Chinese; a bracket that it opens belongs to it.
    """
    if text[mention.start + 1] == '"':
        return mention
    bare = text[mention.start + 1 : mention.end]
    end = next((n for n, letter in enumerate(bare) if letter in _CHINESE), len(bare))
    while end > 1 and bare[end - 1] in _CLOSING:
        opening = _PAIRS.get(bare[end - 1])
        if opening and bare.count(opening, 0, end) >= bare.count(bare[end - 1], 0, end):
            break
        end -= 1
    return _part(mention, bare, end)


def typed_mention(before: str) -> tuple[int, str] | None:
    """Return the offset of the mention that is being typed at the end of a text, and its target so far."""
    at = before.rfind("@")
    while at >= 0:
        if found := _TYPING.match(before, at):
            if not begins_mention(before, at) or "\n" in found.group():
                return None
            return at, found[1] if found[1] is not None else _unescaped(found[2])
        at = before.rfind("@", 0, at)
    return None


def mention_text(name: str) -> str:
    """Return the mention of a target; `find_mentions` reads it back."""
    if _PLAIN_NAME.fullmatch(name):
        return f"@{name}"
    if '"' not in name:
        return f'@"{name}"'
    return "@" + re.sub(r"([ \t\\])", r"\\\1", name)


def split_line_span(target: str) -> tuple[str, LineSpan | None]:
    """Split `file#20-45` into the path and its lines; `#20` is one line."""
    found = _LINES.search(target)
    if found is None:
        return target, None
    first = int(found[1])
    last = int(found[2] or first)
    if not 0 < first <= last:
        return target, None
    return target[: found.start()], LineSpan(first, last)


def is_url(target: str) -> bool:
    """Return True for an address on the web."""
    return target.lower().startswith(("http://", "https://")) and len(target) > len("https://")


def split_resource(target: str) -> tuple[str, str]:
    """Split `server:uri`; the server is "" without a colon."""
    server, colon, uri = target.partition(":")
    return (server, uri) if colon else ("", "")


def _part(mention: Mention, bare: str, end: int) -> Mention:
    return Mention(mention.start, mention.start + 1 + end, _unescaped(bare[:end]))


def _unescaped(bare: str) -> str:
    return _ESCAPED.sub(r"\1", bare)
