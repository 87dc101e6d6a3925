"""Network failures on the command line: fallback models, continuation of cut replies, recordings."""

from __future__ import annotations

import pytest

from tests.cli.conftest import KEY, PROTOCOLS, Program
from tests.gateway import Reply, Text, fault


def test_fallback_model_answers_when_first_is_overloaded(program: Program) -> None:
    config = program.home / ".config" / "termchat" / "config.toml"
    program.configure(config.read_text() + '\n[fallback]\n"xopenai/first" = ["xanthropic/second"]\n')
    program.gateway.reply(fault.status(529), fault.status(529), model="first")
    program.gateway.reply(Reply.text("from the second"), model="second")
    done = program.run("-m", "xopenai/first", "hello")
    assert (done.code, done.out) == (0, b"from the second")
    assert "xanthropic/second" in done.err


def test_invalid_fallback_names_config_line(program: Program) -> None:
    program.configure('[fallback]\n"openai/gpt-5.2" = "anthropic/claude-opus-5"\n')
    done = program.run("hello")
    assert done.code == 2
    assert "fallback" in done.err
    assert "config.toml" in done.err
    assert "2" in done.err


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_continue_cut_completes_cut_reply(program: Program, protocol: str) -> None:
    program.gateway.reply(Reply(Text("The first half, "), fault.cut()), Reply.text("and the second half."))
    done = program.run("--continue-cut", "2", "-m", f"x{protocol}/any", "tell")
    assert (done.code, done.out) == (0, b"The first half, and the second half."), done.err
    assert len(program.gateway.asked) == 2


@pytest.mark.parametrize(("given", "requests"), [((), 1), (("--continue-cut", "1"), 2)])
def test_cut_reply_names_option_that_continues_unless_given(
    program: Program, given: tuple[str, ...], requests: int
) -> None:
    half = Reply(Text("and on, "), fault.cut())
    program.gateway.reply(half, half, half)
    done = program.run(*given, "-m", "xopenai/any", "tell")
    assert done.code == 5
    assert len(program.gateway.asked) == requests
    assert ("--continue-cut 1 asks for the rest" in done.err) is not bool(given)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_replay_prints_recorded_reply_without_request(program: Program, protocol: str) -> None:
    program.gateway.reply(Reply.text(f"words 你好 and {KEY} too"))
    file = program.cwd / "it.rec"
    first = program.run("--record", str(file), "-m", f"x{protocol}/any", "say it")
    assert first.code == 0
    assert KEY.encode() not in file.read_bytes()
    again = program.run("replay", str(file), "--speed", "0")
    assert (again.code, again.out.startswith("words 你好 and ".encode())) == (0, True), again.err
    assert len(program.gateway.asked) == 1


def test_replay_of_other_file_is_usage_error(program: Program) -> None:
    (program.cwd / "it.rec").write_text("nothing")
    done = program.run("replay", "it.rec")
    assert done.code == 2
    assert "it.rec" in done.err


@pytest.mark.parametrize("status", [401, 429])
def test_hint_of_script_names_option_and_no_command(program: Program, status: int) -> None:
    program.gateway.expect_problems()
    program.gateway.always(fault.status(status))
    done = program.run("--retries", "0", "-m", "xopenai/any", "tell")
    assert "choose another model (-m)" in done.err
    assert "/model" not in done.err
