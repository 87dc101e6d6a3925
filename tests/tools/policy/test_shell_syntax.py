"""The parser of pipelines, compared with bash."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from termchat.tools.policy import shell_syntax
from termchat.tools.policy.shell_syntax import MAX_CHARACTERS, Pipeline, Unparsed, parse_pipeline

_PIECES = (
    st.sampled_from("abZ09_./,:+@%^=#~-")
    | st.sampled_from("'\"\\ \t\n|;&<>()$`*?[]{}!")
    | st.sampled_from(
        ["é", "文", "a b", "\\ ", "''", '""', "'a b'", '"a b"', "\\\n", "\\\\", '\\"', "\\$", "-n", "--", "a=b"]
    )
    | st.sampled_from(["$(id)", "`id`", "$x", "$'a'", "&&", "||", "<<E", "# c", "{a,b}", "| argv"])
)
_TEXTS = st.lists(_PIECES, max_size=12).map("".join)


def _is_quoted(word: str) -> bool:
    return not word.startswith("=")  # shlex leaves it without quotes, zsh expands it


_WORDS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12).filter(_is_quoted), max_size=5
)


def parse(text: str) -> Pipeline | Unparsed:
    return asyncio.run(parse_pipeline(text))


def printed_by_bash(text: str, printer: Path) -> bytes:
    """Return what bash prints for a text in which `argv` is the only program."""
    done = subprocess.run(
        [shutil.which("bash") or "", "--norc", "-c", text],
        capture_output=True,
        env={"PATH": str(printer.parent), "LC_ALL": "C.UTF-8"},
        cwd="/",
    )
    return done.stdout


def printed(argv: tuple[str, ...]) -> bytes:
    return b"".join(word.encode() + b"\0" for word in argv[1:])


@settings(max_examples=100, deadline=None)
@given(_TEXTS)
@example("a\\ b")
@example("'it'\"s\"")
@example('"\\a\\\\\\""')
@example("HEAD~1 a:b=~c")
@example("a | argv b c")
def test_parser_gives_argv_that_bash_passes(printer: Path, text: str) -> None:
    parsed = parse(f"argv {text}")
    if isinstance(parsed, Pipeline) and {argv[0] for argv in parsed.commands} == {"argv"}:
        assert printed_by_bash(f"argv {text}", printer) == printed(parsed.commands[-1])


@settings(max_examples=60, deadline=None)
@given(_WORDS)
def test_parser_reads_quoted_words_back(words: list[str]) -> None:
    argv = ("argv", *words)
    if not any("\\\n" in word for word in words):
        assert parse(shlex.join(argv)) == Pipeline((argv,))


@settings(max_examples=60, deadline=None)
@given(st.lists(_WORDS.map(lambda words: ("argv", *words)), min_size=1, max_size=4))
def test_parser_splits_pipelines_at_pipes_only(commands: list[tuple[str, ...]]) -> None:
    text = " | ".join(map(shlex.join, commands))
    if "\\\n" not in text:
        assert parse(text) == Pipeline(tuple(commands))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40) | _TEXTS)
def test_parser_never_raises(text: str) -> None:
    parsed = parse(text)
    assert isinstance(parsed, Unparsed) or all(argv and argv[0] for argv in parsed.commands)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ls && id", "a list (&&)"),
        ("ls; id", "several commands in a row"),
        ("ls &", "a command in the background (&)"),
        ("ls > f", "a redirection"),
        ("A=1 ls", "an assignment"),
        ("ls *", "an unquoted '*'"),
        ("ls ~", "an unquoted '~'"),
        ("echo $(id)", "a command substitution"),
        ('echo "$x"', "a variable"),
        ("ls 'a", "a syntax error"),
        ("(ls)", "a subshell"),
        ("", "no command"),
        ("# ls", "a comment"),
        ("a" * (MAX_CHARACTERS + 1), "more than 10000 characters"),
        ("|".join(["ls"] * 21), "more than 20 commands"),
        ("(" * 4_000 + ")" * 4_000, "a syntax error"),
    ],
)
def test_parser_says_what_it_did_not_read(text: str, reason: str) -> None:
    assert parse(text) == Unparsed(reason)


async def test_parser_leaves_the_event_loop_free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    program = tmp_path / "shfmt"
    program.write_text(f'#!/bin/sh\nread line <{pipe}\nexec {shell_syntax._shfmt()} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    monkeypatch.setattr(shell_syntax, "_SECONDS", 60)
    shell_syntax._shfmt.cache_clear()
    try:
        parsing = asyncio.create_task(parse_pipeline("ls"))
        await asyncio.sleep(0)
        await asyncio.to_thread(pipe.write_text, "go\n")  # the parser waits for this
        assert await parsing == Pipeline((("ls",),))
    finally:
        shell_syntax._shfmt.cache_clear()


def test_parser_asks_without_its_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(Path(shell_syntax._shfmt() or "").parent))
    shell_syntax._shfmt.cache_clear()
    try:
        parsed = parse("ls")
    finally:
        shell_syntax._shfmt.cache_clear()
    assert isinstance(parsed, Unparsed)
    assert "the extra `tools`" in parsed.reason


@pytest.mark.parametrize(
    "script", ["exit 1", "echo '{}'", "echo nothing", "echo '[]'", "exec sleep 60", "printf '\\377'"]
)
def test_parser_asks_if_its_program_fails(script: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "shfmt"
    program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    shell_syntax._shfmt.cache_clear()
    try:
        assert isinstance(parse("ls"), Unparsed)
    finally:
        shell_syntax._shfmt.cache_clear()
