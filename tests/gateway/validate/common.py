"""Shared parts of the validators: complaints in the vendor's style, and common rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from tests.gateway.signatures import Protocol

Json: TypeAlias = dict[str, Any]
Kind: TypeAlias = type | tuple[type, ...]

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Style(NamedTuple):
    """A vendor's wording of common complaints; `step` formats an index in a path."""

    unknown: str
    missing: str
    wrong: str
    step: str


OPENAI = Style(
    "Unknown parameter: '{where}'.",
    "Missing required parameter: '{where}'.",
    "Invalid type for '{where}': expected {kinds}, but got {got} instead.",
    "{where}[{index}]",
)
ANTHROPIC = Style(
    "{where}: Extra inputs are not permitted",
    "{where}: Field required",
    "{where}: Input should be a valid {kinds}, got {got}",
    "{where}.{index}",
)
GEMINI = Style(
    "Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field.",
    "* GenerateContentRequest.{where}: required field is missing",
    "Invalid value at '{where}' ({kinds}), got {got}",
    "{where}[{index}]",
)

_NAMES = {str: "string", dict: "object", list: "array", bool: "boolean", int: "integer", float: "number"}


@dataclass
class Report:
    """Collect complaints about one request."""

    style: Style
    found: list[str] = field(default_factory=list[str])

    def say(self, words: str) -> None:
        """Add a complaint in the vendor's words."""
        self.found.append(words)

    def only(self, value: Json, names: Iterable[str], where: str = "") -> None:
        """Refuse fields other than `names`."""
        for name in value:
            if name not in names:
                self.say(self.style.unknown.format(where=_join(where, name), name=name))

    def want(self, value: Json, name: str, kind: Kind, where: str = "") -> Any:
        """A required field of a type; None if missing or of another type."""
        if name not in value:
            self.say(self.style.missing.format(where=_join(where, name)))
            return None
        return self.check(value[name], kind, _join(where, name))

    def may(self, value: Json, name: str, kind: Kind, where: str = "", *, null: bool = False) -> Any:
        """An optional field of a type; with `null`, None is allowed."""
        if name not in value or (null and value[name] is None):
            return None
        return self.check(value[name], kind, _join(where, name))

    def check(self, value: Any, kind: Kind, where: str) -> Any:
        """The value if it has the type; else add a complaint and return None."""
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)):
            return value
        wanted = " or ".join(_NAMES[one] for one in kinds)
        got = "null" if value is None else _NAMES.get(type(value), "something else")
        self.say(self.style.wrong.format(where=where, kinds=wanted, got=got))
        return None

    def each(self, values: Any, where: str) -> Iterator[tuple[str, Json]]:
        """The objects of a list with their paths; adds a complaint for every other value."""
        for index, value in enumerate(values if isinstance(values, list) else ()):
            place = self.style.step.format(where=where, index=index)
            if self.check(value, dict, place) is not None:
                yield place, value

    def one_of(self, value: Any, choices: Iterable[Any], where: str) -> None:
        """Check that a value is one of `choices`."""
        if value not in choices:
            known = ", ".join(f"'{choice}'" for choice in choices)
            self.say(f"{where}: invalid value '{value}'. Supported values are: {known}.")

    def between(self, value: Any, low: float, high: float, where: str) -> None:
        """Check that a number is within bounds."""
        if isinstance(value, (int, float)) and not low <= value <= high:
            self.say(f"{where}: {value} is not between {low} and {high}.")

    def tool_schema(self, schema: Any, where: str, *, strict: bool = False) -> None:
        """Check the rules for tool parameters that all vendors share."""
        if self.check(schema, dict, where) is None:
            return
        if schema.get("type") != "object":
            self.say(f"{where}: schema must be a JSON Schema of 'type: \"object\"', got {schema.get('type')!r}.")
        for name in ("oneOf", "anyOf", "allOf", "enum", "not"):
            if name in schema:
                self.say(f"{where}: schema does not support '{name}' at the top level.")
        _walk_schema(self, schema, where, schema, strict)

    def reply_schema(self, schema: Any, where: str, *, strict: bool = False, closed: bool = False) -> None:
        """Check a reply schema: object root; `closed`: only closed objects; `strict`: OpenAI's strict mode."""
        if self.check(schema, dict, where) is None:
            return
        if schema.get("type") != "object":
            self.say(f"{where}: schema must be a JSON Schema of 'type: \"object\"', got {schema.get('type')!r}.")
        for name in ("$schema", "$id", "$comment"):
            if name in schema:
                self.say(f"{where}: '{name}' is not permitted.")
        _walk_schema(self, schema, where, schema, strict)
        for place, inner in _objects(schema, where) if closed or strict else ():
            if inner.get("additionalProperties") is not False:
                self.say(f"{place}: For 'object' type, 'additionalProperties' must be explicitly set to false.")
            unknown = [
                word for word in ("default", "format", "pattern", "allOf", "not", "if") if strict and word in inner
            ]
            if unknown:
                self.say(f"{place}: {unknown} are not permitted with strict.")

    def tool_names(self, names: Iterable[Any], pattern: re.Pattern[str] = TOOL_NAME) -> None:
        """Check tool names: allowed characters, each name once."""
        seen: set[Any] = set()
        for name in names:
            if not isinstance(name, str) or not pattern.fullmatch(name):
                self.say(f"tools: Tool name {name!r} should match pattern '^{pattern.pattern}$'.")
            if name in seen:
                self.say(f"tools: Tool names must be unique: {name!r}.")
            seen.add(name)


