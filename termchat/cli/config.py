"""The configuration as a list: what `termchat config` prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from termchat.config.credentials import Secrets
from termchat.config.load import Config
from termchat.config.providers import FIRST, presets
from termchat.config.settings import SETTINGS, shown
from termchat.core.models import Profile
from termchat.core.sanitize import EMPTY, Safe, safe_line, say

_KEY_WIDTH = 28


class Line(NamedTuple):
    """One value: its key, what it is (never a secret), where it came from."""

    key: Safe
    value: Safe
    where: Safe

    def __str__(self) -> Safe:
        key = Safe(self.key.ljust(_KEY_WIDTH))
        return say("{key} = {value}  ({where})", key=key, value=self.value or Safe("not set"), where=self.where)


def listing(config: Config, secrets: Secrets) -> Iterator[Line]:
    """Every setting, alias and provider in use with its value and where that came from."""
    for key in SETTINGS:
        yield Line(Safe(key), safe_line(shown(getattr(config.settings, key))), config.where(key))
    for name, model in config.aliases.items():
        yield Line(say("aliases.{name}", name=safe_line(name)), safe_line(model), safe_line(str(config.file)))
    if config.favourites:
        yield Line(Safe("favourites"), safe_line(", ".join(config.favourites)), safe_line(str(config.file)))
    for profile in config.profiles.values():
        if _in_use(profile, secrets):
            yield from _provider(profile, config, secrets)


def _in_use(profile: Profile, secrets: Secrets) -> bool:
    """Whether a provider is the user's, a vendor's own, or has a key; the other presets would only be noise."""
    if profile.name in FIRST or profile != presets().get(profile.name):
        return True
    return bool(profile.key) and not profile.local and secrets.has_key(profile)


def _provider(profile: Profile, config: Config, secrets: Secrets) -> Iterator[Line]:
    name = safe_line(profile.name)
    for protocol, url in profile.bases.items():
        key = say("providers.{name}.{protocol}", name=name, protocol=Safe(protocol.value))
        yield Line(key, safe_line(url), config.where(key))
    if profile.key:
        state = EMPTY if secrets.has_key(profile) else Safe(" (not set)")
        value = say("{source}{state}", source=secrets.source(profile), state=state)
        yield Line(say("providers.{name}.key", name=name), value, safe_line(profile.source))
