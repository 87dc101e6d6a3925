"""Next steps of failures, as clients of the server read them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import termchat
from termchat.commands.builtin import builtin
from termchat.core.sanitize import Safe
from termchat.serve.faults import client_words

SOURCE = Path(termchat.__file__).parent
FOLDERS = ("core", "engine", "providers", "store", "attachments")
NOT_SHOWN = {"/compact", "/compact keep ", "`/login`"}  # prompts of commands, an example that a model reads


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Choose another model (/model, -m).", "Choose another model."),
        ("Choose another model: /model in a chat, -m in a script.", "Choose another model."),
        ("Raise it: /budget 1.5 in a chat, --max-cost 1.5 in a script.",
         "Raise it: start termchat with --max-cost 1.5."),
        ("Raise both: /budget 2 and /budget day 5 in a chat, --max-cost 2 --set max_cost_day=5 in a script.",
         "Raise both: start termchat with --max-cost 2 --set max_cost_day=5."),
        ("Try again, or offer tools: /tools on NAMES in a chat, --tools NAMES in a script.",
         "Try again, or offer tools: start termchat with --tools NAMES."),
        ("Turn them off: /set search off, or allow them: /budget allow in a chat, --set unpriced=allow in a script.",
         "Turn them off: start termchat with --set search=off, or allow them: start termchat with --set "
         "unpriced=allow."),
        ("`termchat chats` or, in a chat, /chats lists them all.", "`termchat chats` lists them all."),
        ("Please report it. No report could be saved; in a chat, /error shows the details.",
         "Please report it. No report could be saved."),
        ("The oldest 2 turns left out to fit m · in a chat, /compact summarises and /context pin N keeps",
         "The oldest 2 turns left out to fit m"),
        ("The summary is not complete and is not used. /undo returns to the chat.",
         "The summary is not complete and is not used."),
        ("Compacted: about 9 → 5 tokens, the last turns kept · /undo returns to the whole chat",
         "Compacted: about 9 → 5 tokens, the last turns kept"),
        ("See https://example.org/model, /home/tools.", "See https://example.org/model, /home/tools."),
    ],
)  # fmt: skip
def test_next_step_names_what_a_client_has(words: str, told: str) -> None:
    assert client_words(Safe(words)) == told


def texts_of(file: Path) -> Iterator[str]:
    """Yield the texts of a module that are no docstrings."""
    tree = ast.parse(file.read_text())
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes:
            yield node.value


def test_no_failure_tells_clients_a_slash_command() -> None:
    names = "|".join(command.name for command in builtin().commands)
    command = re.compile(rf"(?<![\w/.<{{])/(?:{names})\b")
    found = [text for folder in FOLDERS for file in (SOURCE / folder).rglob("*.py") for text in texts_of(file)]
    shown = [text for text in found if text not in NOT_SHOWN and command.search(text)]
    assert len(shown) > 10
    assert [text for text in shown if command.search(client_words(Safe(text)))] == []
