"""The JSON Schema of a reply in the form a vendor accepts, or as an instruction in the system prompt."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from termchat.providers.decoder import as_list, as_object, is_object

_METADATA = ("$schema", "$id", "$comment")  # keywords without meaning for a model
# Keywords that OpenAI supports in strict mode: https://platform.openai.com/docs/guides/structured-outputs
_STRICT_KEYWORDS = frozenset((
    "$defs", "$ref", "additionalProperties", "anyOf", "const", "description", "enum", "items", "maxItems", "maximum",
    "minItems", "minimum", "properties", "required", "title", "type",
))  # fmt: skip
_INSTRUCTIONS = (
    "Reply with one JSON value that fits this JSON Schema, and with nothing else: no other words, no code fence."
    "\n\n{schema}"
)


def wire_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema without metadata keywords."""
    return {name: value for name, value in schema.items() if name not in _METADATA}


def supports_strict_mode(schema: Mapping[str, Any]) -> bool:
    """Return True if OpenAI can enforce the schema: closed objects, all fields required, only supported keywords."""
    return "anyOf" not in schema and all(_is_strict(inner) for inner in _walk(wire_schema(schema)))


def as_instructions(schema: Mapping[str, Any]) -> str:
    """Return the schema as an instruction for a model that takes no schema."""
    return _INSTRUCTIONS.format(schema=json.dumps(wire_schema(schema), ensure_ascii=False))


def _is_strict(schema: dict[str, Any]) -> bool:
    if not _STRICT_KEYWORDS.issuperset(schema):
        return False
    if schema.get("type") != "object" and "properties" not in schema:
        return True
    names = as_object(schema.get("properties"))
    return schema.get("additionalProperties") is False and set(names) == set(as_list(schema.get("required")))


def _walk(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and all schemas inside it."""
    yield schema
    for name in ("properties", "$defs"):
        for inner in as_object(schema.get(name)).values():
            yield from _walk(as_object(inner))
    for inner in (schema.get("items"), schema.get("additionalProperties"), *as_list(schema.get("anyOf"))):
        if is_object(inner):
            yield from _walk(inner)
