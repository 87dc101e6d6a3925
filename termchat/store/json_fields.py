"""Read foreign or damaged JSON: each access names the type it expects.

Every function raises InvalidRecord on a value of another type, with a message for the user.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias, cast

Raw: TypeAlias = Mapping[str, Any]
_LARGEST = 1e12  # a time in seconds, or an amount of money


class InvalidRecord(ValueError):  # noqa: N818 - names the record, not the error
    """A record that cannot be read; the message gives the reason."""


def record(value: object) -> Raw:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise InvalidRecord("not an object")
    return cast("Raw", value)


def inner(raw: Raw, key: str) -> Raw:
    """Return a JSON object inside another, an empty one when it is missing or null."""
    value = raw.get(key)
    return {} if value is None else record(value)


def text(raw: Raw, key: str, default: str | None = None) -> str:
    """Return a text; `default`, unless it is None, for null or a missing text."""
    value = raw.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise InvalidRecord(f"{key} is not text")
    return value


def flag(raw: Raw, key: str) -> bool:
    return raw.get(key) is True


def whole(raw: Raw, key: str) -> int:
    """Return an integer, 0 if missing."""
    value = raw.get(key) or 0
    if not isinstance(value, int):
        raise InvalidRecord(f"{key} is not a number")
    return value


def number(raw: Raw, key: str, default: float) -> float:
    """Return a number, `default` if missing."""
    value = raw.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) > _LARGEST:
        raise InvalidRecord(f"{key} is not a number")
    return float(value)


def decimal(raw: Raw, key: str) -> Decimal | None:
    """Return a decimal number written as a text, None if missing."""
    value = raw.get(key)
    if value is None:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise InvalidRecord(f"{key} is not a number") from error
    if not amount.is_finite() or not -_LARGEST <= amount <= _LARGEST:  # `abs` would overflow
        raise InvalidRecord(f"{key} is not a number")
    return amount


def items(raw: Raw, key: str) -> Iterator[Any]:
    """Return the items of a list; no items if the list is missing."""
    value: object = raw.get(key) or []
    if not isinstance(value, list):
        raise InvalidRecord(f"{key} is not a list")
    return iter(cast("list[Any]", value))
