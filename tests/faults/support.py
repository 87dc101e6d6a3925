"""A home for a process: its configuration, and where its chats are."""

from __future__ import annotations

from pathlib import Path

from termchat.core.models import ApiProtocol
from tests.providers.support import KEY, base_url

STORE = Path(".local", "share", "termchat", "termchat.db")


def provider(name: str, url: str, speech: ApiProtocol, key: str = KEY, *, hasty: bool = False) -> str:
    """A provider's rows; `hasty` has short clocks."""
    clocks = "timeouts = { first = 1, idle = 1, silent = 2 }\n" if hasty else ""
    return f'[providers.{name}]\nkey = "{key}"\n{speech.value} = "{base_url(url, speech)}"\n{clocks}'


def configure(home: Path, *rows: str) -> None:
    """Write the configuration; a tool loop ends after three rounds."""
    file = home / ".config" / "termchat" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("max_rounds = 3\n" + "\n".join(rows))
    file.chmod(0o600)
