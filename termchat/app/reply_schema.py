"""The schema of a reply: parse it from a file or a short form, and validate the reply.

name, age int, tags [str]      an object with exactly these fields
name: the full name, born int: the year of birth   the same, with descriptions
person.json                    a file with a JSON Schema
{"type": "object", ...}        the JSON Schema itself
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from termchat.config.bounded_read import read_bounded
from termchat.config.paths import user_path
from termchat.config.toml_file import did_you_mean
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line

_MAX_BYTES = 4 << 20  # of a file
_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_FIELD = re.compile(r"([A-Za-z_][\w-]*)(?:\s+(\[\s*\w+\s*\]|\S+?))?\s*(?::\s*(.*))?", re.DOTALL)
_REFERENCES = ("$ref", "$dynamicRef")
_VALUES = ("enum", "const", "default", "examples")  # keywords whose values are no schemas
_HINT = safe_format("--schema takes a JSON Schema, a file with one, or fields such as 'name, age int, tags [str]'.")

Schema = Mapping[str, Any]


def reply_schema(given: str, silence: float | None = None) -> Schema | Failure:
    """Parse the value of `--schema`; a failure names the mistake and its place.

    silence   the longest one of a file that is a pipe, in seconds
    """
    if given.lstrip().startswith("{"):
        return _from_json(given, "--schema")
    return _from_file(user_path(given), silence) if names_file(given) or is_there(given) else _from_fields(given)


def schema_mistake(schema: Schema) -> Safe:
    """Return the mistake in a schema that a program has made, EMPTY for one that a model may be asked to follow."""
    if schema.get("type") != "object":
        return safe_format('the root must be a JSON Schema with "type": "object"')
    return _schema_error(schema)


def validate_reply(schema: Schema, reply: str) -> Failure | None:
    """Validate a complete reply; return the first mistake, or None."""
    try:
        value = json.loads(reply)
    except (ValueError, RecursionError) as error:
        return _wrong(safe_format("The reply is not JSON{where}.", where=_where(error)), EMPTY)
    try:
        fault = _first_error(_checker(schema)(schema, registry=_empty_registry()), value)
    except RecursionError:
        return _wrong(safe_format("The schema refers to itself without end."), kind=FailureKind.BAD_CONFIG)
    except import_module("referencing.exceptions").Unresolvable:
        words = safe_format("The schema has a reference that leads nowhere.")
        return _wrong(words, EMPTY, FailureKind.BAD_CONFIG)
    return _wrong(safe_format("The reply does not match the schema: {fault}.", fault=fault), EMPTY) if fault else None


def _wrong(words: Safe, hint: Safe = _HINT, kind: FailureKind = FailureKind.BAD_RESPONSE) -> Failure:
    return Failure(kind, words, hint)


def _where(error: Exception) -> Safe:
    if not isinstance(error, json.JSONDecodeError):
        return EMPTY
    return safe_line(f" ({error.msg.removesuffix(' at')} at {error.lineno}:{error.colno})")


def names_file(given: str) -> bool:
    """Return True for a text that is the name of a file, even if there is none."""
    return given.endswith(".json") or "/" in given


def is_there(name: str) -> bool:
    """Return True if there is a file or directory of a name."""
    try:
        return user_path(name).exists()
    except (OSError, ValueError):  # too long for a name
        return False


def _from_fields(given: str) -> Schema | Failure:
    properties: dict[str, Any] = {}
    for number, field in enumerate(_split_fields(given), 1):
        found = _FIELD.fullmatch(field.strip())
        place = safe_format("--schema, field {n}", n=safe_line(str(number)))
        if found is None:
            words = safe_format(
                '{at}: "{field}" is not a name, optionally followed by a type.', at=place, field=_brief(field)
            )
            return _wrong(words, kind=FailureKind.BAD_CONFIG)
        name, word, description = found[1], found[2] or "str", (found[3] or "").strip()
        if name in properties:
            return _wrong(
                safe_format("{at}: {name} is already defined.", at=place, name=safe_line(name)),
                kind=FailureKind.BAD_CONFIG,
            )
        base = word.removesuffix("[]") if word.endswith("[]") else word.removeprefix("[").removesuffix("]").strip()
        kind = _TYPES.get(base)
        if kind is None:
            types = [*_TYPES, *(f"[{known}]" for known in _TYPES), *(f"{known}[]" for known in _TYPES)]
            words = safe_format("{at}: unknown type {word}.", at=place, word=_brief(word))
            return _wrong(words, did_you_mean(word, types), FailureKind.BAD_CONFIG)
        made: dict[str, Any] = {"type": kind} if base == word else {"type": "array", "items": {"type": kind}}
        properties[name] = {**made, "description": description} if description else made
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _split_fields(given: str) -> list[str]:
    """Split at line ends if there are any, so that descriptions may have commas; else at commas."""
    lines = [line.strip().removesuffix(",") for line in given.splitlines() if line.strip()]
    return lines if len(lines) > 1 else given.split(",")


def _from_file(path: Path, silence: float | None) -> Schema | Failure:
    name = safe_line(str(path))
    try:
        data = read_bounded(path, _MAX_BYTES, patient=True, silence=silence)
    except (OSError, ValueError) as error:  # a name with NUL
        words = safe_format("Cannot read the schema {name}: {why}.", name=name, why=error_reason(error))
        return _wrong(words, kind=FailureKind.BAD_CONFIG)
    return _from_json(data, str(path))


def _from_json(text: str | bytes, source: str) -> Schema | Failure:
    """Parse a JSON Schema; `source` is its name in a failure."""
    name = safe_line(source)
    try:
        value: object = json.loads(text if isinstance(text, str) else text.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        at, why = safe_line(f"{source}:{error.lineno}:{error.colno}"), safe_line(error.msg.removesuffix(" at"))
        return _wrong(safe_format("{at}: not JSON: {why}.", at=at, why=why), kind=FailureKind.BAD_CONFIG)
    except (ValueError, RecursionError):
        return _wrong(safe_format("{name}: not JSON in UTF-8.", name=name), kind=FailureKind.BAD_CONFIG)
    if not isinstance(value, dict) or cast("Schema", value).get("type") != "object":
        words = safe_format('{name}: the root must be a JSON Schema with "type": "object".', name=name)
        return _wrong(
            words,
            safe_format("Providers require an object; put a list into one of its fields."),
            FailureKind.BAD_CONFIG,
        )
    schema = cast("Schema", value)
    mistake = _schema_error(schema)
    return (
        _wrong(safe_format("{name}: {why}.", name=name, why=mistake), kind=FailureKind.BAD_CONFIG)
        if mistake
        else schema
    )


def _schema_error(schema: Schema) -> Safe:
    """The mistake in a schema itself, "" for a valid one. No reference outside of the schema is fetched."""
    try:
        return _mistake(schema)
    except RecursionError:
        return safe_format("it is nested too deeply")


def _mistake(schema: Schema) -> Safe:
    try:
        checker = _checker(schema)
    except (AttributeError, ValueError):  # of a $schema that is no address
        return safe_format("$schema {name} is no address", name=_brief(str(schema.get("$schema"))))
    formats = import_module("jsonschema").FormatChecker(["regex"])
    if fault := _first_error(checker(checker.META_SCHEMA, format_checker=formats), schema):
        return fault
    lost = next(_lost_references(schema), None)
    return EMPTY if lost is None else safe_format("$ref {reference} does not exist", reference=_brief(lost))


def _first_error(checker: Any, value: object) -> Safe:
    """The place and the message of the most relevant error, "" for a valid value."""
    error: Any = import_module("jsonschema.exceptions").best_match(checker.iter_errors(value))
    if error is None:
        return EMPTY
    return safe_format("{place}{words}", place=_place(error.absolute_path), words=_brief(error.message))


def _checker(schema: Schema) -> Any:
    """The validator class for a schema's draft; jsonschema takes 60 ms to import, so it is imported on use."""
    validators: Any = import_module("jsonschema.validators")
    return validators.validator_for(schema, validators.Draft202012Validator)


def _empty_registry() -> Any:
    """An empty registry: no other schema may be referenced."""
    return import_module("referencing").Registry()


def _lost_references(schema: Schema) -> Iterator[str]:
    """Yield the references that cannot be resolved within the schema."""
    kind: Any = import_module("referencing.jsonschema").DRAFT202012
    whole = import_module("referencing").Resource.from_contents(schema, default_specification=kind)
    resolver = _empty_registry().with_resource("", whole).resolver()
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except import_module("referencing.exceptions").Unresolvable:
            yield reference


def _references(schema: object) -> Iterator[str]:
    match schema:
        case dict():
            for name, inner in cast("Schema", schema).items():
                if name in _REFERENCES and isinstance(inner, str):
                    yield inner
                elif name not in _VALUES:
                    yield from _references(inner)
        case list():
            for inner in cast("list[object]", schema):
                yield from _references(inner)
        case _:
            pass


def _place(path: Any) -> Safe:
    """Format a path as `people[0].age: `, or "" for the root."""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
    return safe_line(f"{steps}: ") if steps else EMPTY


def _brief(words: str) -> Safe:
    flat = " ".join(words.split()).removesuffix(".")
    return safe_line(flat if len(flat) <= 160 else f"{flat[:159]}…")
