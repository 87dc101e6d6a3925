"""The fields of a provider's table, the same in `presets.toml` and under `[providers.NAME]` in the user's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from termchat.config.base_urls import invalid_reason, normalise_base_url
from termchat.config.toml_file import TomlFile, TomlTable, array, table
from termchat.core.models import ApiProtocol
from termchat.core.sanitize import Safe, safe_format, safe_line

CLOCKS = {
    "connect": "connect",
    "first": "first_content",
    "idle": "idle",
    "silent": "no_event",
}  # TOML key -> field of Timeouts
T = TypeVar("T")
PROTOCOLS = tuple(p.value for p in ApiProtocol if p is not ApiProtocol.DEMO)


class FieldType(NamedTuple):
    """The type of a field.

    words  the valid values, for an error message
    read   the parsed value, or None if a TOML value is not valid
    """

    words: Safe
    read: Callable[[object], Any]


class ProviderRow(NamedTuple):
    """A parsed table.

    fields     attributes of ProviderConfig by name
    base_urls  base URLs, repaired
    notes      one sentence for each repair
    """

    fields: Mapping[str, Any]
    base_urls: Mapping[ApiProtocol, str]
    notes: tuple[Safe, ...] = ()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _switch(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _texts(value: object) -> tuple[str, ...] | None:
    items = array(value)
    texts = [item for item in items or () if isinstance(item, str)]
    return tuple(texts) if items is not None and len(texts) == len(items) else None


def _text_set(value: object) -> frozenset[str] | None:
    texts = _texts(value)
    return None if texts is None else frozenset(texts)


def _limit(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _price_row(value: object) -> dict[str, float] | None:
    row = _table_of(_dollars)(value)
    return row if row and set(row) <= _PRICED else None


def _dollars(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9 else None


_PRICED = frozenset(("input", "output", "cached", "cache_write", "flex", "priority", "fast", "batch"))


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9 else None


def _protocol(value: object) -> ApiProtocol | None:
    return ApiProtocol(value) if value in PROTOCOLS else None


def _table_of(read: Callable[[object], T | None]) -> Callable[[object], dict[str, T] | None]:
    """A reader of tables whose values `read` accepts."""

    def read_table(value: object) -> dict[str, T] | None:
        rows = table(value)
        found = {name: inner for name, row in (rows or {}).items() if (inner := read(row)) is not None}
        return found if rows is not None and len(found) == len(rows) else None

    return read_table


def _clocks(value: object) -> dict[str, float] | None:
    seconds = _table_of(_seconds)(value)
    return None if seconds is None or not seconds.keys() <= CLOCKS.keys() else {CLOCKS[k]: seconds[k] for k in seconds}


TEXT_FIELD = FieldType(Safe("text in quotes"), _text)
SWITCH_FIELD = FieldType(Safe("true or false"), _switch)
TEXTS_FIELD = FieldType(Safe('an array of texts, for example ["a", "b"]'), _texts)
TEXT_TABLE_FIELD = FieldType(Safe('a table of texts, for example { "X-Title" = "termchat" }'), _table_of(_text))
SECONDS_FIELD = FieldType(Safe("a number of seconds above 0"), _seconds)
FIELDS: Mapping[str, FieldType] = {
    "key": TEXT_FIELD,
    "title": TEXT_FIELD,
    "model": TEXT_FIELD,
    "models": TEXTS_FIELD,
    "route": FieldType(
        safe_format(
            'a table of patterns, each with one of {names}, for example {{ "*" = "openai" }}',
            names=Safe(", ".join(PROTOCOLS)),
        ),
        _table_of(_protocol),
    ),
    "headers": TEXT_TABLE_FIELD,
    "body": FieldType(Safe("a table of extra request fields"), table),
    "max_tokens": FieldType(
        Safe('a table of patterns, each with a number above 0, for example { "*" = 8192 }'), _table_of(_limit)
    ),
    "prices": FieldType(
        Safe(
            "a table of patterns, each with US dollars per million tokens of input, output, cached, cache_write, "
            "and multiples of them for the service tiers flex, priority, fast, batch, "
            'for example { "*" = { input = 1.25, output = 10 } }'
        ),
        _table_of(_price_row),
    ),
    "quirks": FieldType(TEXTS_FIELD.words, _text_set),
    "fallback_paths": TEXTS_FIELD,
    "vendor": TEXT_FIELD,
    "proxy": TEXT_FIELD,
    "ca": TEXT_FIELD,
    "stream": SWITCH_FIELD,
    "timeouts": FieldType(safe_format("a table of seconds for {names}", names=Safe(", ".join(CLOCKS))), _clocks),
    "key_page": TEXT_FIELD,
    "status_page": TEXT_FIELD,
    "credit_page": TEXT_FIELD,
    "local": SWITCH_FIELD,
}
# TOML keys whose attribute of ProviderConfig has a longer name.
_ATTRIBUTES = {"ca": "ca_file", "body": "extra_body"}


def read_row(source: TomlFile, keys: tuple[str, ...], row: TomlTable) -> ProviderRow:
    """Parse a provider's table; `keys` is its path in the file, for errors. Raises ConfigError."""
    fields: dict[str, Any] = {}
    base_urls: dict[ApiProtocol, str] = {}
    notes: list[Safe] = []
    for name, value in row.items():
        if name in PROTOCOLS:
            protocol = ApiProtocol(name)
            base_urls[protocol], repairs = _base_url(source, (*keys, name), value, protocol)
            notes += repairs
        elif name in FIELDS:
            fields[_ATTRIBUTES.get(name, name)] = read_field(source, (*keys, name), value, FIELDS[name])
        else:
            raise source.unknown_key((*keys, name), (*PROTOCOLS, *FIELDS))
    return ProviderRow(fields, base_urls, tuple(notes))


def read_field(source: TomlFile, keys: tuple[str, ...], value: object, kind: FieldType) -> Any:
    """Parse a value; `keys` is its path in the file. Raises ConfigError."""
    parsed = kind.read(value)
    if parsed is None:
        raise source.error(keys, safe_format("must be {words}", words=kind.words))
    return parsed


def _base_url(source: TomlFile, keys: tuple[str, ...], value: object, protocol: ApiProtocol) -> tuple[str, list[Safe]]:
    if not isinstance(value, str):
        raise source.error(keys, safe_format('must be a base URL in quotes, for example "https://api.example.com/v1"'))
    url, repairs = normalise_base_url(value, protocol)
    if why := invalid_reason(url):
        raise source.error(keys, safe_format("is not a base URL: {why}", why=why))
    place = safe_line(".".join(keys[-2:]))
    return url, [safe_format("{place}: {repair}", place=place, repair=repair) for repair in repairs]
