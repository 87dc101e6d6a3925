"""JSON Schemas of pydantic in the subset that every protocol accepts: no `$ref`, no titles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

Schema = dict[str, Any]
_MAPS = frozenset({"properties", "patternProperties"})  # name -> schema
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SINGLE = frozenset({"items", "additionalProperties", "not", "propertyNames", "contains"})
_DROPPED = frozenset({"title", "discriminator", "$defs"})


def plain_schemas(schemas: Mapping[str, Schema], definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the schemas with each reference replaced by what it names.

    A type that contains itself has no finite schema: the inner one is any object.
    """
    return {name: _plain(schema, definitions, ()) for name, schema in schemas.items()}


def _plain(schema: Schema, definitions: Mapping[str, Schema], inside: tuple[str, ...]) -> Schema:
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        named = {"type": "object"} if name in inside else definitions[name]
        return _plain({**named, **rest}, definitions, (*inside, name))
    found: Schema = {}
    for key, value in schema.items():
        if key in _MAPS:
            found[key] = {name: _plain(part, definitions, inside) for name, part in value.items()}
        elif key in _LISTS:
            found[key] = [_plain(part, definitions, inside) for part in value]
        elif key in _SINGLE and isinstance(value, dict):
            found[key] = _plain(cast("Schema", value), definitions, inside)
        elif key == "const":
            found["enum"] = [value]
        elif key not in _DROPPED:
            found[key] = value
    return without_null(found) if found.get("default", "") is None else found


def without_null(schema: Schema) -> Schema:
    """Return the schema of a value that may be left out, and so need not be null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    if len(choices) == 1:
        return {**choices[0], **rest}
    return {**rest, "anyOf": choices} if choices else schema
