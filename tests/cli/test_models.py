"""`termchat models` and `termchat config`."""

from __future__ import annotations

import json

from tests.cli.conftest import KEY, Program
from tests.gateway import fault


def test_models_are_listed_live_and_then_from_the_cache(program: Program) -> None:
    first = program.run("models")
    asked = len(program.gateway.requests)
    assert first.code == 0
    assert {"xanthropic/claude-opus-5", "xgemini/gemini-3-pro", "xopenai/gpt-5.2"} <= set(
        first.out.decode().split("\n")
    )
    assert program.run("models").out == first.out
    assert len(program.gateway.requests) == asked
    program.run("models", "--fresh")
    assert len(program.gateway.requests) == 2 * asked


def test_a_part_of_a_name_is_enough(program: Program) -> None:
    done = program.run("models", "opus", "--json")
    assert [row["model"] for row in json.loads(done.out)] == ["xanthropic/claude-opus-5"]
    done = program.run("models", "nothing-like-it")
    assert done.code == 1
    assert "nothing-like-it" in done.err


def test_a_server_that_does_not_answer_is_told_and_the_others_are_listed(program: Program) -> None:
    program.gateway.models_answer = fault.status(401)
    done = program.run("models")
    assert "refused the key" in done.err
    assert KEY not in done.err


def test_every_setting_says_where_it_came_from(program: Program) -> None:
    done = program.run("config", env={"TERMCHAT_IDLE_TIMEOUT": "7"})
    assert done.code == 0
    text = done.out.decode()
    assert "idle_timeout" in text and "TERMCHAT_IDLE_TIMEOUT" in text and "default" in text
    assert KEY not in text
