"""A server of texts, pictures and bytes, for tests of resources."""

from __future__ import annotations

import base64

from mcp.server.mcpserver import MCPServer

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
server = MCPServer("resources")


@server.resource("text://readme", title="The manual", description="Read\nthis", mime_type="text/markdown")
def readme() -> str:
    """Return a text with an escape code."""
    return "# Manual\n\x1b[31mred"


@server.resource("blob://dot.png", mime_type="application/octet-stream")
def dot() -> bytes:
    """Return a picture that the server calls bytes."""
    return base64.b64decode(PNG)


@server.resource("blob://noise", mime_type="image/png")
def noise() -> bytes:
    """Return bytes that are no picture, whatever the server says."""
    return b"\x00\xff" * 50


@server.resource("broken://one")
def broken() -> str:
    """Fail."""
    raise ValueError("the disk is full")


@server.resource("table://{name}/{row}")
def row(name: str, row: str) -> str:
    """Return a row of a table."""
    return f"{name} {row}"


if __name__ == "__main__":
    server.run()
