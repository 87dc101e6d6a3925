"""Load the providers: environment variables of the vendors override the config file, which overrides the presets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from termchat.config.base_urls import invalid_reason, is_unencrypted, normalise_base_url, ollama_url
from termchat.config.provider_fields import ProviderRow, read_row
from termchat.config.toml_file import ConfigError, TomlFile, TomlTable, read_toml, table
from termchat.core.errors import Failure
from termchat.core.models import ApiProtocol, ProviderConfig
from termchat.core.redact import redact_url
from termchat.core.sanitize import Safe, safe_format, safe_line

PRESETS = Path(__file__).parent.parent / "providers" / "presets.toml"
VENDORS = ("openai", "anthropic", "gemini")
_BASE_VARIABLES = {
    "OPENAI_BASE_URL": ("openai", ApiProtocol.CHAT),
    "ANTHROPIC_BASE_URL": ("anthropic", ApiProtocol.ANTHROPIC),
    "GOOGLE_GEMINI_BASE_URL": ("gemini", ApiProtocol.GEMINI),
}
_OLLAMA = "OLLAMA_HOST"  # of Ollama's server and clients; the file overrides it, since it is not termchat's own


class LoadedProviders(NamedTuple):
    """The loaded providers, in the order in which a default is chosen, with sentences to show once."""

    by_name: Mapping[str, ProviderConfig]
    notes: tuple[Safe, ...]
    origins: Mapping[str, Safe]  # `providers.NAME.PROTOCOL` -> source of that base URL


@cache
def presets() -> Mapping[str, ProviderConfig]:
    """The providers that termchat knows, by name."""
    source = read_toml(PRESETS)
    made = {name: _preset(source, name, table(row) or {}) for name, row in source.table.items()}
    return {name: _with_limits(provider, made["anthropic"]) for name, provider in made.items()}


def load_providers(source: TomlFile, env: Mapping[str, str]) -> LoadedProviders:
    """Load the providers of a config file and an environment. Raises ConfigError."""
    rows = {name: read_row(source, ("providers", name), row) for name, row in _rows(source)}
    found = {name: _overridden(source, name, row) for name, row in rows.items()}
    notes = [note for row in rows.values() for note in row.notes]
    keys = [("providers", name, protocol.value) for name, row in rows.items() for protocol in row.base_urls]
    origins = {".".join(key): source.location(*key) for key in keys}
    for name in (*VENDORS, *presets()):
        found.setdefault(name, presets()[name])
    for variable, (name, protocol) in _BASE_VARIABLES.items():
        if value := env.get(variable, "").strip():
            url, repairs = _from_variable(variable, value, protocol)
            notes += repairs
            found[name] = _with_base(found[name], protocol, url, rows.get(name))
            origins[f"providers.{name}.{protocol.value}"] = safe_line(variable)
    if (value := env.get(_OLLAMA, "").strip()) and not (rows.get("ollama") and rows["ollama"].base_urls):
        if url := ollama_url(value):
            found["ollama"] = replace(found["ollama"], base_urls={ApiProtocol.CHAT: url})
            origins[f"providers.ollama.{ApiProtocol.CHAT.value}"] = safe_line(_OLLAMA)
        else:
            given = safe_line(redact_url(value))
            notes.append(safe_format("OLLAMA_HOST is ignored: {given} is no host:port and no URL.", given=given))
    return LoadedProviders(found, (*notes, *_unencrypted_notes(found, origins)), origins)


def installed_provider(name: str, row: Mapping[str, object], place: str) -> ProviderConfig | Failure:
    """Read the settings of a provider that a package brings, as those of a `[providers.NAME]` table.

    place   the package, for errors
    """
    fields = dict(row)
    source = TomlFile(Path(place), "", {"providers": {name: fields}})
    try:
        parsed = read_row(source, ("providers", name), fields)
        made = replace(_new_provider(name, parsed), source=place)
        return _checked(source, parsed, _with_limits(made, presets()["anthropic"]))
    except ConfigError as error:
        return error.failure


def with_output_limits(provider: ProviderConfig) -> ProviderConfig:
    """Return a provider that was made at run time with the limits that its protocols require."""
    return _with_limits(provider, presets()["anthropic"])


def _preset(source: TomlFile, name: str, row: TomlTable) -> ProviderConfig:
    if "demo" in row:
        row = {k: v for k, v in row.items() if k != "demo"}
        return replace(_new_provider(name, read_row(source, (name,), row)), base_urls={ApiProtocol.DEMO: ""})
    return _new_provider(name, read_row(source, (name,), row))


def _new_provider(name: str, row: ProviderRow) -> ProviderConfig:
    return replace(ProviderConfig(name, title=name, base_urls=row.base_urls), **row.fields)


def _with_limits(provider: ProviderConfig, anthropic: ProviderConfig) -> ProviderConfig:
    if provider.max_tokens or ApiProtocol.ANTHROPIC not in provider.base_urls:
        return provider
    return replace(provider, max_tokens=anthropic.max_tokens)


def _rows(source: TomlFile) -> Iterator[tuple[str, TomlTable]]:
    rows = table(source.table.get("providers", {}))
    if rows is None:
        raise source.error(("providers",), safe_format("must be one table for each provider: [providers.NAME]"))
    for name, value in rows.items():
        keys = ("providers", name)
        if "/" in name or not name.strip() or not name.isprintable():
            raise source.error(
                keys, safe_format("is not a provider's name: it must be printable and must not contain /")
            )
        if name == "demo":
            raise source.error(keys, safe_format("is the built-in guide; choose another name"))
        if (row := table(value)) is None:
            raise source.error(keys, safe_format("must be a table: [providers.NAME]"))
        yield name, row


def _overridden(source: TomlFile, name: str, row: ProviderRow) -> ProviderConfig:
    """Override the fields of a preset that a table sets; without a preset of that name, make a new provider."""
    place = str(source.location("providers", name))
    preset = presets().get(name)
    if preset is None:
        made = _with_limits(replace(_new_provider(name, row), source=place), presets()["anthropic"])
    else:
        made = replace(preset, source=place, **{**row.fields, "base_urls": _bases(preset, row.base_urls)})
    return _checked(source, row, made)


def _checked(source: TomlFile, row: ProviderRow, made: ProviderConfig) -> ProviderConfig:
    keys = ("providers", made.name)
    if not made.base_urls:
        hint = safe_format('Add a line such as openai = "https://api.example.com/v1".')
        raise source.error(keys, safe_format("has no base URL"), hint)
    for pattern, protocol in row.fields.get("route", {}).items():
        if protocol not in made.base_urls:
            words = safe_format("uses {protocol}, which has no base URL", protocol=Safe(protocol.value))
            raise source.error((*keys, "route", pattern), words)
    return made


def _bases(preset: ProviderConfig, given: Mapping[ApiProtocol, str]) -> Mapping[ApiProtocol, str]:
    """The base URLs of a preset, overridden by the given ones.

    OpenAI has two protocols behind one key: Responses by default, Chat Completions at a custom base URL. A base URL
    given for one of them replaces the other one too, so that a key never goes to a server that it is not for.
    """
    if preset.name != "openai" or not given:
        return {**preset.base_urls, **given}
    others = {p: url for p, url in given.items() if p not in (ApiProtocol.CHAT, ApiProtocol.RESPONSES)}
    chat, responses = given.get(ApiProtocol.CHAT), given.get(ApiProtocol.RESPONSES)
    if responses is None and chat in (None, preset.base_urls[ApiProtocol.CHAT]):
        return {**preset.base_urls, **others}
    both = {ApiProtocol.CHAT: chat or responses or "", ApiProtocol.RESPONSES: responses or chat or ""}
    first = ApiProtocol.RESPONSES if responses is not None else ApiProtocol.CHAT
    return {first: both[first], **both, **others}


def _with_base(provider: ProviderConfig, protocol: ApiProtocol, url: str, row: ProviderRow | None) -> ProviderConfig:
    """Override the base URL of one protocol, as an environment variable does."""
    given: dict[ApiProtocol, str] = {**(row.base_urls if row else {}), protocol: url}
    return replace(provider, base_urls=_bases(presets()[provider.name], given))


def _from_variable(variable: str, value: str, protocol: ApiProtocol) -> tuple[str, list[Safe]]:
    url, repairs = normalise_base_url(value, protocol)
    if why := invalid_reason(url):
        raise ConfigError(
            safe_format("{variable} is not a base URL: {why}.", variable=safe_line(variable), why=why),
            safe_format("For example: {variable}=https://api.example.com/v1", variable=safe_line(variable)),
        )
    return url, [safe_format("{variable}: {repair}", variable=safe_line(variable), repair=repair) for repair in repairs]


def _unencrypted_notes(found: Mapping[str, ProviderConfig], origins: Mapping[str, Safe]) -> Iterator[Safe]:
    """Yield one sentence for each server that a key would reach unencrypted."""
    for provider in found.values():
        if origins.get(f"providers.{provider.name}.{ApiProtocol.CHAT.value}") == _OLLAMA and not provider.key:
            continue  # it was chosen for all programs that use Ollama, and termchat may not use it at all
        urls = sorted({url for url in provider.base_urls.values() if is_unencrypted(url)})
        for url in urls:
            yield safe_format(
                "{name} is reached over unencrypted http://: {url}",
                name=safe_line(provider.name),
                url=safe_line(redact_url(url)),
            )
