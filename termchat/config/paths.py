"""The directories of termchat's own files; never the current directory.

These are the XDG base directories, on macOS too, because command-line users look there. A variable that is not an
absolute path is ignored, as the specification requires (https://specifications.freedesktop.org/basedir-spec/latest/).
Without HOME, platformdirs chooses.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

NAME = "termchat"


class Paths(NamedTuple):
    """The user's directories for termchat; they may not exist."""

    config: Path
    data: Path
    cache: Path
    state: Path

    @property
    def config_file(self) -> Path:
        return self.config / "config.toml"

    @property
    def prompts(self) -> Path:
        """The directory of the user's roles."""
        return self.config / "prompts"

    @property
    def themes(self) -> Path:
        """The directory of the user's own themes."""
        return self.config / "themes"


def paths(env: Mapping[str, str]) -> Paths:
    """The directories for an environment."""
    return Paths(
        _directory(env, "XDG_CONFIG_HOME", ".config", "user_config_path"),
        _directory(env, "XDG_DATA_HOME", ".local/share", "user_data_path"),
        _directory(env, "XDG_CACHE_HOME", ".cache", "user_cache_path"),
        _directory(env, "XDG_STATE_HOME", ".local/state", "user_state_path"),
    )


def user_path(name: str) -> Path:
    """Return the path that a user has written; `~` at its begin is the home directory.

    Unlike `Path.expanduser`, it raises nothing for an unknown user: `~nobody` then is the name of a file.
    """
    return Path(os.path.expanduser(name))


def tilde_path(path: str, env: Mapping[str, str]) -> str:
    """Return a path with ~ for the home directory."""
    home = env.get("HOME", "").rstrip("/")
    return f"~{path[len(home) :]}" if home and f"{path}/".startswith(f"{home}/") else path


def _directory(env: Mapping[str, str], variable: str, below_home: str, otherwise: str) -> Path:
    if (base := Path(env.get(variable, ""))).is_absolute():
        return base / NAME
    if (home := Path(env.get("HOME", ""))).is_absolute():
        return home / below_home / NAME
    import platformdirs

    directory: Path = getattr(platformdirs, otherwise)(NAME, appauthor=False)
    return directory
