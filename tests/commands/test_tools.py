"""Effects of /tools on the tools of a real toolbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.commands.builtin import builtin
from termchat.commands.registry import CommandContext, Effects
from termchat.core.effects import Print, PrintTable
from termchat.core.sanitize import Safe
from termchat.tools.policy.rules import Rule, Rules
from termchat.tools.toolbox import Toolbox, ToolboxConfig


class FakeSession:
    def __init__(self, tools: Toolbox) -> None:
        self.tools = tools


def run(text: str, cwd: Path, *offered: str, rules: Rules | None = None) -> Effects:
    tools = Toolbox(ToolboxConfig(cwd, environment={}, offered=offered, rules=rules or Rules()))
    registry = builtin()
    context = CommandContext(FakeSession(tools), None, registry)  # pyright: ignore[reportArgumentType]
    return registry.run(context, text)


@pytest.mark.parametrize("rules", [Rules(), Rules(allow=(Rule("write_file", "a.txt"),))])
def test_tools_command_says_how_to_turn_a_tool_on(tmp_path: Path, rules: Rules) -> None:
    table, way, below = run("/tools", tmp_path, "read", rules=rules)
    assert isinstance(table, PrintTable)
    assert ("edit_file", "off") in [row[:2] for row in table.rows]
    assert way == Print(Safe("/tools on edit_file turns one on."))
    assert isinstance(below, PrintTable if rules.allow else Print)


def test_tools_command_with_all_tools_on_says_nothing_about_it(tmp_path: Path) -> None:
    table, below = run("/tools", tmp_path, "all")
    assert isinstance(table, PrintTable)
    assert {row[1] for row in table.rows} == {"on"}
    assert below == Print(Safe("No rules: every call asks, except for reading in the working directory."))
