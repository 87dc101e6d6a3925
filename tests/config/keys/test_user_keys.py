"""Keys of the user: the table `[keys]`, and the error for everything in it that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.config.keys.key_bindings import DEFAULT_KEYS, ESSENTIAL, Action, KeyMap
from termchat.config.load import Config, load_config
from termchat.core.errors import Failure
from termchat.core.sanitize import safe_format


def load(folder: Path, rows: str) -> Config | Failure:
    file = folder / "config.toml"
    file.write_text(f"[keys]\n{rows}\n", "utf-8")
    return load_config({"HOME": str(folder)}, file)


def keys_of(folder: Path, rows: str) -> KeyMap:
    config = load(folder, rows)
    assert isinstance(config, Config), config
    return config.keys


@pytest.mark.parametrize(
    ("row", "action", "names"),
    [
        ('retry = "alt-x"', Action.RETRY, "Alt-X"),
        ('retry = ["f5", "alt-x", "f5"]', Action.RETRY, "F5, Alt-X"),
        ('last_model = "f3"', Action.LAST_MODEL, "F3"),
        ('retry = ""', Action.RETRY, ""),
        ("retry = []", Action.RETRY, ""),
        ("retry = false", Action.RETRY, ""),
        ('keys = ["?", "f1"]', Action.KEY_HELP, "?, F1"),
        ('submit = "ctrl-y"\nnewline = ["enter", "ctrl-j"]', Action.NEWLINE, "Enter, Ctrl-J"),
    ],
)
def test_row_replaces_keys_of_its_action(tmp_path: Path, row: str, action: Action, names: str) -> None:
    keys = keys_of(tmp_path, row)
    assert {binding.action: binding.names for binding in keys.bindings}[action] == names
    assert action in keys.changed
    others = [b for b in keys.bindings if b.action not in keys.changed]
    assert others == [b for b in DEFAULT_KEYS.bindings if b.action not in keys.changed]


def test_row_with_the_usual_key_changes_nothing(tmp_path: Path) -> None:
    assert keys_of(tmp_path, 'retry = "Alt-R"').changed == frozenset()
    assert keys_of(tmp_path, "") is DEFAULT_KEYS


@pytest.mark.parametrize("action", Action)
def test_every_action_takes_a_key(tmp_path: Path, action: Action) -> None:
    assert keys_of(tmp_path, f'{action} = "ctrl-q"').label(action) == "Ctrl-Q"


@pytest.mark.parametrize("action", Action)
def test_only_essential_action_needs_a_key(tmp_path: Path, action: Action) -> None:
    found = load(tmp_path, f"{action} = false")
    assert isinstance(found, Failure) is (action in ESSENTIAL)
    if isinstance(found, Failure):
        assert found.message.endswith(f"config.toml:2: keys.{action} needs a key.")
        assert found.hint == f"Remove the line for its usual key, {DEFAULT_KEYS.label(action)}."


@pytest.mark.parametrize(
    ("rows", "message", "hint"),
    [
        ('rety = "f5"', "2: keys.rety is not a known key.", "Did you mean retry?"),
        ('retry = "ctr-r"', "2: keys.retry has the unknown key ctr-r.", "Did you mean ctrl-r?"),
        (
            'retry = "r"',
            "2: keys.retry cannot be R: a bare letter is always text.",
            "Add ctrl or alt: ctrl-r or alt-r.",
        ),
        ("retry = 5", '2: keys.retry must be a key such as "alt-r", an array of keys, or "" for none.', ""),
        ("retry = true", '2: keys.retry must be a key such as "alt-r", an array of keys, or "" for none.', ""),
        (
            '\nretry = "ctrl-t"',
            "3: keys.retry cannot be Ctrl-T: that is the key of reasoning.",
            'Choose another key, or free this one: reasoning = "".',
        ),
        (
            'retry = "f5"\nmodel = "f5"',
            "2: keys.retry cannot be F5: that is the key of model.",
            'Choose another key, or free this one: model = "".',
        ),
        (
            'retry = "ctrl-d"',
            "2: keys.retry cannot be Ctrl-D: that is the key of exit.",
            "Choose another key, or give exit another one.",
        ),
        (
            'retry = "ctrl-x"',
            "2: keys.retry cannot be Ctrl-X: it begins Ctrl-X Ctrl-E, the key of editor.",
            'Choose another key, or free this one: editor = "".',
        ),
        (
            'retry = "ctrl-t ctrl-r"',
            "2: keys.retry cannot be Ctrl-T Ctrl-R: it begins with Ctrl-T, the key of reasoning.",
            'Choose another key, or free this one: reasoning = "".',
        ),
        ('last-model = "f5"\nlast_model = "f6"', "3: keys.last_model is the same action as last-model.", ""),
    ],
)
def test_refused_row_is_named_with_its_line(tmp_path: Path, rows: str, message: str, hint: str) -> None:
    found = load(tmp_path, rows)
    assert isinstance(found, Failure)
    assert found.message == f"{tmp_path}/config.toml:{message}"
    assert found.hint == hint


def test_keys_that_is_no_table_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('keys = "vi"\n')
    found = load_config({"HOME": str(tmp_path)}, file)
    assert isinstance(found, Failure)
    assert found.message.startswith(f"{file}:1: keys must be a table")


def test_freed_key_may_go_to_another_action(tmp_path: Path) -> None:
    keys = keys_of(tmp_path, 'retry = "ctrl-t"\nreasoning = "alt-t"')
    assert (keys.label(Action.RETRY), keys.label(Action.REASONING)) == ("Ctrl-T", "Alt-T")


def test_hint_names_key_then_command_then_nothing(tmp_path: Path) -> None:
    does, command = safe_format("retries"), safe_format("/retry")
    keys = keys_of(tmp_path, 'retry = "f5"\nstop = ""')
    assert keys.hint(Action.RETRY, does, command=command) == "F5 retries"
    assert keys.label(Action.ESCAPE) == "Ctrl-C"
    keys = keys_of(tmp_path, 'retry = ""')
    assert keys.hint(Action.RETRY, does, command=command) == "/retry retries"
    assert keys.hint(Action.RETRY, does) == ""


def test_origin_of_key_is_its_line(tmp_path: Path) -> None:
    config = load(tmp_path, 'last_model = "f5"')
    assert isinstance(config, Config)
    assert config.origin("keys.last-model") == f"{tmp_path}/config.toml:2"
