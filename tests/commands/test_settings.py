"""Effects of /set, /think, /system, /theme and /copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.commands.builtin import builtin
from termchat.commands.registry import CommandContext, Effects
from termchat.config.load import Config, load_config
from termchat.config.runtime import RuntimeSettings
from termchat.config.settings import SETTINGS
from termchat.core.effects import ChangeSetting, Choose, Copy, PreviewTheme, Print, PrintTable, UseModel
from termchat.core.messages import Message, Part, Reasoning, Role, Text, ToolCall, user_message
from termchat.core.provider import Effort
from termchat.core.sanitize import safe_format
from tests.ui.fakes import FAKE, OTHER, FakeProviders, fake_session


@pytest.fixture
def context(tmp_path: Path) -> CommandContext:
    env = {"HOME": str(tmp_path)}
    config, session, providers = load_config(env), fake_session(), FakeProviders()
    assert isinstance(config, Config)
    return CommandContext(session, providers, builtin(), RuntimeSettings(config, session, providers, env, FAKE))


def run(context: CommandContext, text: str) -> Effects:
    return context.registry.run(context, text)


def printed_text(effects: Effects) -> str:
    return "\n".join(effect.words for effect in effects if isinstance(effect, Print))


def menu(context: CommandContext, text: str) -> list[str]:
    return [item.text for item in context.registry.menu(context, text)]


def test_set_without_argument_prints_table_of_settings(context: CommandContext) -> None:
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
        ("/system --save", ChangeSetting("system", "", save=True)),
        ("/theme nord", ChangeSetting("theme", "nord")),
        ("/theme nord --save", ChangeSetting("theme", "nord", save=True)),
    ],
)
def test_set_think_system_theme_return_change_effect(
    context: CommandContext, typed: str, effect: ChangeSetting
) -> None:
    assert run(context, typed) == (effect,)


def test_set_model_equals_model_command(context: CommandContext) -> None:
    assert run(context, "/set model two") == run(context, "/model two")
    assert run(context, "/set model two")[0] == UseModel(OTHER)
    assert run(context, "/set model two --save")[-1] == ChangeSetting("model", "two", save=True)
    assert printed_text(run(context, "/set model nope --save")) == "No model of that name.\nTry /model."


def test_set_key_without_value_shows_allowed_values(context: CommandContext) -> None:
    text = printed_text(run(context, "/set usage"))
    assert text.startswith("usage = line  (default)")
    assert "Allowed: line, full, off." in text
    assert "Allowed: a whole number, 1 or more." in printed_text(run(context, "/set max_tokens"))
    assert "nord" in printed_text(run(context, "/set theme"))
    assert "at the next start only" in printed_text(run(context, "/set plain"))
    assert "Did you mean usage?" in printed_text(run(context, "/set usag"))


def test_menu_completes_setting_keys_and_values(context: CommandContext) -> None:
    assert menu(context, "/set re")[0] == "/set reasoning"
    assert menu(context, "/set think ") == [f"/set think {value}" for value in Effort]
    assert menu(context, "/set think h") == ["/set think high", "/set think xhigh"]
    assert menu(context, "/set theme no") == ["/set theme nord"]
    assert menu(context, "/set model tw") == ["/set model fake/two"]
    assert menu(context, "/think m") == ["/think minimal", "/think medium", "/think max"]
    assert "/theme solarized-dark" in menu(context, "/theme sol")


@pytest.mark.parametrize(
    "typed", ["/set think high", "/set max_tokens 500", "/set system Be brief", "/think high", "/theme nord"]
)
def test_menu_puts_typed_value_before_its_save_variant(context: CommandContext, typed: str) -> None:
    assert menu(context, typed) == [typed, f"{typed} --save"]


def test_system_command_shows_whole_prompt(context: CommandContext) -> None:
    assert printed_text(run(context, "/system")) == "No system prompt is sent."
    assert context.preferences is not None
    context.preferences.change("system", "line one\nline two")
    assert printed_text(run(context, "/system")) == "line one\nline two"


def test_theme_without_name_previews_highlighted_theme(context: CommandContext) -> None:
    (choose,) = run(context, "/theme")
    assert isinstance(choose, Choose)
    assert choose.choices[choose.at].label == "auto"
    assert choose.on_cancel == (PreviewTheme(),)
    nord = next(choice for choice in choose.choices if choice.label == "nord")
    assert (nord.on_highlight, nord.effects) == ((PreviewTheme("nord"),), (ChangeSetting("theme", "nord"),))
    assert nord.detail == "dark"


def test_theme_picker_opened_with_save_writes_chosen_theme(context: CommandContext) -> None:
    (choose,) = run(context, "/theme --save")
    assert isinstance(choose, Choose)
    nord = next(choice for choice in choose.choices if choice.label == "nord")
    assert nord.effects == (ChangeSetting("theme", "nord", save=True),)


def test_setting_commands_without_settings_report_it() -> None:
    bare = CommandContext(fake_session(), FakeProviders(), builtin())
    for typed in ("/set", "/set think high", "/think high", "/theme", "/theme nord", "/system x"):
        assert printed_text(run(bare, typed)) == "Settings are not available here."


ANSWER = "Look:\n\n```python\nprint(1)\n```\n\nand\n\n```\nplain\n```\n"


def answered(context: CommandContext, *parts: Part) -> None:
    question = context.session.add(user_message("q"), context.session.conversation.head)
    context.session.add(Message(Role.ASSISTANT, parts), question)


def test_copy_returns_last_answer_or_code_block(context: CommandContext) -> None:
    assert printed_text(run(context, "/copy")) == "No answer yet."
    answered(context, Reasoning("secret"), Text(ANSWER))
    assert run(context, "/copy") == (Copy(ANSWER.strip("\n")),)
    assert run(context, "/copy 1") == (Copy("print(1)", safe_format("code block 1")),)
    assert run(context, "/copy 2") == (Copy("plain", safe_format("code block 2")),)
    assert (
        printed_text(run(context, "/copy 3"))
        == printed_text(run(context, "/copy x"))
        == "The last answer has 2 code blocks."
    )
    assert menu(context, "/copy ") == ["/copy 1", "/copy 2"]


def test_copy_counts_code_blocks_of_all_replies_to_one_question(context: CommandContext) -> None:
    answered(context, Text(ANSWER))
    answered(context, Text(ANSWER), ToolCall("c1", "echo", "{}"))
    reply = Message(Role.ASSISTANT, (Text("```sh\nls\n```"),))
    context.session.add(reply, context.session.conversation.head)
    assert run(context, "/copy 3") == (Copy("ls", safe_format("code block 3")),)
    assert printed_text(run(context, "/copy 4")) == "The last answer has 3 code blocks."


def test_copy_skips_answer_without_text(context: CommandContext) -> None:
    answered(context, Text("the words"))
    answered(context, ToolCall("c1", "echo", "{}"))
    assert run(context, "/copy") == (Copy("the words"),)
    assert printed_text(run(context, "/copy 1")) == "The last answer has no code block; /copy copies all of it."
