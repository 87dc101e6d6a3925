"""Test inline markup: emphasis beside CJK, LaTeX, links, entities and unclosed markup."""

from __future__ import annotations

import pytest

from termchat.core.sanitize import safe
from termchat.core.style import TextRole
from termchat.ui.markdown import Segment, render
from termchat.ui.markdown.autoclose import autoclose
from termchat.ui.markdown.inline import parse


def marked(source: str, role: TextRole) -> list[str]:
    return [segment.text for segment in parse(source).segments if role in segment.roles]


def plain(source: str, *, hyperlinks: bool = True) -> str:
    return "".join(segment.text for segment in parse(source, hyperlinks=hyperlinks).segments)


@pytest.mark.parametrize(
    ("source", "strong"),
    [
        ("**“重点”**内容", ["“重点”"]),
        ("**注意：**请看", ["注意："]),
        ("这是**（重要）**的", ["（重要）"]),
        ("中文**bold**中文", ["bold"]),
        ("a**“b”**c", []),
        ("2**3**4", ["3"]),
        ("** not **", []),
    ],
)
def test_inline_emphasis_beside_cjk_is_recognized(source: str, strong: list[str]) -> None:
    assert marked(source, TextRole.STRONG) == strong


@pytest.mark.parametrize(
    ("source", "math"),
    [
        ("so \\(a_1 * b_2 * c\\) is", ["\\(a_1 * b_2 * c\\)"]),
        ("so \\[x\\] is", ["\\[x\\]"]),
        ("so $x_1 + y_1$ is", ["$x_1 + y_1$"]),
        ("$$\\frac{a}{b}$$", ["$$\\frac{a}{b}$$"]),
        ("costs $5 and $10", []),
        ("from $5-$10", []),
        ("\\(\\) and \\[\\\\\\]", []),
        ("`$a$`", []),
        ("\\(never closed", []),
    ],
)
def test_inline_latex_has_math_role_and_prices_have_none(source: str, math: list[str]) -> None:
    assert marked(source, TextRole.MATH) == math


def test_render_display_formula_keeps_line_breaks() -> None:
    text = "\\[\na &= b \\\\\n- c\n\\]\ntext"
    assert [row.text for row in render(safe(text), 40)] == ["\\[", "a &= b \\\\", "- c", "\\]", "", "text"]


def test_render_unclosed_dollar_formula_ends_with_paragraph() -> None:
    assert [row.text for row in render(safe("$$\na\n\n# Title"), 40)] == ["$$", "a", "", "Title"]


@pytest.mark.parametrize(
    ("source", "clickable", "full"),
    [
        ("[docs](https://example.com/a)", "docs (example.com)", "docs (https://example.com/a)"),
        ("[example.com](https://example.com/)", "example.com", "example.com"),
        ("[https://example.com/a](https://example.com/a)", "https://example.com/a", "https://example.com/a"),
        ("[https://a.b](https://evil.com/x)", "https://a.b (evil.com)", "https://a.b (https://evil.com/x)"),
        ("[you@a.b](https://a.b@evil.com/)", "you@a.b (evil.com)", "you@a.b (https://a.b@evil.com/)"),
        ("<https://example.com/a>", "https://example.com/a", "https://example.com/a"),
        ("[mail](mailto:a@b.c)", "mail (a@b.c)", "mail (mailto:a@b.c)"),
        ("[file](../readme.md)", "file (../readme.md)", "file (../readme.md)"),
        ("[ftp](ftp://a.b/c)", "ftp (ftp://a.b/c)", "ftp (ftp://a.b/c)"),
        ("![a *cat*](https://x.y/c.png)", "a cat (x.y)", "a cat (https://x.y/c.png)"),
        ("![](https://x.y/c.png)", "image (x.y)", "image (https://x.y/c.png)"),
        ("[a][1] and [^2]", "[a][1] and [^2]", "[a][1] and [^2]"),
    ],
)
def test_inline_link_shows_host_if_clickable_else_full_url(source: str, clickable: str, full: str) -> None:
    assert plain(source) == clickable
    assert plain(source, hyperlinks=False) == full


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd"])
def test_inline_link_with_unsafe_scheme_is_not_clickable(url: str) -> None:
    assert all(not segment.url for segment in parse(f"[x]({url})").segments)


def test_inline_link_url_is_printable_ascii() -> None:
    (first, *_) = parse("[x](http://例え.jp/ä&#27;&#x9c;)").segments
    assert first == Segment(safe("x"), (TextRole.LINK,), first.url)
    assert first.url.isascii()
    assert first.url.isprintable()


@pytest.mark.parametrize("entity", ["&#27;", "&#x202e;", "&#9;", "&#10;", "&#155;", "&#13;", "&#127;"])
def test_inline_entity_of_control_character_is_sanitized(entity: str) -> None:
    text = plain(f"a{entity}b")
    assert text == safe(text)
    assert "\n" not in text


@pytest.mark.parametrize(
    ("source", "open_"),
    [
        ("plain text", False),
        ("**bold** and `code` [a](b) snake_case 2 * 3", False),
        ("**bold", True),
        ("`code", True),
        ("[text", True),
        ("[text](http://a", True),
        ("[1] is closed", False),
        ("a <http://x", True),
        ("a < b", False),
        ("&am", True),
        ("\\(x", True),
        ("$x", True),
        ("~~gone", True),
    ],
)
def test_inline_open_flag_is_set_while_markup_is_unclosed(source: str, open_: bool) -> None:
    assert parse(source).open is open_


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("**bold and *both", "**bold and *both***"),
        ("**", ""),
        ("a `code", "a `code`"),
        ("a `", "a"),
        ("**a `b", "**a `b`**"),
        ("~~a", "~~a~~"),
        ("see [the pa", "see [the pa]()"),
        ("see [the page](http://x", "see [the page]()"),
        ("see [**the", "see **the**"),
        ("a <https://x.y", "a https://x.y"),
        ("done.", "done."),
        ("\\", ""),
    ],
)
def test_autoclose_closes_open_markup(source: str, shown: str) -> None:
    assert autoclose(source) == shown
