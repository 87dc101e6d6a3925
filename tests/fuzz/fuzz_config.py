"""Files of the user: any bytes give a configuration or a theme, or a sentence about the file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from termchat.config.load import Config, load_config
from termchat.config.themes import load_theme
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import safe
from tests.fuzz.targets import FuzzTarget

_FOLDER = tempfile.TemporaryDirectory(prefix="termchat-config-")
_HOME = Path(_FOLDER.name)
_THEMES = Path(__file__).parent.parent.parent / "themes"
_LONGEST = 2000  # characters of a sentence


def _check(failure: Failure) -> None:
    assert failure.kind is FailureKind.BAD_CONFIG
    assert failure.message == safe(failure.message)
    assert "\n" not in failure.message
    assert 0 < len(failure.message) < _LONGEST


def _config(data: bytes) -> None:
    file = _HOME / "config.toml"
    file.touch(mode=0o600)
    file.write_bytes(data)
    found = load_config({"HOME": str(_HOME)}, file)
    if isinstance(found, Config):
        assert found.providers
        assert all(found.origin(key) for key in found.origins)
        assert found.keys
    else:
        _check(found)


def _themes(data: bytes) -> None:
    (_HOME / "any.toml").write_bytes(data)
    found = load_theme("any", (_HOME,))
    if isinstance(found, Failure):
        _check(found)


_SEEDS = (
    b'model = "a/b"\nthink = "low"\nidle_timeout = 7\n[aliases]\nfast = "openai/gpt-5.2"\n',
    b'[providers.ofox]\nkey = "env:OFOX_API_KEY"\nopenai = "https://api.ofox.ai/v1"\nanthropic = "https://x/y"\n'
    b'route = { "anthropic/*" = "anthropic", "*" = "openai" }\nheaders = { a = "env:B" }\nbody = { x = [1, {y = 2}] }\n'
    b'proxy = "http://p:1"\nca = "/c.pem"\nstream = false\n',
    b'favourites = ["a/b"]\n[fallback]\n"a/b" = ["c/d"]\n[keys]\nsubmit = ["c-x", "alt+enter"]\n',
    b'[mcp.time]\ncommand = "uvx"\nargs = ["a"]\nenv = { A = "env:B" }\n[mcp.web]\nurl = "https://a/b"\n',
    b'tools = ["read_file"]\nallow = ["run_shell(git log)"]\ndeny = ["write_file"]\ntemperature = 0.5\nstop = ["a"]\n',
)
config = FuzzTarget(_config, _SEEDS)
themes = FuzzTarget(_themes, tuple(file.read_bytes() for file in sorted(_THEMES.glob("*.toml"))))
