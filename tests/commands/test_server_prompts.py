"""Prompts of MCP servers as commands."""

from __future__ import annotations

import pytest

from termchat.commands.builtin import builtin
from termchat.commands.registry import Command, CommandGroup, CommandRegistry
from termchat.commands.server_prompts import parse_prompt_arguments
from termchat.core.approval import PromptRow
from termchat.core.sanitize import safe_format

REVIEW = PromptRow("git:review", "Review", ("file", "focus"), frozenset({"file"}))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.py", {"file": "a.py"}),
        ("a.py speed and size", {"file": "a.py", "focus": "speed and size"}),
        ('"a b.py" speed', {"file": "a b.py", "focus": "speed"}),
        ("focus=speed a.py", {"file": "a.py", "focus": "speed"}),
        ("other=1", {"file": "other=1"}),
        ("it's new", {"file": "it's", "focus": "new"}),
        ("", "file"),
        ("focus=x", "file"),
    ],
)
def test_prompt_arguments_by_position_and_name(text: str, found: dict[str, str] | str) -> None:
    assert parse_prompt_arguments(REVIEW, text) == found


def test_single_prompt_argument_takes_whole_text() -> None:
    row = PromptRow("demo:summary", "", ("topic",), frozenset({"topic"}))
    assert parse_prompt_arguments(row, "it's a 'long' one") == {"topic": "it's a 'long' one"}
    assert parse_prompt_arguments(row, "topic=tea") == {"topic": "tea"}
    assert parse_prompt_arguments(row, " ") == "topic"


def test_registry_follows_source_and_builtin_wins() -> None:
    group = CommandGroup()
    commands: list[Command] = []
    registry = builtin()
    before = registry.find("help")
    registry.follow(lambda: commands)
    assert registry.find("demo:summary") is None
    for name in ("demo:summary", "help"):
        group.command(name, safe_format("of a server"))(lambda context, argument: ())
    commands += group.commands
    assert isinstance(registry, CommandRegistry)
    assert registry.find("demo:summary") is group.commands[0]
    assert registry.find("help") is before
