"""Rules about tools: `TOOL` or `TOOL(SUBJECT)`, and the lists deny, ask and allow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from termchat.late_dataclass import dataclass
from termchat.tools.policy.command_text import check_text
from termchat.tools.policy.verdicts import Ruling, Verdict

_TOOL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SERVER = re.compile(r"mcp_[A-Za-z0-9-]+_\*")
_TEXT = re.compile(r"([^()]*)(?:\((.*)\))?", re.DOTALL)
EFFECTS = {"allow": "allows", "ask": "asks about", "deny": "denies"}  # the verb of each list of rules


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule about the uses of one tool.

    tool      its exact name, or `mcp_SERVER_*` for all tools of one MCP server; the name of a server has no `_`
    subject   the command, path or host; "" for every use
    """

    tool: str
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.tool}({self.subject})" if self.subject else self.tool

    def names(self, tool: str) -> bool:
        """Return True if the rule is about a tool."""
        if not self.tool.endswith("_*"):
            return self.tool == tool
        return tool.startswith(self.tool[:-1]) and len(tool) >= len(self.tool)


@dataclass(frozen=True, slots=True)
class RuleError:
    """The reason why a text is no rule, as a sentence for the user."""

    words: str

    def __str__(self) -> str:
        return self.words


def parse_rule(text: str) -> Rule | RuleError:
    """Parse `TOOL` or `TOOL(SUBJECT)`."""
    text = text.strip()
    found = _TEXT.fullmatch(text)
    if found is None:
        return RuleError(f"{text!r} is not a rule. Write TOOL or TOOL(SUBJECT), for example run_shell(git log).")
    tool, subject = found[1].strip(), found[2]
    if not _TOOL.fullmatch(tool) and not _SERVER.fullmatch(tool):
        return RuleError(
            f"{tool!r} is not the name of a tool. Write its exact name, or mcp_SERVER_* for all of one MCP server."
        )
    if subject is None:
        return Rule(tool)
    if not subject.strip():
        return RuleError(f"{text!r} has no subject. Write {tool} for every use of the tool.")
    if tool.startswith("mcp_"):
        return RuleError(f"{text!r}: a rule about a tool of an MCP server takes no subject. Write {tool}.")
    if problem := check_text(subject):
        return RuleError(f"{text!r}: {problem}")
    return Rule(tool, subject.strip())


@dataclass(frozen=True, slots=True)
class Rules:
    """Immutable lists of rules; deny wins over ask, ask over allow."""

    deny: tuple[Rule, ...] = ()
    ask: tuple[Rule, ...] = ()
    allow: tuple[Rule, ...] = ()

    def with_allowed(self, rule: Rule) -> Rules:
        """Return the rules with one more allowed."""
        return self if rule in self.allow else replace(self, allow=(*self.allow, rule))

    def without(self, rule: Rule) -> Rules:
        """Return the rules with a rule removed from all lists."""
        return Rules(*(tuple(r for r in rules if r != rule) for rules in (self.deny, self.ask, self.allow)))


def first_rule(rules: Iterable[Rule], tool: str, matches: Callable[[str], bool]) -> Rule | None:
    """Return the first rule about a tool that has no subject, or a subject that matches."""
    return next((rule for rule in rules if rule.names(tool) and (not rule.subject or matches(rule.subject))), None)


def verdict_of_rules(
    rules: Rules, tool: str, matches: Callable[[str], bool], allows: Callable[[str], bool] | None = None
) -> Verdict | None:
    """Return the verdict of the first rule about a call: deny wins over ask, ask over allow; None without a rule.

    matches   returns True for a subject that is that of the call
    allows    the same for rules that allow, None if it is the same function
    """
    if rule := first_rule(rules.deny, tool, matches):
        return Verdict(Ruling.DENY, denied(rule))
    if rule := first_rule(rules.ask, tool, matches):
        return Verdict(Ruling.ASK, asked(rule))
    if rule := first_rule(rules.allow, tool, allows or matches):
        return Verdict(Ruling.ALLOW, allowed(rule))
    return None


def judge_tool(tool: str, rules: Rules) -> Verdict:
    """Judge a call of a tool whose arguments no rule looks at: a tool of an MCP server, a function of the user.

    Nobody knows if a subject is that of the call, so a rule with one denies and asks, but never allows.
    """
    found = verdict_of_rules(rules, tool, matches=lambda _: True, allows=lambda _: False)
    return found or Verdict(Ruling.ASK, "No rule allows it.", tool)


def denied(rule: Rule) -> str:
    """Return the reason of a verdict by a rule that denies."""
    return f"The rule {rule} denies it."


def asked(rule: Rule) -> str:
    """Return the reason of a verdict by a rule that asks."""
    return f"The rule {rule} asks each time."


def allowed(rule: Rule) -> str:
    """Return the reason of a verdict by a rule that allows."""
    return f"The rule {rule} allows it."
