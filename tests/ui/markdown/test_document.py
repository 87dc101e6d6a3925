"""Test properties of Document and render that hold for every text, every split and every width."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from termchat.core.sanitize import Safe, safe
from termchat.ui.markdown import Document, Row, render
from termchat.ui.markdown.plain_text import ReasoningDocument, wrap_line
from termchat.ui.text.width import WIDTHS
from tests.bench.corpus import corpus
from tests.ui.markdown.texts import TRAPS, cut, documents, safe_documents, small_pieces, widths

places = st.lists(st.integers(0, 10_000), max_size=40)


def streamed(pieces: list[Safe], width: int) -> list[Row]:
    """Feed the pieces, with a preview after each, and return the final rows."""
    document = Document(width)
    rows: list[Row] = []
    for piece in pieces:
        document.feed(piece)
        rows += document.take()
        document.preview()
    document.close()
    return rows + document.take()


def lines(rows: list[Row]) -> list[str]:
    """Return the lines as a copy has them: each soft row joined to the row before."""
    joined: list[str] = []
    for row in rows:
        if row.soft:
            joined[-1] += row.text
        else:
            joined.append(row.text)
    return joined


@given(safe_documents, places, widths)
def test_document_any_split_gives_same_rows(text: Safe, where: list[int], width: int) -> None:
    assert streamed(cut(text, where), width) == render(text, width)


@pytest.mark.parametrize("text", TRAPS.values(), ids=TRAPS)
@pytest.mark.parametrize("size", [1, 7])
def test_document_trap_text_in_small_pieces_gives_same_rows(text: str, size: int) -> None:
    whole = safe(text)
    assert streamed(small_pieces(whole, size), 40) == render(whole, 40)


@given(safe_documents, places, widths)
def test_document_final_rows_never_change(text: Safe, where: list[int], width: int) -> None:
    document, whole, seen = Document(width), render(text, width), 0
    for piece in cut(text, where):
        document.feed(piece)
        final = document.take()
        assert final == whole[seen : seen + len(final)]
        seen += len(final)


@given(safe_documents, widths)
def test_document_preview_without_open_block_equals_closed_rows(text: Safe, width: int) -> None:
    document, ended = Document(width), Document(width)
    document.feed(Safe(text + "\n\nend\n\n"))
    ended.feed(Safe(text + "\n\nend\n\n"))
    ended.close()
    assert document.take() + document.preview() == ended.take()


@given(documents.map(safe), widths)
@example(safe(TRAPS["very long code line"]), 20)
def test_render_rows_fit_width_and_end_without_blank(text: Safe, width: int) -> None:
    rows = render(text, width)
    for row, after in zip(rows, [*rows[1:], Row()], strict=False):
        assert row.cells == WIDTHS.width(row.text) <= width
        assert after.soft or row.text == row.text.rstrip()


@given(documents, places)
def test_document_rows_contain_only_sanitized_text(text: str, where: list[int]) -> None:
    for row in streamed(cut(safe(text), where), 40):
        assert row.text == safe(row.text)
        assert "\n" not in row.text
        assert "\t" not in row.text
        assert all(segment.url.isascii() and segment.url.isprintable() for segment in row.segments)


@given(st.binary(max_size=400))
def test_render_any_bytes_gives_sanitized_rows(data: bytes) -> None:
    text = data.decode("latin-1")
    for row in render(safe(text), 20):
        assert row.text == safe(row.text)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="`~\r"), max_size=120), max_size=12), widths)
def test_render_code_block_keeps_source_lines(source: list[str], width: int) -> None:
    source = [line for each in source for line in safe(each).split("\n")]
    rows = render(Safe("\n".join(["~~~", *source, "~~~"])), width)
    copied = lines(rows) if rows else []
    assert copied == [line.expandtabs(4).rstrip() for line in source]


def test_render_long_url_is_one_logical_line() -> None:
    url = "https://example.com/" + "path/" * 40
    assert url in lines(render(safe(f"See the page at {url} now."), 40))[1]


@pytest.mark.parametrize("width", [20, 40, 80])
def test_document_preview_shows_text_with_unclosed_markup(width: int) -> None:
    document = Document(width)
    for text, shown in {
        "Some **bo": "Some bo",
        "ld** and `co": "Some bold and co",
        "de` [li": "Some bold and code",
    }.items():
        document.feed(safe(text))
        assert " ".join(row.text for row in document.preview()).startswith(shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- ", []),
        ("1", []),
        ("1. a\n2", [" 1. a"]),
        ("##", []),
        ("## Tit", ["Tit"]),
        ("``", []),
        ("```py", []),
        ("```py\nx = ", ["x ="]),
        ("```py\nx\n``", ["x"]),
        ("Title\n==", ["Title"]),
        ("| a | b |", []),
        ("| a | b |\n|--", []),
        ("| a | b |\n|---|---|\n| 1 | 2", ["a  b", "─  ─"]),
        ("> quo", ["│ quo"]),
        ("- [ ", []),
        ("- [x] do", ["☑ do"]),
        ("a\n\n[^1", ["a"]),
        ("$$\nx\n$", ["$$", "x"]),
        ("**bold", ["bold"]),
        ("~~gone `co", ["gone co"]),
        ("[text](http://exam", ["text"]),
        ("[text](http://example.com)", ["text (example.com)"]),
        ("<https://example.c", ["https://example.c"]),
        ("an ![image", ["an image"]),
        ("a \\", ["a"]),
    ],
)
def test_document_preview_of_unfinished_block_hides_markers(text: str, shown: list[str]) -> None:
    document = Document(40)
    document.feed(safe(text))
    assert [row.text for row in [*document.take(), *document.preview()]] == shown


def test_document_fed_token_by_token_equals_one_shot_render() -> None:
    pieces = corpus(2000)
    text = safe("".join(pieces))
    document = Document(80)
    rows: list[Row] = []
    for piece in pieces:
        document.feed(safe(piece))
        rows += document.take()
    document.close()
    assert rows + document.take() == render(text, 80)


@given(safe_documents, places, widths)
def test_document_resize_keeps_all_letters(text: Safe, where: list[int], width: int) -> None:
    document = Document(80)
    rows: list[Row] = []
    for index, piece in enumerate(cut(text, where)):
        document.feed(piece)
        rows += document.take()
        document.resize((width, 80)[index % 2])
        document.preview()
    document.close()
    rows += document.take()
    assert _letters(rows) == _letters(render(text, 80))


def _letters(rows: list[Row]) -> list[str]:
    """Return the sorted letters and digits of the rows, without rules, whose length depends on the width."""
    return sorted(char for row in rows for char in row.text if char.isalnum())


@given(documents.map(safe), places, widths)
def test_reasoning_document_any_split_gives_all_text_within_width(text: Safe, where: list[int], width: int) -> None:
    document = ReasoningDocument(width)
    rows: list[Row] = []
    for piece in cut(text, where):
        document.feed(piece)
        rows += document.take()
        document.preview()
    document.close()
    rows += document.take()
    at_once = [row for line in text.removesuffix("\n").split("\n") for row in wrap_line(line, width)] if text else []
    assert rows == at_once
    assert "".join("".join(row.text for row in rows).split()) == "".join(text.split())
    assert all(row.cells <= width for row in rows)


def test_wrap_line_with_a_long_word_after_its_indentation_adds_no_blank_row() -> None:
    assert [row.text for row in wrap_line("    abcdefghij", 10)] == ["    abcdef", "ghij"]
