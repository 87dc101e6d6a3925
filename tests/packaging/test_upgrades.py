"""Everything that version 0.1.0 took is still taken: its configuration, flags, variables and slash commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.cli.flags import LISTS, SWITCHES, VALUES
from termchat.commands.builtin import builtin
from termchat.config.load import Config, load_config
from termchat.config.settings import SETTINGS

SETTING_VALUES = {
    "accessible": ["true", "false"],
    "connect_timeout": ["5", "0.5"],
    "enter": ['"send"', '"newline"'],
    "hyperlinks": ['"auto"', '"on"', '"off"'],
    "idle_timeout": ["60"],
    "max_retries": ["0", "2"],
    "max_rounds": ["1"],
    "max_tokens": ["1000"],
    "model": ['"work/gpt-5.2"', '"fast"'],
    "notify": ['"auto"', '"bell"', '"off"', '"cmd notify-send done"'],
    "plain": ["true", "false"],
    "queue": ['"together"', '"one"'],
    "reasoning": ['"line"', '"tail"', '"full"'],
    "reduced_motion": ["true", "false"],
    "search": ["true", "false"],
    "seed": ["7"],
    "stop": ['"END"', '["END", "\\n\\n"]'],
    "system": ['"be brief"'],
    "temperature": ["0", "1.5"],
    "theme": ['"auto"', '"solarized-dark"'],
    "think": ['"off"', '"low"', '"medium"', '"high"'],
    "top_p": ["0.9"],
    "usage": ['"line"', '"off"'],
    "vi": ["true", "false"],
}
TABLES = """
favourites = ["work/gpt-5.2"]
[aliases]
fast = "work/gpt-5.2-mini"
[fallback]
"work/gpt-5.2" = ["anthropic/claude-opus-5", "gemini/gemini-3-pro"]
[providers.work]
key = "env:WORK_KEY"
title = "Work"
model = "gpt-5.2"
models = ["gpt-5.2", "gpt-5.2-mini"]
openai = "https://llm.example.com/v1"
responses = "https://llm.example.com/v1"
anthropic = "https://llm.example.com/anthropic"
gemini = "https://llm.example.com/gemini"
route = { "claude-*" = "anthropic", "*" = "openai" }
headers = { "X-Title" = "termchat" }
body = { user = "ada" }
max_tokens = { "*" = 8192 }
quirks = []
fallback_paths = []
vendor = "openai"
proxy = "http://proxy.example.com:3128"
stream = true
timeouts = { connect = 5 }
key_page = "https://example.com/keys"
status_page = "https://example.com/status"
credit_page = "https://example.com/credit"
local = false
[providers.ofox]
key = "cmd:pass show ofox"
"""
FLAGS = """
--accessible --connect-timeout --idle-timeout --retries --max-rounds --max-tokens -m --model --plain --search --seed
--stop -s --system --temperature --theme --think --top-p --chat -c --continue --continue-cut -f --file --no-save -n
--no-stdin --no-tools -o --output -p --prompt -q --quiet --raw --record --schema --set -v --verbose
"""
VARIABLES = {
    "ACCESSIBLE", "TERMCHAT_CONNECT_TIMEOUT", "TERMCHAT_IDLE_TIMEOUT", "TERMCHAT_MAX_RETRIES", "TERMCHAT_MODEL",
    "TERMCHAT_REDUCED_MOTION", "TERMCHAT_THEME",
}  # fmt: skip
COMMANDS = """
model m retry r continue c undo u redo edit e tree goto history redraw chats resume open rename fork export save
incognito tool copy set think system multiline theme usage cost error help h keys new clear exit quit q
"""


def _load(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    config = load_config({"HOME": str(tmp_path)}, file)
    assert isinstance(config, Config), config.message
    return config


@pytest.mark.parametrize("row", range(4))
def test_config_of_first_release_loads_without_a_note(tmp_path: Path, row: int) -> None:
    settings = "\n".join(f"{key} = {values[row % len(values)]}" for key, values in SETTING_VALUES.items())
    config = _load(tmp_path, settings + TABLES)
    assert config.notes == ()
    assert {key for key in SETTING_VALUES if config.origin(key) == "default"} == set()
    assert [*config.providers][:2] == ["work", "ofox"]


def test_flags_variables_and_commands_of_first_release_remain() -> None:
    flags = {name for table in (SWITCHES, LISTS, VALUES) for names in table.values() for name in names}
    assert set(FLAGS.split()) - flags == set()
    assert VARIABLES - {setting.env for setting in SETTINGS.values()} == set()
    names = {name for command in builtin().commands for name in (command.name, *command.aliases)}
    assert set(COMMANDS.split()) - names == set()
