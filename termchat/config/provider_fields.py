"""The schema of a provider's row, the same in `presets.toml` and under `[providers.NAME]` in the user's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeGuard

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
PROTOCOLS = tuple(p.value for p in ApiProtocol if p is not ApiProtocol.DEMO)


class FieldType(NamedTuple):
    """What a field may hold: in words, and as a check that gives the value or None."""

    words: Safe
    read: Callable[[object], Any]


class ProviderRow(NamedTuple):
    """A row that was read: fields of `Profile` by name, base URLs apart, and what was repaired in them."""

    fields: Mapping[str, Any]
    bases: Mapping[ApiProtocol, str]
    notes: tuple[Safe, ...] = ()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _switch(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _texts(value: object) -> tuple[str, ...] | None:
    items = array(value)
    texts = [item for item in items or () if isinstance(item, str)]
    return tuple(texts) if items is not None and len(texts) == len(items) else None


def _words(value: object) -> frozenset[str] | None:
    texts = _texts(value)
    return None if texts is None else frozenset(texts)


def _headers(value: object) -> dict[str, str] | None:
    rows = table(value)
    texts = {k: v for k, v in (rows or {}).items() if isinstance(v, str)}
    return texts if rows is not None and len(texts) == len(rows) else None


def _limits(value: object) -> dict[str, int] | None:
    rows = table(value)
    limits = {k: v for k, v in (rows or {}).items() if isinstance(v, int) and not isinstance(v, bool) and v > 0}
    return limits if rows is not None and len(limits) == len(rows) else None


def _clocks(value: object) -> dict[str, float] | None:
    rows = table(value)
    clocks = {CLOCKS[k]: float(v) for k, v in (rows or {}).items() if k in CLOCKS and _is_seconds(v)}
    return clocks if rows is not None and len(clocks) == len(rows) else None


def _is_seconds(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9


def _route(value: object) -> dict[str, ApiProtocol] | None:
    rows = table(value)
    route = {k: ApiProtocol(v) for k, v in (rows or {}).items() if v in PROTOCOLS}
    return route if rows is not None and len(route) == len(rows) else None


_TEXT = FieldType(Safe("text in quotes"), _text)
_SWITCH = FieldType(Safe("true or false"), _switch)
_TEXTS = FieldType(Safe('an array of texts, for example ["a", "b"]'), _texts)
FIELDS: Mapping[str, FieldType] = {
    "key": _TEXT,
    "title": _TEXT,
    "model": _TEXT,
    "models": _TEXTS,
    "route": FieldType(
        safe_format(
            'a table of patterns, each with one of {names}, for example {{ "*" = "openai" }}',
            names=Safe(", ".join(PROTOCOLS)),
        ),
        _route,
    ),
    "headers": FieldType(Safe('a table of texts, for example { "X-Title" = "termchat" }'), _headers),
    "body": FieldType(Safe("a table of extra request fields"), table),
    "max_tokens": FieldType(
        Safe('a table of patterns, each with a number above 0, for example { "*" = 8192 }'), _limits
    ),
    "quirks": FieldType(_TEXTS.words, _words),
    "fallback_paths": _TEXTS,
    "vendor": _TEXT,
    "proxy": _TEXT,
    "ca": _TEXT,
    "stream": _SWITCH,
    "timeouts": FieldType(safe_format("a table of seconds for {names}", names=Safe(", ".join(CLOCKS))), _clocks),
    "key_page": _TEXT,
    "status_page": _TEXT,
    "credit_page": _TEXT,
    "local": _SWITCH,
}


# TOML keys whose attribute of ProviderConfig has a longer name.
_ATTRIBUTES = {"ca": "ca_file", "body": "extra_body"}


def read_row(source: TomlFile, keys: tuple[str, ...], row: TomlTable) -> ProviderRow:
    """One provider's row; `keys` is where it stands. Raises ConfigError."""
    fields: dict[str, Any] = {}
    bases: dict[ApiProtocol, str] = {}
    notes: list[Safe] = []
    for name, value in row.items():
        if name in PROTOCOLS:
            protocol = ApiProtocol(name)
            bases[protocol], said = _base(source, (*keys, name), value, protocol)
            notes += said
        elif name in FIELDS:
            fields[_ATTRIBUTES.get(name, name)] = _field(source, (*keys, name), value, FIELDS[name])
        else:
            raise source.unknown_key((*keys, name), (*PROTOCOLS, *FIELDS))
    return ProviderRow(fields, bases, tuple(notes))


def _field(source: TomlFile, keys: tuple[str, ...], value: object, shape: FieldType) -> Any:
    read = shape.read(value)
    if read is None:
        raise source.error(keys, safe_format("must be {words}", words=shape.words))
    return read


def _base(source: TomlFile, keys: tuple[str, ...], value: object, protocol: ApiProtocol) -> tuple[str, list[Safe]]:
    if not isinstance(value, str):
        raise source.error(keys, safe_format('must be a base URL in quotes, for example "https://api.example.com/v1"'))
    url, said = normalise_base_url(value, protocol)
    if why := invalid_reason(url):
        raise source.error(keys, safe_format("is no base URL: {why}", why=why))
    place = safe_line(".".join(keys[-2:]))
    return url, [safe_format("{place}: {said}", place=place, said=words) for words in said]
