"""Limits on spending in scripts: exit code 7 before the request, with the way on."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Program
from tests.gateway import Reply, Usage

PRICES = 'prices = { "*" = { input = 3.0, output = 15.0 } }\n'


def priced(program: Program, protocol: str) -> None:
    """Add prices to the provider of a protocol."""
    file = program.home / ".config" / "termchat" / "config.toml"
    head = f"[providers.x{protocol}]\n"
    program.configure(file.read_text().replace(head, head + PRICES))


def test_script_request_over_max_cost_is_not_sent(program: Program) -> None:
    priced(program, "anthropic")
    done = program.run("-m", "xanthropic/any", "--max-cost", "0.001", "--max-tokens", "1000", "hello")
    assert (done.code, done.out, program.gateway.asked) == (7, b"", [])
    assert "of $0.00" in done.err and "--max-cost " in done.err
    assert program.run("usage", "--json").out.strip() in (b"", b"[]")  # a request that was not sent is not counted


def test_script_within_max_cost_is_sent(program: Program) -> None:
    priced(program, "gemini")
    program.gateway.reply(Reply.text("yes"))
    done = program.run("-m", "xgemini/any", "--max-cost", "$1", "--max-tokens", "1000", "hello")
    assert (done.code, done.out, done.err) == (0, b"yes", "")


def test_script_continuation_that_could_cross_is_not_sent(program: Program) -> None:
    priced(program, "openai")
    program.gateway.reply(Reply.text("so far", finish="length", usage=Usage(1000, 1000)))
    done = program.run(
        *("-m", "xopenai/any", "--max-cost", "0.025", "--max-tokens", "1000", "--continue-cut", "3", "--no-save", "go"),
    )
    assert (done.code, done.out, len(program.gateway.asked)) == (7, b"so far", 1)


def test_script_without_known_price_is_refused_until_allowed(program: Program) -> None:
    program.gateway.always(Reply.text("yes"))
    refused = program.run("-m", "xopenai/any", "--max-cost", "1", "hello")
    assert (refused.code, program.gateway.asked) == (7, [])
    assert "price of xopenai/any is unknown" in refused.err and "--set unpriced=allow" in refused.err
    assert program.run("-m", "xopenai/any", "--max-cost", "1", "--set", "unpriced=allow", "hello").code == 0


@pytest.mark.parametrize("flags", [[], ["--no-save"]], ids=["saved", "not saved"])
def test_day_limit_holds_over_scripts(program: Program, flags: list[str]) -> None:
    priced(program, "openai")
    program.gateway.always(Reply.text("yes", usage=Usage(1000, 1000)))
    flags += ["-m", "xopenai/any", "--max-tokens", "1000", "--set", "max_cost_day=0.040", "hello"]
    assert [program.run(*flags).code for _ in range(3)] == [0, 0, 7]
    assert len(program.gateway.asked) == 2
    if "--no-save" not in flags:
        assert [row["requests"] for row in json.loads(program.run("usage", "--json").out)] == [2]


@pytest.mark.parametrize("amount", ["lots", "-1", "1e3"])
def test_script_bad_max_cost_is_usage_error(program: Program, amount: str) -> None:
    done = program.run("--max-cost=" + amount, "-m", "xopenai/any", "hello")
    assert (done.code, program.gateway.asked) == (2, [])
    assert "an amount in US dollars" in done.err
