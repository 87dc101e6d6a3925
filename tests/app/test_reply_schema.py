"""Reply schemas: short form, files, errors with their place, and replies that do not match."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.app.reply_schema import reply_schema, validate_reply
from termchat.core.errors import Failure, FailureKind

PEOPLE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"people": {"type": "array", "items": {"$ref": "#/$defs/person"}}},
    "required": ["people"],
    "$defs": {"person": {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}}},
}


def valid_schema(given: str) -> dict[str, Any]:
    schema = reply_schema(given)
    assert not isinstance(schema, Failure), schema
    return dict(schema)


def schema_failure(given: str) -> Failure:
    failure = reply_schema(given)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.BAD_CONFIG
    return failure


def test_reply_schema_short_form_requires_all_fields_and_no_others() -> None:
    properties = {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "share": {"type": "number"},
        "alive": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
    }
    required = ["name", "age", "share", "alive", "tags"]
    made = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    assert valid_schema("name, age int,share float , alive   bool, tags str[]") == made
    assert valid_schema("name")["required"] == ["name"]


def test_reply_schema_takes_json_and_names_its_mistakes() -> None:
    assert valid_schema(f" {json.dumps(PEOPLE)}") == PEOPLE
    for text, words in (
        ('{"type": "objec}', "--schema:1:10: not JSON: Unterminated string starting."),
        ('{"type": "array"}', '--schema: the root must be a JSON Schema with "type": "object".'),
        ('{"type": "object", "required": 1}', "--schema: required: 1 is not of type 'array'."),
        ('{"type": "object", "$schema": 5}', "--schema: $schema 5 is no address."),
        ('{"type": "object", "$schema": "http://[x"}', "--schema: $schema http://[x is no address."),
        (
            '{"type": "object", "properties": {"a": {"pattern": "("}}}',
            "--schema: properties.a.pattern: '(' is not a 'regex'.",
        ),
    ):
        assert schema_failure(text).message == words


def test_validate_reply_reference_that_leads_nowhere_is_a_failure() -> None:
    failure = validate_reply({"type": "object", "properties": {"a": {"$ref": "#gone"}}}, '{"a": 1}')
    assert failure
    assert failure.message == "The schema has a reference that leads nowhere."


def test_reply_schema_value_that_looks_like_a_reference_is_none() -> None:
    schema = {"type": "object", "properties": {"a": {"enum": [{"$ref": "nowhere"}]}}}
    assert reply_schema(json.dumps(schema)) == schema


def test_validate_reply_endless_reference_is_a_failure() -> None:
    schema = valid_schema('{"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}}')
    failure = validate_reply(schema, '{"a": 1}')
    assert failure
    assert failure.message == "The schema refers to itself without end."


@pytest.mark.parametrize(
    "given", ["tags [int]: numbers, born", "tags int[] : numbers,born str", "tags [ int ]: numbers\nborn"]
)
def test_reply_schema_short_form_takes_lists_in_brackets_and_descriptions(given: str) -> None:
    tags = {"type": "array", "items": {"type": "integer"}, "description": "numbers"}
    assert valid_schema(given)["properties"] == {"tags": tags, "born": {"type": "string"}}


def test_reply_schema_description_on_its_own_line_may_have_commas() -> None:
    properties = valid_schema("name: first, last\nage int: in years, rounded\n")["properties"]
    assert properties["name"]["description"] == "first, last"
    assert properties["age"] == {"type": "integer", "description": "in years, rounded"}


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ("name,", '--schema, field 2: "" is not a name, optionally followed by a type.', "--schema takes"),
        ("name, 1st int", '--schema, field 2: "1st int" is not a name', "--schema takes"),
        ("name str extra", '--schema, field 1: "name str extra" is not a name', "--schema takes"),
        ("name, age itn", "--schema, field 2: unknown type itn.", "Did you mean int?"),
        ("tags str[][]", "--schema, field 1: unknown type str[][].", "Did you mean str[]?"),
        ("a, b, a", "--schema, field 3: a is already defined.", "--schema takes"),
        ("none.json", "Cannot read the schema none.json: no such file or directory.", "--schema takes"),
    ],
)
def test_reply_schema_short_form_error_names_field(given: str, message: str, hint: str) -> None:
    failure = schema_failure(given)
    assert failure.message.startswith(message)
    assert failure.hint.startswith(hint)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"type": "object",\n  x}', ":2:3: not JSON: "),
        ("\xff", ": not JSON in UTF-8."),
        ("[]", ': the root must be a JSON Schema with "type": "object".'),
        ('{"type": "array"}', ': the root must be a JSON Schema with "type": "object".'),
        ('{"type": "object", "properties": {"a": {"type": "integr"}}}', ": properties.a.type: 'integr' is not"),
        ('{"type": "object", "required": "a"}', ": required: 'a' is not of type 'array'."),
        ('{"type": "object", "properties": {"a": {"$ref": "#/x"}}}', ": $ref #/x does not exist."),
        ('{"type": "object", "properties": {"a": {"$dynamicRef": "#x"}}}', ": $ref #x does not exist."),
        (
            '{"type": "object", "properties": {"a": {"$ref": "https://x.example/s"}}}',
            ": $ref https://x.example/s does not exist",
        ),
        (
            '{{"type": "object", "properties": {{"a": {}{{}}{}}}}}'.format('{"items":' * 400, "}" * 400),
            ": it is nested too deeply.",
        ),
    ],
)
def test_reply_schema_file_error_names_file_and_place(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "s.json"
    file.write_bytes(text.encode("latin-1"))
    assert schema_failure(str(file)).message.startswith(f"{file}{words}")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/dev/zero", "larger than 4 MB"),
        ("./", "is a directory"),
        ("./none.json", "no such file"),
        ("/dev/null", "JSON"),
    ],
)
def test_reply_schema_of_unreadable_file_fails_with_reason(name: str, why: str) -> None:
    assert why in schema_failure(name).message


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ('{"people": [{"age": 3}, {}]}', None),
        (' {"people": []}\n', None),
        ('{"people": [{"age": -1}]}', "people[0].age: -1 is less than the minimum of 0."),
        ('{"people": [{"age": "3"}]}', "people[0].age: '3' is not of type 'integer'."),
        ("{}", "'people' is a required property."),
        ("[]", "[] is not of type 'object'."),
        ("", "The reply is not JSON (Expecting value at 1:1)."),
        ('```json\n{"people": []}\n```', "The reply is not JSON (Expecting value at 1:1)."),
        ("[" * 100_000, "The reply is not JSON."),
        ('{"people": "\x1b[31m"}', "The reply is not JSON (Invalid control character at 1:13)."),
    ],
)
def test_validate_reply_reports_first_mismatch(tmp_path: Path, reply: str, words: str | None) -> None:
    file = tmp_path / "people.json"
    file.write_text(json.dumps(PEOPLE))
    found = validate_reply(valid_schema(str(file)), reply)
    assert (None if found is None else found.message.removeprefix("The reply does not match the schema: ")) == words


_VALUES = {"str": st.text(), "int": st.integers(), "float": st.floats(allow_nan=False), "bool": st.booleans()}
_NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
_TYPE = st.tuples(st.sampled_from(sorted(_VALUES)), st.booleans())


@given(st.dictionaries(_NAME, _TYPE, min_size=1, max_size=5), st.data())
def test_validate_reply_accepts_exactly_the_schema_fields(fields: dict[str, Any], data: st.DataObject) -> None:
    short = ", ".join(f"{name} {kind}{'[]' * many}" for name, (kind, many) in fields.items())
    values = {n: data.draw(st.lists(_VALUES[k], max_size=2) if many else _VALUES[k]) for n, (k, many) in fields.items()}
    schema = valid_schema(short)
    assert validate_reply(schema, json.dumps(values)) is None
    assert validate_reply(schema, json.dumps({**values, "another one": 1})) is not None
    values.popitem()
    assert validate_reply(schema, json.dumps(values)) is not None
