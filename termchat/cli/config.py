"""The configuration as a list: what `termchat config` prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from termchat.config.credentials import Credentials
from termchat.config.load import Config
from termchat.config.providers import VENDORS, presets
from termchat.config.settings import SETTINGS, format_value
from termchat.core.models import ProviderConfig
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line

_KEY_WIDTH = 28


class ConfigLine(NamedTuple):
    """One value: its key, what it is (never a secret), where it came from."""

    key: Safe
    value: Safe
    where: Safe

    def __str__(self) -> Safe:
        key = Safe(self.key.ljust(_KEY_WIDTH))
        return safe_format("{key} = {value}  ({where})", key=key, value=self.value or Safe("not set"), where=self.where)


def config_lines(config: Config, secrets: Credentials) -> Iterator[ConfigLine]:
    """Every setting, alias and provider in use with its value and where that came from."""
    for key in SETTINGS:
        yield ConfigLine(Safe(key), safe_line(format_value(getattr(config.settings, key))), config.origin(key))
    for name, model in config.aliases.items():
        yield ConfigLine(
            safe_format("aliases.{name}", name=safe_line(name)), safe_line(model), safe_line(str(config.file))
        )
    if config.favourites:
        yield ConfigLine(Safe("favourites"), safe_line(", ".join(config.favourites)), safe_line(str(config.file)))
    for profile in config.providers.values():
        if _in_use(profile, secrets):
            yield from _provider(profile, config, secrets)


def _in_use(profile: ProviderConfig, secrets: Credentials) -> bool:
    """Whether a provider is the user's, a vendor's own, or has a key; the other presets would only be noise."""
    if profile.name in VENDORS or profile != presets().get(profile.name):
        return True
    return bool(profile.key) and not profile.local and secrets.has_key(profile)


def _provider(profile: ProviderConfig, config: Config, secrets: Credentials) -> Iterator[ConfigLine]:
    name = safe_line(profile.name)
    for protocol, url in profile.base_urls.items():
        key = safe_format("providers.{name}.{protocol}", name=name, protocol=Safe(protocol.value))
        yield ConfigLine(key, safe_line(url), config.origin(key))
    if profile.key:
        state = EMPTY if secrets.has_key(profile) else Safe(" (not set)")
        value = safe_format("{source}{state}", source=secrets.source(profile), state=state)
        yield ConfigLine(safe_format("providers.{name}.key", name=name), value, safe_line(profile.source))
