"""The parser of usual command lines compared with typer, line by line."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from termchat import cli
from termchat.app.options import Options
from termchat.cli import flags, prompt_command
from termchat.config.settings import SETTINGS

WORDS = st.sampled_from(["word", "two words", "", "-", "--", "=", "a=b", "-x", "1", "0.5", "-1", "x/y", "é", "low"])
NAMES = st.sampled_from([name for names in flags.NAMES.values() for name in names] + ["--unknown", "-Z", "--help"])
PIECES = st.one_of(WORDS, NAMES, st.builds("{}={}".format, NAMES, WORDS), st.builds("{}{}".format, NAMES, WORDS))


@given(st.lists(PIECES, max_size=6))
def test_parsed_line_gives_the_options_that_typer_gives(arguments: list[str]) -> None:
    ours = cli._parsed(arguments)
    if ours is not None:
        assert ours == _by_typer(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["hello", "there"],
        ["-m", "x/y", "-c"],
        ["--model=x/y", "-q", "--set", "a=b", "--set", "c=d", "why"],
        ["--stdin-timeout", "2.5", "--continue-cut", "3", "-f", "one", "-f", "two"],
        ["--stop", "END", "--stop=STOP", "--search", "--plain", "-p", "chats"],
        ["--temperature", "0.2", "--chat", "title", "--no-save", "--no-tools", "--raw", "-v", "-n"],
    ],
)
def test_usual_line_is_parsed_without_typer(arguments: list[str]) -> None:
    assert cli._parsed(arguments) == _by_typer(arguments)


@pytest.mark.parametrize("arguments", [["--help"], ["-qv"], ["-mx/y"], ["--nothing"], ["-m"], ["-m", ""], ["--", "-m"]])
def test_other_line_is_left_to_typer(arguments: list[str]) -> None:
    assert flags.parse_flags(arguments) is None


def test_flags_of_settings_are_those_of_the_parser() -> None:
    declared = {key: setting.flag for key, setting in SETTINGS.items() if setting.flag}
    assert {key: names[-1] for key, names in flags.NAMES.items() if key in SETTINGS} == declared


@pytest.mark.parametrize(
    ("arguments", "starts"),
    [
        ([], True),
        (["-m", "x/y"], True),
        (["-c", "--plain"], True),
        (["--chat", "title"], True),
        (["hello"], False),
        (["chats"], False),
        (["-p", "hello"], False),
        (["-f", "file"], False),
        (["--help"], False),
    ],
)
def test_starts_chat_is_true_without_prompt(arguments: list[str], starts: bool) -> None:
    assert flags.starts_chat(arguments) is starts


def _by_typer(arguments: list[str]) -> Options | None:
    """Return the options that typer reads, None where it reports an error."""
    found: list[Options] = []

    def command(**values: Any) -> None:
        found.append(cli.options_of({**values, "prompt": values["prompt"] or []}))

    prompt = prompt_command.prompt_command({})
    command.__signature__ = prompt.__signature__  # type: ignore[attr-defined]
    command.__annotations__ = prompt.__annotations__
    parser = typer.Typer(add_completion=False)
    parser.command()(command)
    try:
        parser(arguments, standalone_mode=False)
    except Exception:
        return None
    return found[0] if found else None
