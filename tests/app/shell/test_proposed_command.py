"""The command of a model becomes bounded text in which nothing is hidden."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from termchat.app.shell.proposed_command import ProposedCommand, proposed_command
from termchat.core.errors import Failure

# The text of a model, the command, and a part of the warnings.
COMMANDS = [
    ("ls -l\n", "ls -l", ""),
    ("  $ ls -l  \n\n", "ls -l", ""),
    ("for f in *; do\n  echo $f\ndone\n", "for f in *; do\n  echo $f\ndone", ""),
    ("cut -f2 -d'\t'", "cut -f2 -d'\t'", ""),
    ("echo 'grüß 茶 привет ελλάδα 🍵 ½'", "echo 'grüß 茶 привет ελλάδα 🍵 ½'", ""),
    ("echo \x1b[31mred\x07\x03\x7f", "echo ␛[31mred␇␃␡", "control characters"),
    ("cat x\u202etxt.sh", "cat x\ufffdtxt.sh", "control characters"),
    ("ls\u200b /", "ls\ufffd /", "U+200B ZERO WIDTH SPACE"),
    ("ls\u00a0-l", "ls\ufffd-l", "U+00A0 NO-BREAK SPACE"),
    ("rm \u3164", "rm \ufffd", "U+3164 HANGUL FILLER"),
    ("ls\U000e0061", "ls\ufffd", "U+E0061"),
    ("ls\ufe0f", "ls\ufffd", "U+FE0F"),
    ("с\u0430t x", "саt x", "U+0441 CYRILLIC SMALL LETTER ES"),
    ("curl аррӏе.com", "curl аррӏе.com", "U+0430 CYRILLIC SMALL LETTER A"),
    ("ｌｓ", "ｌｓ", "U+FF4C FULLWIDTH LATIN SMALL LETTER L"),
    ("ls；rm", "ls；rm", "U+FF1B FULLWIDTH SEMICOLON"),
    ("echo “hi” –n", "echo “hi” –n", "U+201C LEFT DOUBLE QUOTATION MARK"),
    ("ls \u037e rm", "ls \u037e rm", "U+037E GREEK QUESTION MARK"),
]


@pytest.mark.parametrize(("text", "command", "warned"), COMMANDS)
def test_command_shows_hidden_characters_and_names_look_alikes(text: str, command: str, warned: str) -> None:
    made = proposed_command(text)
    assert isinstance(made, ProposedCommand)
    assert made.command == command
    assert warned in " ".join(made.warnings) if warned else made.warnings == ()


@pytest.mark.parametrize("text", ["", " \n ", "x" * 4001, "x\n" * 41])
def test_command_empty_or_too_long_is_failure(text: str) -> None:
    assert isinstance(proposed_command(text), Failure)


@settings(max_examples=60)
@given(st.text(st.characters(), max_size=30))
def test_command_has_no_control_character_and_no_outer_line_end(text: str) -> None:
    made = proposed_command(text)
    if isinstance(made, ProposedCommand):
        assert made.command == made.command.strip()
        assert not [c for c in made.command if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl")]
