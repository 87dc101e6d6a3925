"""Test the list of sources below a reply: numbers, links to web URLs only, safe text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.events import CitationDelta, SearchDelta, StepStarted, Streamed, TextDelta
from termchat.core.messages import Citation
from termchat.core.sanitize import safe_url
from termchat.ui.blocks import EndOfText, ReplyText, Sources, StaticLines
from termchat.ui.text.citations import source_lines
from termchat.ui.text.line import plain_text
from termchat.ui.turn_state import Phase
from tests.ui.test_turn_state import ended, play, printed, text

A, B = Citation("https://en.a.example/wiki/Tea?x=1", "Tea, the leaf"), Citation("https://b.example/", "")


def plain(*sources: Citation) -> list[str]:
    return [plain_text(line) for line in source_lines(sources, hyperlinks=False)]


def linked(*sources: Citation) -> list[tuple[str, list[str]]]:
    lines = source_lines(sources, hyperlinks=True)
    return [(plain_text(line), [segment.url for segment in line if segment.url]) for line in lines]


def test_source_lines_with_hyperlinks_show_title_and_host() -> None:
    assert linked(A, B) == [
        ("Sources:", []),
        ("1. Tea, the leaf · en.a.example", ["https://en.a.example/wiki/Tea?x=1"]),
        ("2. b.example", ["https://b.example/"]),
    ]


def test_source_lines_without_hyperlinks_show_full_url() -> None:
    assert plain(A, B) == [
        "Sources:",
        "1. Tea, the leaf (https://en.a.example/wiki/Tea?x=1)",
        "2. b.example (https://b.example/)",
    ]
    assert plain() == []


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "/relative", "https://", "http://[", ""]
)
def test_source_lines_non_web_url_is_never_linked(url: str) -> None:
    assert linked(Citation(url, "Look")) == [("Sources:", []), ("1. Look", [])]
    assert plain(Citation(url, "Look")) == ["Sources:", "1. Look"]


def test_source_lines_contain_only_printable_characters() -> None:
    evil = Citation(
        "https://a.example/\x1b]8;;https://evil.example\x07 é\n", "A\x1b[31m\u202e title\nof two lines " * 9
    )
    for hyperlinks in (True, False):
        for line in source_lines([evil], hyperlinks=hyperlinks):
            assert all(c.isprintable() and c not in "\x1b\u202e\n" for c in plain_text(line))
            assert all(segment.url.isascii() and segment.url.isprintable() for segment in line)


@given(st.text())
def test_safe_url_is_printable_ascii(url: str) -> None:
    found = safe_url(url)
    assert not found or (found.isascii() and found.isprintable() and " " not in found)


@given(st.sampled_from(["http", "https", "HTTPS"]), st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True), st.text())
def test_safe_url_keeps_scheme_and_host(scheme: str, host: str, path: str) -> None:
    found = safe_url(f"{scheme}://{host}/{path}")
    assert not found or found.startswith(f"{scheme}://{host}/")


def cite(citation: Citation) -> Streamed:
    return Streamed("t", CitationDelta(0, citation))


def test_update_sources_follow_reply_once_each_before_usage() -> None:
    later = Citation(B.url, "Better")
    _, blocks = play(text("Tea"), cite(A), cite(B), StepStarted("t", 2), text("hot"), cite(A), cite(later), ended())
    kinds = [type(block) for block in blocks]
    assert kinds == [ReplyText, ReplyText, EndOfText, Sources, StaticLines]
    assert blocks[-2] == Sources((A, later))


def test_update_search_shows_phase_then_queries() -> None:
    view, blocks = play(text("I look."), Streamed("t", SearchDelta(1)))
    assert (view.turn and view.turn.phase, blocks) == (Phase.SEARCHING, [ReplyText("I look."), EndOfText()])
    view, blocks = play(Streamed("t", SearchDelta(0, ("tea\n", "茶\x1b"))), Streamed("t", TextDelta(1, "Tea")))
    assert printed(blocks) == ["● searched the web · tea · 茶␛"]
    assert view.turn and view.turn.phase is Phase.REPLYING
