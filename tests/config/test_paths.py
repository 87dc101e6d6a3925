"""The directories of termchat."""

from __future__ import annotations

from pathlib import Path

from termchat.config.paths import Paths, paths


def test_paths_follow_xdg_variables() -> None:
    env = {"HOME": "/home/u", "XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d", "XDG_CACHE_HOME": "/k"}
    assert paths(env) == Paths(Path("/c/termchat"), Path("/d/termchat"), Path("/k/termchat"))
    assert paths(env).config_file == Path("/c/termchat/config.toml")


def test_paths_ignore_relative_directory() -> None:
    env = {"HOME": "/home/u", "XDG_CONFIG_HOME": "here", "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "./x"}
    assert paths(env) == Paths(
        Path("/home/u/.config/termchat"), Path("/home/u/.local/share/termchat"), Path("/home/u/.cache/termchat")
    )


def test_paths_without_home_variable_are_absolute() -> None:
    assert paths({}).config.is_absolute()
