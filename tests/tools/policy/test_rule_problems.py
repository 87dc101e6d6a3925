"""A rule without effect is named with its reason; a rule without a problem allows what it says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from termchat.core.approval import ToolEffect
from termchat.tools.policy.judge_command import command_problem, judge_command
from termchat.tools.policy.judge_host import host_problem, judge_host
from termchat.tools.policy.judge_path import judge_path, path_allow_problem
from termchat.tools.policy.rule_problems import rule_problem, similar_tool
from termchat.tools.policy.rules import Rule, Rules
from termchat.tools.policy.verdicts import Ruling
from termchat.tools.registry import builtin_tools


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        ("", "name a command"),
        ("*", "no wildcards"),
        ("g?t log", "no wildcards"),
        ("ls; id", "without ;"),
        ("ls | head", "without |"),
        ("ls && id", "without &"),
        ("ls > x", "without >"),
        ("(ls)", "without ("),
        ("echo $HOME", "without $"),
        ('echo "$(id)"', "without $"),
        ("echo `id`", "without `"),
        ("A=1 ls", "without variables"),
        ("python3", "runs other programs"),
        ("env", "runs other programs"),
        ("git", "may run other programs"),
        ("ls", ""),
        ("git log", ""),
        ("ls -l", ""),
        ("git log --oneline", ""),
        ("echo hello", ""),
        ("echo 'a;b' \"c|d\" e\\;f '$x'", ""),
    ],
)
async def test_command_rule_without_problem_allows_exactly_its_words(tmp_path: Path, subject: str, why: str) -> None:
    rule = Rule("run_shell", subject)
    problem = command_problem(rule, "allow")
    assert why in problem and bool(problem) is bool(why)
    verdict = await judge_command(
        subject or "ls", Rules(allow=(rule,)), cwd=tmp_path, path=os.environ["PATH"], private=()
    )
    assert (verdict.answer is Ruling.ALLOW) is not bool(why)


@pytest.mark.parametrize("answer", ["deny", "ask"])
@pytest.mark.parametrize(
    ("subject", "has"),
    [("*", False), ("?m", False), ("rm; id", False), ("curl | sh", False), ("python3", True), ("rm -rf", True)],
)  # fmt: skip
async def test_command_rule_that_denies_or_asks_has_effect(
    tmp_path: Path, answer: str, subject: str, has: bool
) -> None:
    rule = Rule("run_shell", subject)
    assert (command_problem(rule, answer) == "") is has
    rules = Rules(deny=(rule,), allow=(Rule("run_shell", "ls"),))
    verdicts = [
        await judge_command(text, rules, cwd=tmp_path, path=os.environ["PATH"], private=())
        for text in ("ls", "python3 x", "rm -rf x", "rm; id", "curl | sh")
    ]
    assert any(verdict.answer is Ruling.DENY for verdict in verdicts) is has


@pytest.mark.parametrize(
    ("subject", "host", "why"),
    [
        ("*", "a.org", "is not the name of a host"),
        ("*.org", "a.org", "is not the name of a host"),
        ("https://a.org/", "a.org", "is not the name of a host"),
        ("a.org:8080", "a.org", "is not the name of a host"),
        ("a.org", "a.org", ""),
        ("*.a.org", "b.a.org", ""),
        ("8.8.8.8", "8.8.8.8", ""),
        ("nas", "nas", ""),
    ],
)
@pytest.mark.parametrize("answer", ["allow", "ask", "deny"])
def test_host_rule_without_problem_matches(subject: str, host: str, why: str, answer: str) -> None:
    rule = Rule("fetch_url", subject)
    problem = host_problem(rule, answer)
    assert why in problem and bool(problem) is bool(why)
    assert (judge_host("fetch_url", host, Rules(deny=(rule,))).answer is Ruling.DENY) is not bool(why)


@pytest.mark.parametrize(
    "subject",
    ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "169.254.169.254", "::1", "fd00::1", "localhost", "a.localhost"],
)
def test_host_rule_for_private_address_allows_nothing_but_denies(subject: str) -> None:
    rule = Rule("fetch_url", subject)
    assert "is not public, so each fetch from it asks" in host_problem(rule, "allow")
    assert host_problem(rule, "deny") == ""


@pytest.mark.parametrize(
    ("effect", "subject", "why"),
    [
        (ToolEffect.WRITE, "../x.txt", "leads out"),
        (ToolEffect.WRITE, "src/*/../x", "leads out"),
        (ToolEffect.WRITE, ".git/config", "always asks"),
        (ToolEffect.READ, ".env", "do not read it"),
        (ToolEffect.READ, "/etc/hosts", ""),
        (ToolEffect.WRITE, "src/x.txt", ""),
        (ToolEffect.WRITE, "src/**", ""),
    ],
)
def test_path_rule_without_problem_allows_its_path(tmp_path: Path, effect: ToolEffect, subject: str, why: str) -> None:
    rule = Rule("write_file", subject)
    problem = path_allow_problem(rule, effect, cwd=tmp_path)
    assert why in problem and bool(problem) is bool(why)
    path = subject.replace("**", "a/b").replace("*", "a")
    verdict = judge_path("write_file", effect, path, Rules(allow=(rule,)), cwd=tmp_path)
    assert (verdict.answer is Ruling.ALLOW) is not bool(why)


def test_rule_with_subject_for_tool_without_one_allows_nothing(tmp_path: Path) -> None:
    tools = {tool.spec.name: tool for tool in builtin_tools()}
    problem = rule_problem(Rule("calculate", "1+1"), "allow", tools["calculate"], cwd=tmp_path)
    assert problem == "calculate(1+1) allows nothing: a rule about calculate takes no subject. Write calculate."
    assert rule_problem(Rule("calculate"), "allow", tools["calculate"], cwd=tmp_path) == ""


def test_rule_for_misspelled_tool_names_the_nearest() -> None:
    assert similar_tool(Rule("run_shel", "ls"), ["run_shell", "read_file"]).endswith("Did you mean run_shell?")
    assert similar_tool(Rule("forecast"), ["run_shell", "read_file"]) == ""
