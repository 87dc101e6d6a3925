"""Mark a request for Anthropic's prompt cache: after the tools, the system prompt and the last two questions.

A chat sends its whole history with each question; cached input costs a tenth. The API allows at most four marks and
rejects a mark on a thinking block. A prompt too short for the cache costs nothing extra.
Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

from __future__ import annotations

from typing import Any, cast

from termchat.providers.decoder import is_object

_MARK = {"cache_control": {"type": "ephemeral"}}


def add_cache_control(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with marks."""
    marked = dict(body)
    if marked.get("tools"):
        *others, last = marked["tools"]
        marked["tools"] = [*others, last | _MARK]
    if isinstance(marked.get("system"), str):
        marked["system"] = [{"type": "text", "text": marked["system"], **_MARK}]
    questions = [n for n, turn in enumerate(marked["messages"]) if turn["role"] == "user"][-2:]
    marked["messages"] = [_mark_turn(turn) if n in questions else turn for n, turn in enumerate(marked["messages"])]
    return marked


def _mark_turn(turn: dict[str, Any]) -> dict[str, Any]:
    *others, last = turn["content"]
    return turn | {"content": [*others, last | _MARK]}


def strip_cache_control(value: Any) -> Any:
    """Return a body, or a part of one, without marks."""
    if isinstance(value, list):
        return [strip_cache_control(inner) for inner in cast("list[Any]", value)]
    if not is_object(value):
        return value
    opaque = ("input", "input_schema")  # contents of models and tools stay as they are
    kept = {name: inner for name, inner in value.items() if name != "cache_control"}
    return {name: inner if name in opaque else strip_cache_control(inner) for name, inner in kept.items()}
