"""The configuration of an MCP server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from termchat.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class McpServer:
    """An MCP server: a program that speaks over its standard input and output, or an address.

    name      its name in the names of its tools: `mcp_NAME_TOOL`; letters, digits and `-`
    command   the program, "" for a server with an address
    env       variables of the program; a value may be a reference: `env:NAME`, `cmd:...`, `keyring:NAME`
    cwd       the directory of the program, "" for the working directory of termchat
    url       the address of streamable HTTP, "" for a program
    headers   headers of each request to `url`; a value may be a reference
    tools     the server's own names of the tools to use, None for all
    seconds   the longest wait of a question for a server that starts
    disabled  keep the table, but do not use the server
    """

    name: str
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    tools: tuple[str, ...] | None = None
    seconds: float = 5.0
    disabled: bool = False
