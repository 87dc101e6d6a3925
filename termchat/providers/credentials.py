"""Where keys come from, as the providers see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from termchat.core.errors import Failure
from termchat.core.models import Profile
from termchat.core.sanitize import Safe


class Keys(Protocol):
    """Where keys come from; `config.secrets.Secrets` is one. May run a command: asked on a thread."""

    def key(self, profile: Profile, again: bool = False) -> str | Failure: ...
    def has_key(self, profile: Profile) -> bool: ...
    def source(self, profile: Profile) -> Safe: ...
    def expand(self, headers: Mapping[str, str], again: bool = False) -> dict[str, str] | Failure: ...
