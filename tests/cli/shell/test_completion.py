"""Completion without a shell: the table, the candidates, the words of a line, and what such a call imports."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from termchat.cli import SUBCOMMANDS, run_command_line
from termchat.cli.flags import NAMES
from termchat.cli.shell.candidates import find_candidates
from termchat.cli.shell.completion_line import CompletionLine, bash_quoted
from termchat.cli.shell.completion_table import build_table, load_table
from termchat.cli.shell.completion_values import CompletionValues
from termchat.config.settings import SETTINGS
from tests.cli.conftest import Program, on_terminal
from tests.cli.shell.shells import HOSTILE, home_with_values
from tests.pty.harness import ROOT

TABLE = build_table()


def complete(env: dict[str, str], *words: str) -> list[str]:
    found = find_candidates(words[:-1], words[-1], TABLE, CompletionValues(env, TABLE))
    return [value for value, _ in found.values] + ["FILES"] * found.files


def test_table_has_every_option_setting_and_subcommand() -> None:
    names = {name for option in TABLE["commands"][""]["options"] for name in option[0]}
    assert names >= {name for names in NAMES.values() for name in names} | {"--help", "--version"}
    assert TABLE["settings"].keys() == SETTINGS.keys()
    assert TABLE["commands"].keys() >= {*SUBCOMMANDS, "chats rm", "mcp add", "prompts show"}


def test_table_is_written_although_a_killed_process_left_a_draft(tmp_path: Path) -> None:
    (tmp_path / f"completion.json.{os.getpid()}").write_text("half of a table")  # of version 0.1.0
    assert load_table(str(tmp_path)) == TABLE
    assert (tmp_path / "completion.json").stat().st_mode & 0o777 == 0o600


def test_table_is_built_again_when_its_file_is_older_or_damaged(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "completion.json"
    assert load_table(str(file.parent)) == TABLE
    good = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    for text in ("{", "[]", '{"version": "1", "table": {}}', "[" * 100_000):
        file.write_text(text)
        assert load_table(str(file.parent)) == TABLE
        assert file.read_text() == good


CASES: list[tuple[tuple[str, ...], list[str]]] = [
    (("usa",), ["usage"]),
    (("hello", ""), ["FILES"]),
    (("no such comm",), ["FILES"]),
    (("chats", "r"), ["rm", "restore"]),
    (("chats", "rm", "7"), ["7f3a"]),
    (("chats", "export", "--format", ""), ["md", "json", "html", "txt"]),
    (("chats", "import", ""), ["FILES"]),
    (("usage", "--by", "d"), ["day"]),
    (("login", "anth"), ["anthropic"]),
    (("mcp", "test", ""), ["time"]),
    (("prompts", "show", ""), ["review"]),
    (("completion", ""), ["bash", "zsh", "fish"]),
    (("-m", "quick:m"), ["quick:minimal", "quick:medium", "quick:max"]),
    (("-m", "demo"), ["demo/tour"]),
    (("-m", "ev"), []),  # a name with a control character is left out
    (("--model=q",), ["--model=quick"]),
    (("--think", "x"), ["xhigh"]),
    (("--search=x",), []),
    (("-f", ""), ["FILES"]),
    (("-s", "@work/"), ["@work/notes $(touch pwned).md"]),
    (("--file=wor",), ["--file=work/"]),
    (("--file=.con",), ["--file=.config/"]),
    (("--chat", "Tea"), ["Tea kettle"]),
    (("--chat", "an "), []),
    (("--set", "theme=da"), ["theme=dark"]),
    (("--set", "model=quick:lo"), ["model=quick:low"]),
    (("--no-sa",), ["--no-save"]),
    (("--no-save", "--no-sa"), []),  # once is enough
    (("-f", "x", "--fil"), ["--file"]),
    (("--", "--no-sa"), ["FILES"]),
    (("--chat", ""), ["7f3a", "9b1c", "aa0e"]),
]


def test_candidates_follow_the_place_of_the_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = home_with_values(tmp_path, '[mcp.time]\ncommand = "x"\n')
    monkeypatch.chdir(tmp_path)
    assert [(words, found) for words, wanted in CASES if sorted(found := complete(env, *words)) != sorted(wanted)] == []


def test_candidates_of_missing_and_damaged_files_are_none(tmp_path: Path) -> None:
    env = home_with_values(tmp_path)
    for file in (".config/termchat/config.toml", ".cache/termchat/models.json", ".local/share/termchat/termchat.db"):
        (tmp_path / file).write_bytes(b"\xff{[")
    assert complete(env, "-m", "") == ["demo/tour"]
    assert complete(env, "--chat", "") == []
    assert complete({"HOME": str(tmp_path / "none")}, "-r", "") == []


def test_many_models_are_completed_after_their_provider(tmp_path: Path) -> None:
    env = home_with_values(tmp_path)
    rows = ", ".join(f'{{"id": "m{n}"}}' for n in range(99))
    (tmp_path / ".cache/termchat/models.json").write_text(f'{{"wide": {{"models": [{rows}]}}}}')
    assert complete(env, "-m", "w") == ["wide/"]
    assert len(complete(env, "-m", "wide/")) == 99


LINES = [
    ("termchat -m op", ["-m"], "op", "openai/x", "openai/x"),
    ("termchat 'a b' ", ["a b"], "", "c d", "c\\ d"),
    ("termchat --model=op", [], "--model=op", "--model=openai/x", "openai/x"),
    ("termchat -m a:h", ["-m"], "a:h", "a:high", "high"),
    ('termchat "Te', [], "Te", "Tea kettle", "Tea kettle"),
    ('termchat "Te', [], "Te", "Tea $(x)", None),
    ("termchat 'Te", [], "Te", "Tea $(x)", "Tea $(x)"),
    ("termchat 'Te", [], "Te", "Tea's", None),
    ('termchat --chat="Te', [], "--chat=Te", "--chat=Tea kettle", "Tea kettle"),
    ("termchat \\$", [], "$", "$(x)", "\\$\\(x\\)"),
    ("termchat a\\", [], "a", "a", "a"),
]


@pytest.mark.parametrize(("line", "words", "last", "value", "written"), LINES)
def test_line_of_bash_is_split_and_written_in_its_quotes(
    line: str, words: list[str], last: str, value: str, written: str | None
) -> None:
    read = CompletionLine(line)
    assert (read.words, read.last, read.written(value, " =:\"'")) == (words, last, written)


@pytest.mark.parametrize(
    "text", [HOSTILE, "~root", "!1", "a*?[b]", "#x", "{a,b}", "茶 壶", "`x`", "a\\b", "a&b|c;d<e>f"]
)
def test_quoted_word_is_one_word_for_bash(text: str) -> None:
    assert shlex.split(bash_quoted(text)) == [text]
    done = subprocess.run(["bash", "-c", f"printf %s {bash_quoted(text)}"], capture_output=True, text=True, check=True)
    assert done.stdout == text


def test_call_of_a_tab_imports_nothing_heavy(tmp_path: Path) -> None:
    env = {**home_with_values(tmp_path), "PYTHONPATH": str(ROOT)}
    call = [sys.executable, "-X", "importtime", "-m", "termchat", "completion", "--words", "zsh", "-m", ""]
    for _ in range(2):  # the first call builds the table
        done = subprocess.run(call, env=env, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "quick\tbox/tiny-1" in done.stdout.splitlines()
    heavy = ("typer", "rich", "prompt_toolkit", "openai", "asyncio", "httpx2", "socket", "dataclasses", "inspect")
    assert imported.isdisjoint(heavy)
    ours = {name for name in imported if name.startswith("termchat.") and not name.startswith("termchat.cli")}
    assert ours == {"termchat.config", "termchat.config.paths", "termchat.system", "termchat.system.startup_gc"}


def test_completion_prints_scripts_and_says_where_to_put_them(program: Program) -> None:
    assert program.run("completion", "bash").out.endswith(b"complete -F _termchat_complete termchat\n")
    shown, code = on_terminal(program, "completion", "fish")
    assert code == 0
    assert "Add to ~/.config/fish/config.fish: termchat completion fish | source" in " ".join(shown.split())


def test_completion_of_unknown_shell_is_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["completion", "tcsh"], {}) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err
    assert run_command_line(["completion"], {}) == 2
