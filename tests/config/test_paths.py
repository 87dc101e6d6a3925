"""Where files are."""

from __future__ import annotations

from pathlib import Path

from termchat.config.paths import Paths, paths


def test_xdg_variables_are_followed() -> None:
    env = {"HOME": "/home/u", "XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d", "XDG_CACHE_HOME": "/k"}
    assert paths(env) == Paths(Path("/c/termchat"), Path("/d/termchat"), Path("/k/termchat"))
    assert paths(env).config_file == Path("/c/termchat/config.toml")


def test_a_relative_directory_is_ignored() -> None:
    env = {"HOME": "/home/u", "XDG_CONFIG_HOME": "here", "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "./x"}
    assert paths(env) == Paths(
        Path("/home/u/.config/termchat"), Path("/home/u/.local/share/termchat"), Path("/home/u/.cache/termchat")
    )


def test_without_a_home_the_system_answers() -> None:
    assert paths({}).config.is_absolute()
