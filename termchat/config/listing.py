"""The configuration as a list: what `termchat config` prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from termchat.config.load import Config
from termchat.config.secrets import Secrets
from termchat.config.settings import SETTINGS, shown
from termchat.core.sanitize import EMPTY, Safe, safe_line, say


@dataclass(frozen=True, slots=True)
class Line:
    """One value: its key, what it is (never a secret), where it came from."""

    key: Safe
    value: Safe
    where: Safe


def listing(config: Config, secrets: Secrets) -> Iterator[Line]:
    """Every setting, alias and provider in use with its value and where that came from."""
    for key in SETTINGS:
        yield Line(Safe(key), safe_line(shown(getattr(config.settings, key))), config.where(key))
    for name, model in config.aliases.items():
        yield Line(say("aliases.{name}", name=safe_line(name)), safe_line(model), safe_line(str(config.file)))
    if config.favourites:
        yield Line(Safe("favourites"), safe_line(", ".join(config.favourites)), safe_line(str(config.file)))
    for name, profile in config.profiles.items():
        for protocol, url in profile.bases.items():
            if url:
                key = say("providers.{name}.{protocol}", name=safe_line(name), protocol=Safe(protocol.value))
                yield Line(key, safe_line(url), config.where(key))
        if profile.key:
            state = EMPTY if secrets.has_key(profile) else Safe(" (not set)")
            value = say("{source}{state}", source=secrets.source(profile), state=state)
            yield Line(say("providers.{name}.key", name=safe_line(name)), value, safe_line(profile.source))
