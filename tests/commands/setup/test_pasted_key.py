"""Test that a pasted key loses what is around it, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.commands.setup.pasted_key import looks_like_key, read_pasted_key

KEY = "sk-obviously-not-a-real-key-4f2a"
CHARACTERS = st.sampled_from("abcXYZ0123456789-_.")
KEYS = st.text(CHARACTERS, min_size=8, max_size=60).map(lambda text: f"k{text}z")


@pytest.mark.parametrize(
    ("pasted", "removed"),
    [
        (KEY, ""),
        (f"{KEY}\n", ""),
        (f"  {KEY} ", "Removed the blanks around it."),
        (f'"{KEY}"', "Removed the quotes around it."),
        (f"\u201c{KEY}\u201d", "Removed the quotes around it."),
        (f"Bearer {KEY}", "Removed the word Bearer."),
        (f"Authorization: Bearer {KEY}", "Removed the word Bearer."),
        (f'export OPENAI_API_KEY="{KEY}"', "Removed OPENAI_API_KEY= and the quotes around it."),
        (f"OPENAI_API_KEY={KEY};", "Removed OPENAI_API_KEY=."),
        (f"\x1b[200~{KEY}\x1b[201~", ""),
        (f"{KEY[:10]}\n{KEY[10:]}", "Removed the line breaks inside."),
    ],
)
def test_pasted_key_loses_what_is_around_it(pasted: str, removed: str) -> None:
    found = read_pasted_key(pasted)
    assert (found.key, found.removed, found.problem) == (KEY, removed, "")


@pytest.mark.parametrize(
    ("pasted", "problem"),
    [
        ("", "There was nothing in it."),
        (" \n ", "There was nothing in it."),
        ("https://platform.openai.com/api-keys", "That is an address, not a key."),
        ("my secret key", "That has blanks inside, and a key has none."),
        ("sk-schlüssel", "That has characters that no key has."),
        ("k" * 9000, "That is too long for a key."),
        ("env:", "env: needs a name after it."),
        ("env:A B", "env: needs the name of a variable, such as env:OPENAI_API_KEY."),
    ],
)
def test_text_that_is_no_key_is_refused_without_showing_it(pasted: str, problem: str) -> None:
    found = read_pasted_key(pasted)
    assert (found.key, found.problem) == ("", problem)


@pytest.mark.parametrize("reference", ["env:OPENAI_API_KEY", "cmd:pass show ofox | head -1", "keyring:ofox"])
def test_reference_is_kept_as_it_is(reference: str) -> None:
    assert read_pasted_key(f" {reference} ").key == reference


@given(KEYS, st.sampled_from(["", " ", "\t", "\r\n"]), st.sampled_from([("", ""), ('"', '"'), ("'", "'"), ("`", "`")]))
def test_key_survives_blanks_and_quotes(key: str, blank: str, quotes: tuple[str, str]) -> None:
    found = read_pasted_key(f"{blank}{quotes[0]}{key}{quotes[1]}{blank}")
    assert found.key == key
    assert key not in found.removed


@given(st.text())
def test_no_sentence_about_a_paste_shows_it(text: str) -> None:
    found = read_pasted_key(f"{KEY}{text}")
    assert KEY not in found.removed + found.problem


def test_key_is_told_from_name_of_provider() -> None:
    assert looks_like_key(KEY)
    assert not looks_like_key("openrouter")
    assert not looks_like_key("my-own-gateway-with-a-long-name")
