"""A home outside /tmp, which every sandbox hides."""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def home() -> Iterator[Path]:
    """A home with secrets, termchat's configuration and an empty project."""
    cache = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache"
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="termchat-tests-", dir=cache) as name:
        home = Path(name)
        for path in (".ssh/id_ed25519", ".aws/credentials", ".netrc", ".config/gh/hosts.yml", ".bash_history"):
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text("the secret")
        (home / ".config" / "termchat").mkdir()
        (home / ".config" / "termchat" / "config.toml").write_text("the secret")
        (home / "project").mkdir()
        yield home
