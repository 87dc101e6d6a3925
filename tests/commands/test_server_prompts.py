"""Prompts of MCP servers as commands."""

from __future__ import annotations

import pytest

from termchat.commands.builtin import builtin
from termchat.commands.prompts.server_prompts import parse_prompt_arguments, prompt_commands
from termchat.commands.registry import Command, CommandContext, CommandGroup, CommandRegistry
from termchat.core.approval import PromptRow
from termchat.core.sanitize import safe_format
from termchat.engine.session import ChatSession
from termchat.engine.turn import TurnConfig
from tests.ui.fakes import FAKE, FakeProviders, FakeTools

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


class _Prompts(FakeTools):
    def prompts(self) -> tuple[PromptRow, ...]:
        return (REVIEW, PromptRow("demo:summary", "", ("topic",), frozenset({"topic"})))


@pytest.mark.parametrize(
    ("typed", "rows"),
    [
        ("/git:review ", ["/git:review file=", "/git:review focus="]),
        ("/git:review fo", ["/git:review focus="]),
        ("/git:review file=a.py f", ["/git:review file=a.py focus="]),
        ("/git:review a.py speed", []),
        ("/demo:summary ", []),
    ],
)
def test_menu_completes_names_of_prompt_arguments(typed: str, rows: list[str]) -> None:
    session = ChatSession(TurnConfig(FAKE, FakeProviders(), tools=_Prompts()))
    registry = builtin()
    registry.follow(lambda: prompt_commands(session))
    found = registry.menu(CommandContext(session, FakeProviders(), registry), typed)
    assert [item.text for item in found] == rows
    assert all(item.by_tab for item in found)  # Enter sends what is typed