def auth_problem(headers: Mapping[str, str], protocol: Protocol) -> str:
    """Complaint about the authentication headers; empty if valid."""
    bearer = headers.get("authorization", "")
    given = bool(re.fullmatch(r"Bearer \S+", bearer))
    if bearer and not given:
        return "authorization: not of the form 'Bearer KEY'"
    if protocol is Protocol.GEMINI:
        return "" if headers.get("x-goog-api-key") else "x-goog-api-key: header is required"
    if protocol is Protocol.ANTHROPIC:
        if not given and not headers.get("x-api-key"):
            return "x-api-key: header is required"
        return "" if headers.get("anthropic-version") else "anthropic-version: header is required"
    if headers.get("x-api-key") or headers.get("x-goog-api-key"):
        return "the key stands in another vendor's header"
    return "" if given else "You didn't provide an API key."


def lone_surrogates(value: Any, where: str = "") -> list[str]:
    """Paths of lone surrogates in the body."""
    if isinstance(value, str):
        broken = any("\ud800" <= letter <= "\udfff" for letter in value)
        return [f"{where}: the request body is not valid JSON: no low surrogate in string"] if broken else []
    if isinstance(value, dict):
        return [found for name, one in value.items() for found in lone_surrogates(one, _join(where, str(name)))]
    if isinstance(value, list):
        return [found for index, one in enumerate(value) for found in lone_surrogates(one, f"{where}[{index}]")]
    return []


def family(model: str) -> str:
    """The model's name after the last slash of a gateway's name, in lower case."""
    return model.rsplit("/", 1)[-1].lower()


def is_openai(model: str) -> bool:
    """True for OpenAI's models, whose server refuses unknown fields."""
    return bool(re.match(r"(gpt-|o\d|chatgpt-)", family(model))) and "oss" not in model


def reasons(model: str) -> bool:
    """True for OpenAI's reasoning models, which refuse sampling parameters."""
    return bool(re.match(r"(o\d|gpt-(?:[5-9]|\d\d))", family(model)))


def check_sampling(report: Report, body: Json, model: str, names: tuple[str, ...]) -> None:
    """Check the bounds of sampling parameters, and refuse them for a reasoning model."""
    report.between(report.may(body, "temperature", (int, float)), 0, 2, "temperature")
    report.between(report.may(body, "top_p", (int, float)), 0, 1, "top_p")
    for name in names:
        if name in body and reasons(model):
            report.say(f"Unsupported parameter: '{name}' is not supported with this model.")


def names(text: str) -> frozenset[str]:
    """The words of a text as a set of field names."""
    return frozenset(text.split())


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _walk_schema(report: Report, schema: Json, where: str, root: Json, strict: bool) -> None:
    """Check one schema and those inside it."""
    _check_object(report, schema, where, strict)
    if schema.get("type") == "array" and "items" not in schema and "prefixItems" not in schema:
        report.say(f"{where}: array schema missing items.")
    reference = schema.get("$ref")
    if isinstance(reference, str) and not _resolves(reference, root):
        report.say(f"{where}: $ref {reference!r} points nowhere.")
    for place, inner in _inner_schemas(schema):
        if isinstance(inner, dict):
            _walk_schema(report, inner, f"{where}.{place}", root, strict)


def _check_object(report: Report, schema: Json, where: str, strict: bool) -> None:
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        report.say(f"{where}.properties: must be an object.")
        return
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        report.say(f"{where}.required: must be a list of names.")
        return
    unknown = [name for name in required if name not in properties]
    if unknown and properties:
        report.say(f"{where}.required: {unknown} are not among the properties.")
    if strict and schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            report.say(f"{where}: 'additionalProperties' is required to be supplied and to be false.")
        if sorted(required) != sorted(properties):
            report.say(f"{where}: 'required' is required to be an array including every key in properties.")


def _inner_schemas(schema: Json) -> Iterator[tuple[str, Any]]:
    for name in ("properties", "$defs", "definitions"):
        inner = schema.get(name)
        if isinstance(inner, dict):
            yield from ((f"{name}.{key}", one) for key, one in inner.items())
    for name in ("items", "additionalProperties", "not"):
        yield name, schema.get(name)
    for name in ("anyOf", "oneOf", "allOf", "prefixItems"):
        inner = schema.get(name)
        if isinstance(inner, list):
            yield from ((f"{name}[{index}]", one) for index, one in enumerate(inner))


def _objects(schema: Json, where: str) -> Iterator[tuple[str, Json]]:
    """All object schemas within a schema, with their paths."""
    if schema.get("type") == "object":
        yield where, schema
    for place, inner in _inner_schemas(schema):
        if isinstance(inner, dict):
            yield from _objects(inner, f"{where}.{place}")


def _resolves(reference: str, root: Json) -> bool:
    if not reference.startswith("#"):
        return False
    place: Any = root
    for name in reference.removeprefix("#").strip("/").split("/"):
        if name and (not isinstance(place, dict) or name not in place):
            return False
        place = place[name] if name else place
    return True
