"""`termchat config`: list every setting with its value and source."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import typer

from termchat.app.options import resolve_theme, usage_error
from termchat.cli.command import require_config, run_typer
from termchat.cli.print_table import Column, Fit, print_table, terminal_width
from termchat.config.credentials import Credentials
from termchat.config.load import Config
from termchat.config.providers import VENDORS, presets
from termchat.config.settings import SETTINGS, format_value
from termchat.core.errors import Failure
from termchat.core.models import ProviderConfig
from termchat.core.redact import redact_url
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line
from termchat.ui.stderr import print_stdout

_KEY_WIDTH = 28  # characters, in a pipe
_MIN_TABLE_WIDTH = 80  # columns; a narrower table would fold every value


class ConfigLine(NamedTuple):
    """One value: its key, its text (never a secret), its source."""

    key: Safe
    value: Safe
    where: Safe

    def __str__(self) -> Safe:
        return safe_format("{key} = {text}", key=Safe(self.key.ljust(_KEY_WIDTH)), text=self.text)

    @property
    def text(self) -> Safe:
        """The value and its source."""
        return safe_format("{value}  ({where})", value=self.value or Safe("not set"), where=self.where)


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat config`, run it and return its exit code."""
    return run_typer(print_settings, arguments, "termchat config", env)


def print_settings(context: typer.Context) -> None:
    """List every setting with its value and source."""
    loaded = require_config(context)
    _print(config_lines(loaded, Credentials(context.obj)))
    theme = resolve_theme(loaded, context.obj)
    if isinstance(theme, Failure):
        raise typer.Exit(usage_error(theme, None))


def _print(lines: Iterable[ConfigLine]) -> None:
    """Print a table on a terminal with room for one; otherwise, and in a pipe, `key = value  (source)`."""
    if sys.stdout.isatty() and terminal_width() >= _MIN_TABLE_WIDTH:
        print_table((Column(), Column(fit=Fit.FOLD)), ((line.key, line.text) for line in lines))
    else:
        print_stdout("".join(f"{line}\n" for line in lines))


def config_lines(config: Config, credentials: Credentials) -> Iterator[ConfigLine]:
    """Yield every setting, alias and changed key, the providers in use, and the key variable of every provider."""
    for key in SETTINGS:
        yield ConfigLine(Safe(key), safe_line(format_value(getattr(config.settings, key))), config.origin(key))
    for name, model in config.aliases.items():
        yield ConfigLine(
            safe_format("aliases.{name}", name=safe_line(name)), safe_line(model), safe_line(str(config.file))
        )
    if config.favourites:
        yield ConfigLine(Safe("favourites"), safe_line(", ".join(config.favourites)), safe_line(str(config.file)))
    for binding in config.keys.bindings:
        if binding.action in config.keys.changed:
            key, names = safe_format("keys.{action}", action=safe_line(binding.action)), binding.names
            yield ConfigLine(key, names or Safe("none"), config.origin(key))
    for provider in config.providers.values():
        if _in_use(provider, credentials):
            yield from _base_urls(provider, config)
        if provider.key:
            yield _key(provider, credentials)


def _in_use(provider: ProviderConfig, credentials: Credentials) -> bool:
    """True if a provider is the user's, belongs to a vendor, or has a key; of other presets only the key is listed."""
    if provider.name in VENDORS or provider != presets().get(provider.name):
        return True
    return bool(provider.key) and not provider.local and credentials.has_key(provider)


def _base_urls(provider: ProviderConfig, config: Config) -> Iterator[ConfigLine]:
    name = safe_line(provider.name)
    for protocol, url in provider.base_urls.items():
        key = safe_format("providers.{name}.{protocol}", name=name, protocol=Safe(protocol.value))
        yield ConfigLine(key, safe_line(redact_url(url)), config.origin(key))


def _key(provider: ProviderConfig, credentials: Credentials) -> ConfigLine:
    """The source of a provider's key, never the key."""
    state = Safe(" (optional)") if provider.local else EMPTY if credentials.has_key(provider) else Safe(" (not set)")
    value = safe_format("{source}{state}", source=credentials.source(provider), state=state)
    return ConfigLine(
        safe_format("providers.{name}.key", name=safe_line(provider.name)), value, safe_line(provider.source)
    )
