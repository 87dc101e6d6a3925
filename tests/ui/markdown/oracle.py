"""Render Markdown from the tokens of markdown-it, as rows of a very wide terminal, to compare with our parser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from termchat.core.sanitize import safe_line
from termchat.ui.markdown.links import Link

PARSER = (
    MarkdownIt("commonmark", {"html": False, "maxNesting": 200}).enable(["table", "strikethrough"]).disable("reference")
)


def rows(text: str) -> list[str]:
    """Return the rows of a text that hold characters, with each run of blanks as one."""
    lines = _Rows()
    for token in PARSER.parse(text):
        lines.token(token)
    return visible(lines.rows)


def visible(lines: Iterable[str]) -> list[str]:
    """Return the lines without blank lines and rules, with each run of blanks as one."""
    return [line for line in (" ".join(line.split()) for line in lines) if line.strip("│ ─")]


class _Rows:
    def __init__(self) -> None:
        self.rows: list[str] = []
        self._stack: list[str] = []  # the marker of each open container, "" once it has been written
        self._numbers: list[int | None] = []
        self._cells: list[str] | None = None

    def token(self, token: Token) -> None:
        match token.type:
            case "blockquote_open":
                self._stack.append("│")
            case "ordered_list_open":
                self._numbers.append(int(token.attrs.get("start", 1)))
            case "bullet_list_open":
                self._numbers.append(None)
            case "list_item_open":
                number = self._numbers[-1]
                self._stack.append("•" if number is None else f"{number}{token.markup}")
                if number is not None:
                    self._numbers[-1] = number + 1
            case "ordered_list_close" | "bullet_list_close":
                self._numbers.pop()
            case "blockquote_close" | "list_item_close":
                self._bare()
                self._stack.pop()
            case "inline":
                self._inline(inline(token.children or []))
            case "fence" | "code_block":
                self._code(token)
            case "hr":
                self._row("---")
            case "tr_open":
                self._box()
                self._cells = []
            case "tr_close":
                self._row(" ".join(self._cells or []))
                self._cells = None
            case _:
                pass

    def _inline(self, text: str) -> None:
        if self._cells is not None:
            self._cells.append(text)
            return
        for line in text.split("\n"):
            self._row(line)

    def _code(self, token: Token) -> None:
        self._box()
        lines = token.content.removesuffix("\n").split("\n") if token.content else []
        if not lines:
            self._bare()
        for line in lines:
            self._row(line.expandtabs(4))

    def _box(self) -> None:
        """Write a pending list marker on a row without text, since a table or code block starts below it."""
        self._bare()

    def _bare(self) -> None:
        if self._fresh():
            self._row("")

    def _fresh(self) -> bool:
        return any(marker not in ("", "│") for marker in self._stack)

    def _row(self, text: str) -> None:
        self.rows.append(" ".join([*self._stack, text]))
        self._stack = [marker if marker == "│" else "" for marker in self._stack]


def inline(tokens: Sequence[Token]) -> str:
    """Return the text of inline tokens, each link followed by its host or URL."""
    parts: list[str] = []
    link: list[tuple[Link, int]] = []
    for token in tokens:
        match token.type:
            case "softbreak":
                parts.append(" ")
            case "hardbreak":
                parts.append("\n")
            case "link_open":
                link.append((Link.of(str(token.attrs["href"]), auto=token.info == "auto"), len(parts)))
            case "link_close":
                target, start = link.pop()
                note = target.note("".join(parts[start:]), True)
                parts.append(f" ({note})" if note else "")
            case "image":
                parts.append(_image(token, bool(link)))
            case "text_special":
                parts.append(safe_line(token.content))
            case _:
                parts.append(token.content)
    return "".join(parts)


def _image(token: Token, inside: bool) -> str:
    text = _plain(token)
    if inside:
        return text
    note = Link.of(str(token.attrs["src"]), auto=False).note(text or "image", True)
    return (text or "image") + (f" ({note})" if note else "")


def _plain(token: Token) -> str:
    parts: list[str] = []
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        else:
            parts.append(_plain(child) if child.type == "image" else child.content)
    return "".join(parts)
