"""Test the search for earlier prompts."""

from __future__ import annotations

import pytest

from termchat.ui.repl.panels.fuzzy import found

TEXTS = ("write a haiku", "explain the GIL", "git rebase or merge?", "what is a haiku about rain")


@pytest.mark.parametrize(
    ("typed", "places"),
    [
        ("", [0, 1, 2, 3]),
        ("haiku", [0, 3]),
        ("rain haiku", [3]),
        ("GIL", [1]),
        ("gil", [1]),
        ("grbm", [2]),
        ("wa", [0, 3]),
        ("zzz", []),
    ],
)
def test_found_tries_words_then_letters_in_order(typed: str, places: list[int]) -> None:
    assert found(TEXTS, typed) == places


def test_found_word_deep_in_long_text_matches() -> None:
    assert found(["x " * 5000 + "needle"], "needle") == [0]


def test_found_puts_exact_text_first() -> None:
    assert found(["git status -s", "git  Status", "git log"], "git status") == [1, 0]
