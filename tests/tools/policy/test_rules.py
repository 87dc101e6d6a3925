"""Rules: their text, lists and tools."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.tools.policy.command_text import check_text
from termchat.tools.policy.rules import Rule, RuleError, Rules, judge_tool, parse_rule
from termchat.tools.policy.verdicts import Ruling

_TOOLS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,12}", fullmatch=True).filter(lambda name: not name.startswith("mcp_"))
_SUBJECTS = st.text(max_size=30).map(str.strip).filter(lambda text: bool(text) and not check_text(text))


@given(st.builds(Rule, _TOOLS, _SUBJECTS | st.just("")))
def test_rule_text_is_read_back(rule: Rule) -> None:
    assert parse_rule(str(rule)) == rule


@given(st.text(max_size=30) | st.text("mcp_a*()- \n", max_size=20))
def test_rule_any_text_gives_rule_or_sentence(text: str) -> None:
    rule = parse_rule(text)
    assert parse_rule(str(rule)) == rule if isinstance(rule, Rule) else str(rule).endswith((".", ")"))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("run_shell(git log)", Rule("run_shell", "git log")),
        (" write_file( src/** ) ", Rule("write_file", "src/**")),
        ("run_shell(echo '(a)')", Rule("run_shell", "echo '(a)'")),
        ("mcp_time_now", Rule("mcp_time_now")),
        ("mcp_time_*", Rule("mcp_time_*")),
        ("mcp_my-server_*", Rule("mcp_my-server_*")),
    ],
)
def test_rule_is_parsed(text: str, rule: Rule) -> None:
    assert parse_rule(text) == rule


@pytest.mark.parametrize(
    "text",
    [
        "",
        "()",
        "*",
        "run_*",
        "mcp_*",
        "mcp_*_now",
        "mcp_time*",
        "mcp_time_n*",
        "mcp_a_b_*",
        "mcp__*",
        "mcp_time_now(x)",
        "run_shell()",
        "run_shell( )",
        "run_shell(a",
        "run_shell a)",
        "a(b)c",
        "run_shell(a\0b)",
        "run_shell(a\u202eb)",
        "löschen(a)",
    ],
)
def test_rule_is_refused_with_sentence(text: str) -> None:
    assert isinstance(parse_rule(text), RuleError)


def test_rules_are_added_once_and_removed_from_every_list() -> None:
    a, b = Rule("a"), Rule("b", "x")
    rules = Rules(deny=(a,), ask=(a, b)).with_allowed(a).with_allowed(b).with_allowed(a)
    assert rules == Rules((a,), (a, b), (a, b))
    assert rules.without(a) == Rules((), (b,), (b,))


@pytest.mark.parametrize(
    ("tool", "answer"),
    [
        ("mcp_time_now", Ruling.ALLOW),
        ("mcp_time_now_too", Ruling.ASK),
        ("mcp_other_now", Ruling.ASK),
        ("now", Ruling.ASK),
        ("mcp_git_log", Ruling.ALLOW),
        ("mcp_git_push", Ruling.DENY),
        ("mcp_git_reset", Ruling.ASK),
        ("mcp_git_", Ruling.ASK),
        ("mcp_git-two_log", Ruling.ASK),
        ("mcp_gitx_log", Ruling.ASK),
        ("sum", Ruling.ALLOW),
        ("summary", Ruling.ASK),
    ],
)
def test_tool_is_judged_by_its_exact_name_or_server(tool: str, answer: Ruling) -> None:
    allow = (Rule("mcp_time_now"), Rule("mcp_git_*"), Rule("sum"), Rule("summary", "x"))
    rules = Rules(deny=(Rule("mcp_git_push"),), ask=(Rule("mcp_git_reset"),), allow=allow)
    verdict = judge_tool(tool, rules)
    assert verdict.answer is answer
    assert verdict.offer == (tool if answer is Ruling.ASK and tool != "mcp_git_reset" else "")


@given(st.lists(st.sampled_from(["deny", "ask", "allow"]), max_size=3))
def test_deny_wins_over_ask_and_ask_over_allow(lists: list[str]) -> None:
    rule = (Rule("a"),)
    rules = Rules(**dict.fromkeys(lists, rule))
    expected = next((name for name in ("deny", "ask", "allow") if name in lists), "ask")
    assert judge_tool("a", rules).answer is Ruling[expected.upper()]
