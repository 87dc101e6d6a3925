"""Settings that change while termchat runs: current values, saved values, values of one chat."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.commands.builtin import builtin
from termchat.commands.registry import CommandContext
from termchat.config.load import Config, load_config
from termchat.config.runtime import DEFAULT, KEEP, RuntimeSettings, SettingRow
from termchat.config.settings import SETTINGS
from termchat.core.effects import NewChat, UseModel
from termchat.core.errors import Failure
from termchat.core.models import ModelRef
from termchat.core.provider import Effort
from termchat.core.style import Theme
from termchat.engine.session import ChatSession
from tests.ui.fakes import FAKE, OTHER, FakeProviders, fake_session

FILE = '# mine\nthink = "low"  # enough\n\n[aliases]\nfast = "fake/two"\n'


class RuntimeFixture:
    """A session with runtime settings over a config file in `home`."""

    def __init__(self, home: Path, text: str = FILE, **env: str) -> None:
        self.file = home / ".config" / "termchat" / "config.toml"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(text)
        self.env = {"HOME": str(home), **env}
        self.session: ChatSession = fake_session()
        self.runtime = RuntimeSettings(self.loaded(), self.session, FakeProviders(), self.env, FAKE)

    def loaded(self) -> Config:
        config = load_config(self.env)
        assert isinstance(config, Config), config
        return config

    def change(self, key: str, raw: str, *, save: bool = False) -> str:
        message = self.runtime.change(key, raw, save=save)
        assert not isinstance(message, Failure), message
        return message

    def refused(self, key: str, raw: str, *, save: bool = False) -> Failure:
        message = self.runtime.change(key, raw, save=save)
        assert isinstance(message, Failure), message
        return message

    def row(self, key: str) -> tuple[str, str]:
        row = self.runtime.row(key)
        assert isinstance(row, SettingRow)
        return row.value, row.where


@pytest.fixture
def run(tmp_path: Path) -> RuntimeFixture:
    return RuntimeFixture(tmp_path)


def test_runtime_rows_list_every_setting_with_origin(run: RuntimeFixture) -> None:
    assert [row.setting.key for row in run.runtime.rows()] == list(SETTINGS)
    assert run.row("usage") == ("line", "default")
    assert run.row("think") == ("", "this chat")  # the session was created without the file
    assert run.row("model") == ("fake/one", "default")


def test_set_applies_to_this_chat_and_new_ones(run: RuntimeFixture) -> None:
    assert run.change("max_tokens", "500") == "max_tokens = 500 · until you exit · /set max_tokens --save saves it"
    run.change("max_rounds", "3")
    run.change("idle_timeout", "5")
    for _ in range(2):
        settings = run.session.settings
        assert (
            settings.params.max_tokens,
            settings.max_rounds,
            settings.timeouts.idle,
            settings.timeouts.first_content,
        ) == (
            500,
            3,
            5,
            5,
        )
        run.session.new()
    assert run.row("max_tokens") == ("500", "/set")
    assert run.file.read_text() == FILE


def test_set_sampling_reaches_next_request(run: RuntimeFixture) -> None:
    for key, raw in (("temperature", "0.5"), ("top_p", "0.9"), ("stop", '["a", "b"]'), ("seed", "7")):
        run.change(key, raw)
    params = run.session.settings.params
    assert (params.temperature, params.top_p, params.stop, params.seed) == (0.5, 0.9, ("a", "b"), 7)
    assert run.row("stop") == ('["a", "b"]', "/set")
    run.change("stop", KEEP, save=True)
    assert run.loaded().settings.stop == ("a", "b")
    run.change("stop", DEFAULT, save=True)
    assert (run.session.settings.params.stop, run.file.read_text()) == ((), FILE)


def test_set_chat_setting_does_not_reach_new_chats(run: RuntimeFixture) -> None:
    assert run.change("think", "high") == "think = high · in this chat · /set think --save: also in new chats"
    run.change("system", "Be brief.")
    run.change("model", "two")
    settings = run.session.settings
    assert (settings.params.think, settings.system, settings.model) == (Effort.HIGH, "Be brief.", OTHER)
    assert run.row("think") == ("high", "this chat")
    assert run.row("model") == ("fake/two", "this chat")
    run.session.new()
    settings = run.session.settings
    assert (settings.params.think, settings.system, settings.model) == (None, "", FAKE)


def test_save_keeps_comments_and_reaches_new_chats(run: RuntimeFixture) -> None:
    message = run.change("think", "high", save=True)
    assert message == f"think = high · saved in {run.file}"
    assert run.file.read_text() == FILE.replace('"low"', '"high"')
    assert run.row("think") == ("high", f"{run.file}:2")
    run.session.new()
    assert run.session.settings.params.think is Effort.HIGH
    assert run.loaded().settings.think is Effort.HIGH


def test_save_without_value_writes_current_value(run: RuntimeFixture) -> None:
    prompt = "You are terse. " * 20
    run.change("system", prompt)
    run.change("system", KEEP, save=True)
    assert run.loaded().settings.system == prompt
    assert len(run.row("system")[0]) <= 60


def test_set_default_resets_value_and_removes_it_from_file(run: RuntimeFixture) -> None:
    run.change("max_tokens", "500")
    run.change("max_tokens", DEFAULT)
    assert run.session.settings.params.max_tokens is None
    assert run.row("max_tokens") == ("", "default")
    run.change("think", DEFAULT, save=True)
    assert run.file.read_text() == FILE.replace('think = "low"  # enough\n', "")
    run.change("model", "two", save=True)
    run.change("model", DEFAULT)
    assert run.session.settings.model == FAKE


@pytest.mark.parametrize(
    ("key", "raw", "allowed"),
    [
        ("think", "hard", "one of off, minimal, low, medium, high, xhigh, max"),
        ("max_tokens", "0", "a whole number, 1 or more"),
        ("idle_timeout", "soon", "a number of seconds above 0"),
        ("plain", "maybe", "true or false"),
        ("usage", "sometimes", "one of line, full, off"),
    ],
)
def test_set_invalid_value_names_allowed_and_changes_nothing(
    run: RuntimeFixture, key: str, raw: str, allowed: str
) -> None:
    before = run.runtime.rows()
    for save in (False, True):
        assert run.refused(key, raw, save=save).message == f'{key} must be {allowed}, not "{raw}".'
    assert run.runtime.rows() == before
    assert run.file.read_text() == FILE


def test_set_unknown_name_or_file_is_refused(run: RuntimeFixture) -> None:
    assert "Did you mean usage?" in run.refused("usag", "off").hint
    assert "Did you mean nord?" in run.refused("theme", "nrd").hint
    assert run.refused("model", "nope").message == "No model of that name."
    assert "Cannot read the system prompt nowhere.md" in run.refused("system", "@nowhere.md").message


def test_set_fixed_setting_is_only_saved(run: RuntimeFixture) -> None:
    for key, value in (("plain", "true"), ("accessible", "true"), ("max_retries", "5"), ("connect_timeout", "3")):
        failure = run.refused(key, value)
        assert failure.message == f"{key} cannot change while termchat runs."
        assert failure.hint == f"/set {key} {value} --save saves it for the next start."
        assert run.change(key, value, save=True).endswith("takes effect at the next start")
    assert run.loaded().settings.max_retries == 5


def test_save_overridden_by_variable_warns(tmp_path: Path) -> None:
    run = RuntimeFixture(tmp_path, TERMCHAT_THEME="dark")
    assert run.row("theme") == ("dark", "TERMCHAT_THEME")
    assert run.change("theme", "nord", save=True).endswith("but TERMCHAT_THEME is set and overrides the file")


def test_save_to_broken_file_changes_nothing(run: RuntimeFixture) -> None:
    run.file.write_text("think = \n")
    assert "Cannot write" in run.refused("usage", "off", save=True).message
    assert run.runtime.settings.usage == "line"


def test_set_system_reads_prompt_from_file(run: RuntimeFixture, tmp_path: Path) -> None:
    (tmp_path / "role.md").write_text("Answer in French.\n")
    run.change("system", f"@{tmp_path}/role.md")
    assert run.session.settings.system == "Answer in French."
    run.change("system", "none")
    assert run.session.settings.system == ""


def test_theme_follows_setting_or_background(run: RuntimeFixture) -> None:
    names = {name: run.runtime.theme("auto", name) for name in ("light", "dark", "any")}
    assert [theme.name for theme in names.values() if isinstance(theme, Theme)] == ["light", "dark", "neutral"]
    run.change("theme", "nord")
    theme = run.runtime.theme()
    assert isinstance(theme, Theme)
    assert theme.name == "nord"
    assert {"auto", "nord"} <= set(run.runtime.choices("theme"))


def test_runtime_toggle_favourite_writes_file_and_keeps_comments(run: RuntimeFixture) -> None:
    run.file.write_text(FILE)
    assert run.runtime.toggle_favourite(OTHER) is None
    assert run.loaded().favourites == (str(OTHER),)
    assert run.file.read_text().startswith("# mine\n")
    assert run.runtime.toggle_favourite(OTHER) is None
    assert run.loaded().favourites == ()


def test_runtime_toggle_favourite_keeps_those_of_another_terminal(run: RuntimeFixture) -> None:
    run.file.write_text('favourites = ["fake/three"]\n')
    assert run.runtime.toggle_favourite(OTHER) is None
    assert run.loaded().favourites == ("fake/three", str(OTHER))
    run.file.write_text("favourites = []\n")
    assert run.runtime.toggle_favourite(OTHER) is None
    assert run.loaded().favourites == ()


def test_runtime_toggle_favourite_without_writable_file_returns_failure(run: RuntimeFixture) -> None:
    run.file.unlink()
    run.file.mkdir()
    assert isinstance(run.runtime.toggle_favourite(OTHER), Failure)


def test_runtime_model_with_effort_sets_both(run: RuntimeFixture) -> None:
    run.change("model", "fake/two:high")
    assert (run.session.model, run.session.settings.params.think) == (OTHER, Effort.HIGH)
    run.change("model", "fake/one")
    assert run.session.settings.params.think is Effort.HIGH


def test_new_chat_keeps_model_only_in_place_of_the_guide(run: RuntimeFixture) -> None:
    assert run.runtime.kept_by_new_chat is None
    guide = RuntimeSettings(run.loaded(), run.session, FakeProviders(), run.env, ModelRef("demo", "tour"))
    assert guide.kept_by_new_chat == FAKE
    run.session.switch_model(OTHER)
    context = CommandContext(run.session, FakeProviders(), builtin(), guide)
    assert context.registry.run(context, "/new")[:2] == (NewChat(), UseModel(OTHER))
    run.session.switch_model(ModelRef("demo", "tour"))
    assert guide.kept_by_new_chat is None
