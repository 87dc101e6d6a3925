"""/role and the files of roles."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from termchat.commands.builtin import builtin
from termchat.commands.prompts.role_files import ROLE_SETTINGS, RoleFile, load_role, role_names
from termchat.commands.registry import CommandContext, Effects
from termchat.config.load import Config, load_config
from termchat.config.runtime import RuntimeSettings
from termchat.config.settings import SETTINGS
from termchat.core.effects import Choose, Effect, Print, RunCommand, UseModel, UseSettings
from termchat.core.errors import Failure
from termchat.core.provider import Effort
from tests.ui.fakes import FAKE, OTHER, FakeProviders, fake_session

REVIEW = """---
description: Review a change
model: two
think: high
temperature: 0.2
stop: ["END", "STOP"]
variables:
  lang: Python
  depth:
tags:
  - work
# a comment
---
You review {{lang}} code, {{ depth }}. {{#if x}} stays.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / ".config" / "termchat" / "prompts"
    found.mkdir(parents=True)
    (found / "review.md").write_text(REVIEW)
    (found / "plain.md").write_text("Be plain.\n")
    return found


@pytest.fixture
def context(tmp_path: Path, folder: Path) -> CommandContext:
    env = {"HOME": str(tmp_path)}
    config, session, providers = load_config(env), fake_session(), FakeProviders()
    assert isinstance(config, Config)
    return CommandContext(session, providers, builtin(), RuntimeSettings(config, session, providers, env, FAKE))


def run(context: CommandContext, text: str) -> str:
    """Run a command, perform its effects on the session, and return what it prints."""
    return perform(context, context.registry.run(context, text))


def perform(context: CommandContext, effects: Effects | tuple[Effect, ...]) -> str:
    words: list[str] = []
    for effect in effects:
        if isinstance(effect, UseSettings):
            context.session.update_settings(lambda _, to=effect.settings: to, lasting=False)
        if isinstance(effect, UseModel):
            context.session.switch_model(effect.model, effect.think)
        if isinstance(effect, Print):
            words.append(effect.words)
    return "\n".join(words)


def menu(context: CommandContext, text: str) -> list[str]:
    return [item.text for item in context.registry.menu(context, text)]


def test_role_sets_system_prompt_model_and_sampling_of_chat(context: CommandContext) -> None:
    words = run(context, "/role review depth='very deeply'")
    now = context.session.settings
    assert now.system == "You review Python code, very deeply. {{#if x}} stays."
    assert (now.model, now.params.think, now.params.temperature) == (OTHER, Effort.HIGH, 0.2)
    assert now.params.stop == ("END", "STOP")
    assert now.role is not None
    assert now.role.name == "review"
    assert words == ("→ fake/two\nRole review · think high · temperature 0.2 · stop END, STOP\n/role off ends it.")


def test_role_off_restores_what_user_has_not_changed_since(context: CommandContext) -> None:
    before = context.session.settings
    run(context, "/role review depth=x")
    context.session.update_settings(lambda s: replace(s, params=replace(s.params, temperature=1.5)), lasting=False)
    run(context, "/role plain")
    assert context.session.settings.system == "Be plain."
    assert context.session.settings.params.think is None
    assert run(context, "/role off").splitlines()[-1] == "The role plain has ended."
    after = context.session.settings
    assert (after.system, after.model, after.role) == (before.system, before.model, None)
    assert after.params == replace(before.params, temperature=1.5)
    assert run(context, "/role off") == "No role is in use."


def test_role_of_resumed_chat_ends_with_settings_of_new_chats(context: CommandContext) -> None:
    run(context, "/role review depth=x")
    active = context.session.settings.role
    assert active
    named = replace(active, before=None, after=None)
    context.session.update_settings(lambda s: replace(s, role=named), lasting=False)
    run(context, "/role off")
    assert context.session.settings.system == ""
    assert context.session.settings.params.think is None


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("/role review", "The role review needs depth.\nAdd depth=VALUE after the name."),
        ("/role review deph=1", "The role review has no variable deph.\nIt takes lang=VALUE, depth=VALUE."),
        ("/role plain x", "The role plain has no variable x."),
        ("/role revew", "Did you mean review? termchat prompts new revew begins one."),
        ("/role ../review", "There is no role ../review"),
        ("/role .hidden", "There is no role .hidden"),
    ],
)
def test_role_that_cannot_be_used_says_why_and_changes_nothing(context: CommandContext, typed: str, words: str) -> None:
    before = context.session.settings
    assert words in run(context, typed)
    assert context.session.settings == before


def test_role_with_unknown_model_names_its_line(context: CommandContext, folder: Path) -> None:
    (folder / "m.md").write_text("---\ndescription: x\nmodel: nope\n---\ny")
    assert f"It is set in {folder / 'm.md'}:3." in run(context, "/role m")
    assert context.session.settings.role is None


