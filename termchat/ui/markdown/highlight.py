"""Highlight code line by line with the lexers of pygments.

Pygments lexes whole texts. Most of its lexers (RegexLexer) are a stack of states: this module runs their loop on one
line at a time and keeps the stack between lines. The few other lexers start again with each line. The result can
differ from that for the whole text in roles only; the text is the same.

The module imports pygments, so other modules import it on first use.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Protocol, cast

from pygments import lexers
from pygments.lexer import ExtendedRegexLexer, Lexer, LexerContext, RegexLexer
from pygments.token import Comment, Error, Generic, Keyword, Name, Number, Operator, String
from pygments.util import ClassNotFound

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.markdown.code import LineHighlighter, NoHighlight
from termchat.ui.text.row import Roles, Segment

_NAME = re.compile(r"\w[\w+#.-]*")  # the name of the language in the info string of a fence
_ROLES: dict[Any, TextRole] = {
    Keyword: TextRole.KEYWORD,
    Keyword.Type: TextRole.TYPE,
    Keyword.Constant: TextRole.BUILTIN,
    Name.Builtin: TextRole.BUILTIN,
    Name.Function: TextRole.FUNCTION,
    Name.Decorator: TextRole.FUNCTION,
    Name.Class: TextRole.TYPE,
    Name.Exception: TextRole.TYPE,
    Name.Tag: TextRole.KEYWORD,
    Name.Attribute: TextRole.FUNCTION,
    Name.Constant: TextRole.BUILTIN,
    String: TextRole.STRING,
    Number: TextRole.NUMBER,
    Comment: TextRole.COMMENT,
    Comment.Preproc: TextRole.KEYWORD,
    Operator: TextRole.OPERATOR,
    Operator.Word: TextRole.KEYWORD,
    Generic.Inserted: TextRole.INSERTED,
    Generic.Deleted: TextRole.DELETED,
    Generic.Heading: TextRole.HEADING,
    Generic.Subheading: TextRole.SUBHEADING,
    Generic.Prompt: TextRole.DIM,
    Generic.Strong: TextRole.STRONG,
    Generic.Emph: TextRole.EMPHASIS,
}

TokenType = Any  # pygments has no stubs; its token types are tuples that create their subtypes on attribute access
Token = tuple[TokenType, str]


def highlighter(language: str) -> LineHighlighter:
    """Return a highlighter for the info string of a fence; an unknown language is not highlighted."""
    found = _NAME.search(language.lower())
    lines = _lines(found[0]) if found else None
    return Highlighter(lines) if lines else NoHighlight(TextRole.CODE)


class Lines(Protocol):
    """A lexer of single lines.

    It takes a line without its line end and the state before it, None at the beginning. It returns the tokens, which
    may end with the line end, and the state after the line.
    """

    def __call__(self, text: str, state: Any) -> tuple[list[Token], Any]: ...


class Highlighter:
    """Highlights with a lexer; lexers do not change a state they have returned, so copies may share it."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._state: Any = None

    def copy(self) -> Highlighter:
        """Return an independent highlighter in the same state."""
        copied = Highlighter(self._lines)
        vars(copied).update(vars(self))
        return copied

    def line(self, text: str) -> list[Segment]:
        """Return the segments of the next line."""
        tokens, self._state = self._lines(text, self._state)
        return _segments(tokens)


@lru_cache(maxsize=64)
def _lines(language: str) -> Lines | None:
    try:
        lexer: Lexer = cast("Any", lexers).get_lexer_by_name(language)
    except ClassNotFound:
        return None
    if language == "text" or not lexer.aliases:
        return None
    if isinstance(lexer, ExtendedRegexLexer):
        return _ContextLexer(lexer)
    if isinstance(lexer, RegexLexer):
        return _BlockComments(_StackLexer(lexer))
    return _StatelessLexer(lexer)


class _StatelessLexer:
    """Runs a lexer on each line without a state."""

    def __init__(self, lexer: Lexer) -> None:
        self._lexer: Any = lexer

    def __call__(self, text: str, state: Any) -> tuple[list[Token], Any]:
        return [(kind, value) for _, kind, value in self._lexer.get_tokens_unprocessed(text + "\n")], None


class _ContextLexer:
    """Runs a lexer that keeps its state in a context object (ExtendedRegexLexer)."""

    def __init__(self, lexer: ExtendedRegexLexer) -> None:
        self._lexer: Any = lexer

    def __call__(self, text: str, state: Any) -> tuple[list[Token], Any]:
        context = copy.deepcopy(state) if state else self._fresh()
        context.text, context.pos, context.end = text + "\n", 0, len(text) + 1
        tokens = [(kind, value) for _, kind, value in self._lexer.get_tokens_unprocessed(context=context)]
        return tokens, context

    def _fresh(self) -> Any:
        """Return a new context of the class the lexer expects: `<Lexer>Context` in its module, or LexerContext."""
        module = __import__(type(self._lexer).__module__, fromlist=["*"])
        kind = getattr(module, f"{type(self._lexer).__name__}Context", LexerContext)
        return kind("", 0)


