"""Types of settings: each parses the values that TOML, environment variables, flags and `/set` give."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import NoneType, UnionType
from typing import NamedTuple, Protocol, TypeAlias, cast, get_args

from termchat.core.numbers import finite_number, whole_number
from termchat.core.usage import OFF, parse_amount

Value: TypeAlias = "str | int | float | bool | StrEnum | tuple[str, ...] | None"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


class SettingType(Protocol):
    """A type of setting.

    words    the valid values, for an error message
    choices  the values that completion offers
    read     the parsed value, or None if `raw` is not valid; TOML gives typed values, everything else text
    """

    @property
    def words(self) -> str: ...
    @property
    def choices(self) -> Sequence[str]: ...
    def read(self, raw: object) -> Value: ...


class TextType(NamedTuple):
    """Any text."""

    words: str = "text"
    choices: tuple[str, ...] = ()

    def read(self, raw: object) -> Value:
        return raw if isinstance(raw, str) else None


class ChoiceType(NamedTuple):
    """One value of an enum."""

    options: type[StrEnum]

    @property
    def words(self) -> str:
        return "one of " + ", ".join(self.choices)

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(option.value for option in self.options)

    def read(self, raw: object) -> Value:
        # People write true and false for on and off.
        word = {True: "on", False: "off"}.get(raw, "") if isinstance(raw, bool) else raw
        try:
            return self.options(word)  # the enum may accept another name
        except ValueError:
            return None


class ChoiceOrCommandType(NamedTuple):
    """One of `choices`, or `cmd` and a command with its arguments, which runs without a shell."""

    choices: tuple[str, ...]

    @property
    def words(self) -> str:
        return "one of " + ", ".join(self.choices) + ", or cmd and a command"

    def read(self, raw: object) -> Value:
        word = "off" if raw is False else raw
        if not isinstance(word, str):
            return None
        return word if word in self.choices or command_of(word) else None


def command_of(text: str) -> list[str]:
    """The command and its arguments after `cmd `, empty if there is none."""
    prefix, _, command = text.partition(" ")
    try:
        return shlex.split(command) if prefix == "cmd" else []
    except ValueError:  # an unclosed quotation
        return []


class IntegerType(NamedTuple):
    """A whole number of at least `least`."""

    least: int = 0
    choices: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return f"a whole number, {self.least} or more"

    def read(self, raw: object) -> Value:
        if isinstance(raw, str):
            raw = whole_number(raw)
        if isinstance(raw, bool) or not isinstance(raw, int):
            return None
        return raw if self.least <= raw < 10**18 else None


class SecondsType(NamedTuple):
    """A positive number of seconds."""

    words: str = "a number of seconds above 0"
    choices: tuple[str, ...] = ()

    def read(self, raw: object) -> Value:
        number = finite_number(raw)
        return number if number is not None and number > 0 else None


class NumberType(NamedTuple):
    """A number from 0 to `most`."""

    most: float
    choices: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return f"a number from 0 to {self.most:g}"

    def read(self, raw: object) -> Value:
        number = finite_number(raw)
        return number if number is not None and 0 <= number <= self.most else None


class MoneyType(NamedTuple):
    """An amount in US dollars, kept as text; `off` is no limit, even if the configuration has one."""

    words: str = "an amount in US dollars, such as 2.50, or off"
    choices: tuple[str, ...] = ("off",)

    def read(self, raw: object) -> Value:
        if raw is False or raw == OFF:
            return OFF
        text = f"{raw:f}" if isinstance(raw, float) else str(raw) if isinstance(raw, str | int) else ""
        amount = None if isinstance(raw, bool) else parse_amount(text)
        return None if amount is None else f"{amount:f}"


class TextListType(NamedTuple):
    """A list of texts: one text, or a list in the syntax that JSON and TOML share."""

    words: str = 'a text, or a list such as ["END", "\\n\\n"]'
    choices: tuple[str, ...] = ()

    def read(self, raw: object) -> Value:
        if isinstance(raw, str):
            raw = _listed(raw) if raw.startswith("[") else [raw]
        if not isinstance(raw, list | tuple):
            return None
        texts = tuple(cast("Sequence[object]", raw))
        return tuple(text for text in texts if isinstance(text, str)) if all(map(_is_text, texts)) else None


class NamesType(NamedTuple):
    """A list of names: `a,b`, or a list in TOML."""

    words: str = "names separated by commas"
    choices: tuple[str, ...] = ()

    def read(self, raw: object) -> Value:
        if isinstance(raw, str):
            raw = [name.strip() for name in raw.split(",")]
        if not isinstance(raw, list | tuple):
            return None
        names = tuple(cast("Sequence[object]", raw))
        return tuple(name for name in names if isinstance(name, str)) if all(map(_is_text, names)) else None


class SubsetType(NamedTuple):
    """Some values of an enum: `a,b`, a list in TOML, or `none`."""

    options: type[StrEnum]

    @property
    def words(self) -> str:
        return f"names separated by commas: {', '.join(self.choices)}"

    @property
    def choices(self) -> tuple[str, ...]:
        return (*(option.value for option in self.options), "none")

    def read(self, raw: object) -> Value:
        names = NamesType().read(raw)
        if names == ("none",):
            return ()
        return names if isinstance(names, tuple) and {*names} <= {*self.choices[:-1]} else None


class BooleanType(NamedTuple):
    """True or false."""

    words: str = "true or false"
    choices: tuple[str, ...] = ("true", "false")

    def read(self, raw: object) -> Value:
        if isinstance(raw, bool):
            return raw
        if not isinstance(raw, str):
            return None
        word = raw.lower()
        return True if word in _TRUE else False if word in _FALSE else None


_BY_ANNOTATION: Mapping[object, SettingType] = {
    bool: BooleanType(),
    int: IntegerType(),
    str: TextType(),
    tuple[str, ...]: TextListType(),
}


def type_of(annotation: object) -> SettingType:
    """The type of a setting by its annotation; `| None` (not set) is ignored.

    Raises TypeError for an annotation that needs an explicit type, such as float, whose range is unknown.
    """
    inner = [kind for kind in get_args(annotation) if kind is not NoneType] if isinstance(annotation, UnionType) else []
    kind = inner[0] if len(inner) == 1 else annotation
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ChoiceType(kind)
    if kind not in _BY_ANNOTATION:
        raise TypeError(f"a setting with the annotation {annotation} needs an explicit type")
    return _BY_ANNOTATION[kind]


def _listed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""