def test_role_without_name_opens_picker_with_bad_files_last(context: CommandContext, folder: Path) -> None:
    (folder / "bad.md").write_text("---\nmodle: x\n---\n")
    run(context, "/role plain")
    (choose,) = context.registry.run(context, "/role")
    assert isinstance(choose, Choose)
    assert [(c.name, c.usable, c.detail) for c in choose.choices if c.name] == [
        ("bad", False, f"{folder / 'bad.md'}:2: modle is not a key."),
        ("plain", True, "current"),
        ("review", True, "Review a change · needs depth"),
    ]
    assert choose.choices[1].effects == (RunCommand("/role plain"),)
    assert choose.choices[-1].effects == (RunCommand("/role off"),)


def test_role_without_files_says_how_to_begin(context: CommandContext, folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    assert run(context, "/role") == f"There are no roles in {folder}.\ntermchat prompts new NAME begins one."


def test_menu_completes_roles_and_variables(context: CommandContext) -> None:
    assert menu(context, "/role re") == ["/role review"]
    assert menu(context, "/role review ") == ["/role review lang=Python", "/role review depth="]
    assert menu(context, "/role review lang=Go d") == ["/role review lang=Go depth="]
    run(context, "/role plain")
    assert "/role off" in menu(context, "/role ")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("---\nmodel: x\n", 1, "the front matter has no end"),
        ("---\nmodel: x\nmodel: y\n---\n", 3, "model is set twice"),
        ("---\n\ntemprature: 1\n---\n", 3, "temprature is not a key"),
        ("---\ntemperature: hot\n---\n", 2, "temperature must be a number from 0 to 2"),
        ("---\njust words\n---\n", 2, 'is not a line such as "model: openai/gpt-6"'),
        ("---\nvariables: lang\n---\n", 2, "variables takes lines such as lang: Python below it"),
        ("---\nvariables:\n  - lang\n---\n", 3, 'is not a variable such as "lang: Python"'),
        ("---\nmodel: x\n  y: z\n---\n", 3, "does not belong to model"),
    ],
)
def test_load_role_with_mistake_names_file_and_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    (tmp_path / "r.md").write_text(text)
    found = load_role(tmp_path, "r")
    assert isinstance(found, Failure)
    assert found.message == f"{tmp_path / 'r.md'}:{line}: {words}."


def test_load_role_of_pipe_fails_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "r.md")
    found = load_role(tmp_path, "r")  # it would wait ten seconds for a writer, at each key of the menu
    assert isinstance(found, Failure) and "it is not a regular file" in found.message


@pytest.mark.parametrize("key", sorted(set(SETTINGS) - set(ROLE_SETTINGS)))
def test_load_role_takes_no_rules_and_limits(tmp_path: Path, key: str) -> None:
    (tmp_path / "r.md").write_text(f"---\n{key}: all\n---\n")
    found = load_role(tmp_path, "r")
    assert isinstance(found, Failure)
    assert found.message == f"{tmp_path / 'r.md'}:2: {key} cannot be set by a role."


def test_load_role_shows_home_directory_as_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "r.md").write_text("---\nmodel: [\n---\n")
    found = load_role(tmp_path, "r")
    assert isinstance(found, Failure)
    assert found.message == "~/r.md:2: a list that begins with [ ends with ] on the same line."


def test_load_role_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "dir.md").mkdir()
    (tmp_path / "bytes.md").write_bytes(b"\xff\xfe")
    (tmp_path / "long.md").write_bytes(b"x" * (2 << 20))
    for name in ("dir", "bytes", "long"):
        found = load_role(tmp_path, name)
        assert isinstance(found, Failure), name
        assert found.message.startswith(f"Cannot read {tmp_path / name}.md: ")
    assert role_names(tmp_path / "none") == ()


PIECES = ("---", "model: a/b", "tools: [a, b]", "tools:", "- read", "variables:", "  lang: x", "  y:", "#", "", " ",
          "think: high", "{{lang}}", "{{a}} {{b", "x", ": y", "\x1b[1m", "stop: 'a'", "tags: [1]")  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=10))
def test_load_role_reads_any_file_or_names_its_line(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "r.md").write_text("\n".join(lines), "utf-8", "replace")
    found = load_role(tmp_path, "r")
    if isinstance(found, Failure):
        assert str(found.message).startswith(f"{tmp_path / 'r.md'}:")
        return
    assert set(found.settings) <= set(ROLE_SETTINGS)
    whole = found.system(dict.fromkeys(found.defaults, "value"))
    assert isinstance(whole, str)
    assert "\x1b" not in found.where("model")


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(NAMES, st.text(max_size=6), min_size=1, max_size=3), st.lists(st.text(max_size=6), max_size=3))
def test_take_variables_keeps_order_and_values(values: dict[str, str], others: list[str]) -> None:
    others = [word for word in others if word.partition("=")[0] not in values]
    role = RoleFile("r", Path("r.md"), "", defaults=dict.fromkeys(values))
    words = [*others[:1], *(f"{name}={value}" for name, value in values.items()), *others[1:]]
    assert role.take_variables(words) == (values, others)
    text = replace(role, text=" ".join("{{%s}}" % name for name in values))  # noqa: UP031 - braces
    assert text.system(values) == " ".join(values.values())


def test_set_shows_settings_of_role_as_those_of_chat(context: CommandContext) -> None:
    run(context, "/role review depth=x")
    assert "temperature = 0.2  (this chat)" in run(context, "/set temperature")
    assert "top_p = not set  (default)" in run(context, "/set top_p")
