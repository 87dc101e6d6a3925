"""Files: read inside at once, ask for the rest, secrets never, files that act later always with a question."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.approval import ToolEffect
from termchat.tools.policy.judge_path import judge_path
from termchat.tools.policy.rules import Rule, RuleError, Rules, parse_rule
from termchat.tools.policy.verdicts import PathVerdict, Ruling

READ, WRITE = ToolEffect.READ, ToolEffect.WRITE
A, Q, D, R = Ruling.ALLOW, Ruling.ASK, Ruling.DENY, Ruling.REFUSE


def judge(effect: ToolEffect, path: str, cwd: Path, *, allow: str = "", ask: str = "", deny: str = "") -> PathVerdict:
    def rules(subject: str) -> tuple[Rule, ...]:
        return (Rule("tool", subject),) if subject else ()

    return judge_path(
        "tool", effect, path, Rules(rules(deny), rules(ask), rules(allow)), cwd=cwd, private=(cwd / "own",)
    )


@pytest.mark.parametrize(
    ("effect", "path", "answer"),
    [
        (READ, "notes.txt", A),
        (READ, "src/../notes.txt", A),
        (READ, ".", A),
        (READ, "missing/file", A),
        (READ, "文件.txt", A),
        (READ, "..", Q),
        (READ, "/etc/hosts", Q),
        (READ, "../project-two/x", Q),
        (READ, "out/hosts", Q),
        (READ, "~/notes", Q),
        (READ, ".env", D),
        (READ, "secret.txt", D),
        (READ, "id_rsa", D),
        (READ, "~/.ssh/config", D),
        (READ, "/x/.aws/credentials", D),
        (READ, "own/config.toml", D),
        (READ, "src/../own/x", D),
        (READ, ".git/config", D),
        (READ, "/home/x/.netrc", D),
        (READ, "a\0b", R),
        (READ, "", R),
        (READ, "a\u202eb", R),
        (READ, "a\nb\x1b", R),
        (WRITE, "notes.txt", Q),
        (WRITE, "new/file.py", Q),
        (WRITE, "/tmp/x", Q),
        (WRITE, ".env", Q),
        (WRITE, "own/x", Q),
    ],
)
def test_path_without_rules_gives_expected_answer(effect: ToolEffect, path: str, answer: Ruling, cwd: Path) -> None:
    assert judge(effect, path, cwd).answer is answer


@pytest.mark.parametrize(
    ("pattern", "path", "answer"),
    [
        ("src/**", "src/app.py", A),
        ("src/**", "src/a/b/c.py", A),
        ("src/**", "srcs/app.py", Q),
        ("src/**", "src/../notes.txt", Q),
        ("src/*", "src/app.py", A),
        ("src/*", "src/a/b.py", Q),
        ("src/*.py", "src/app.py", A),
        ("src/*.py", "src/app.pyc", Q),
        ("**/*.py", "app.py", A),
        ("**/*.py", "src/a/app.py", A),
        ("**/*.py", "src/notes.txt", Q),
        ("src/**/t_*.py", "src/a/t_b.py", A),
        ("notes.txt", "notes.txt", A),
        ("./notes.txt", "src/../notes.txt", A),
        ("notes.txt", "notes.txt2", Q),
        ("notes.txt", "notes.txt/x", Q),
        ("src", "src/app.py", Q),
        ("**", "out/x", Q),
        ("out/**", "out/x", Q),
        ("../**", "../x", Q),
        ("../x", "../x", Q),
        ("**/../..", "x", Q),
        ("/etc/**", "out/x", A),
        ("/etc/x", "/etc/x", A),
        ("/etc/x", "/etc/xy", Q),
        ("/et*/x", "/etc/x", A),
        ("a?", "ab", Q),
        ("[ab]", "a", Q),
        ("a?", "a?", A),
        ("**", ".git/hooks/pre-commit", Q),
        ("**", ".envrc", Q),
        ("**", ".mcp.json", Q),
        ("**", "own/config.toml", Q),
        ("**", ".env", Q),
        ("**", "package.json", Q),
        ("**", "tests/conftest.py", Q),
        ("**", ".GitHub/Workflows/ci.yml", Q),
        ("**", ".vscode/tasks.json", Q),
        ("/**", "~/.bashrc", Q),
        ("/**", "/etc/profile.d/x.sh", Q),
        ("/**", "/x/.config/systemd/user/x.service", Q),
    ],
)
def test_write_allowed_by_pattern_gives_expected_answer(pattern: str, path: str, answer: Ruling, cwd: Path) -> None:
    assert judge(WRITE, path, cwd, allow=pattern).answer is answer


@pytest.mark.parametrize(
    ("pattern", "path", "denied"),
    [
        ("src", "src/app.py", True),
        ("src", "src", True),
        ("src", "srcs", False),
        ("src/**", "src/a", True),
        ("**/*.key2", "a/b.key2", True),
        ("out", "out/hosts", True),
        ("/etc", "out/hosts", True),
        ("/etc", "/etc/hosts", True),
        ("../x", "../x/y", True),
        ("*.txt", "notes.txt", True),
        ("*.txt", "src/a.txt", False),
    ],
)
def test_rule_that_denies_reaches_below_folders_and_through_links(
    pattern: str, path: str, denied: bool, cwd: Path
) -> None:
    assert (judge(READ, path, cwd, deny=pattern, allow="/**").answer is D) == denied
    asking = judge(READ, path, cwd, ask=pattern, allow="/**")
    assert (asking.answer is Q) == denied
    assert asking.offer == ""


@pytest.mark.parametrize(
    "path", ["notes.txt", "src/new file.py", "../x", "/etc/hosts", "out/hosts", "a*b", "(a)", "a\tb", ".env", ".envrc"]
)
@pytest.mark.parametrize("effect", [READ, WRITE])
def test_path_offer_allows_exactly_this_path_from_then_on(effect: ToolEffect, path: str, cwd: Path) -> None:
    verdict = judge(effect, path, cwd)
    if verdict.offer:
        rule = parse_rule(verdict.offer)
        assert not isinstance(rule, RuleError)
        assert judge(effect, path, cwd, allow=rule.subject).answer is A
        assert judge(WRITE, "other.txt", cwd, allow=rule.subject).answer is Q


@pytest.mark.parametrize("path", ["../x", "/etc/hosts", ".git/hooks/x", "own/x", ".envrc", "Makefile", ".env"])
def test_dangerous_write_is_marked_and_never_offered(path: str, cwd: Path) -> None:
    verdict = judge(WRITE, path, cwd)
    assert (verdict.answer, verdict.dangerous, verdict.offer) == (Q, True, "")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (".git/hooks/pre-commit", "acts later"),
        ("sub/.git/config", "acts later"),
        ("Makefile", "acts later"),
        (".env", "may hold secrets"),
        (".envrc", "acts later and may hold secrets"),
        ("~/.ssh/config", "acts later and may hold secrets"),
        ("own/x", "belongs to termchat itself"),
    ],
)
def test_guarded_write_names_the_true_reason(path: str, reason: str, cwd: Path) -> None:
    assert judge(WRITE, path, cwd).reason.endswith(f"{Path(path).name} {reason}, so writing to it always asks.")


@pytest.mark.parametrize(
    ("path", "protected"),
    [
        (".git/hooks/pre-commit", True),
        ("sub/.git/config", True),
        (".envrc", True),
        (".env", True),
        ("own/x", True),
        ("~/.bashrc", True),
        ("~/.local/bin/ls", True),
        ("link/pre-commit", True),
        ("notes.txt", False),
        ("Makefile", False),
        ("/tmp/x", False),
    ],
)
def test_write_to_protected_path_is_marked(path: str, protected: bool, cwd: Path) -> None:
    (cwd / ".git" / "hooks").mkdir(parents=True)
    (cwd / "link").symlink_to(".git/hooks")
    assert judge(WRITE, path, cwd).protected is protected
    assert judge(READ, path, cwd).protected is False


def test_path_rule_without_subject_allows_inside_only(cwd: Path) -> None:
    rules = Rules(allow=(Rule("tool"), Rule("tool", "/srv/**")))
    assert judge_path("tool", WRITE, "notes.txt", rules, cwd=cwd).answer is A
    assert judge_path("tool", WRITE, "/opt/x", rules, cwd=cwd).answer is Q
    assert judge_path("tool", WRITE, "/srv/x", rules, cwd=cwd).answer is A
    assert judge_path("tool", WRITE, ".envrc", rules, cwd=cwd).answer is Q
    assert judge_path("tool", READ, "notes.txt", Rules(deny=(Rule("tool"),)), cwd=cwd).answer is D


def test_path_rule_with_linked_folder_does_not_leave_working_directory(cwd: Path) -> None:
    (cwd / "src/link").symlink_to("/etc")
    assert judge(WRITE, "src/link/x", cwd, allow="src/**").answer is Q
    assert judge(WRITE, "src/link/x", cwd, allow="src/link/**").answer is Q


def test_path_verdict_has_resolved_path(cwd: Path) -> None:
    assert judge(READ, "src/../out/hosts", cwd).path == Path(os.path.realpath("/etc/hosts"))
    (cwd / "loop").symlink_to("loop")
    assert judge(WRITE, "loop/x", cwd).answer is Q


_NAME = st.sampled_from(["a", "b", "ab", "a.py", "src", "out", "..", "."])


@given(
    st.lists(_NAME, min_size=1, max_size=5),
    st.lists(_NAME | st.sampled_from(["*", "**", "a*", "*.py"]), min_size=1, max_size=4),
)
def test_relative_pattern_allows_nothing_outside(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], pattern: list[str]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "outside" / "project"
    folder.mkdir(parents=True, exist_ok=True)
    verdict = judge(WRITE, "/".join(names), folder, allow="/".join(pattern))
    if verdict.answer is A:
        assert verdict.path.is_relative_to(folder.resolve())
