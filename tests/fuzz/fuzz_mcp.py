"""What an MCP server says: any result of a tool that the SDK takes gives parts; any file of lists is lists, or none."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

from mcp_types import CallToolResult
from pydantic import ValidationError

from termchat.core.messages import Image, Text
from termchat.core.models import McpServer
from termchat.tools.mcp.results import tool_output
from termchat.tools.mcp.tool_lists import ListFiles
from termchat.tools.registry import ToolError, ToolOutput
from tests.fuzz.targets import FuzzTarget

_FOLDER = tempfile.TemporaryDirectory(prefix="termchat-mcp-")
_SERVER = McpServer("any", "program")


def _run(data: bytes) -> None:
    folder = Path(_FOLDER.name)
    (folder / "any.json").write_bytes(data)
    lists = ListFiles(folder).read(_SERVER, folder)
    assert lists is None or all(isinstance(tool.name, str) for tool in lists.tools)
    try:
        result = CallToolResult.model_validate_json(data)
    except ValidationError:
        return
    output = asyncio.run(_output(result))
    assert isinstance(output, str | ToolError) or all(isinstance(part, Text | Image) for part in output)


async def _output(result: CallToolResult) -> ToolOutput | ToolError:
    return tool_output(result)


_BLOCKS = [
    {"type": "text", "text": "a"},
    {"type": "image", "data": "aGk=", "mimeType": "image/png"},
    {"type": "audio", "data": "aGk=", "mimeType": "audio/wav"},
    {"type": "resource_link", "name": "n", "uri": "file:///a"},
    {"type": "resource", "resource": {"uri": "file:///a", "text": "t"}},
    {"type": "resource", "resource": {"uri": "file:///a", "blob": "aGk="}},
]
mcp = FuzzTarget(
    _run,
    tuple(
        json.dumps(value).encode()
        for value in (
            {"content": _BLOCKS},
            {"content": [], "structuredContent": {"a": 1}},
            {"content": _BLOCKS[:1], "isError": True},
            {"version": 1, "server": "", "written": 0, "until": 0, "tools": [], "prompts": []},
        )
    ),
)
