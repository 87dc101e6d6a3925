"""Output of programs as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.sanitize import Safe, safe
from termchat.ui.text.terminal_text import BoundedOutput, plain_output, shortened

PLAIN = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), max_size=30)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"plain\r\ntext\r\n", "plain\ntext"),
        (b"\x1b[31mred\x1b[0m and \x1b[1;4mbold\x1b[m", "red and bold"),
        (b" 10%\r 50%\r100% done\n", "100% done"),
        (b"long line\rshort\x1b[K\n", "short"),
        (b"long line\rshort\n", "shortline"),
        (b"gone\x1b[2K\rnew\n", "new"),
        (b"long line\x1b[1K\rshort\n", "short"),
        (b"abcdef\b\b\b\x1b[1K\n", "    ef"),
        (b"abc\b\bX\n", "aXc"),
        (b"\x1b]0;a title\x07text\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "textlink"),
        (b"before\n\x1b[?1049h\x1b[2Jthe whole screen\x1b[?1049lafter\n", "before\nafter"),
        (b"before\n\x1b[?1049hnever left", "before"),
        (b"a\tb\n\n\n", "a\tb"),
        (b"bell\x07 and nul\x00", "bell and nul"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("\u202edesrever".encode(), "\ufffddesrever"),
        (b"cut \x1b[3", "cut"),
        (b"\x1b(B\x1b=kept", "kept"),
    ],
)
def test_plain_output_is_what_the_screen_would_show(data: bytes, expected: str) -> None:
    assert plain_output(data) == expected


@given(st.binary(max_size=300))
def test_plain_output_of_any_bytes_has_no_control_characters(data: bytes) -> None:
    shown = plain_output(data)
    assert safe(shown) == shown
    assert not any(ord(c) < 0x20 and c not in "\n\t" for c in shown)


@given(st.lists(PLAIN, max_size=8))
def test_plain_output_keeps_plain_lines(lines: list[str]) -> None:
    assert plain_output("\r\n".join(lines).encode()) == "\n".join(safe(line) for line in lines).rstrip("\n")


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_bounded_output_of_a_short_output_is_all_of_it(pieces: list[bytes]) -> None:
    output = BoundedOutput(1000)
    for piece in pieces:
        output.feed(piece)
    assert output.text(100_000) == plain_output(b"".join(pieces))


@given(st.integers(1, 3000), st.integers(1, 700))
def test_bounded_output_keeps_both_ends_and_marks_the_cut(rows: int, piece: int) -> None:
    data = "".join(f"row {n}\n" for n in range(rows)).encode()
    output = BoundedOutput(2000)
    for at in range(0, len(data), piece):
        output.feed(data[at : at + piece])
    text = output.text(1500)
    assert text.startswith("row 0\n") or rows == 1
    assert text.endswith(f"row {rows - 1}")
    assert ("characters left out" in text) == (len(data.rstrip()) > 1500)
    assert len(text) < 1600


def test_bounded_output_of_an_overwritten_line_counts_what_is_left_out() -> None:
    output = BoundedOutput(1000)
    output.feed(b"".join(b"\r%3d%%" % (n % 100) for n in range(402)))
    assert "[… about 10 characters left out …]" in output.text(600)


def test_shortened_cuts_at_whole_lines() -> None:
    text = Safe("\n".join(f"line {n}" for n in range(1000)))
    head, mark, *tail = shortened(text, 100).partition("[… about")
    assert mark
    assert head.endswith("\n")
    assert tail[0].split("\n", 1)[1].startswith("line ")
    assert shortened(Safe("short"), 100) == "short"
