"""Failures are shown in a chat and in a script: a hint names no slash command alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from termchat.commands.builtin import builtin

PACKAGE = Path(__file__).parents[2] / "termchat"
SHARED = ("core", "engine", "providers", "store", "tools")  # packages whose words reach both
OF_CHATS = PACKAGE / "engine" / "compaction.py"  # a script compacts nothing
COMMANDS = "|".join(command.name for command in builtin().commands)
COMMAND = re.compile(rf"(?<![\w/.{{}}]) ?/({COMMANDS})\b(?![/.])")
BOTH = re.compile(r"-m\b|[Ii]n a chat,")  # names an option, too, or says where the command is


def _sentences() -> Iterator[tuple[str, str]]:
    for folder in SHARED:
        for file in {*(PACKAGE / folder).rglob("*.py")} - {OF_CHATS}:
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "safe_format":
                    first = node.args[0]
                    if isinstance(first, ast.Constant) and isinstance(first.value, str):
                        yield f"{file.relative_to(PACKAGE)}:{node.lineno}", first.value


def test_hint_of_failure_names_slash_command_only_with_its_option() -> None:
    found = list(_sentences())
    assert len(found) > 100
    assert [(at, words) for at, words in found if COMMAND.search(words) and not BOTH.search(words)] == []