class _StackLexer:
    """Runs the loop of RegexLexer on one line; the state is the stack."""

    def __init__(self, lexer: RegexLexer) -> None:
        self._lexer: Any = lexer
        self._states: Any = self._lexer._tokens  # noqa: SLF001 - read by the loop, as RegexLexer does

    def __call__(self, text: str, state: Any) -> tuple[list[Token], Any]:
        text += "\n"
        stack: tuple[str, ...] = state or ("root",)
        tokens: list[Token] = []
        at, steps = 0, 0
        while at < len(text):
            match, action, change = self._match(text, at, stack[-1])
            if match is None:
                at, stack = self._skip(text, at, stack, tokens)
                continue
            tokens += self._acted(action, match)
            steps = steps + 1 if match.end() == at else 0
            if steps > 100:  # ends a loop of states that push each other without consuming text
                return [(Error, text)], ("root",)
            at = match.end()
            stack = _changed(stack, change)
        return tokens, stack

    def _match(self, text: str, at: int, state: str) -> tuple[re.Match[str] | None, Any, Any]:
        for pattern, action, change in self._states[state]:
            match = pattern(text, at)
            if match:
                return match, action, change
        return None, None, None

    def _skip(self, text: str, at: int, stack: tuple[str, ...], tokens: list[Token]) -> tuple[int, tuple[str, ...]]:
        """Skip a character no rule matches, as RegexLexer does: a line end resets the stack, any other is an error."""
        tokens.append((Error, text[at]))
        return at + 1, ("root",) if text[at] == "\n" else stack

    def _acted(self, action: Any, match: re.Match[str]) -> Iterable[Token]:
        if action is None:
            return []
        if isinstance(action, tuple):
            return [(cast("TokenType", action), match.group())]
        act = cast("Callable[..., Iterable[tuple[int, TokenType, str]]]", action)
        return [(kind, value) for _, kind, value in act(self._lexer, match)]


def _changed(stack: tuple[str, ...], change: Any) -> tuple[str, ...]:
    """Apply the state change of a pygments rule to the stack; the last state is never popped."""
    if change is None:
        return stack
    if isinstance(change, int):
        return stack[:change] if -change < len(stack) else stack[:1]
    for state in (change,) if isinstance(change, str) else cast("tuple[str, ...]", change):
        if state == "#pop":
            stack = stack[:-1] if len(stack) > 1 else stack
        else:
            stack = (*stack, *(stack[-1:] if state == "#push" else (state,)))
    return stack


class _BlockComments:
    """Adds comments over several lines to lexers that match `/* ... */` in one piece.

    The state is the stack of the lexer, and True inside a comment.
    """

    def __init__(self, lines: _StackLexer) -> None:
        self._lines = lines
        tokens, _ = lines("/* x */", None)
        self._known = tokens[0][0] in Comment

    def __call__(self, text: str, state: Any) -> tuple[list[Token], Any]:
        stack, inside = state or (None, False)
        if not inside:
            return self._outside(text, stack)
        end = text.find("*/")
        if end < 0:
            return [(Comment, text)], (stack, True)
        tokens, after = self._outside(text[end + 2 :], stack)
        return [(Comment, text[: end + 2]), *tokens], after

    def _outside(self, text: str, stack: Any) -> tuple[list[Token], Any]:
        tokens, after = self._lines(text, stack)
        kept = any("comment" in name for name in after)  # True if the lexer has a state for comments
        opened = self._opened(tokens) if self._known and "/*" in text and not kept else -1
        if opened < 0:
            return tokens, (after, False)
        before, _ = self._lines(text[:opened], stack)
        return [*_ended(before), (Comment, text[opened:])], (after, True)

    def _opened(self, tokens: list[Token]) -> int:
        """Return the index of a comment that is not closed on this line, or -1."""
        at = 0
        for index, (kind, value) in enumerate(tokens):
            after = "".join(text for _, text in tokens[index + 1 :])
            unknown = value == "/" and kind not in String and after.startswith("*") and "*/" not in after
            to_the_end = kind in Comment and value.startswith("/*") and "*/" not in value and not after.strip()
            if unknown or to_the_end:
                return at
            at += len(value)
        return -1


def _ended(tokens: list[Token]) -> list[Token]:
    """Remove the line end that was lexed with the line."""
    return [(kind, value.rstrip("\n")) for kind, value in tokens]


def _segments(tokens: list[Token]) -> list[Segment]:
    """Turn tokens into segments; neighbours of the same role are joined, and blanks take the role before them."""
    runs: list[tuple[Roles, list[str]]] = []
    for kind, value in tokens:
        value = value.rstrip("\n")
        if not value:
            continue
        roles = _roles(kind)
        if runs and (runs[-1][0] == roles or value.isspace()):
            runs[-1][1].append(value)
        else:
            runs.append((roles, [value]))
    return [Segment(Safe("".join(values)), roles) for roles, values in runs]


@lru_cache(maxsize=512)
def _roles(kind: TokenType) -> Roles:
    while kind is not None:
        if kind in _ROLES:
            return (_ROLES[kind],)
        kind = kind.parent
    return ()
