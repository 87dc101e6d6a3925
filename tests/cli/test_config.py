"""`termchat config`, `termchat themes`, and errors of settings."""

from __future__ import annotations

import pytest

from termchat.config.providers import presets
from termchat.config.settings import SETTINGS
from tests.cli.conftest import Program, on_terminal

RIGHT = '# mine\nmodel = "xopenai/a"\n\nthink = "high"\n'


def test_config_lists_every_setting_with_origin(program: Program) -> None:
    program.configure(RIGHT)
    done = program.run("config", env={"TERMCHAT_THEME": "nord"})
    file = program.home / ".config" / "termchat" / "config.toml"
    lines = {line.split()[0]: " ".join(line.split()) for line in done.out.decode().splitlines()}
    assert done.code == 0
    assert set(SETTINGS) <= set(lines)
    assert lines["think"] == f"think = high ({file}:4)"
    assert lines["theme"] == "theme = nord (TERMCHAT_THEME)"
    assert lines["usage"] == "usage = line (default)"
    assert lines["max_tokens"] == "max_tokens = not set (default)"


def test_config_names_key_variable_of_every_provider(program: Program) -> None:
    shown = program.run("config", env={"GROQ_API_KEY": "0123456789abcdef"}).out.decode()
    rows = {line.split()[0]: line for line in shown.splitlines()}
    for provider in presets().values():
        if provider.key:
            assert provider.key.removeprefix("env:").split(",")[0] in rows[f"providers.{provider.name}.key"]
    assert "(not set)" in rows["providers.mistral.key"]
    assert "(not set)" not in rows["providers.groq.key"]
    assert "0123456789abcdef" not in shown


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('think = "hard"', "think must be one of off, minimal, low, medium, high, xhigh, max."),
        ("max_tokens = 0", "max_tokens must be a whole number, 1 or more."),
        ("idle_timeout = true", "idle_timeout must be a number of seconds above 0."),
        ('usage = "some"', "usage must be one of line, full, off."),
        ("theme = 3", "theme must be auto or the name of a theme."),
        ('plain = "maybe"', "plain must be true or false."),
        ('thinks = "low"', "thinks is not a known key."),
        ("usage = line", "Invalid value"),
        ('keys.retry = "ctrl-t"', "keys.retry cannot be Ctrl-T: that is the key of reasoning."),
        ("keys.exit = false", "keys.exit needs a key."),
    ],
)
def test_invalid_config_value_names_line_key_and_allowed_values(program: Program, row: str, words: str) -> None:
    program.configure(f"{RIGHT.replace('think', '# think')}{row}\n")
    file = program.home / ".config" / "termchat" / "config.toml"
    for arguments in (("config",), ("hello",)):
        done = program.run(*arguments)
        assert done.code == 2
        assert f"{file}:5" in done.err
        assert words in done.err
        assert row.partition(" ")[0] in done.err
        assert done.out == b""


def test_invalid_flag_or_variable_names_allowed_values(program: Program) -> None:
    done = program.run("--think", "hard", "hello")
    assert (done.code, done.err.splitlines()[0]) == (
        2, 'termchat: --think must be one of off, minimal, low, medium, high, xhigh, max, not "hard".',
    )  # fmt: skip
    done = program.run("hello", env={"TERMCHAT_IDLE_TIMEOUT": "soon"})
    assert done.err.startswith('termchat: TERMCHAT_IDLE_TIMEOUT must be a number of seconds above 0, not "soon".')
    done = program.run("--theme", "nrd", "--system", "@nowhere.md", "hello")
    assert "Cannot read the system prompt nowhere.md" in done.err


def test_unknown_theme_is_named_with_origin_and_suggestion(program: Program) -> None:
    program.configure('theme = "nrd"\n')
    done = program.run("config")
    file = program.home / ".config" / "termchat" / "config.toml"
    assert done.code == 2
    assert f"theme                        = nrd  ({file}:1)" in done.out.decode()
    assert done.err == f"termchat: {file}:1: There is no theme nrd.\ntermchat: Did you mean nord?\n"


def test_themes_in_pipe_prints_names(program: Program) -> None:
    mine = program.home / ".config" / "termchat" / "themes"
    mine.mkdir(parents=True)
    (mine / "mine.toml").write_text("kind = 1\n")
    done = program.run("themes")
    assert done.code == 0
    assert {"dark", "light", "neutral", "nord", "mine"} <= set(done.out.decode().split("\n"))


def test_themes_on_terminal_shows_samples_and_errors(program: Program) -> None:
    mine = program.home / ".config" / "termchat" / "themes"
    mine.mkdir(parents=True)
    (mine / "mine.toml").write_text("kind = 1\n")
    out, code = on_terminal(program, "themes")
    assert code == 1
    rows = out.splitlines()
    assert len([row for row in rows if "Title" in row and "def" in row]) >= 9
    nord = next(row for row in rows if "nord" in row and "Title" in row)
    assert "\x1b[" in nord
    assert "mine.toml:1: kind must be one of light, dark, any." in " ".join(out.split())  # wrapped between words
    assert "theme = auto (default)" in rows[-1]
