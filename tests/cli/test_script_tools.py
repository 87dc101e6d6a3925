"""Tools in scripts: offered by name, permitted by a rule or --yes, declined otherwise."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Program
from tests.gateway import Call, Reply, Text

MODEL = ("-m", "xopenai/any")


def offered(program: Program) -> set[str]:
    return {row["function"]["name"] for row in program.gateway.asked[0].body.get("tools", [])}


def script(program: Program, command: str = "ls") -> None:
    (program.cwd / "notes.txt").write_text("x")
    program.gateway.reply(Reply(Text("I look."), Call("run_shell", {"command": command})), Reply.text("Done."))


def result(program: Program) -> str:
    return program.gateway.asked[1].body["messages"][-1]["content"]


def test_script_offers_no_tools_unless_named(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    program.run(*MODEL, "hi")
    assert offered(program) == set()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("read_file", {"read_file"}),
        ("read_file, calculate", {"read_file", "calculate"}),
        ("run,network", {"run_shell", "fetch_url"}),
        ("none", set[str]()),
    ],
)
def test_script_offers_tools_by_name_or_group(program: Program, names: str, expected: set[str]) -> None:
    program.gateway.reply(Reply.text("ok"))
    assert program.run(*MODEL, "--tools", names, "hi").code == 0
    assert offered(program) == expected


def test_script_call_that_would_ask_is_declined_with_way_and_code_8(program: Program) -> None:
    script(program)
    done = program.run(*MODEL, "--tools", "run", "hi")
    assert (done.code, done.out) == (8, b"I look.\nDone.")
    assert "run_shell ls · declined: --allow 'run_shell(ls)' or --yes permits it." in done.err
    assert "declined" in result(program)
    assert "notes.txt" not in result(program)


@pytest.mark.parametrize("flags", [("--allow", "run_shell(ls)"), ("--yes",)])
def test_script_call_permitted_runs(program: Program, flags: tuple[str, ...]) -> None:
    script(program)
    done = program.run(*MODEL, "--tools", "run", *flags, "hi")
    assert (done.code, done.out) == (0, b"I look.\nDone.")
    assert "notes.txt" in result(program)
    assert "● run_shell ls · " in done.err


def test_script_denied_command_does_not_run_even_with_yes(program: Program) -> None:
    script(program, "ls -l | head")
    done = program.run(*MODEL, "--tools", "run", "--deny", "run_shell(ls)", "--yes", "hi")
    assert "denies it" in result(program)
    assert "notes.txt" not in result(program)
    assert done.code == 8
    assert "○ run_shell ls -l | head · declined: The rule run_shell(ls) denies it." in done.err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--tools", "run_shel"), "There is no tool run_shel."),
        (("--tools", "run", "--allow", "run_shell(ls"), "is not a rule"),
    ],
)
def test_script_wrong_tool_or_rule_is_usage_error(program: Program, flags: tuple[str, ...], words: str) -> None:
    done = program.run(*MODEL, *flags, "hi")
    assert done.code == 2
    assert words in done.err
    assert program.gateway.asked == []


def test_script_rules_of_config_file_apply(program: Program) -> None:
    config = program.home / ".config" / "termchat" / "config.toml"
    config.write_text('tools = ["run"]\nallow = ["run_shell(ls)"]\n' + config.read_text())
    script(program)
    assert program.run(*MODEL, "hi").code == 0
    assert "notes.txt" in result(program)


def test_script_denied_call_in_a_continued_reply_ends_with_8(program: Program) -> None:
    program.gateway.reply(
        Reply(Text("I look."), Call("run_shell", {"command": "ls"})),
        Reply(Text("cut"), finish="length"),
        Reply.text(" off."),
    )
    done = program.run(*MODEL, "--tools", "run", "--deny", "run_shell(ls)", "--continue-cut", "1", "hi")
    assert (done.code, done.out) == (8, b"I look.\ncut off.")


@pytest.mark.parametrize("flags", [(), ("--yes",)])
def test_script_fetch_of_private_address_is_declined_with_reason(program: Program, flags: tuple[str, ...]) -> None:
    url = f"{program.gateway.url}/v1/models"
    program.gateway.reply(Reply(Call("fetch_url", {"url": url})), Reply.text("Done."))
    done = program.run(*MODEL, "--tools", "network", *flags, "hi")
    assert done.code == 8
    assert f"○ fetch_url {url} · declined: a script cannot ask. 127.0.0.1 is not public" in done.err
    assert "permits it" not in done.err


@pytest.mark.parametrize("path", [".git/hooks/pre-commit", "sub/.git/config"])
def test_script_write_to_protected_path_is_declined_even_with_yes(program: Program, path: str) -> None:
    file = program.cwd / path
    file.parent.mkdir(parents=True)
    file.write_text("old")
    program.gateway.reply(Reply(Call("write_file", {"path": path, "text": "new"})), Reply.text("Done."))
    done = program.run(*MODEL, "--tools", "write", "--yes", "--allow", "write_file(**)", "hi")
    assert (done.code, file.read_text()) == (8, "old"), done.err
    assert "a script cannot ask" in done.err and "acts later, so writing to it always asks." in done.err
    assert "permits it" not in done.err


def test_script_failed_call_names_its_reason(program: Program) -> None:
    program.gateway.reply(Reply(Call("read_file", {"path": "none.txt"})), Reply.text("Done."))
    done = program.run(*MODEL, "--tools", "read", "hi")
    assert done.code == 0
    [line] = [row for row in done.err.splitlines() if "read_file" in row]
    assert line.removeprefix("termchat: ").startswith("✗ read_file none.txt · ")
    assert "none.txt" in line.partition("s: ")[2]


def test_script_call_over_its_time_is_shown_as_timed_out(program: Program) -> None:
    script(program, "sleep 60")
    done = program.run(*MODEL, "--tools", "run", "--yes", "--set", "tool_timeout=1", "hi")
    assert re.search(r"⧖ run_shell sleep 60 · \d+\.\ds · timed out: ", done.err), done.err
    assert "✗" not in done.err


@pytest.mark.parametrize(
    ("flag", "rule", "words"),
    [
        ("--allow", "run_shell(*)", "no wildcards"),
        ("--allow", "run_shell(python3)", "python3 runs other programs"),
        ("--allow", "run_shell(env)", "env runs other programs"),
        ("--allow", "run_shell(ls; id)", "without ;"),
        ("--allow", "fetch_url(169.254.169.254)", "is not public"),
        ("--allow", "calculate(1)", "takes no subject"),
        ("--allow", "run_shel(ls)", "Did you mean run_shell?"),
        ("--deny", "run_shell(*)", "run_shell denies every command"),
        ("--deny", "fetch_url(*)", "is not the name of a host"),
    ],
)
def test_script_rule_without_effect_is_usage_error(program: Program, flag: str, rule: str, words: str) -> None:
    done = program.run(*MODEL, "--tools", "all", flag, rule, "hi")
    assert done.code == 2
    assert words in done.err and flag in done.err
    assert program.gateway.asked == []


def test_script_rule_without_effect_in_config_file_is_named(program: Program) -> None:
    config = program.home / ".config" / "termchat" / "config.toml"
    config.write_text('tools = ["run"]\nallow = ["run_shell(python3)", "run_shell(ls)"]\n' + config.read_text())
    script(program)
    done = program.run(*MODEL, "hi")
    assert done.code == 0
    assert "run_shell(python3) allows nothing: python3 runs other programs" in done.err
    assert "config.toml:2" in done.err
    assert "notes.txt" in result(program)
