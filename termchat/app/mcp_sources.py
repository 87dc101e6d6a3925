"""The MCP servers of the config file as sources of tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from termchat.config.credentials import Credentials
from termchat.config.load import Config

if TYPE_CHECKING:
    from termchat.tools.mcp.pins import PinFile
    from termchat.tools.mcp.server_source import McpSource


def mcp_sources(config: Config, env: Mapping[str, str], cwd: Path, *, turned_on: bool = True) -> Iterator[McpSource]:
    """Yield a source for each server that is not disabled, by name: the order is part of the prompt cache key.

    turned_on   offer their tools unless the user turned them off
    """
    servers = [config.mcp[name] for name in sorted(config.mcp) if not config.mcp[name].disabled]
    if not servers:
        return
    from termchat.tools.mcp.connection import McpEnvironment
    from termchat.tools.mcp.server_source import McpSource

    around = McpEnvironment(cwd, env, Credentials(env).resolve_headers)
    pins = pin_file(config)
    for server in servers:
        yield McpSource(server, around, pins, turned_on=turned_on)


def pin_file(config: Config) -> PinFile:
    """Return the file of the tools that the user agreed to."""
    from termchat.tools.mcp.pins import PinFile

    return PinFile(config.paths.data / "mcp-tools.json")
