"""The rows of the reference, taken from the declarations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from termchat.cli import SUBCOMMANDS, subcommand_run
from termchat.cli.command import CommandShape, command_shape
from termchat.cli.flags import NAMES
from termchat.cli.help_text import option_row
from termchat.cli.prompt_command import run_prompt
from termchat.config.providers import presets
from termchat.config.settings import SETTINGS, Setting, format_value
from termchat.core.models import ApiProtocol

PACKAGE = Path(__file__).parents[2] / "termchat"
_SCHEMAS = {
    "--json": PACKAGE / "ui/oneshot/formats/json.schema.json",
    "--ndjson": PACKAGE / "ui/oneshot/formats/ndjson.schema.json",
    "termchat batch": PACKAGE / "batch/result.schema.json",
}


class DeclaredOption(NamedTuple):
    """An option: its names and value (`-o, --output FILE`), the same without the value, its description."""

    usage: str
    names: tuple[str, ...]
    help: str
    group: str
    setting: bool


class OutputField(NamedTuple):
    """A field of an output format; `line` is the type of the line of --ndjson, else empty."""

    format: str
    line: str
    name: str
    kind: str
    help: str


def setting_cells(setting: Setting) -> tuple[str, str, str, str]:
    """Return a setting's key, default, variable and options."""
    return setting.key, format_value(setting.default), setting.env, ", ".join(NAMES.get(setting.key, ()))


@cache
def _shape(*path: str) -> CommandShape:
    return command_shape(subcommand_run(path[0]) if path else run_prompt, list(path[1:]))


def options(*path: str) -> list[DeclaredOption]:
    """Return the options of termchat (), a subcommand ("chats") or its action ("chats", "rm")."""
    found: list[DeclaredOption] = []
    for param in _shape(*path).parameters:
        if param.param_type_name == "option" and "--help" not in param.opts:
            usage, words = option_row(param)
            names = tuple(sorted(param.opts, key=len))
            found.append(
                DeclaredOption(usage, names, words, param.rich_help_panel or "Options", param.name in SETTINGS)
            )
    return found


def usage(*path: str) -> str:
    """Return a subcommand with its arguments: `termchat chats rm CHAT`."""
    shape, words = _shape(*path), ["termchat", *path]
    for param in shape.parameters:
        if param.param_type_name == "argument":
            name = param.metavar or param.name.upper()
            words.append((name if param.required else f"[{name}]") + ("..." if param.nargs < 0 else ""))
    return " ".join(words)


def subcommands() -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path and description of each subcommand, each followed by its actions."""
    for name, words in SUBCOMMANDS.items():
        yield (name,), words
        for action, about in _shape(name).commands.items():
            yield (name, action), about


def provider_cells() -> Iterator[tuple[str, str, tuple[str, ...], Mapping[str, str]]]:
    """Yield name, title, variables of the key and base URL by protocol of each built-in provider but demo."""
    for name, provider in presets().items():
        if name != "demo":
            source, _, variables = (provider.key or "").partition(":")
            urls = {protocol.value: url for protocol, url in provider.base_urls.items()}
            yield name, provider.title, tuple(variables.split(",")) if source == "env" else (), urls


def protocol_names() -> list[str]:
    """Return the names of the protocols that a provider's table may have a base URL for."""
    return [protocol.value for protocol in ApiProtocol if protocol is not ApiProtocol.DEMO]


def output_fields() -> Iterator[OutputField]:
    """Yield the fields of the output formats, as their JSON Schemas declare them."""
    for name, file in _SCHEMAS.items():
        schema = json.loads(file.read_text("utf-8"))
        lines = [
            entry["then"]["$ref"].rpartition("/")[2] for entry in schema.get("allOf", ()) if "$ref" in entry["then"]
        ]
        if not lines:
            yield from _fields(name, "", schema, schema)
        for line in lines:
            yield from _fields(name, line, schema["$defs"][line], schema)


def _fields(format_: str, line: str, part: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[OutputField]:
    for name, field in part.get("properties", {}).items():
        yield OutputField(format_, line, name, _kind(field, schema), field.get("description", ""))


def _kind(field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return the type of a field in a few words: `string`, `string or null`, `list of call`."""
    if "const" in field:
        return json.dumps(field["const"])
    if "enum" in field:
        return ", ".join(json.dumps(value).strip('"') for value in field["enum"])
    if "$ref" in field:
        return field["$ref"].rpartition("/")[2]
    if choices := field.get("anyOf") or field.get("oneOf"):
        return " or ".join(_kind(choice, schema) for choice in choices)
    kind = field.get("type", "any")
    if kind == "array":
        return f"list of {_kind(field.get('items', {}), schema)}"
    return " or ".join(kind) if isinstance(kind, list) else kind
