"""`termchat models`, and the origins in `termchat config`."""

from __future__ import annotations

import json

from tests.cli.conftest import KEY, Program
from tests.gateway import fault


def test_models_are_listed_live_then_from_cache(program: Program) -> None:
    first = program.run("models")
    asked = len(program.gateway.requests)
    assert first.code == 0
    assert {"xanthropic/claude-opus-5", "xgemini/gemini-3-pro-preview", "xopenai/gpt-5.2"} <= set(
        first.out.decode().split("\n")
    )
    assert program.run("models").out == first.out
    assert len(program.gateway.requests) == asked
    program.run("models", "--fresh")
    assert len(program.gateway.requests) == 2 * asked


def test_models_filter_by_part_of_name(program: Program) -> None:
    done = program.run("models", "opus", "--json")
    assert [row["model"] for row in json.loads(done.out)] == ["xanthropic/claude-opus-5"]
    done = program.run("models", "nothing-like-it")
    assert done.code == 1
    assert "nothing-like-it" in done.err


def test_provider_with_key_but_without_model_asks_for_a_model(program: Program) -> None:
    done = program.run("hi")
    assert done.code == 2
    assert "No model is chosen for xopenai." in done.err
    assert "-m xopenai/MODEL" in done.err
    assert "key" not in done.err
    program.run("models")
    listed = program.run("hi").err
    assert "-m xopenai/gpt-" in listed
    assert 'model = "xopenai/gpt-' in listed


def test_models_refused_key_is_reported_without_key(program: Program) -> None:
    program.gateway.models_answer = fault.status(401)
    done = program.run("models")
    assert "refused the key" in done.err
    assert KEY not in done.err


def test_models_empty_listing_is_told_with_next_step(program: Program) -> None:
    program.gateway.models_answer = fault.Body(b'{"data": null, "models": null}', "application/json")
    done = program.run("models")
    assert done.out == b"demo/tour\n"
    assert "xgemini lists no models." in done.err
    assert "-m xgemini/MODEL" in done.err
    assert "Traceback" not in done.err


def test_config_shows_origin_of_variable_and_default_without_key(program: Program) -> None:
    done = program.run("config", env={"TERMCHAT_IDLE_TIMEOUT": "7"})
    assert done.code == 0
    text = done.out.decode()
    assert "idle_timeout" in text
    assert "TERMCHAT_IDLE_TIMEOUT" in text
    assert "default" in text
    assert KEY not in text
