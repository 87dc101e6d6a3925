"""Rules that have no effect, each with its reason for the user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from termchat.tools.policy.judge_command import command_problem
from termchat.tools.policy.judge_host import host_problem
from termchat.tools.policy.judge_path import path_allow_problem
from termchat.tools.policy.rules import Rule
from termchat.tools.registry import Subject, Tool


def rule_problem(rule: Rule, answer: str, tool: Tool, *, cwd: Path, private: Sequence[Path] = ()) -> str:
    """Return the sentence that says why a rule about a tool has no effect, "" if it has one.

    answer   the list of the rule: allow, ask or deny
    """
    allows = answer == "allow"
    match tool.subject:
        case Subject.COMMAND:
            return command_problem(rule, answer)
        case Subject.HOST:
            return host_problem(rule, answer)
        case Subject.PATH:
            return path_allow_problem(rule, tool.effect, cwd=cwd, private=private) if allows else ""
        case Subject.NOTHING:
            words = f"{rule} allows nothing: a rule about {rule.tool} takes no subject. Write {rule.tool}."
            return words if allows and rule.subject else ""


def similar_tool(rule: Rule, names: Iterable[str]) -> str:
    """Return the sentence about a rule whose tool is not known but is nearly one of these names, "" if none is."""
    found = get_close_matches(rule.tool, list(names), 1, 0.8)
    return f"{rule}: there is no tool {rule.tool}. Did you mean {found[0]}?" if found else ""
