"""/set, /think, /system, /theme and /copy: effects out."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.commands.builtin import builtin
from termchat.commands.registry import Context, Effects
from termchat.config.load import Config, load
from termchat.config.runtime import Preferences
from termchat.config.settings import SETTINGS
from termchat.core.effects import Configure, Copy, Pick, Preview, Say, Table, UseModel
from termchat.core.messages import Message, Part, Reasoning, Role, Text, ToolCall, user
from termchat.core.sanitize import say
from tests.ui.fakes import FAKE, OTHER, FakeProviders, fake_session


@pytest.fixture
def context(tmp_path: Path) -> Context:
    env = {"HOME": str(tmp_path)}
    config, session, providers = load(env), fake_session(), FakeProviders()
    assert isinstance(config, Config)
    return Context(session, providers, builtin(), Preferences(config, session, providers, env, FAKE))


def run(context: Context, text: str) -> Effects:
    return context.registry.run(context, text)


def words(effects: Effects) -> str:
    return "\n".join(effect.words for effect in effects if isinstance(effect, Say))


def menu(context: Context, text: str) -> list[str]:
    return [item.text for item in context.registry.menu(context, text)]


def test_set_alone_is_a_table_of_all_settings(context: Context) -> None:
    table = run(context, "/set")[0]
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == list(SETTINGS)
    assert ("model", "fake/one", "default") in table.rows


@pytest.mark.parametrize(
    ("typed", "effect"),
    [
        ("/set think high", Configure("think", "high")),
        ("/set think=high", Configure("think", "high")),
        ("/set think high --save", Configure("think", "high", save=True)),
        ("/set think --save", Configure("think", "", save=True)),
        ("/set system You are = terse.", Configure("system", "You are = terse.")),
        ("/set max_tokens default", Configure("max_tokens", "default")),
        ("/think low", Configure("think", "low")),
        ("/think low --save", Configure("think", "low", save=True)),
        ("/system You are terse.", Configure("system", "You are terse.")),
        ("/system @role.md --save", Configure("system", "@role.md", save=True)),
        ("/theme nord", Configure("theme", "nord")),
        ("/theme nord --save", Configure("theme", "nord", save=True)),
    ],
)
def test_a_change_is_an_effect(context: Context, typed: str, effect: Configure) -> None:
    assert run(context, typed) == (effect,)


def test_a_model_is_switched_as_by_its_own_command(context: Context) -> None:
    assert run(context, "/set model two") == run(context, "/model two")
    assert run(context, "/set model two")[0] == UseModel(OTHER)
    assert run(context, "/set model two --save")[-1] == Configure("model", "two", save=True)
    assert words(run(context, "/set model nope --save")) == "No model of that name.\nTry /model."


def test_a_key_alone_tells_what_is_allowed(context: Context) -> None:
    said = words(run(context, "/set usage"))
    assert said.startswith("usage = line  (default)")
    assert "Allowed: line, off." in said
    assert "Allowed: a whole number, 1 or more." in words(run(context, "/set max_tokens"))
    assert "nord" in words(run(context, "/set theme"))
    assert "cannot change while termchat runs" in words(run(context, "/set plain"))
    assert "Did you mean usage?" in words(run(context, "/set usag"))


def test_keys_and_values_complete(context: Context) -> None:
    assert menu(context, "/set re")[0] == "/set reasoning"
    assert menu(context, "/set think ") == [f"/set think {value}" for value in ("off", "low", "medium", "high")]
    assert menu(context, "/set think h") == ["/set think high"]
    assert menu(context, "/set theme no") == ["/set theme nord"]
    assert menu(context, "/set model tw") == ["/set model fake/two"]
    assert menu(context, "/think m") == ["/think medium"]
    assert "/theme solarized-dark" in menu(context, "/theme sol")


@pytest.mark.parametrize("typed", ["/set think high", "/set max_tokens 500", "/set system Be brief"])
def test_a_whole_value_comes_before_saving_it_so_that_enter_does_what_was_typed(context: Context, typed: str) -> None:
    assert menu(context, typed) == [typed, f"{typed} --save"]


def test_the_system_prompt_is_shown_whole(context: Context) -> None:
    assert words(run(context, "/system")) == "No system prompt is sent."
    assert context.preferences is not None
    context.preferences.change("system", "line one\nline two")
    assert words(run(context, "/system")) == "line one\nline two"


def test_theme_alone_shows_each_while_it_is_marked(context: Context) -> None:
    (pick,) = run(context, "/theme")
    assert isinstance(pick, Pick)
    assert pick.choices[pick.at].label == "auto"
    assert pick.left == (Preview(),)
    nord = next(choice for choice in pick.choices if choice.label == "nord")
    assert (nord.marked, nord.effects) == ((Preview("nord"),), (Configure("theme", "nord"),))
    assert nord.detail == "dark"


def test_without_settings_it_says_so() -> None:
    bare = Context(fake_session(), FakeProviders(), builtin())
    for typed in ("/set", "/set think high", "/think high", "/theme", "/theme nord", "/system x"):
        assert words(run(bare, typed)) == "There are no settings here."


ANSWER = "Look:\n\n```python\nprint(1)\n```\n\nand\n\n```\nplain\n```\n"


def answered(context: Context, *parts: Part) -> None:
    question = context.session.add(user("q"), context.session.conversation.head)
    context.session.add(Message(Role.ASSISTANT, parts), question)


def test_copy_takes_the_last_answer_as_it_was_written(context: Context) -> None:
    assert words(run(context, "/copy")) == "There is no answer yet."
    answered(context, Reasoning("secret"), Text(ANSWER))
    assert run(context, "/copy") == (Copy(ANSWER.strip("\n")),)
    assert run(context, "/copy 1") == (Copy("print(1)", say("code block 1")),)
    assert run(context, "/copy 2") == (Copy("plain", say("code block 2")),)
    assert words(run(context, "/copy 3")) == words(run(context, "/copy x")) == "The last answer has 2 code blocks."
    assert menu(context, "/copy ") == ["/copy 1", "/copy 2"]


def test_copy_passes_over_a_call_without_words(context: Context) -> None:
    answered(context, Text("the words"))
    answered(context, ToolCall("c1", "echo", "{}"))
    assert run(context, "/copy") == (Copy("the words"),)
    assert words(run(context, "/copy 1")) == "The last answer has no code block; /copy takes all of it."
