"""Properties of judged commands: nothing around an allowed command is allowed, and what is judged is what runs."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from termchat.tools.policy.judge_command import judge_command
from termchat.tools.policy.rules import Rule, Rules
from termchat.tools.policy.verdicts import CommandVerdict, Ruling

BASH = shutil.which("bash") or ""
_ALLOWED = ("argv", "one", "two words")
_TEXT = shlex.join(_ALLOWED)
_RULES = Rules(allow=(Rule("run_shell", _TEXT), Rule("run_shell", "git log"), Rule("run_shell", "ls")))

_JUNK = (
    st.sampled_from(["; id", " && id", " || id", " | sh", " | id", " & id", "\nid", "\r\nid", " > f", " >> f", " < f"])
    | st.sampled_from(
        [" $(id)", "`id`", " 2>&1", "x", " x", " ''", " -x", " --", "\\", "\\\n", "'", '"', "#", " # id", "$x"]
    )
    | st.sampled_from(
        ["*", "~", "{a,b}", "\0", "\u00a0", "\u202e", "=", "\t", " ", "id;", "id|", "(", "{ ", "./", "/tmp/"]
    )
    | st.sampled_from(["env ", "sudo ", "bash -c ", "eval ", "x=1 ", "! ", "time ", "command ", "exec ", "$("])
    | st.text(max_size=4)
)


def judge(text: str, folder: Path, printer: Path, rules: Rules = _RULES) -> CommandVerdict:
    path = f"{printer.parent}:{os.environ['PATH']}"
    return asyncio.run(judge_command(text, rules, cwd=folder, path=path))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


def run(pipeline: tuple[tuple[str, ...], ...]) -> bytes:
    """Run a pipeline of argv without a shell."""
    given = b""
    for argv in pipeline:
        given = subprocess.run(list(argv), input=given, capture_output=True, env={"PATH": "/usr/bin:/bin"}).stdout
    return given


@settings(max_examples=120, deadline=None)
@given(st.integers(0, len(_TEXT)), _JUNK, st.sampled_from(["", ")", " }", "'", '"', "; id", "\n"]))
@example(0, "bash -c '", "'")
@example(len(_TEXT), " | argv one 'two words'", "")
def test_nothing_added_to_allowed_command_is_allowed(folder: Path, printer: Path, at: int, junk: str, end: str) -> None:
    text = _TEXT[:at] + junk + _TEXT[at:] + end
    verdict = judge(text, folder, printer)
    if verdict.answer is Ruling.ALLOW:
        expected = (str(printer), *_ALLOWED[1:])
        assert verdict.pipeline is not None
        assert set(verdict.pipeline) == {expected}
        done = subprocess.run([BASH, "-c", text], capture_output=True, env={"PATH": str(printer.parent)})
        assert done.stdout == run(verdict.pipeline)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(["git log", "git log --oneline", "ls", "ls -la"]), _JUNK, _JUNK, st.booleans())
def test_command_around_known_command_is_allowed_only_as_known_command(
    folder: Path, printer: Path, known: str, before: str, behind: str, wrapped: bool
) -> None:
    text = f"{before}{known}{behind}" if wrapped else f"{known}{behind}"
    verdict = judge(text, folder, printer)
    if verdict.answer is Ruling.ALLOW:
        assert verdict.pipeline is not None
        for argv in verdict.pipeline:
            assert os.path.basename(argv[0]) in ("git", "ls")
            assert not Path(argv[0]).is_relative_to(folder)
            assert argv[0].endswith("ls") or "log" in argv


_WORD = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S"), include_characters=" \t\n"), min_size=1, max_size=10
)


def _in_double_quotes(word: str) -> str:
    return '"' + "".join(f"\\{c}" if c in '$`"\\' else c for c in word) + '"'


def _with_backslashes(word: str) -> str:
    plain = all(c.isalnum() or c in " ;|&()<>$*?'\"" for c in word)
    return "".join(c if c.isalnum() else f"\\{c}" for c in word) if plain else shlex.quote(word)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(_WORD, st.sampled_from([shlex.quote, _in_double_quotes, _with_backslashes])), max_size=4))
def test_allowed_command_runs_with_argv_that_bash_passes(
    folder: Path, printer: Path, words: list[tuple[str, Callable[[str], str]]]
) -> None:
    argv = ("argv", *(word for word, _ in words))
    text = " ".join(["argv", *(quote(word) for word, quote in words)])
    assume("\\\n" not in text)
    verdict = judge(text, folder, printer, Rules(allow=(Rule("run_shell", shlex.join(argv)),)))
    assume(verdict.answer is not Ruling.REFUSE and "may hold secrets" not in verdict.reason)
    assert verdict.answer is Ruling.ALLOW, verdict.reason
    assert verdict.pipeline is not None
    assert verdict.pipeline == ((str(printer), *argv[1:]),)
    by_bash = subprocess.run(
        [BASH, "-c", text], capture_output=True, env={"PATH": str(printer.parent), "LC_ALL": "C.UTF-8"}
    )
    assert run(verdict.pipeline) == by_bash.stdout == b"".join(word.encode() + b"\0" for word in argv[1:])
