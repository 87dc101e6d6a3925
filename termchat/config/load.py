"""Load the configuration: flags override the environment, which overrides the file, which overrides defaults.

load_config(env)                        the Config, or a Failure that names file, line, key and the valid values
config.with_flags({"think": "high"})    the same Config with the values of the command line
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from termchat.config.bounded_read import is_open_to_others
from termchat.config.credentials import is_reference
from termchat.config.mcp_servers import inline_secrets, load_servers
from termchat.config.paths import Paths, paths
from termchat.config.providers import load_providers
from termchat.config.setting_types import Value
from termchat.config.settings import SETTINGS, Setting, Settings, with_values
from termchat.config.toml_file import ConfigError, TomlFile, array, did_you_mean, read_toml, table
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import McpServer, ProviderConfig
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.late_dataclass import dataclass

if TYPE_CHECKING:
    from termchat.config.keys.key_bindings import KeyMap

_TABLES = ("providers", "aliases", "favourites", "fallback", "keys", "mcp")


@dataclass(frozen=True, slots=True)
class Config:
    """The loaded configuration.

    providers   the file's providers in its order, then openai, anthropic, gemini, then the other presets
    paths       the directories of termchat
    file        the config file, which may not exist
    aliases     alias -> model
    favourites  models, in the order of the file
    fallback    model -> models that replace it when it cannot answer
    mcp         MCP servers by name, in the order of the file
    own_keys    the keys of all actions if the user chose some, else None
    notes       sentences to show once: repaired base URLs, servers reached unencrypted
    origins     source of each setting, key and base URL that differs from its default
    """

    settings: Settings
    providers: Mapping[str, ProviderConfig]
    paths: Paths
    file: Path
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    favourites: tuple[str, ...] = ()
    fallback: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    mcp: Mapping[str, McpServer] = field(default_factory=dict[str, McpServer])
    own_keys: KeyMap | None = None
    notes: tuple[Safe, ...] = ()
    origins: Mapping[str, Safe] = field(default_factory=dict[str, Safe])

    @property
    def keys(self) -> KeyMap:
        """The keys of all actions."""
        from termchat.config.keys.key_bindings import DEFAULT_KEYS  # scripts need no keys

        return self.own_keys or DEFAULT_KEYS

    def origin(self, key: str) -> Safe:
        """The source of a setting (or of `providers.NAME.PROTOCOL`): `path:line`, a variable, a flag, or `default`."""
        return self.origins.get(key, Safe("default"))

    def with_flags(self, flags: Mapping[str, object]) -> Config | Failure:
        """Override settings by flags: setting -> value or text; None is a flag that was not given."""
        given = {key: raw for key, raw in flags.items() if raw is not None}
        names = {key: Safe(SETTINGS[key].flag or "--set") for key in given if key in SETTINGS}
        return self._with(given, names, names)

    def with_assignments(self, pairs: Sequence[str]) -> Config | Failure:
        """Override settings by the `KEY=VALUE` pairs of `--set`; a later pair overrides an earlier one."""
        given: dict[str, str] = {}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            if not equals:
                words = safe_format("--set takes KEY=VALUE, not {pair}.", pair=safe_line(f'"{pair[:60]}"'))
                return Failure(FailureKind.BAD_CONFIG, words, did_you_mean(key.strip(), SETTINGS))
            given[key.strip()] = value
        names = {key: safe_format("--set {key}", key=safe_line(key)) for key in given}
        return self._with(given, names, dict.fromkeys(given, Safe("--set")))

    def with_value(self, key: str, raw: object) -> Config | Failure:
        """Override one setting while termchat runs, as `/set` does."""
        return self._with({key: raw}, {key: safe_line(key)}, {key: Safe("/set")})

    def _with(
        self, given: Mapping[str, object], names: Mapping[str, Safe], origins: Mapping[str, Safe]
    ) -> Config | Failure:
        """Override settings; `names` are their names in an error message, `origins` their sources."""
        values: dict[str, Value] = {}
        for key, raw in given.items():
            if key not in SETTINGS:
                words = safe_format("There is no setting {key}.", key=safe_line(key))
                return Failure(FailureKind.BAD_CONFIG, words, did_you_mean(key, SETTINGS))
            value = SETTINGS[key].kind.read(raw)
            if value is None:
                return _refused(names[key], SETTINGS[key], raw)
            values[key] = value
        return replace(self, settings=with_values(self.settings, values), origins={**self.origins, **origins})


def load_config(env: Mapping[str, str], path: Path | None = None) -> Config | Failure:
    """Load the configuration of an environment; `path` replaces the config file that the environment names."""
    directories = paths(env)
    try:
        return _load(env, directories, read_toml(path or directories.config_file))
    except ConfigError as error:
        return error.failure


def _load(env: Mapping[str, str], directories: Paths, source: TomlFile) -> Config:
    for key in source.table:
        if key not in SETTINGS and key not in _TABLES:
            raise source.unknown_key((key,), (*SETTINGS, *_TABLES))
    found = load_providers(source, env)
    servers = load_servers(source)
    _check_file_mode(source, servers.by_name)
    config = Config(
        Settings(),
        found.by_name,
        directories,
        source.path,
        aliases=_aliases(source),
        favourites=_favourites(source),
        fallback=_fallback(source),
        mcp=servers.by_name,
        notes=(*found.notes, *servers.notes),
    )
    values: dict[str, Value] = {}
    origins: dict[str, Safe] = dict(found.origins)
    if "keys" in source.table:
        from termchat.config.keys.user_keys import key_origins, load_keys

        config = replace(config, own_keys=load_keys(source))
        origins |= key_origins(source)
    for key, value, origin in (*_from_file(source), *_from_env(env)):
        values[key], origins[key] = value, origin
    return replace(config, settings=with_values(config.settings, values), origins=origins)


def _from_file(source: TomlFile) -> Iterator[tuple[str, Value, Safe]]:
    for key, setting in SETTINGS.items():
        if key not in source.table:
            continue
        value = setting.kind.read(source.table[key])
        if value is None:
            raise source.error((key,), safe_format("must be {words}", words=safe_line(setting.kind.words)))
        yield key, value, source.location(key)


def _from_env(env: Mapping[str, str]) -> Iterator[tuple[str, Value, Safe]]:
    """Yield the settings that environment variables set; an empty variable counts as not set."""
    for key, setting in SETTINGS.items():
        raw = env.get(setting.env, "").strip() if setting.env else ""
        if not raw:
            continue
        value = setting.kind.read(raw)
        if value is None:
            failure = _refused(safe_line(setting.env), setting, raw)
            raise ConfigError(failure.message, failure.hint)
        yield key, value, safe_line(setting.env)


def _refused(name: Safe, setting: Setting, raw: object) -> Failure:
    words = safe_format("{name} must be {words}, not {raw}.", name=name, words=safe_line(setting.kind.words),
                raw=safe_line(f'"{str(raw)[:60]}"'))  # fmt: skip
    return Failure(
        FailureKind.BAD_CONFIG,
        words,
        safe_format("{name}: {help}", name=safe_line(setting.key), help=safe_line(setting.help)),
    )


def _aliases(source: TomlFile) -> Mapping[str, str]:
    rows = table(source.table.get("aliases", {}))
    if rows is None:
        raise source.error(
            ("aliases",), safe_format('must be a table: [aliases], then rows such as fast = "openai/gpt-6.1-sol"')
        )
    for name, model in rows.items():
        if not isinstance(model, str) or not model.strip("/ "):
            raise source.error(("aliases", name), safe_format("must be the name of a model in quotes"))
    return {name: str(model) for name, model in rows.items()}


def _favourites(source: TomlFile) -> tuple[str, ...]:
    models = array(source.table.get("favourites", []))
    if models is None or not all(isinstance(model, str) for model in models):
        raise source.error(("favourites",), safe_format('must be an array of models, such as ["openai/gpt-6.1-sol"]'))
    return tuple(str(model) for model in models)


def _fallback(source: TomlFile) -> Mapping[str, tuple[str, ...]]:
    """Model -> the models that replace it, in this order, when it cannot answer."""
    rows = table(source.table.get("fallback", {}))
    words = safe_format('must be a table: [fallback], then rows such as "openai/gpt-6.1-sol" = ["openai/gpt-6-luna"]')
    if rows is None:
        raise source.error(("fallback",), words)
    chains: dict[str, tuple[str, ...]] = {}
    for model, others in rows.items():
        names = array(others)
        if names is None or not all(isinstance(name, str) for name in names):
            raise source.error(
                ("fallback", model), safe_format('must be an array of models, such as ["openai/gpt-6.1-sol"]')
            )
        chains[model] = tuple(str(name) for name in names)
    return chains


def _check_file_mode(source: TomlFile, servers: Mapping[str, McpServer]) -> None:
    """Refuse a file that contains a key and that other users can read."""
    rows = table(source.table.get("providers", {})) or {}
    inline: list[tuple[str, ...]] = [
        ("providers", name, "key") for name, row in rows.items() if _is_key((table(row) or {}).get("key", ""))
    ]
    inline += inline_secrets(servers)
    if not inline or not is_open_to_others(source.path):
        return
    words = safe_format("contains a key, and others can read the file")
    raise source.error(inline[0], words, safe_format("Run: chmod 600 {path}", path=safe_line(str(source.path))))


def _is_key(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and not is_reference(value)
