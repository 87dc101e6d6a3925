"""A key in a prompt is reported before it is sent."""

from __future__ import annotations

import pytest

from tests.cli.conftest import KEY, Program
from tests.gateway import Reply, Text

MODEL = ("-m", "xopenai/any")
UNKNOWN = "sk-proj-0123456789abcdefABCDEF"


@pytest.fixture(autouse=True)
def reply(program: Program) -> None:
    program.gateway.reply(Reply(Text("noted")))


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (("explain", f"export KEY={KEY}"), None),
        (("explain",), f"KEY={UNKNOWN}\n".encode()),
        (("explain", "-f", "keys.txt"), None),
        (("explain", "-s", f"You know {KEY}."), None),
    ],
    ids=["argument", "standard input", "file", "system prompt"],
)
def test_key_in_prompt_of_script_is_warned_of_and_not_printed(
    program: Program, arguments: tuple[str, ...], stdin: bytes | None
) -> None:
    (program.cwd / "keys.txt").write_text(f"the key is {KEY}\n")
    done = program.run(*MODEL, *arguments, stdin=stdin)
    assert done.code == 0
    assert "contains an API key" in done.err
    assert "It is sent to xopenai/any" in done.err
    assert len(program.gateway.asked) == 1
    assert not any(key in done.err for key in (KEY, UNKNOWN))


@pytest.mark.parametrize(
    ("key", "flags", "saved"), [(UNKNOWN, [], True), (UNKNOWN, ["--no-save"], False), (KEY, [], False)]
)
def test_key_that_would_be_saved_in_clear_is_warned_of_with_the_way_out(
    program: Program, key: str, flags: list[str], saved: bool
) -> None:
    done = program.run(*MODEL, *flags, f"is {key} valid?")
    assert ("saved with the chat" in done.err) is saved
    assert ("--no-save" in done.err) is saved
    stored = (program.home / ".local/share/termchat").rglob("termchat.db*")
    assert any(key.encode() in file.read_bytes() for file in stored) is saved


def test_key_of_another_provider_from_environment_is_warned_of(program: Program) -> None:
    key = "0123456789abcdef-not-real"
    done = program.run(*MODEL, f"is {key} valid?", env={"GROQ_API_KEY": key})
    assert "contains an API key" in done.err
    assert key not in done.err


def test_key_command_is_not_run_to_check_prompt(program: Program) -> None:
    mark = program.cwd / "ran"
    program.configure(
        f'[providers.xopenai]\nkey = "{KEY}"\nopenai = "{program.gateway.url}/v1"\n'
        f'[providers.other]\nkey = "cmd:touch {mark}; echo 0123456789abcdef"\nopenai = "http://127.0.0.1:9/v1"\n'
    )
    done = program.run(*MODEL, "a sentence with 0123456789abcdef in it")
    assert (done.code, done.err) == (0, "")
    assert not mark.exists()


def test_prompt_without_key_is_sent_without_warning(program: Program) -> None:
    assert program.run(*MODEL, "use sk-your-key-here in the example").err == ""
