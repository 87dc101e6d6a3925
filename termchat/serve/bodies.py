"""JSON bodies of requests, bounded, and typed access to their fields."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from starlette.requests import Request as HttpRequest

from termchat.core.numbers import whole_number
from termchat.core.sanitize import repair_surrogates
from termchat.serve.faults import FaceError, Fault, bad_request

MOST_BYTES = 64 << 20  # pictures and documents, in Base64
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD]")
Fields = Mapping[str, Any]


async def read_object(request: HttpRequest) -> Fields:
    """Read the body of a request. Raises FaceError; ClientDisconnect if it never comes."""
    body = await read_bytes(request, MOST_BYTES)
    try:
        value: object = json.loads(body, parse_constant=_refuse_constant, parse_float=_finite)
        if _ESCAPED_SURROGATE.search(body):
            value = _repaired(value)
    except (ValueError, RecursionError):
        raise bad_request("The body is not JSON in UTF-8.") from None
    return required_object(value, "the body")


async def read_bytes(request: HttpRequest, most: int) -> bytes:
    """Read the body of a request, up to a size in bytes. Raises FaceError; ClientDisconnect if it never comes."""
    declared = request.headers.get("content-length", "0")
    if (whole_number(declared) or 0) > most:
        raise FaceError(_too_large(most))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise FaceError(_too_large(most))
    return bytes(body)


def _refuse_constant(name: str) -> object:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(name)


def _finite(number: str) -> float:
    """Refuse a number that Python reads as infinite, and would write as what is no JSON."""
    value = float(number)
    if math.isinf(value):
        raise ValueError(number)
    return value


def _repaired(value: object) -> object:
    """Return a value without lone surrogates, which no vendor takes and no answer can repeat."""
    if isinstance(value, str):
        return repair_surrogates(value)
    if isinstance(value, list):
        return [_repaired(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {repair_surrogates(name): _repaired(item) for name, item in cast("dict[str, object]", value).items()}
    return value


def _too_large(most: int) -> Fault:
    size = f"{most >> 20} MB" if most >> 20 else f"{most >> 10} kB"
    return Fault(413, f"The body is larger than {size}.")


def required_object(value: object, name: str) -> Fields:
    """Return a value that must be an object. Raises FaceError."""
    if not isinstance(value, dict):
        raise bad_request(f"{name} must be an object.")
    return cast("Fields", value)


def object_of(fields: Fields, name: str) -> Fields | None:
    """Return a field that is an object or absent. Raises FaceError."""
    value: object = fields.get(name)
    return None if value is None else required_object(value, name)


def list_of(fields: Fields, name: str) -> Sequence[object]:
    """Return a field that is a list or absent. Raises FaceError."""
    value: object = fields.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise bad_request(f"{name} must be a list.")
    return cast("Sequence[object]", value)


def text_of(fields: Fields, name: str, default: str = "") -> str:
    """Return a field that is a text or absent. Raises FaceError."""
    value: object = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise bad_request(f"{name} must be a text.")
    return repair_surrogates(value)


def float_of(fields: Fields, name: str) -> float | None:
    """Return a field that is a number or absent. Raises FaceError."""
    value: object = fields.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise bad_request(f"{name} must be a number.")
    if isinstance(value, float) and not math.isfinite(value):  # such as 1e999
        raise bad_request(f"{name} must be a number.")
    return value


def count_of(fields: Fields, name: str, least: int = 1) -> int | None:
    """Return a field that is a whole number or absent. Raises FaceError."""
    value: object = fields.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
        raise bad_request(f"{name} must be a whole number of at least {least}.")
    return value


def flag_of(fields: Fields, name: str) -> bool:
    """Return a field that is true, false or absent. Raises FaceError."""
    value: object = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad_request(f"{name} must be true or false.")
    return bool(value)


def refuse(fields: Fields, *names: str) -> None:
    """Refuse a request with a field that would change the reply and that is not supported. Raises FaceError."""
    for name in names:
        if fields.get(name) not in (None, False, [], {}):
            raise bad_request(f"{name} is not supported.")
