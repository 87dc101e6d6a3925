"""The directories of termchat."""

from __future__ import annotations

from pathlib import Path

from termchat.config.paths import Paths, paths, tilde_path


def test_paths_follow_xdg_variables() -> None:
    env = {"HOME": "/home/u", "XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d", "XDG_CACHE_HOME": "/k"}
    env["XDG_STATE_HOME"] = "/s"
    assert paths(env) == Paths(Path("/c/termchat"), Path("/d/termchat"), Path("/k/termchat"), Path("/s/termchat"))
    assert paths(env).config_file == Path("/c/termchat/config.toml")


def test_paths_ignore_relative_directory() -> None:
    env = {"HOME": "/home/u", "XDG_CONFIG_HOME": "here", "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "./x"}
    assert paths(env) == Paths(
        Path("/home/u/.config/termchat"),
        Path("/home/u/.local/share/termchat"),
        Path("/home/u/.cache/termchat"),
        Path("/home/u/.local/state/termchat"),
    )


def test_paths_without_home_variable_are_absolute() -> None:
    assert paths({}).config.is_absolute()


def test_tilde_path_shortens_only_what_is_below_home() -> None:
    env = {"HOME": "/home/ann/"}
    given = ["/home/ann", "/home/ann/notes", "/home/anna/notes", "/tmp"]
    assert [tilde_path(path, env) for path in given] == ["~", "~/notes", "/home/anna/notes", "/tmp"]
    assert tilde_path("/tmp", {"HOME": "/"}) == tilde_path("/tmp", {}) == "/tmp"
