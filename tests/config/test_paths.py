"""The directories of termchat."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.config import paths as paths_module
from termchat.config.paths import Paths, paths, tilde_path, user_path


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


def test_user_path_of_unknown_user_is_the_name_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    given = ["~", "~/a", "a/~", "~nosuch/a"]
    assert [str(user_path(name)) for name in given] == ["/home/ann", "/home/ann/a", "a/~", "~nosuch/a"]


def test_no_module_expands_a_path_by_the_method_that_raises() -> None:
    """`Path.expanduser` raises RuntimeError for an unknown user, which a person may write anywhere."""
    modules = Path(paths_module.__file__).parents[1].rglob("*.py")
    assert [file.name for file in modules if ".expanduser()" in file.read_text()] == []
