"""Load the MCP servers: the tables `[mcp.NAME]` of the config file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from termchat.config.base_urls import invalid_reason, is_unencrypted
from termchat.config.credentials import is_reference
from termchat.config.paths import user_path
from termchat.config.provider_fields import (
    SECONDS_FIELD,
    SWITCH_FIELD,
    TEXT_FIELD,
    TEXT_TABLE_FIELD,
    TEXTS_FIELD,
    FieldType,
    read_field,
)
from termchat.config.toml_file import ConfigError, TomlFile, TomlTable, array, table
from termchat.core.errors import Failure
from termchat.core.models import McpServer
from termchat.core.sanitize import Safe, safe_format, safe_line

SERVER_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?")
_SECRET = re.compile(r"key|token|secret|passw|auth|credential|cookie", re.IGNORECASE)
_FIELDS: Mapping[str, FieldType] = {
    "command": TEXT_FIELD,
    "args": TEXTS_FIELD,
    "env": TEXT_TABLE_FIELD,
    "cwd": TEXT_FIELD,
    "url": TEXT_FIELD,
    "headers": TEXT_TABLE_FIELD,
    "client_id": TEXT_FIELD,
    "client_secret": TEXT_FIELD,
    "tools": TEXTS_FIELD,
    "seconds": SECONDS_FIELD,
    "disabled": SWITCH_FIELD,
}
_OF_PROGRAM = ("args", "env", "cwd")  # keys that need `command`
_OF_ADDRESS = ("headers", "client_id", "client_secret")  # keys that need `url`


class LoadedServers(NamedTuple):
    """The servers of a config file by name, and sentences to show once."""

    by_name: Mapping[str, McpServer]
    notes: tuple[Safe, ...] = ()


def load_servers(source: TomlFile) -> LoadedServers:
    """Load the servers of a config file, in its order. Raises ConfigError."""
    servers = {name: _server(source, name, row) for name, row in _rows(source)}
    return LoadedServers(servers, tuple(_notes(servers)))


def check_server(file: Path, name: str, row: TomlTable) -> McpServer | Failure:
    """Return the server of a table that is not in the file yet, or what is wrong with it."""
    try:
        return load_servers(TomlFile(file, "", {"mcp": {name: row}})).by_name[name]
    except ConfigError as error:
        return error.failure


def write_servers(file: Path, servers: Mapping[str, TomlTable | None]) -> Failure | None:
    """Write tables `[mcp.NAME]`, or remove those of None; a file that then holds a secret is closed to others."""
    from termchat.config.write import write_tables  # no start of termchat writes

    tables: dict[tuple[str, ...], Mapping[str, Any] | None] = {}
    for name, row in servers.items():
        tables["mcp", name] = None if row is None else {k: _value(v) for k, v in row.items() if table(v) is None}
        for key, value in (row or {}).items():
            if inner := table(value):
                tables["mcp", name, key] = inner
    if failure := write_tables(file, tables):
        return failure
    made = {name: check_server(file, name, row) for name, row in servers.items() if row is not None}
    if any(inline_secrets({name: server for name, server in made.items() if isinstance(server, McpServer)})):
        file.chmod(0o600)
    return None


def _value(value: object) -> Any:
    items = array(value)
    return value if items is None else tuple(items)


def inline_secrets(servers: Mapping[str, McpServer]) -> Iterator[tuple[str, ...]]:
    """Yield the keys in the file whose values are secrets, by their names, and no references to secrets."""
    for name, server in servers.items():
        if server.client_secret.strip() and not is_reference(server.client_secret):
            yield "mcp", name, "client_secret"
        for kind, values in (("env", server.env), ("headers", server.headers)):
            for key, value in values.items():
                if value.strip() and _SECRET.search(key) and not is_reference(value):
                    yield "mcp", name, kind, key


def _rows(source: TomlFile) -> Iterator[tuple[str, TomlTable]]:
    rows = table(source.table.get("mcp", {}))
    if rows is None:
        raise source.error(("mcp",), safe_format("must be one table for each MCP server: [mcp.NAME]"))
    for name, value in rows.items():
        if not SERVER_NAME.fullmatch(name):
            words = safe_format("is not a name for an MCP server: it must be 1 to 32 letters, digits and -")
            raise source.error(("mcp", name), words)
        if (row := table(value)) is None:
            raise source.error(("mcp", name), safe_format("must be a table: [mcp.NAME]"))
        yield name, row


def _server(source: TomlFile, name: str, row: TomlTable) -> McpServer:
    keys = ("mcp", name)
    fields: dict[str, Any] = {}
    for key, value in row.items():
        if key not in _FIELDS:
            raise source.unknown_key((*keys, key), _FIELDS)
        fields[key] = read_field(source, (*keys, key), value, _FIELDS[key])
    server = McpServer(name, **fields)
    if bool(server.command.strip()) == bool(server.url.strip()):
        words = safe_format("must have either command, for a program, or url, for an address")
        raise source.error(keys, words, safe_format('For example: command = "uvx", args = ["mcp-server-time"]'))
    for key in _OF_ADDRESS if server.command else _OF_PROGRAM:
        if key in fields:
            needs = Safe("url" if server.command else "command")
            raise source.error((*keys, key), safe_format("needs {needs}", needs=needs))
    if server.client_secret and not server.client_id:
        raise source.error((*keys, "client_secret"), safe_format("needs client_id"))
    if server.url and (why := invalid_reason(server.url)):
        raise source.error((*keys, "url"), safe_format("is not an address: {why}", why=why))
    if server.cwd and not user_path(server.cwd).is_absolute():
        raise source.error((*keys, "cwd"), safe_format("must be an absolute path, or begin with ~"))
    return server


def _notes(servers: Mapping[str, McpServer]) -> Iterator[Safe]:
    for name, server in servers.items():
        if server.url and not server.disabled and is_unencrypted(server.url):
            yield safe_format("The MCP server {name} is reached over unencrypted http://.", name=safe_line(name))
