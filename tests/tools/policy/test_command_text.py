"""Texts that are not what they seem are refused, others are not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.tools.policy.command_text import MAX_TEXT, check_text

HONEST = [
    "ls",
    "echo 'héllo wörld'",
    "cat 文件.txt",
    'echo "Привет (а) мир"',
    "cat <<E\nа вот\nсело\nE",
    "echo 你好，世界（一）",
    "./запуск.sh",
    "echo ❤️ 1️⃣ 👨‍👩‍👧 🏳️‍🌈",
    "echo می‌خواهم",
    "echo क्‍ष",
    "git commit -m 'fix: naïve café'",
    "ls 'имя | файла'",
    "печать x",
    "\tls\n",
    "grep -n 'α|β' f",
    "x='сat'",
    "echo сat",
    "ls # сat",
    'echo "a; сat"',
    "écho",
]
REFUSED = [
    "ls\0",
    "ls\rid",
    "\x1b[1mls",
    "ls\x7f",
    "ls\x85id",
    "ls\u2028id",
    "ls\u2029",
    "ls\u00a0x",
    "ls\u3000x",
    "ls\u202fx",
    "ls\u202ex",
    "ls\u2066x",
    "ls\u200e",
    "ls\u061cx",
    "ls\u200bx",
    "ls\u2060x",
    "l\u200ds",
    "ls\ufe0f",
    "\ufeffls",
    "ls\u00adx",
    "ls\u3164",
    "ls\U000e0061",
    "ls\ud83d",
    "ls\ufffe",
    "ls\u2800",
    "сat x",
    "саt",
    "ｌｓ",
    "𝐥𝐬",
    "ls | ｓｈ",
    "ls;сat",
    "ls && сat",
    "(сat)",
    "echo $(сat)",
    "echo `сat`",
    'echo "$(сat)"',
    "'сat' x",
    'с"a"t',
    "\\сat",
    "if сat; then ls; fi",
    "! сat",
    "x\nсat",
    "/usr/bin/сat",
    "／bin／ls",
    "ցіt log",
    "αt now",
]


@pytest.mark.parametrize("text", HONEST)
def test_honest_text_is_not_refused(text: str) -> None:
    assert check_text(text) == ""


@pytest.mark.parametrize("text", REFUSED)
def test_deceptive_text_is_refused_with_sentence(text: str) -> None:
    assert check_text(text).endswith(".")


@given(
    st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126) | st.sampled_from("\n\t"), max_size=80)
)
def test_ascii_text_is_never_refused(text: str) -> None:
    assert check_text(text) == ""


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=30))
def test_argument_is_refused_only_for_invisible_characters(text: str) -> None:
    words = check_text("echo '" + text.replace("'", "") + "'")
    assert not words or "invisible" in words


@given(st.text(max_size=20), st.characters(categories=("Cc", "Zl", "Zp", "Cs")), st.text(max_size=20))
def test_control_character_anywhere_is_refused(before: str, control: str, behind: str) -> None:
    refused = check_text(before + control + behind)
    assert refused or control in "\n\t"
    assert unicodedata.category(control) == "Cc" or refused


@pytest.mark.parametrize("character", ["\u00a0", "\u202e", "\0", "\u200b"])
def test_refusal_names_the_character_and_its_position(character: str) -> None:
    words = check_text(f"ls {character}")
    assert "position 4" in words
    assert words.isprintable()


def test_text_of_the_longest_length_is_accepted() -> None:
    assert check_text("a" * MAX_TEXT) == ""
    assert "file" in check_text("a" * (MAX_TEXT + 1))
