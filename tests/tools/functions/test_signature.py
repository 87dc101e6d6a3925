"""Schemas of functions, and arguments that they take."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from termchat.tools.functions.signature import ArgumentError, SignatureError, TypedFunction


class Unit(Enum):
    C = "celsius"
    F = "fahrenheit"


@dataclass
class Place:
    lat: float
    tags: list[str] = field(default_factory=list)


class Query(BaseModel):
    title: str
    limit: int = Field(default=5, ge=1)
    inner: Query | None = None


def everything(
    text: str,
    number: int,
    ratio: float,
    flag: bool,
    texts: list[str],
    counts: dict[str, int],
    maybe: str | None,
    mode: Literal["a", "b", 3],
    unit: Unit,
    place: Place,
    day: date,
    query: Query,
) -> dict[str, Any]:
    return dict(locals())


FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
QUERIES = st.recursive(
    st.builds(Query, title=TEXT, limit=st.integers(1, 10**9)),
    lambda inner: st.builds(Query, title=TEXT, inner=inner),
    max_leaves=3,
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "number": st.integers(),
    "ratio": FINITE,
    "flag": st.booleans(),
    "texts": st.lists(TEXT),
    "counts": st.dictionaries(TEXT, st.integers()),
    "maybe": st.none() | TEXT,
    "mode": st.sampled_from(["a", "b", 3]),
    "unit": st.sampled_from(Unit),
    "place": st.builds(Place, FINITE, st.lists(TEXT)),
    "day": st.dates(),
    "query": QUERIES,
}
EVERYTHING = TypedFunction(everything)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries(VALUES))
def test_arguments_of_every_type_come_back_and_conform_to_schema(values: dict[str, Any]) -> None:
    given_json = json.loads(TypeAdapter(Any).dump_json(values, exclude_none=True))
    jsonschema.validate(given_json, EVERYTHING.schema)
    assert EVERYTHING.bind(given_json)() == values


@given(st.dictionaries(st.sampled_from([*VALUES, "other"]), JSON))
def test_arguments_of_any_json_bind_or_are_explained(values: dict[str, Any]) -> None:
    try:
        EVERYTHING.bind(values)()
        words = "the argument"
    except ArgumentError as error:
        words = str(error)
    assert "the argument" in words or "there is no argument" in words


def test_schema_has_no_references_and_no_titles_but_of_fields() -> None:
    text = json.dumps(EVERYTHING.schema)
    assert "$ref" not in text
    assert "$defs" not in text
    assert EVERYTHING.schema["required"] == list(VALUES)
    assert EVERYTHING.schema["properties"]["query"]["properties"]["title"] == {"type": "string"}
    assert EVERYTHING.schema["properties"]["unit"] == {"type": "string", "enum": ["celsius", "fahrenheit"]}


def test_schema_of_defaults_and_descriptions() -> None:
    def search(
        words: Annotated[str, "The words"],
        limit: Annotated[int, Field(description="The limit", le=9)] = 5,
        unit: Unit = Unit.C,
        note: str | None = None,
        more: object = object(),
    ) -> None:
        """Search.

        Args:
            words: not these
            note: A note
        """

    typed = TypedFunction(search)
    assert typed.description == "Search."
    assert typed.schema == {
        "type": "object",
        "properties": {
            "words": {"type": "string", "description": "The words"},
            "limit": {"type": "integer", "maximum": 9, "description": "The limit", "default": 5},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
            "note": {"type": "string", "description": "A note"},
            "more": {},
        },
        "required": ["words"],
        "additionalProperties": False,
    }


def test_arguments_left_out_or_null_use_defaults() -> None:
    def add(first: int, /, second: int = 2, *, third: int | None = 3) -> tuple[int, int, int | None]:
        return first, second, third

    typed = TypedFunction(add)
    assert typed.bind({"first": 1})() == (1, 2, 3)
    assert typed.bind({"third": None, "second": None, "first": "1"})() == (1, 2, None)


def test_positional_parameters_with_defaults_take_later_ones() -> None:
    def add(first: int = 1, second: int = 2, /, third: int = 3) -> tuple[int, int, int]:
        return first, second, third

    assert TypedFunction(add).bind({"second": 9, "third": 8})() == (1, 9, 8)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "the argument 'query' is missing"),
        ({"query": {"title": 1}}, "the argument 'query.title': input should be a valid string"),
        ({"query": {"title": "t", "limit": 0}}, "'query.limit': input should be greater than or equal to 1"),
        ({"query": None}, "the argument 'query': input should be"),
        ({"query": {"title": "t"}, "qury": 1}, "there is no argument 'qury'; known arguments are query"),
    ],
)
def test_arguments_that_do_not_fit_are_named(values: dict[str, Any], words: str) -> None:
    def find(query: Query) -> None: ...

    with pytest.raises(ArgumentError) as error:
        TypedFunction(find).bind(values)
    assert words in str(error.value)


def test_arguments_with_half_a_character_are_repaired() -> None:
    def length(text: str) -> str:
        return text

    assert TypedFunction(length).bind({"text": "a\ud800"})() == "a?"


def no_type(x) -> None: ...  # type: ignore[no-untyped-def]
def star(*words: str) -> None: ...
def stars(**words: str) -> None: ...
def sock(link: socket.socket) -> None: ...
def call_back(after: Callable[[], None]) -> None: ...
def missing(x: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "parameter", "words"),
    [
        (no_type, "x", "the parameter x has no type; write x: str, or rename the function to begin with _"),
        (star, "words", "it takes *words; name each parameter, or take one such as words: list[str]"),
        (stars, "words", "it takes **words; name each parameter, or take one such as words: dict[str, str]"),
        (sock, "link", "the parameter link has a type socket that no model can write; use str, int"),
        (call_back, "after", "the parameter after has a type that no model can write; use str, int"),
        (missing, "", "its types cannot be read: NameError: name 'Nowhere' is not defined"),
    ],
)
def test_function_that_no_schema_describes_is_explained(
    function: Callable[..., Any], parameter: str, words: str
) -> None:
    with pytest.raises(SignatureError) as error:
        TypedFunction(function)
    assert error.value.parameter == parameter
    assert words in str(error.value)
