"""/set, /think, /system, /theme and /copy: effects out."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.commands.builtin import builtin
from termchat.commands.registry import CommandContext, Effects
from termchat.config.load import Config, load
from termchat.config.runtime import RuntimeSettings
from termchat.config.settings import SETTINGS
from termchat.core.effects import ChangeSetting, Choose, Copy, PreviewTheme, Print, PrintTable, UseModel
from termchat.core.messages import Message, Part, Reasoning, Role, Text, ToolCall, user_message
from termchat.core.sanitize import safe_format
from tests.ui.fakes import FAKE, OTHER, FakeProviders, fake_session


@pytest.fixture
def context(tmp_path: Path) -> CommandContext:
    env = {"HOME": str(tmp_path)}
    config, session, providers = load(env), fake_session(), FakeProviders()
    assert isinstance(config, Config)
    return CommandContext(session, providers, builtin(), RuntimeSettings(config, session, providers, env, FAKE))


def run(context: CommandContext, text: str) -> Effects:
    return context.registry.run(context, text)


def words(effects: Effects) -> str:
    return "\n".join(effect.words for effect in effects if isinstance(effect, Print))


def menu(context: CommandContext, text: str) -> list[str]:
    return [item.text for item in context.registry.menu(context, text)]


def test_set_alone_is_a_table_of_all_settings(context: CommandContext) -> None:
    table = run(context, "/set")[0]
    assert isinstance(table, PrintTable)
    assert [row[0] for row in table.rows] == list(SETTINGS)
    assert ("model", "fake/one", "default") in table.rows


@pytest.mark.parametrize(
    ("typed", "effect"),
    [
        ("/set think high", ChangeSetting("think", "high")),
        ("/set think=high", ChangeSetting("think", "high")),
        ("/set think high --save", ChangeSetting("think", "high", save=True)),
        ("/set think --save", ChangeSetting("think", "", save=True)),
        ("/set system You are = terse.", ChangeSetting("system", "You are = terse.")),
        ("/set max_tokens default", ChangeSetting("max_tokens", "default")),
        ("/think low", ChangeSetting("think", "low")),
        ("/think low --save", ChangeSetting("think", "low", save=True)),
        ("/system You are terse.", ChangeSetting("system", "You are terse.")),
        ("/system @role.md --save", ChangeSetting("system", "@role.md", save=True)),
        ("/theme nord", ChangeSetting("theme", "nord")),
        ("/theme nord --save", ChangeSetting("theme", "nord", save=True)),
    ],
)
def test_a_change_is_an_effect(context: CommandContext, typed: str, effect: ChangeSetting) -> None:
    assert run(context, typed) == (effect,)


def test_a_model_is_switched_as_by_its_own_command(context: CommandContext) -> None:
    assert run(context, "/set model two") == run(context, "/model two")
    assert run(context, "/set model two")[0] == UseModel(OTHER)
    assert run(context, "/set model two --save")[-1] == ChangeSetting("model", "two", save=True)
    assert words(run(context, "/set model nope --save")) == "No model of that name.\nTry /model."


def test_a_key_alone_tells_what_is_allowed(context: CommandContext) -> None:
    said = words(run(context, "/set usage"))
    assert said.startswith("usage = line  (default)")
    assert "Allowed: line, off." in said
    assert "Allowed: a whole number, 1 or more." in words(run(context, "/set max_tokens"))
    assert "nord" in words(run(context, "/set theme"))
    assert "at the next start only" in words(run(context, "/set plain"))
    assert "Did you mean usage?" in words(run(context, "/set usag"))


def test_keys_and_values_complete(context: CommandContext) -> None:
    assert menu(context, "/set re")[0] == "/set reasoning"
    assert menu(context, "/set think ") == [f"/set think {value}" for value in ("off", "low", "medium", "high")]
    assert menu(context, "/set think h") == ["/set think high"]
    assert menu(context, "/set theme no") == ["/set theme nord"]
    assert menu(context, "/set model tw") == ["/set model fake/two"]
    assert menu(context, "/think m") == ["/think medium"]
    assert "/theme solarized-dark" in menu(context, "/theme sol")


@pytest.mark.parametrize("typed", ["/set think high", "/set max_tokens 500", "/set system Be brief"])
def test_a_whole_value_comes_before_saving_it_so_that_enter_does_what_was_typed(
    context: CommandContext, typed: str
) -> None:
    assert menu(context, typed) == [typed, f"{typed} --save"]


def test_the_system_prompt_is_shown_whole(context: CommandContext) -> None:
    assert words(run(context, "/system")) == "No system prompt is sent."
    assert context.preferences is not None
    context.preferences.change("system", "line one\nline two")
    assert words(run(context, "/system")) == "line one\nline two"


def test_theme_alone_shows_each_while_it_is_marked(context: CommandContext) -> None:
    (pick,) = run(context, "/theme")
    assert isinstance(pick, Choose)
    assert pick.choices[pick.at].label == "auto"
    assert pick.on_cancel == (PreviewTheme(),)
    nord = next(choice for choice in pick.choices if choice.label == "nord")
    assert (nord.on_highlight, nord.effects) == ((PreviewTheme("nord"),), (ChangeSetting("theme", "nord"),))
    assert nord.detail == "dark"


def test_without_settings_it_says_so() -> None:
    bare = CommandContext(fake_session(), FakeProviders(), builtin())
    for typed in ("/set", "/set think high", "/think high", "/theme", "/theme nord", "/system x"):
        assert words(run(bare, typed)) == "Settings are not available here."


ANSWER = "Look:\n\n```python\nprint(1)\n```\n\nand\n\n```\nplain\n```\n"


def answered(context: CommandContext, *parts: Part) -> None:
    question = context.session.add(user_message("q"), context.session.conversation.head)
    context.session.add(Message(Role.ASSISTANT, parts), question)


def test_copy_takes_the_last_answer_as_it_was_written(context: CommandContext) -> None:
    assert words(run(context, "/copy")) == "There is no answer yet."
    answered(context, Reasoning("secret"), Text(ANSWER))
    assert run(context, "/copy") == (Copy(ANSWER.strip("\n")),)
    assert run(context, "/copy 1") == (Copy("print(1)", safe_format("code block 1")),)
    assert run(context, "/copy 2") == (Copy("plain", safe_format("code block 2")),)
    assert words(run(context, "/copy 3")) == words(run(context, "/copy x")) == "The last answer has 2 code blocks."
    assert menu(context, "/copy ") == ["/copy 1", "/copy 2"]


def test_copy_passes_over_a_call_without_words(context: CommandContext) -> None:
    answered(context, Text("the words"))
    answered(context, ToolCall("c1", "echo", "{}"))
    assert run(context, "/copy") == (Copy("the words"),)
    assert words(run(context, "/copy 1")) == "The last answer has no code block; /copy copies all of it."
