"""Derive a JSON Schema from a function's annotations, and check a model's arguments against it.

Schemas use the subset that every protocol accepts: an object at the root, plain types, `required` listed, no `$ref`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

Schema = dict[str, Any]
_TYPES: Mapping[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def parameters_schema(function: Callable[..., object], skip: frozenset[str]) -> Schema:
    """Return the schema of a function's parameters except `skip`; `Annotated[T, "..."]` adds a description.

    Raises TypeError for a type that no schema can describe.
    """
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function).parameters
    named = {name: p for name, p in signature.items() if name not in skip}
    return {
        "type": "object",
        "properties": {name: _described(hints[name]) for name in named},
        "required": [name for name, p in named.items() if p.default is inspect.Parameter.empty],
        "additionalProperties": False,
    }


def parse_arguments(text: str, parameters: Mapping[str, Any]) -> dict[str, Any] | str:
    """Parse and check the JSON arguments of a call. Returns the arguments, or an error message as text."""
    given = parse_object(text)
    if isinstance(given, str):
        return given
    properties: dict[str, Schema] = parameters["properties"]
    if unknown := [name for name in given if name not in properties]:
        return f"there is no argument {unknown[0]!r}; known arguments are {', '.join(properties) or 'none'}"
    if missing := [name for name in parameters["required"] if name not in given]:
        return f"the argument {missing[0]!r} is missing"
    for name, value in given.items():
        if wrong := _wrong(value, properties[name]):
            return f"the argument {name!r} must be {wrong}"
    return {name: _coerce(value, properties[name]) for name, value in given.items() if value is not None}


def parse_object(text: str) -> dict[str, Any] | str:
    """Parse the JSON arguments of a call. Returns the object, or an error message as text."""
    try:
        found: object = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        return f"the arguments are not valid JSON: {error}"
    return cast("dict[str, Any]", found) if isinstance(found, dict) else "the arguments must be a JSON object"


def _described(hint: object) -> Schema:
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        return {**_schema(inner), "description": str(notes[0])}
    return _schema(hint)


def _schema(hint: object) -> Schema:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        types = [arg for arg in args if arg is not NoneType]
        if len(types) == 1:
            return _schema(types[0])
    if origin is Literal:
        return {"type": "string", "enum": list(args)}
    if origin is list:
        return {"type": "array", "items": _schema(args[0])}
    if hint in _TYPES:
        return {"type": _TYPES[hint]}
    raise TypeError(f"a tool cannot take {hint!r}")


def _wrong(value: object, schema: Schema) -> str:
    """Return the expected type of a wrong value, "" for a right one. Null counts as omitted: some models send it."""
    if value is None:
        return ""
    match schema["type"]:
        case "string" if not isinstance(value, str):
            return "a string"
        case "string" if "enum" in schema and value not in schema["enum"]:
            return "one of " + ", ".join(schema["enum"])
        case "boolean" if not isinstance(value, bool):
            return "true or false"
        case "integer" if not _is_whole(value):
            return "a whole number"
        case "number" if isinstance(value, bool) or not isinstance(value, int | float):
            return "a number"
        case "array" if not isinstance(value, list):
            return "an array"
        case "array" if any(_wrong(item, schema["items"]) for item in cast("list[object]", value)):
            return "an array in which each item is " + _wrong(object(), schema["items"])
        case _:
            return ""


def _is_whole(value: object) -> bool:
    """Return True for a whole number, 3.0 included: some models write it for 3."""
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def _coerce(value: object, schema: Schema) -> object:
    return int(value) if schema["type"] == "integer" and isinstance(value, float) else value
