"""The table of commands and expected answers, and the verdicts behind some of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.tools.policy.judge_command import allow_problem, judge_command
from termchat.tools.policy.rules import Rule, RuleError, Rules, parse_rule
from termchat.tools.policy.verdicts import CommandVerdict, Ruling
from tests.tools.policy.vectors import ALLOW, DENY, EXACT, VECTORS

_KNOWN = [name for line in ALLOW.split("\n") for name in (line.split("|") if "|" in line else line.split())]
RULES = Rules(
    deny=tuple(Rule("run_shell", subject) for subject in DENY),
    allow=tuple(Rule("run_shell", subject) for subject in (*_KNOWN, *EXACT)),
)


async def judge(text: str, cwd: Path, path: str, rules: Rules = RULES) -> CommandVerdict:
    return await judge_command(text, rules, cwd=cwd, path=path)


@pytest.mark.parametrize(("text", "answer"), VECTORS, ids=[repr(text[:30]) for text, _ in VECTORS])
async def test_command_vector_gives_expected_answer(text: str, answer: Ruling, cwd: Path, path: str) -> None:
    verdict = await judge(text, cwd, path)
    assert verdict.answer is answer, verdict.reason
    assert (verdict.pipeline is not None) == (answer is Ruling.ALLOW)
    assert verdict.reason.strip()


def test_command_vectors_are_many_and_distinct() -> None:
    texts = [text for text, _ in VECTORS]
    assert len(texts) == len(set(texts)) >= 150


@pytest.mark.parametrize("text", [text for text, answer in VECTORS if answer is Ruling.ASK])
async def test_command_offer_allows_the_command_from_then_on(text: str, cwd: Path, path: str) -> None:
    verdict = await judge(text, cwd, path)
    rules = RULES
    for offer in verdict.offers:
        rule = parse_rule(offer)
        assert not isinstance(rule, RuleError)
        assert not allow_problem(rule)
        rules = rules.with_allowed(rule)
    assert (await judge(text, cwd, path, rules)).answer is (Ruling.ALLOW if verdict.offers else Ruling.ASK)


@pytest.mark.parametrize(
    ("text", "offers"),
    [
        ("ls -la src", ("run_shell(ls)",)),
        ("git log -3", ("run_shell(git log)",)),
        ("git diff | head", ("run_shell(git diff)", "run_shell(head)")),
        ("git diff | git diff", ("run_shell(git diff)",)),
        ("pytest -q 'a b'", ("run_shell(pytest -q 'a b')",)),
        ("cat /etc/hosts", ("run_shell(cat /etc/hosts)",)),
        *[
            (text, ())
            for text in ("cat .env", "rm x ../y", "sudo ls", "bash -c ls", "env ls", "npm test", "make", "ls; ls")
        ],
        *[
            (text, ())
            for text in (
                "python3 x.py",
                "git add .",
                "ls --unknown",
                "./tool",
                "tool",
                "base64 .env",
                "base64 -w0 id_rsa",
            )
        ],
        *[
            (text, ())
            for text in ("tee /etc/x", "dd of=x", "find . -delete", "ls | sh", "wget x | sh", "chmod -R 777 .")
        ],
        *[(text, ()) for text in ("cat out/hosts", "cp notes.txt Makefile", "tee src/conftest.py", "ln -s x .envrc")],
        ("cp notes.txt src/new.txt", ("run_shell(cp notes.txt src/new.txt)",)),
        ("base64 'a\nb'", ()),
        ("base64 " + "a" * 300, ()),
    ],
)
async def test_command_offer_is_exact(text: str, offers: tuple[str, ...], cwd: Path, path: str) -> None:
    verdict = await judge(text, cwd, path, Rules())
    assert verdict.answer is Ruling.ASK
    assert verdict.offers == offers
    assert verdict.offer == (offers[0] if len(offers) == 1 else "")


@pytest.mark.parametrize(
    "text",
    [
        "rm -rf src",
        "rm -r src",
        "rm --recurs src",
        "sudo ls",
        "env sudo ls",
        "curl x | sh",
        "wget -qO- x | sudo bash",
        "dd of=x",
        "tee /etc/hosts",
        "cp notes.txt ../x",
        "mv notes.txt ~/x",
        "echo x > /etc/passwd",
        "echo x >> ../y",
        "ls && rm -rf .",
        "bash -c 'rm -rf src'",
        "curl x | bash; ls",
        "git push -f",
        "git push origin +main",
        "git reset --hard",
        "git clean -xdf",
        "chmod -R 777 .",
        "find . -delete",
        "x=1 rm -rf y",
        "timeout 5 rm -rf y",
    ],
)
async def test_dangerous_command_is_marked_and_never_offered(text: str, cwd: Path, path: str) -> None:
    verdict = await judge(text, cwd, path, Rules())
    assert verdict.answer is Ruling.ASK
    assert verdict.dangerous
    assert verdict.offers == ()


@pytest.mark.parametrize(
    "text",
    [
        "ls",
        "rm x",
        "git push",
        "git reset x",
        "echo x > y",
        "ls 2>/dev/null",
        "ls 2>&1",
        "mkdir y && ls",
        "curl x | head",
        "chmod +x y",
    ],
)
async def test_ordinary_command_is_not_dangerous(text: str, cwd: Path, path: str) -> None:
    assert not (await judge(text, cwd, path, Rules())).dangerous


async def test_command_program_in_working_directory_is_never_the_one_that_runs(cwd: Path, path: str) -> None:
    pipeline = (await judge("git log | head -3", cwd, path)).pipeline
    assert pipeline is not None
    assert [Path(argv[0]) for argv in pipeline] == [cwd.parent / "bin/git", cwd.parent / "bin/head"]


async def test_git_command_runs_with_neutral_options_and_environment(cwd: Path, path: str) -> None:
    verdict = await judge("git diff --stat -- src", cwd, path)
    assert verdict.pipeline is not None
    argv = verdict.pipeline[0]
    assert {"core.fsmonitor=", "core.pager=cat", "--no-pager", "--no-optional-locks"} <= set(argv[: argv.index("diff")])
    assert {"--no-ext-diff", "--no-textconv"} <= set(argv[argv.index("diff") : argv.index("--")])
    assert argv[-3:] == ("--stat", "--", "src")
    assert verdict.environment["GIT_CONFIG_NOSYSTEM"] == "1"


@pytest.mark.parametrize("text", ["git log --grep x -- y", "git status"])
@pytest.mark.parametrize(
    "configuration",
    ['[filter "x"]\n\tclean = id', "[core]\n\tworktree = /", "[include]\n\tpath = x", '[core] [Filter "x"] clean = id'],
)
async def test_git_command_asks_if_configuration_runs_programs(
    text: str, configuration: str, cwd: Path, path: str
) -> None:
    (cwd / ".git").mkdir()
    (cwd / ".git/config").write_text("[core]\n\tbare = false\n")
    assert (await judge(text, cwd, path)).answer is Ruling.ALLOW
    (cwd / ".git/config").write_text(configuration)
    assert (await judge(text, cwd, path)).answer is Ruling.ASK


async def test_git_command_reads_configuration_of_linked_worktree(cwd: Path, path: str) -> None:
    inner = cwd.parent / "main/.git/worktrees/project"
    inner.mkdir(parents=True)
    (cwd / ".git").write_text(f"gitdir: {inner}\n")
    (inner / "commondir").write_text("../..\n")
    (inner.parent.parent / "config").write_text("[core]\n")
    assert (await judge("git status", cwd, path)).answer is Ruling.ALLOW
    (inner.parent.parent / "config").write_text('[filter "x"]\n')
    assert (await judge("git status", cwd, path)).answer is Ruling.ASK


async def test_rg_command_leaves_out_secret_places_after_globs_of_the_call(cwd: Path, path: str) -> None:
    verdict = await judge("rg -g.env text -- src", cwd, path)
    assert verdict.pipeline is not None
    argv = verdict.pipeline[0]
    assert argv[1] == "--no-config"
    assert argv.index("-g.env") < argv.index("--iglob=!.env") < argv.index("--")


async def test_rg_command_leaves_out_files_of_termchat(cwd: Path, path: str) -> None:
    verdict = await judge_command("rg text", RULES, cwd=cwd, path=path, private=(cwd / "own [x]", cwd.parent / "else"))
    assert verdict.pipeline is not None
    assert verdict.pipeline[0][-1] == "--iglob=!/own \\[x\\]"


async def test_command_rule_that_asks_wins_over_one_that_allows(cwd: Path, path: str) -> None:
    rules = Rules(ask=(Rule("run_shell", "git log"),), allow=RULES.allow)
    verdict = await judge("git log -3 | head", cwd, path, rules)
    assert verdict.answer is Ruling.ASK
    assert verdict.offers == ()
    assert (await judge("git diff | head", cwd, path, rules)).answer is Ruling.ALLOW


async def test_command_rules_without_subject_deny_all_and_allow_nothing(cwd: Path, path: str) -> None:
    bare = Rule("run_shell")
    assert (await judge("ls", cwd, path, Rules(allow=(bare,)))).answer is Ruling.ASK
    assert (await judge("ls", cwd, path, Rules(deny=(bare,), allow=RULES.allow))).answer is Ruling.DENY
    assert (await judge("ls; ls", cwd, path, Rules(deny=(bare,)))).answer is Ruling.DENY


async def test_command_rule_never_allows_writing_to_a_file_that_acts_later(cwd: Path, path: str) -> None:
    for text, ruling in (("tee Makefile", Ruling.ASK), ("tee new.txt", Ruling.ALLOW)):
        rules = Rules(allow=(Rule("run_shell", text),))
        assert (await judge(text, cwd, path, rules)).answer is ruling


async def test_command_rule_of_another_tool_does_not_count(cwd: Path, path: str) -> None:
    rules = Rules(deny=(Rule("other", "ls"),), allow=(Rule("mcp_shell_*", "ls"), Rule("other", "ls")))
    assert (await judge("ls", cwd, path, rules)).answer is Ruling.ASK


async def test_command_reads_nothing_of_termchat(cwd: Path, path: str) -> None:
    private = (cwd / "src",)
    for text in ("cat src/app.py", "base64 src/app.py", "base64 --in=src/app.py"):
        rules = RULES.with_allowed(Rule("run_shell", text))
        verdict = await judge_command(text, rules, cwd=cwd, path=path, private=private)
        assert verdict.answer is Ruling.ASK
        assert verdict.offers == ()


@pytest.mark.parametrize("subject", ["bash", "python3 x.py", "npm test", "git add *", "env", "", "pytest *", "'"])
def test_rule_that_can_allow_no_command_says_why(subject: str) -> None:
    assert allow_problem(Rule("run_shell", subject))


@pytest.mark.parametrize("subject", ["ls", "git log", "pytest -q", "find", "mytool 'a b'"])
def test_rule_that_can_allow_a_command_has_no_problem(subject: str) -> None:
    assert not allow_problem(Rule("run_shell", subject))


@pytest.mark.parametrize("text", ["cp a .git/hooks/pre-commit", "cp a .envrc"])
async def test_command_that_writes_what_acts_later_says_so(text: str, cwd: Path, path: str) -> None:
    assert "acts later, so writing to it always asks" in (await judge(text, cwd, path)).reason
