"""The port for API keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from termchat.core.errors import Failure
from termchat.core.models import ProviderConfig
from termchat.core.sanitize import Safe


class CredentialSource(Protocol):
    """Source of API keys; implemented by `config.credentials.Credentials`. It may run commands: call it on a thread."""

    def key(self, config: ProviderConfig, /, again: bool = False) -> str | Failure:
        """Return a provider's key, "" for a server without authentication; `again` runs a key command again."""
        ...

    def has_key(self, config: ProviderConfig, /) -> bool:
        """Return True if a key is set or needless. No command is run, so `key` may still fail."""
        ...

    def source(self, config: ProviderConfig, /) -> Safe:
        """Return the origin of a key for messages: `OPENAI_API_KEY`."""
        ...

    def resolve_headers(self, headers: Mapping[str, str], again: bool = False) -> dict[str, str] | Failure:
        """Replace references to keys in the values of headers."""
        ...
