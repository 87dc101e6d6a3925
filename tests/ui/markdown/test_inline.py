"""Test inline markup: emphasis beside CJK, links, entities and unclosed markup."""

from __future__ import annotations

import pytest

from termchat.core.sanitize import safe
from termchat.core.style import TextRole
from termchat.ui.markdown import Segment
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
        ("[a][1] and [^2]", "[a][1] and ²", "[a][1] and ²"),
        ("so[^12] and[^note].", "so¹² and[note].", "so¹² and[note]."),
        ("see https://a.b/c_d_e.", "see https://a.b/c_d_e.", "see https://a.b/c_d_e."),
    ],
)
def test_inline_link_shows_host_if_clickable_else_full_url(source: str, clickable: str, full: str) -> None:
    assert plain(source) == clickable
    assert plain(source, hyperlinks=False) == full


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("see https://example.com/a_b_c.", "https://example.com/a_b_c"),
        ("(see https://en.wikipedia.org/wiki/A_(b))", "https://en.wikipedia.org/wiki/A_(b)"),
        ("**https://a.b**", "https://a.b"),
        ("见https://a.b/c?x=1&y=2。更多", "https://a.b/c?x=1&y=2"),
        ("HTTP://A.B", "HTTP://A.B"),
        ("at http://localhost:8080/", "http://localhost:8080/"),
        ('href="https://a.b"', "https://a.b"),
        ("`https://a.b`", ""),
        ("xhttps://a.b", ""),
        ("https://", ""),
        ("ftp://a.b", ""),
    ],
)
def test_inline_bare_url_is_link_to_its_end(source: str, url: str) -> None:
    found = parse(source).segments
    assert [s.url for s in found if s.url] == [url] * bool(url)
    assert [s.text for s in found if TextRole.LINK in s.roles] == [url] * bool(url)


def test_inline_bare_url_in_link_label_belongs_to_link() -> None:
    assert {s.url for s in parse("[https://a.b](https://evil.com/x)").segments if s.url} == {"https://evil.com/x"}


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
        ("\\(see this note\\) and", False),
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
