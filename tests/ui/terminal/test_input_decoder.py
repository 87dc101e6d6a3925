"""Test InputDecoder: keys, terminal replies and pastes in the bytes of a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.ui.terminal.input_decoder import (
    PASTE_BEGIN,
    PASTE_END,
    InputDecoder,
    PastedText,
    Piece,
    TerminalReply,
    TypedText,
)

REPLIES = (
    "\x1b[?1u",
    "\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\",
    "\x1b]11;rgb:ffff/ffff/ffff\x07",
    "\x1b[?2026;2$y",
    "\x1b[?62;22c",
    "\x1b[>41;354;0c",
    "\x1bP>|XTerm(354)\x1b\\",
    "\x1b[I",
    "\x1b[O",
    "\x1b[24;80R",
)


def read(*chunks: str, gap: float = 0.05, brackets: bool = True) -> list[Piece]:
    """Feed the chunks `gap` seconds apart, flush, and return the pieces with adjacent text merged."""
    decoder, pieces = InputDecoder(), list[Piece]()
    decoder.brackets = brackets
    for n, chunk in enumerate(chunks):
        pieces += decoder.feed(chunk, 100 + n * gap)
    return merged([*pieces, *decoder.flush(200.0)])


def merged(pieces: list[Piece]) -> list[Piece]:
    out: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, TypedText) and out and isinstance(out[-1], TypedText):
            out[-1] = TypedText(out[-1].text + piece.text)
        else:
            out.append(piece)
    return out


@given(st.data())
def test_input_decoder_any_split_gives_same_pieces(data: st.DataObject) -> None:
    pieces = st.one_of(
        st.text("ab 你 \t", max_size=6),
        st.sampled_from(REPLIES),
        st.sampled_from(["\x1b[A", "\x1bOP", "\x1bm", "\x1b[13;2u", "\x1b[27;5;13~", "\r"]),
        st.text("xy\n\r\x1b[~2001", max_size=40)
        .filter(lambda t: PASTE_END not in t)
        .map(lambda t: PASTE_BEGIN + t + PASTE_END),
    )
    whole = "".join(data.draw(st.lists(pieces, max_size=8)))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=10)))
    chunks = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(*chunks) == read(whole)


@pytest.mark.parametrize("reply", REPLIES)
def test_input_decoder_split_reply_inside_word_is_separated(reply: str) -> None:
    for at in range(len(reply) + 1):
        assert read("wo" + reply[:at], reply[at:] + "rd") in (
            [TypedText("wo"), TerminalReply(reply), TypedText("rd")],
            [TypedText("wo" + reply[:at]), TypedText(reply[at:] + "rd")] if at in (0, len(reply)) else None,
        )


def test_input_decoder_unfinished_reply_is_dropped_at_next_key() -> None:
    decoder = InputDecoder()
    assert decoder.feed("\x1b]11;rgb:1e", 1.0) == []
    assert decoder.flush(1.06) == []
    assert decoder.feed("a", 3.0) == [TypedText("a")]


def test_input_decoder_lone_escape_is_held_until_flush() -> None:
    decoder = InputDecoder()
    assert decoder.feed("\x1b", 1.0) == []
    assert decoder.flush(1.05) == [TypedText("\x1b")]


def test_input_decoder_bracketed_paste_is_one_unaltered_piece() -> None:
    text = "x" * 5000 + "\r\n\x1b[200~\x1b[24;14R\0" + "你" * 10
    assert read(f"a{PASTE_BEGIN}{text}{PASTE_END}b") == [TypedText("a"), PastedText(text), TypedText("b")]


def test_input_decoder_paste_without_end_mark_expires() -> None:
    decoder = InputDecoder()
    assert decoder.feed(PASTE_BEGIN + "hello", 1.0) == []
    assert decoder.expire_paste(1.9) == []
    assert decoder.expire_paste(2.01) == [PastedText("hello")]
    assert decoder.feed(" more", 2.1) == [TypedText(" more")]


@pytest.mark.parametrize(
    ("sequence", "keys"),
    [
        ("\x1b[13u", "\r"),
        ("\x1b[13;2u", "\n"),
        ("\x1b[13;3u", "\x1b\r"),
        ("\x1b[13;5u", "\n"),
        ("\x1b[27;2;13~", "\n"),
        ("\x1b[27;5;13~", "\n"),
        ("\x1b[27;6;13~", "\n"),
        ("\x1b[27u", "\x1b"),
        ("\x1b[99;5u", "\x03"),
        ("\x1b[116;5u", "\x14"),
        ("\x1b[109;3u", "\x1bm"),
        ("\x1b[127;3u", "\x1b\x7f"),
        ("\x1b[9;2u", "\x1b[Z"),
        ("\x1b[97;2u", "A"),
        ("\x1b[228;1u", "ä"),
        ("\x1b[57441;2u", ""),
    ],
)
def test_input_decoder_keyboard_protocol_sequence_maps_to_key(sequence: str, keys: str) -> None:
    assert read(sequence) == ([TypedText(keys)] if keys else [])


@pytest.mark.parametrize("pasted", ["a\r\nb\r\nc", "first line\rsecond line\rthird", "one line here\r\nand\r\n"])
def test_input_decoder_unmarked_multiline_paste_has_no_enter(pasted: str) -> None:
    assert "\r" not in "".join(piece.text for piece in read(pasted, brackets=False))


def test_input_decoder_unmarked_paste_in_many_reads_has_no_enter() -> None:
    text = "line one of some\rline two of some\rline three\r"
    decoder = InputDecoder()
    keys = "".join(
        piece.text for n in range(0, len(text), 20) for piece in decoder.feed(text[n : n + 20], 1 + n / 20 * 0.002)
    )
    assert keys == text.replace("\r", "\n")


def test_input_decoder_line_and_enter_in_one_read_keeps_enter() -> None:
    assert read("hello world\r", brackets=False) == [TypedText("hello world\r")]


def test_input_decoder_fast_short_lines_keep_enter() -> None:
    assert read("x\ry\rz\r", brackets=False) == [TypedText("x\ry\rz\r")]
    assert read(*"hello", "\r", gap=0.012, brackets=False) == [TypedText("hello\r")]


def test_input_decoder_enter_after_unmarked_paste_is_kept() -> None:
    assert read("many words\rin two lines", "\r", gap=0.5, brackets=False) == [TypedText("many words\nin two lines\r")]


def test_input_decoder_with_bracketed_paste_keeps_every_enter() -> None:
    assert read("first line\rsecond line\r", brackets=True) == [TypedText("first line\rsecond line\r")]


@pytest.mark.parametrize(
    ("reply", "known"),
    [("1", True), ("2", True), ("3", True), ("0", False), ("4", False)],  # DECRPM: set, reset, ... 0 is "unknown"
)
def test_input_decoder_guesses_pastes_unless_terminal_brackets_them(reply: str, *, known: bool) -> None:
    decoder = InputDecoder()
    decoder.feed(f"\x1b[?2004;{reply}$y", 100.0)
    typed = merged(decoder.feed("a question\rthe next one\r", 101.0))
    assert typed == [TypedText("a question\rthe next one\r" if known else "a question\nthe next one\n")]
