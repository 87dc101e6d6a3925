"""Parse the inline content of a paragraph, heading or table cell into segments.

The parser is that of markdown-it with these changes: emphasis also opens and closes between punctuation and CJK text,
which has no blanks between words; formulas are shown as Unicode; bare URLs are links; `[^1]` is a footnote's number;
HTML is text. Reference links are not resolved, because a definition may arrive long after the text that uses it is
final.

The module imports markdown-it, so other modules import it on first use.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token

from termchat.core.sanitize import Safe, safe_line
from termchat.core.style import TextRole
from termchat.ui.markdown.latex import math_end, without_delimiters
from termchat.ui.markdown.line_syntax import footnote_number
from termchat.ui.markdown.links import Link, bare_url
from termchat.ui.markdown.math import formula_text
from termchat.ui.text.row import Roles, Segment
from termchat.ui.text.width import ideographic
from termchat.ui.text.wrap import HARD, SOFT, merge_graphemes

_SIGNS = {ord("*"): "*", ord("_"): "_", ord("~"): "~~"}  # delimiters by the code point markdown-it stores
_CLOSERS = {"\\(": "\\)", "\\[": "\\]"}
_FOOTNOTE = re.compile(r"\[\^([\w-]{1,32})\](?!\()")
_SCHEME = re.compile(r"(?<![A-Za-z0-9<])https?\Z", re.IGNORECASE)
_ROLES = {"strong": TextRole.STRONG, "em": TextRole.EMPHASIS, "s": TextRole.STRIKE}


@dataclass(frozen=True, slots=True)
class Inline:
    """The result of parsing a source.

    segments   the text
    openers    the unclosed opening delimiters, in their order
    open       True if text after the source could change the meaning of the source
    """

    segments: list[Segment]
    openers: str
    open: bool


def parse(source: str, roles: Roles = (), *, hyperlinks: bool = True, math: bool = True, signs: bool = True) -> Inline:
    """Parse a source.

    `roles` are the outer roles of all segments. Line ends become segments with the text `HARD` or `SOFT`. Links have
    a `url` if `hyperlinks` is True. Formulas are Unicode if `math` is True, else as written; the numbers of footnotes
    are superscripts if `signs` is True.
    """
    tokens, openers = _tokens(source)
    renderer = _TokenRenderer(roles, hyperlinks, math, signs)
    renderer.tokens(tokens)
    return Inline(merge_graphemes(renderer.segments), openers, bool(openers) or _undecided(tokens))


def open_delimiters(source: str) -> str:
    """Return the unclosed opening delimiters of a source, in their order."""
    return _tokens(source)[1]


@lru_cache(2)  # a preview asks for the delimiters of a source before it is parsed
def _tokens(source: str) -> tuple[Sequence[Token], str]:
    """Return the tokens of a source and its unclosed opening delimiters."""
    state = _State(source, _PARSER, {}, [])
    _PARSER.inline.tokenize(state)
    for rule in _PARSER.inline.ruler2.getRules(""):
        rule(state)
    return state.tokens, "".join(_SIGNS[each.marker] for each in state.delimiters if each.open and each.end < 0)


class _State(StateInline):
    """The state of markdown-it with a flanking rule for text without blanks between words.

    In CommonMark a delimiter after punctuation closes only before a blank or punctuation, so `**「字」**字` is literal.
    Here it closes before an ideograph as well, and opens after one.
    """

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803 - names of markdown-it
        end = start
        while end < self.posMax and self.src[end] == self.src[start]:
            end += 1
        before = self.src[start - 1] if start > 0 else " "
        after = self.src[end] if end < self.posMax else " "
        left = _flanks(before, after)
        right = _flanks(after, before)
        opens = left and (canSplitWord or not right or _punctuation(before))
        closes = right and (canSplitWord or not left or _punctuation(after))
        return Scanned(opens, closes, end - start)


def _flanks(outside: str, inside: str) -> bool:
    """Return True if a delimiter run between the two characters can belong to `inside`."""
    if isWhiteSpace(ord(inside)):
        return False
    return not _punctuation(inside) or isWhiteSpace(ord(outside)) or _punctuation(outside) or ideographic(outside)


def _punctuation(char: str) -> bool:
    return isMdAsciiPunct(ord(char)) or isPunctChar(char)


def _math(state: StateInline, silent: bool) -> bool:
    end = math_end(state.src, state.pos, state.posMax)
    if not end:
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content = state.src[state.pos : end]
    state.pos = end
    return True


def _footnote(state: StateInline, silent: bool) -> bool:
    found = _FOOTNOTE.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    if not silent:
        token = state.push("footnote_ref", "", 0)
        token.content = found[1]
    state.pos = found.end()
    return True


def _bare_url(state: StateInline, silent: bool) -> bool:
    """Link a URL whose scheme has just been read as text."""
    if state.linkLevel or not state.src.startswith("://", state.pos):
        return False
    scheme = _SCHEME.search(state.pending)
    if not scheme:
        return False
    url = bare_url(state.src, state.pos - len(scheme[0]), state.posMax)
    if not url or not state.md.validateLink(url):
        return False
    if not silent:
        state.pending = state.pending[: scheme.start()]
        token = state.push("link_open", "a", 1)
        token.attrs, token.info = {"href": state.md.normalizeLink(url)}, "auto"
        state.push("text", "", 0).content = url
        state.push("link_close", "a", -1).info = "auto"
    state.pos += len(url) - len(scheme[0])
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough")
    parser.inline.ruler.before("escape", "math", _math)
    parser.inline.ruler.before("link", "footnote_ref", _footnote)
    parser.inline.ruler.after("text", "bare_url", _bare_url)
    return parser


_PARSER = _parser()


class _TokenRenderer:
    """Turns tokens into segments; keeps the roles and the link of the open elements."""

    def __init__(self, roles: Roles, hyperlinks: bool, math: bool, signs: bool) -> None:
        self.segments: list[Segment] = []
        self._math = math
        self._signs = signs
        self._roles = roles
        self._outer: list[Roles] = []
        self._hyperlinks = hyperlinks
        self._link: Link | None = None

    def tokens(self, tokens: Sequence[Token]) -> None:
        """Append the segments of the tokens."""
        for token in tokens:
            self._token(token)

    def _token(self, token: Token) -> None:
        match token.type:
            case "text":
                self._put(token.content)
            case "text_special":
                self._put(safe_line(token.content))
            case "softbreak":
                self._put(SOFT)
            case "hardbreak":
                self._put(HARD)
            case "code_inline":
                self._put(token.content, TextRole.CODE)
            case "math_inline":
                self._formula(token.content)
            case "footnote_ref":
                self._put(footnote_number(token.content, signs=self._signs), TextRole.MARKER)
            case "link_open":
                self._open_link(Link.of(str(token.attrs.get("href", "")), auto=token.info == "auto"))
            case "link_close":
                self._close_link()
            case "image":
                self._image(token)
            case _ if token.nesting > 0:
                self._outer.append(self._roles)
                self._roles = (*self._roles, _ROLES[token.tag])
            case _:
                self._roles = self._outer.pop()

    def _put(self, text: str, *roles: TextRole) -> None:
        if not text:
            return
        url = self._link.target if self._link and self._hyperlinks else ""
        self.segments.append(Segment(Safe(text), (*self._roles, *roles), url))

    def _formula(self, source: str) -> None:
        """Append a formula as Unicode, or as written with its line ends."""
        text = formula_text(without_delimiters(source)) if self._math else ""
        if text:
            self._put(safe_line(text), TextRole.MATH)
            return
        for index, line in enumerate(source.split("\n")):
            if index:
                self._put(HARD)
            self._put(line.strip(), TextRole.MATH)

    def _open_link(self, link: Link) -> None:
        self._outer.append(self._roles)
        self._roles = (*self._roles, TextRole.LINK)
        self._link = link
        link.start = len(self.segments)

    def _close_link(self) -> None:
        link, self._link = self._link, None
        self._roles = self._outer.pop()
        if link is None:
            return
        label = "".join(segment.text for segment in self.segments[link.start :])
        note = link.note(label, self._hyperlinks)
        if note:
            self._put(f" ({note})", TextRole.DIM)

    def _image(self, token: Token) -> None:
        """Append an image as a link with its description as the label, or as the description alone inside a link."""
        if self._link:
            self._put(_plain(token))
            return
        link = Link.of(str(token.attrs.get("src", "")), auto=False)
        self._open_link(link)
        self._put(_plain(token) or "image")
        self._close_link()


def _plain(image: Token) -> str:
    """Return the description of an image without markup."""
    parts: list[str] = []
    for token in image.children or ():
        if token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type == "image":
            parts.append(_plain(token))
        else:
            parts.append(token.content)
    return safe_line("".join(parts))


def _undecided(tokens: Sequence[Token]) -> bool:
    """Return True if more text could make markup of a sign that is literal now."""
    depth = 0
    closer = ""  # of a formula whose opening sign is literal until now
    for token in tokens:
        if token.type == "text_special":
            closer = "" if token.markup == closer else _CLOSERS.get(token.markup, closer)
            continue
        if token.type != "text":
            continue
        text = token.content
        if "`" in text or "](" in text:
            return True
        depth = max(0, depth + text.count("[") - text.count("]"))
    last = tokens[-1].content.rsplit(" ", 1)[-1] if tokens and tokens[-1].type == "text" else ""
    return bool(closer) or depth > 0 or any(sign in last for sign in "<&") or _dollar(tokens)


def _dollar(tokens: Sequence[Token]) -> bool:
    """Return True if a later `$` could still close the last one: at most 300 characters may be between them."""
    size = 0
    for token in reversed(tokens):
        if token.type == "text" and "$" in token.content:
            return size + len(token.content) - token.content.rindex("$") <= 300
        size += len(token.content)
        if size > 300:
            return False
    return False
