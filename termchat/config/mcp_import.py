"""Read MCP servers from the JSON files of other clients: Claude Desktop, Claude Code, Cursor, VS Code and others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, cast

from termchat.config.bounded_read import read_bounded
from termchat.config.mcp_servers import SERVER_NAME
from termchat.config.paths import user_path
from termchat.config.toml_file import TomlTable, array
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.sanitize import Safe, safe_format, safe_line

MAX_JSON_BYTES = 4 << 20
_PLACES = (("mcpServers",), ("servers",), ("mcp", "servers"), ("mcp",), ("context_servers",))
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)
_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_OTHER_CHARACTERS = re.compile(r"[^A-Za-z0-9-]+")
_OLD_TRANSPORT = "sse"


class ImportedServers(NamedTuple):
    """Tables for `[mcp.NAME]` by name, and a sentence for each server that is left out or needs a step."""

    tables: Mapping[str, TomlTable]
    notes: tuple[Safe, ...]


def read_servers(path: Path) -> ImportedServers | Failure:
    """Read the servers of a JSON file; comments and trailing commas are accepted."""
    try:
        text = read_bounded(path, MAX_JSON_BYTES).decode("utf-8-sig")
        found: object = _parse(text)
    except OSError as error:
        return _unreadable(path, error_reason(error))
    except (ValueError, RecursionError):
        return _unreadable(path, "it is not JSON")
    rows = _servers(found)
    if rows is None:
        return _unreadable(path, "it has no mcpServers and no servers")
    tables: dict[str, TomlTable] = {}
    notes: list[Safe] = []
    for own, row in rows.items():
        name = _OTHER_CHARACTERS.sub("-", own).strip("-")[:32].rstrip("-")
        if not SERVER_NAME.fullmatch(name) or name in tables:
            notes.append(safe_format("{own} is left out: its name cannot be used.", own=safe_line(own)))
            continue
        made = _table(row)
        if isinstance(made, str):
            notes.append(safe_format("{own} is left out: {why}.", own=safe_line(own), why=safe_line(made)))
            continue
        tables[name] = made
        notes += _steps(name, made)
    return ImportedServers(tables, tuple(notes))


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        plain = _COMMENT.sub(lambda found: found[1] or "", text)
        return json.loads(_COMMA.sub(lambda found: found[1] or "", plain))


def _mapping(value: object) -> dict[str, object] | None:
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _servers(found: object) -> dict[str, object] | None:
    for place in _PLACES:
        inner: object = found
        for key in place:
            inner = (_mapping(inner) or {}).get(key)
        rows = _mapping(inner)
        if rows is not None and all(_mapping(row) is not None for row in rows.values()):
            return rows
    return None


def _table(value: object) -> TomlTable | str:
    row = _mapping(value) or {}
    if row.get("type") == _OLD_TRANSPORT or row.get("transport") == _OLD_TRANSPORT:
        return "it uses the transport SSE, which streamable HTTP has replaced"
    made: TomlTable = {}
    command, url = row.get("command"), row.get("url") or row.get("serverUrl") or row.get("httpUrl")
    if isinstance(command, str) and command.strip():
        made["command"] = command
        made["args"] = _texts(row.get("args"))
        made["env"] = _references(row.get("env") or row.get("environment"))
        if isinstance(cwd := row.get("cwd"), str) and user_path(cwd).is_absolute():
            made["cwd"] = cwd
    elif isinstance(url, str) and url.strip():
        made["url"] = url
        made["headers"] = _references(row.get("headers"))
    else:
        return "it has neither a command nor an address"
    if row.get("disabled") is True or row.get("enabled") is False:
        made["disabled"] = True
    return {key: value for key, value in made.items() if value not in ([], {})}


def _texts(value: object) -> list[object]:
    items = array(value)
    return [item if isinstance(item, str) else str(item) for item in items or ()]


def _references(value: object) -> TomlTable:
    """Return texts with `${NAME}`, if it is all of a text, as the reference `env:NAME`."""
    rows = _mapping(value) or {}
    made: TomlTable = {}
    for key, text in rows.items():
        whole = _VARIABLE.fullmatch(str(text))
        made[key] = f"env:{whole[1] or whole[2]}" if whole else str(text)
    return made


def _steps(name: str, made: TomlTable) -> Iterator[Safe]:
    texts = [made.get("command"), made.get("url"), *_texts(made.get("args"))]
    texts += [value for key in ("env", "headers") for value in (_mapping(made.get(key)) or {}).values()]
    left = sorted({found[0] for text in texts for found in re.finditer(r"\$\{[^}]*\}", str(text))})
    if left:
        yield safe_format(
            "{name} has {places}, which termchat does not replace: edit [mcp.{name}].",
            name=safe_line(name),
            places=safe_line(", ".join(left)),
        )


def _unreadable(path: Path, why: str) -> Failure:
    words = safe_format("Cannot import {path}: {why}.", path=safe_line(str(path)), why=safe_line(why))
    hint = safe_format("It takes a JSON file of Claude Desktop, Claude Code, Cursor or VS Code.")
    return Failure(FailureKind.BAD_CONFIG, words, hint)
