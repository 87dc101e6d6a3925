"""Write the configuration of a process under test; its chats are in STORE, relative to its home."""

from __future__ import annotations

from pathlib import Path

from termchat.core.models import ApiProtocol
from tests.providers.support import KEY, base_url

STORE = Path(".local", "share", "termchat", "termchat.db")


def provider(name: str, url: str, protocol: ApiProtocol, key: str = KEY, *, short_timeouts: bool = False) -> str:
    """Return a provider's TOML; `short_timeouts` are 2 s for the first byte and idle, 3 s without an event."""
    timeouts = "timeouts = { first = 2, idle = 2, silent = 3 }\n" if short_timeouts else ""
    return f'[providers.{name}]\nkey = "{key}"\n{protocol.value} = "{base_url(url, protocol)}"\n{timeouts}'


def configure(home: Path, *rows: str) -> None:
    """Write config.toml into a home directory; a tool loop ends after three rounds."""
    file = home / ".config" / "termchat" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("max_rounds = 3\n" + "\n".join(rows))
    file.chmod(0o600)
