"""Mark a request for Anthropic's prompt cache: after the tools, the system prompt and the last two questions.

A chat sends its whole history with each question; cached input costs a tenth. The API allows at most four marks and
refuses one on a thinking block. A prompt too short for the cache costs nothing extra.
"""

from __future__ import annotations

from typing import Any, cast

from termchat.providers.decoder import is_object

_MARK = {"cache_control": {"type": "ephemeral"}}


def add_cache_control(body: dict[str, Any]) -> dict[str, Any]:
    """The body with its marks."""
    made = dict(body)
    if made.get("tools"):
        *others, last = made["tools"]
        made["tools"] = [*others, last | _MARK]
    if isinstance(made.get("system"), str):
        made["system"] = [{"type": "text", "text": made["system"], **_MARK}]
    asked = [n for n, turn in enumerate(made["messages"]) if turn["role"] == "user"][-2:]
    made["messages"] = [_turn(turn) if n in asked else turn for n, turn in enumerate(made["messages"])]
    return made


def strip_cache_control(body: dict[str, Any]) -> dict[str, Any] | None:
    """The body without marks, for a server that does not know them; None when it has none."""
    made = _without(body)
    return made if made != body else None


def _turn(turn: dict[str, Any]) -> dict[str, Any]:
    *others, last = turn["content"]
    return turn | {"content": [*others, last | _MARK]}


def _without(value: Any) -> Any:
    if isinstance(value, list):
        return [_without(inner) for inner in cast("list[Any]", value)]
    if not is_object(value):
        return value
    theirs = ("input", "input_schema")  # what models and tools say is not ours to read
    kept = {name: inner for name, inner in value.items() if name != "cache_control"}
    return {name: inner if name in theirs else _without(inner) for name, inner in kept.items()}
