"""Mentions are found where they are meant, and nothing of a text is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.attachments.mentions import (
    LineSpan,
    address_reading,
    find_mentions,
    mention_text,
    readings,
    split_line_span,
    split_resource,
    typed_mention,
)

NAMES = st.text(st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" .#\"'\\()"), min_size=1, max_size=20)
TEXTS = st.text(st.sampled_from('ab@ \n`"\\.,:#1/，文\t()') | st.characters(exclude_categories=("Cs",)), max_size=60)


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("see @a.py, please", ["a.py,"]),
        ('read @"my notes.txt" now', ["my notes.txt"]),
        (r"read @my\ notes.txt now", ["my notes.txt"]),
        ("lines @src/b.py#20-45", ["src/b.py#20-45"]),
        ('lines @"my b.py"#3', ["my b.py#3"]),
        ("(@a.py)", ["a.py)"]),
        ("看@a.py的第一行", ["a.py的第一行"]),
        ("@https://example.org/a?b=@c", ["https://example.org/a?b=@c"]),
        ("two @a @b", ["a", "b"]),
        ("mail joe@example.com, me+x@a.org", []),
        ("git@github.com:o/r.git", []),
        ("`@a.py` and ``` @b.py ```", []),
        ("```\n@app.get\n```\n@c.py", ["c.py"]),
        ("```\n@open", []),
        ("@ alone, @", []),
        ("pip install a@1 @", []),
    ],
)
def test_mentions_of_text_are_found_outside_of_code_and_addresses(text: str, targets: list[str]) -> None:
    assert [mention.target for mention in find_mentions(text)] == targets


@given(NAMES)
def test_mention_of_any_name_is_read_back(name: str) -> None:
    name = " ".join(name.split("\n")).strip(" ") or "x"
    text = f"see {mention_text(name)} there"
    assert name in [reading.target for mention in find_mentions(text) for reading in readings(text, mention)]
    assert find_mentions(text)[0].target.startswith(name)


@given(TEXTS)
def test_mentions_stand_in_order_and_begin_with_at(text: str) -> None:
    end = 0
    for mention in find_mentions(text):
        assert end <= mention.start < mention.end <= len(text)
        assert text[mention.start] == "@"
        end = mention.end
        for reading in (*readings(text, mention), address_reading(text, mention)):
            assert reading.start == mention.start < reading.end <= mention.end


@given(st.text(st.characters(exclude_characters="@"), max_size=60))
def test_text_without_at_has_no_mention(text: str) -> None:
    assert find_mentions(text) == ()
    assert typed_mention(text) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("see @https://a.org/x.", "https://a.org/x"),
        ("(@https://a.org/x)", "https://a.org/x"),
        ("@https://a.org/x_(y)", "https://a.org/x_(y)"),
        ("(@https://a.org/x_(y)).", "https://a.org/x_(y)"),
        ("看@https://zh.wikipedia.org/wiki/中文，然后", "https://zh.wikipedia.org/wiki/中文"),
        ("@docs:note://a/b!", "docs:note://a/b"),
    ],
)
def test_address_ends_before_punctuation_of_sentence(text: str, address: str) -> None:
    assert address_reading(text, find_mentions(text)[0]).target == address


def test_readings_leave_out_closing_punctuation_and_other_script() -> None:
    text = "看@a.py的"
    assert [reading.target for reading in readings(text, find_mentions(text)[0])] == ["a.py的", "a.py"]
    text = "(@a.py)."
    assert [reading.target for reading in readings(text, find_mentions(text)[0])] == ["a.py).", "a.py)", "a.py"]


@pytest.mark.parametrize(
    ("target", "split"),
    [
        ("a.py#20-45", ("a.py", LineSpan(20, 45))),
        ("a.py#L20-L45", ("a.py", LineSpan(20, 45))),
        ("a.py#7", ("a.py", LineSpan(7, 7))),
        ("a.py#0", ("a.py#0", None)),
        ("a.py#5-2", ("a.py#5-2", None)),
        ("a.py#x", ("a.py#x", None)),
        ("a.py", ("a.py", None)),
        pytest.param(f"a.py#{'9' * 5000}", (f"a.py#{'9' * 5000}", None), id="long number"),
    ],
)
def test_lines_are_split_from_path(target: str, split: tuple[str, LineSpan | None]) -> None:
    assert split_line_span(target) == split


@pytest.mark.parametrize(
    ("before", "typed"),
    [
        ("see @", (4, "")),
        ("see @src/a", (4, "src/a")),
        ('see @"my no', (4, "my no")),
        ("see @a b", None),
        ("joe@exa", None),
        ("@a\n@b", (3, "b")),
        ("line\n", None),
    ],
)
def test_typed_mention_is_that_before_cursor(before: str, typed: tuple[int, str] | None) -> None:
    assert typed_mention(before) == typed


def test_resource_is_split_at_first_colon() -> None:
    assert split_resource("docs:note://a:b") == ("docs", "note://a:b")
    assert split_resource("docs") == ("", "")
