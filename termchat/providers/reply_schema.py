"""The schema of a reply as the vendors take it, and in words for a model that takes none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from termchat.providers.decoder import as_list, as_object, is_object

_OURS = ("$schema", "$id", "$comment")  # said to who reads the file, not to the model
# What a schema may say for OpenAI to hold the model to it word for word.
_STRICT = frozenset((
    "$defs", "$ref", "additionalProperties", "anyOf", "const", "description", "enum", "items", "maxItems", "maximum",
    "minItems", "minimum", "properties", "required", "title", "type",
))  # fmt: skip
_WORDS = (
    "Reply with one JSON value that fits this JSON Schema, and with nothing else: no other words, no code fence."
    "\n\n{schema}"
)


def wire_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as it is sent."""
    return {name: value for name, value in schema.items() if name not in _OURS}


def supports_strict_mode(schema: Mapping[str, Any]) -> bool:
    """Whether OpenAI can hold the model to it: every object closed, every field required, nothing unusual."""
    return "anyOf" not in schema and all(_is_strict(inner) for inner in _all(wire_schema(schema)))


def as_instructions(schema: Mapping[str, Any]) -> str:
    """The schema as an instruction."""
    return _WORDS.format(schema=json.dumps(wire_schema(schema), ensure_ascii=False))


def _is_strict(schema: dict[str, Any]) -> bool:
    if not _STRICT.issuperset(schema):
        return False
    if schema.get("type") != "object" and "properties" not in schema:
        return True
    names = as_object(schema.get("properties"))
    return schema.get("additionalProperties") is False and set(names) == set(as_list(schema.get("required")))


def _all(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and those inside it."""
    yield schema
    for name in ("properties", "$defs"):
        for inner in as_object(schema.get(name)).values():
            yield from _all(as_object(inner))
    for inner in (schema.get("items"), schema.get("additionalProperties"), *as_list(schema.get("anyOf"))):
        if is_object(inner):
            yield from _all(inner)
