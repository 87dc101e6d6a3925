"""Sanitized text: the table of replacements, and independence of chunks."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from termchat.core.sanitize import Sanitizer, code_fence, repair_surrogates, safe, safe_format, safe_line, safe_url

TABLE = {
    "\x00": "␀",
    "\x07": "␇",
    "\x08": "␈",
    "\x1b[31m": "␛[31m",
    "\x1b]52;c;aGk=\x07": "␛]52;c;aGk=␇",
    "\x7f": "␡",
    "\x9b31m": "\ufffd31m",
    "\x85": "\ufffd",
    "a\u202eb": "a\ufffdb",
    "a\u2066b\u2069": "a\ufffdb\ufffd",
    "a\u2028b\u2029c": "a\ufffdb\ufffdc",
    "\ud800": "\ufffd",
    "x\udc00y": "x\ufffdy",
    "\ud83d\ude42": "🙂",
    "a\r\nb": "a\nb",
    "a\rb": "a\nb",
    "a\r\r\nb": "a\n\nb",
    "a\tb\nc": "a\tb\nc",
    "héllo 你好 🙂 \u200d\ufe0f": "héllo 你好 🙂 \u200d\ufe0f",
    "<b> [red]x[/red]": "<b> [red]x[/red]",
}


@pytest.mark.parametrize(("foreign", "shown"), TABLE.items(), ids=map(ascii, TABLE))
def test_sanitize_control_characters_become_symbols(foreign: str, shown: str) -> None:
    assert safe(foreign) == shown


def test_sanitize_line_has_no_newline_or_tab() -> None:
    assert safe_line("a\r\nb\tc\x1bd") == "a b c␛d"


def test_safe_format_keeps_template_around_safe_parts() -> None:
    assert safe_format("No model {name}: {{}}.", name=safe("a{b}\x1b")) == "No model a{b}␛: {}."


# Any code point; mostly those with a rule of their own.
FOREIGN = st.text(st.one_of(st.sampled_from("\r\n\t\x1b\x7f\x9b\u202e\ud83d\ude42ab"), st.characters(codec=None)))


@example(["a\r", "\nb"])
@example(["\ud83d", "\ude42"])
@given(st.lists(FOREIGN))
def test_sanitize_is_independent_of_chunks(chunks: list[str]) -> None:
    sanitizer = Sanitizer()
    assert "".join([*map(sanitizer.feed, chunks), sanitizer.close()]) == safe("".join(chunks))


@given(FOREIGN)
def test_sanitize_safe_text_is_unchanged(text: str) -> None:
    once = safe(text)
    assert safe(once) == once


@given(FOREIGN)
def test_sanitize_leaves_no_control_and_strips_nothing(text: str) -> None:
    shown = safe(text)
    assert not [c for c in shown if (ord(c) < 0x20 and c not in "\t\n") or 0x7F <= ord(c) < 0xA0]
    shown.encode("utf-8")
    assert len(shown) == len(repair_surrogates(text).replace("\r\n", "\n"))


@given(FOREIGN)
def test_repair_surrogates_gives_utf8_and_keeps_whole_characters(text: str) -> None:
    sent = repair_surrogates(text)
    assert sent.encode("utf-8").decode("utf-8") == sent
    whole = [c for c in text if not "\ud800" <= c <= "\udfff"]
    assert [c for c in sent if c in whole and c != "\ufffd"] == [c for c in whole if c != "\ufffd"]
    assert len(whole) <= len(sent) <= len(text)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "http:", "http://a:b", "//host", "x", ""]
)
def test_safe_url_other_scheme_or_malformed_is_empty(url: str) -> None:
    assert safe_url(url) == ""


@pytest.mark.parametrize(("text", "fence"), [("", "```"), ("a `b` ``c``", "```"), ("````sh\nls\n````", "`````")])
def test_code_fence_is_longer_than_any_in_text(text: str, fence: str) -> None:
    assert code_fence(text) == fence


def test_safe_url_is_printable_ascii_without_its_surroundings() -> None:
    assert safe_url(" https://e.com/\x1b]8;;\x07ä ") == "https://e.com/%1B]8;;%07%C3%A4"
    assert safe_url("mailto:a@e.com") == "mailto:a@e.com"
