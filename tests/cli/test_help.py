"""The help names every command and value, and a mistyped subcommand is not sent to a model without a word."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from termchat.cli import SUBCOMMANDS, run_command_line
from termchat.cli.chats import ACTIONS
from termchat.cli.mcp import ACTIONS as MCP_ACTIONS
from termchat.cli.mistyped import intended_subcommand
from tests.cli.conftest import Program
from tests.gateway import Reply
from tests.pty.harness import Terminal

ALL = [
    [],
    *([name] for name in SUBCOMMANDS),
    *(["chats", action] for action in ACTIONS),
    *(["mcp", action] for action in MCP_ACTIONS),
]


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_help_shows_usage_and_no_python_type(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([*command, "--help"], {}) == 0
    shown = capsys.readouterr().out
    assert f"Usage: termchat {' '.join(command)}".rstrip() in shown
    assert not re.search(r"<\w|list\[|\b(STR|INT|FLOAT|BOOL|PATH)\b|range", shown)


def test_help_of_batch_status_says_what_its_options_name(capsys: pytest.CaptureFixture[str]) -> None:
    texts = {name: _option_texts(["batch", *name], capsys) for name in ((), ("status",), ("cancel",))}
    assert texts[("status",)] == texts[("cancel",)]
    assert len(texts[("status",)]) == 5
    assert texts[("status",)].isdisjoint(texts[()])


def _option_texts(command: list[str], capsys: pytest.CaptureFixture[str]) -> set[str]:
    assert run_command_line([*command, "--help"], {}) == 0
    found = re.findall(r"^  -.*?  +(\w.*)$", capsys.readouterr().out, re.MULTILINE)
    return {text for text in found if "this message" not in text}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--timeout", "soon", "hi"], "'--timeout': it must be a valid number\n"),
        (["--timeout", "-1", "hi"], "'--timeout': it must be greater than or equal to 0\n"),
        (["batch", "-j", "x"], "'--jobs': it must be a valid integer\n"),
    ],
)
def test_wrong_number_is_reported_in_plain_words(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(arguments, {}) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("columns", [36, 40, 50, 79])
def test_help_fits_a_narrow_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for command in ALL:
        assert run_command_line([*command, "--help"], {}) == 0
        lines = capsys.readouterr().out.splitlines()
        wide = [line for line in lines if len(line) > columns and " " in line.strip()]
        assert wide == [], command


def test_help_lists_commands_with_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    run_command_line(["--help"], {})
    shown = capsys.readouterr().out
    commands = shown.partition("\nCommands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split(None, 1) for line in commands] == [[name, words] for name, words in SUBCOMMANDS.items()]
    assert [line[:-1] for line in re.findall(r"^[A-Z].*:$", shown, re.MULTILINE)][:3] == [
        "Commands", "Arguments", "Options",
    ]  # fmt: skip
    assert "  -m, --model MODEL " in shown
    assert "  -f, --file FILE " in shown
    assert re.search(r"^  77 +No API key", shown, re.MULTILINE)


def test_help_of_chats_lists_its_actions(capsys: pytest.CaptureFixture[str]) -> None:
    run_command_line(["chats", "--help"], {})
    shown = capsys.readouterr().out
    rows = re.findall(r"^  (\w+) +[A-Z]", shown.partition("Arguments:")[0], re.MULTILINE)
    assert rows == ["list", "rm", "restore", "export", "import"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("model", "models"),
        ("Models", "models"),
        ("chat", "chats"),
        ("chat list", "chats list"),
        ("chat ls", "chats"),
        ("chat rm 7f3a", "chats rm 7f3a"),
        ("chat delete 7f3a", "chats rm 7f3a"),
        ("chat export -o x.md", "chats export -o x.md"),
        ("usgae", "usage"),
        ("usages --json", "usage --json"),
        ("confg", "config"),
        ("theme", "themes"),
        ("help", "--help"),
        ("version", "--version"),
        ("hello", ""),
        ("model trains", ""),
        ("chat with me", ""),
        ("help me", ""),
        ("explain models", ""),
        ("model -p more", ""),
        ("-m x/y model", ""),
    ],
)
def test_intended_subcommand_is_found_only_for_its_form(typed: str, meant: str) -> None:
    assert intended_subcommand(typed.split(), SUBCOMMANDS) == (meant.split() or None)


def test_mistyped_subcommand_in_script_is_sent_with_warning(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    done = program.run("model", env={"TERMCHAT_MODEL": "xopenai/any"})
    assert (done.code, done.out) == (0, b"ok")
    assert "termchat models" in done.err
    assert "termchat -- model" in done.err


def test_prompt_after_two_dashes_is_sent_without_warning(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    done = program.run("--", "model", env={"TERMCHAT_MODEL": "xopenai/any"})
    assert (done.code, done.out, done.err) == (0, b"ok", "")


@pytest.mark.parametrize(("answer", "code", "requests"), [("\r", 2, 0), ("y\r", 0, 1)])
def test_mistyped_subcommand_on_terminal_is_asked_about(
    program: Program, answer: str, code: int, requests: int
) -> None:
    program.gateway.reply(*[Reply.text("it is sent")] * requests)
    command = (sys.executable, "-m", "termchat", "chat", "list")
    env = {"HOME": str(program.home), "TERMCHAT_MODEL": "xopenai/any"}
    with Terminal(command, env=env) as terminal:
        terminal.shows("Did you mean `termchat chats list`?")
        terminal.shows("Send it to the model? [y/N]")
        assert program.gateway.asked == []
        terminal.send(answer)
        assert terminal.leaves() == code
    assert len(program.gateway.asked) == requests


def test_chats_without_match_names_its_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["chats", "lsit"], {"HOME": str(tmp_path)}) == 1
    assert "commands are list, rm, restore, export, import" in capsys.readouterr().err
