"""Digest of the prefix that a thinking block is bound to."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from termchat.providers.protocols.anthropic.prompt_cache import add_cache_control
from termchat.providers.protocols.anthropic.signature_prefix import PrefixDigest, prefix_digest

BODY: dict[str, Any] = {"system": "Be ü.", "tools": [{"name": "x", "input_schema": {"b": 1, "a": 2}}]}
BLOCKS = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": st.text(max_size=3)}), min_size=1, max_size=3)


def turn(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text} for text in texts]}


def test_digest_of_saved_chats_stays_the_same() -> None:
    """A chat of an earlier version has these digests next to its signatures."""
    assert prefix_digest(BODY, [turn("user", "q")]) == "81226f99f9aca213"
    assert prefix_digest({}, []) == "30c43123ebd12890"


@given(st.lists(BLOCKS, max_size=6), st.data())
def test_running_digest_equals_digest_of_each_prefix(contents: list[list[dict[str, Any]]], data: st.DataObject) -> None:
    running = PrefixDigest(BODY)
    turns: list[dict[str, Any]] = []
    for number, content in enumerate(contents):
        turns.append({"role": "user" if number % 2 else "assistant", "content": list(content)})
        if data.draw(st.booleans()):
            assert running.digest(turns) == prefix_digest(BODY, turns)
        turns[-1]["content"] += data.draw(BLOCKS)
        assert running.digest(turns) == prefix_digest(BODY, turns)


def test_digest_ignores_cache_marks() -> None:
    body = BODY | {"messages": [turn("user", "q"), turn("assistant", "a"), turn("user", "r", "s")]}
    marked = add_cache_control(body)
    assert prefix_digest(marked, marked["messages"]) == prefix_digest(body, body["messages"])
