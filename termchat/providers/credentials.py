"""Where keys come from, as the providers see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from termchat.core.errors import Failure
from termchat.core.models import ProviderConfig
from termchat.core.sanitize import Safe


class CredentialSource(Protocol):
    """Where keys come from; `config.secrets.Secrets` is one. May run a command: asked on a thread."""

    def key(self, config: ProviderConfig, /, again: bool = False) -> str | Failure: ...
    def has_key(self, config: ProviderConfig, /) -> bool: ...
    def source(self, config: ProviderConfig, /) -> Safe: ...
    def resolve_headers(self, headers: Mapping[str, str], again: bool = False) -> dict[str, str] | Failure: ...
