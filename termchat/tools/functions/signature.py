"""The parameters of a typed function: JSON Schema for the model, and validation of its arguments; by pydantic."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from termchat.tools.functions.docstring import parse_docstring
from termchat.tools.functions.plain_schema import plain_schemas, without_null
from termchat.tools.functions.user_errors import exception_words

_WRITABLE = "str, int, float, bool, list, dict, a Literal, an Enum, a dataclass or a pydantic model"
_EMPTY = inspect.Parameter.empty
_SHOWN_ERRORS = 5


class SignatureError(Exception):
    """A function that no schema can describe.

    parameter   the parameter at fault, "" for the function
    """

    def __init__(self, words: str, parameter: str = "") -> None:
        super().__init__(words)
        self.parameter = parameter


class ArgumentError(Exception):
    """Arguments of a model that a function does not take; the message is for the model."""


class _Parameter(NamedTuple):
    adapter: TypeAdapter[Any]
    default: Any
    by_position: bool

    @property
    def required(self) -> bool:
        return self.default is _EMPTY


class TypedFunction:
    """A function with its schema.

    Raises SignatureError for a parameter without a type, `*args`, or a type that no model can write.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        plain = inspect.unwrap(function)
        signature = _signature(function)
        hints = _hints(plain)
        doc = parse_docstring(inspect.getdoc(function) or "")
        self.description = doc.description
        self._parameters = {p.name: _read_parameter(p, hints) for p in signature.parameters.values()}
        properties = _properties({name: p.adapter for name, p in self._parameters.items()})
        for name, schema in properties.items():
            words = _note(hints[name]) or schema.get("description", "") or doc.parameters.get(name, "")
            properties[name] = _with_default({**schema, **({"description": words} if words else {})}, signature, name)
        self.schema: dict[str, Any] = {
            "type": "object",
            "properties": properties,
            "required": [name for name, p in self._parameters.items() if p.required],
            "additionalProperties": False,
        }

    def bind(self, given: Mapping[str, Any]) -> Callable[[], Any]:
        """Return the call of the function with arguments from JSON. Raises ArgumentError."""
        known = ", ".join(self._parameters) or "none"
        if unknown := [name for name in given if name not in self._parameters]:
            raise ArgumentError(f"there is no argument {unknown[0]!r}; known arguments are {known}")
        values: dict[str, Any] = {}
        wrong: list[str] = []
        for name, parameter in self._parameters.items():
            if name not in given:
                wrong += [f"the argument {name!r} is missing"] if parameter.required else []
                continue
            try:
                values[name] = parameter.adapter.validate_json(_utf8_json(given[name]))
            except ValidationError as error:
                if given[name] is not None or parameter.required:  # some models send null for a default
                    wrong += _invalid(name, error)
            except RecursionError:
                wrong.append(f"the argument {name!r} is nested too deeply")
        if wrong:
            raise ArgumentError("; ".join(wrong[:_SHOWN_ERRORS]))
        return lambda: self._call(values)

    def _call(self, values: dict[str, Any]) -> Any:
        first = {name: p.default for name, p in self._parameters.items() if p.by_position}
        by_position = [values.get(name, default) for name, default in first.items()]
        return self.function(*by_position, **{name: value for name, value in values.items() if name not in first})


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise SignatureError(f"its parameters cannot be read: {error}") from error


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except Exception as error:  # a hint is any expression
        raise SignatureError(
            f"its types cannot be read: {exception_words(error)}; import them outside `if TYPE_CHECKING`"
        ) from error


def _read_parameter(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> _Parameter:
    name = parameter.name
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        stars = "*" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else "**"
        kind = "list[str]" if stars == "*" else "dict[str, str]"
        raise SignatureError(f"it takes {stars}{name}; name each parameter, or take one such as {name}: {kind}", name)
    if name not in hints:
        raise SignatureError(
            f"the parameter {name} has no type; write {name}: str, or rename the function to begin with _", name
        )
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(hints[name])
    except PydanticSchemaGenerationError as error:
        raise _unwritable(name, hints[name]) from error
    except PydanticUserError as error:
        raise SignatureError(f"the type of the parameter {name} cannot be used: {error.message}", name) from error
    except Exception as error:  # code of the user's types runs here
        raise SignatureError(
            f"the type of the parameter {name} cannot be used: {exception_words(error)}", name
        ) from error
    return _Parameter(adapter, parameter.default, parameter.kind is inspect.Parameter.POSITIONAL_ONLY)


def _properties(adapters: Mapping[str, TypeAdapter[Any]]) -> dict[str, dict[str, Any]]:
    for name, adapter in adapters.items():
        try:
            adapter.json_schema()
        except PydanticUserError as error:
            raise _unwritable(name, None) from error
    by_key, rest = TypeAdapter.json_schemas([(name, "validation", adapter) for name, adapter in adapters.items()])
    return plain_schemas({name: by_key[name, "validation"] for name in adapters}, rest.get("$defs", {}))


def _unwritable(name: str, hint: object) -> SignatureError:
    kind = f" {getattr(hint, '__name__', hint)}" if hint is not None else ""
    return SignatureError(f"the parameter {name} has a type{kind} that no model can write; use {_WRITABLE}", name)


def _note(hint: object) -> str:
    """Return the text of `Annotated[T, "text"]`, "" without one."""
    notes = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((note for note in notes if isinstance(note, str)), "")


def _with_default(schema: dict[str, Any], signature: inspect.Signature, name: str) -> dict[str, Any]:
    default = signature.parameters[name].default
    if default is _EMPTY:
        return schema
    if default is None:
        return without_null(schema)
    try:
        return {**schema, "default": json.loads(TypeAdapter(Any).dump_json(default))}
    except Exception:  # a default that is no JSON stays the function's secret
        return schema


def _utf8_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")  # a model may write half a character


def _invalid(name: str, error: ValidationError) -> list[str]:
    rows = error.errors(include_url=False, include_context=False, include_input=False)
    words: list[str] = []
    for row in rows[:_SHOWN_ERRORS]:
        place = ".".join(map(str, (name, *row["loc"])))
        message = row["msg"]
        words.append(f"the argument {place!r}: {message[:1].lower()}{message[1:]}")
    return words
