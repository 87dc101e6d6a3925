"""`[keys]` of the config file: the keys that the user chose for actions.

A key acts the same everywhere, so that one key belongs to one action: a key that two actions have, or that begins the
key sequence of another action, is an error that names both. Without a key for sending, stopping and leaving, termchat
could not be used; every other action may have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from termchat.config.keys.key_bindings import DEFAULT_KEYS, ESSENTIAL, KEYS, TEXT_KEYS, Action, KeyMap, make_key_map
from termchat.config.keys.key_names import KeyNameError, KeySequence, parse_keys
from termchat.config.toml_file import ConfigError, TomlFile, array, table
from termchat.core.sanitize import Safe, safe_format, safe_line

_TABLE = "keys"


def load_keys(source: TomlFile) -> KeyMap:
    """Return the keys of all actions. Raises ConfigError for an unknown action or key, and for a conflict."""
    rows = table(source.table.get(_TABLE, {}))
    if rows is None:
        raise source.error((_TABLE,), safe_format('must be a table: [keys], then rows such as retry = "alt-x"'))
    names: dict[Action, str] = {}
    chosen: dict[Action, tuple[KeySequence, ...]] = {}
    for name, value in rows.items():
        action = _action(source, name)
        if action in names:
            words = safe_format("is the same action as {other}", other=safe_line(names[action]))
            raise source.error((_TABLE, name), words)
        names[action], chosen[action] = name, _sequences(source, name, action, value)
    if not chosen:
        return DEFAULT_KEYS
    bindings = tuple(replace(binding, keys=chosen.get(binding.action, binding.keys)) for binding in KEYS)
    _refuse_missing(source, names, chosen)
    _refuse_conflicts(source, names, {binding.action: binding.keys for binding in bindings})
    default = {binding.action: binding.keys for binding in KEYS}
    return make_key_map(bindings, frozenset(action for action, keys in chosen.items() if keys != default[action]))


def key_origins(source: TomlFile) -> Mapping[str, Safe]:
    """Return the place of each row: `keys.retry` -> `path:line`."""
    rows = table(source.table.get(_TABLE, {})) or {}
    return {f"{_TABLE}.{name.replace('_', '-')}": source.location(_TABLE, name) for name in rows}


def _action(source: TomlFile, name: str) -> Action:
    try:
        return Action(name.replace("_", "-"))
    except ValueError:
        raise source.unknown_key((_TABLE, name), tuple(Action)) from None


def _sequences(source: TomlFile, name: str, action: Action, value: object) -> tuple[KeySequence, ...]:
    """Return the keys of a row; none for "", [] and false."""
    wanted = array(value)
    if wanted is None:
        wanted = [] if value is False or value == "" else [value]
    found: list[KeySequence] = []
    for text in wanted:
        if not isinstance(text, str):
            words = safe_format('must be a key such as "alt-r", an array of keys, or "" for none')
            raise source.error((_TABLE, name), words)
        try:
            keys = parse_keys(text, text_keys=TEXT_KEYS.get(action, ""))
        except KeyNameError as error:
            raise source.error((_TABLE, name), error.problem, error.hint) from None
        if keys not in found:
            found.append(keys)
    return tuple(found)


def _refuse_missing(
    source: TomlFile, names: Mapping[Action, str], chosen: Mapping[Action, Sequence[KeySequence]]
) -> None:
    for action in ESSENTIAL:
        if action in chosen and not chosen[action]:
            usual = next(binding.label for binding in KEYS if binding.action is action)
            hint = safe_format("Remove the line for its usual key, {key}.", key=usual)
            raise source.error((_TABLE, names[action]), safe_format("needs a key"), hint)


def _refuse_conflicts(
    source: TomlFile, names: Mapping[Action, str], keys: Mapping[Action, Sequence[KeySequence]]
) -> None:
    """Refuse a key of a chosen action that another action has, or that begins one of its sequences."""
    for action in names:
        for other in keys:
            for mine in keys[action]:
                for its in keys[other]:
                    if mine is not its and (mine.begins(its) or its.begins(mine)):
                        raise _conflict(source, names[action], mine, other, its)


def _conflict(source: TomlFile, name: str, mine: KeySequence, other: Action, its: KeySequence) -> ConfigError:
    owner = safe_line(other)
    if mine.strokes == its.strokes:
        words = safe_format("cannot be {key}: that is the key of {owner}", key=mine.label, owner=owner)
    elif mine.begins(its):
        words = safe_format(
            "cannot be {key}: it begins {longer}, the key of {owner}", key=mine.label, longer=its.label, owner=owner
        )
    else:
        words = safe_format(
            "cannot be {key}: it begins with {shorter}, the key of {owner}",
            key=mine.label,
            shorter=its.label,
            owner=owner,
        )
    hint = safe_format('Choose another key, or free this one: {owner} = "".', owner=owner)
    if other in ESSENTIAL:
        hint = safe_format("Choose another key, or give {owner} another one.", owner=owner)
    return source.error((_TABLE, name), words, hint)
