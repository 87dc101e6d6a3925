"""Where termchat's own files are: never in the current directory.

The XDG base directories on every system with a home directory, macOS included, because that is where people who
live in a terminal look; a variable that is not an absolute path is ignored, as the specification asks
(https://specifications.freedesktop.org/basedir-spec/latest/). platformdirs answers where there is no HOME.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

NAME = "termchat"


class Paths(NamedTuple):
    """Three directories of the user's; none of them need exist."""

    config: Path
    data: Path
    cache: Path

    @property
    def config_file(self) -> Path:
        return self.config / "config.toml"

    @property
    def themes(self) -> Path:
        """The user's own themes."""
        return self.config / "themes"


def paths(env: Mapping[str, str]) -> Paths:
    """The directories that this environment names."""
    return Paths(
        _directory(env, "XDG_CONFIG_HOME", ".config", "user_config_path"),
        _directory(env, "XDG_DATA_HOME", ".local/share", "user_data_path"),
        _directory(env, "XDG_CACHE_HOME", ".cache", "user_cache_path"),
    )


def _directory(env: Mapping[str, str], variable: str, below_home: str, otherwise: str) -> Path:
    if (base := Path(env.get(variable, ""))).is_absolute():
        return base / NAME
    if (home := Path(env.get("HOME", ""))).is_absolute():
        return home / below_home / NAME
    import platformdirs

    directory: Path = getattr(platformdirs, otherwise)(NAME, appauthor=False)
    return directory
