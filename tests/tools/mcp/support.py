"""Run toolboxes with MCP servers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from termchat.core.approval import ApprovalRequest, Permit
from termchat.core.messages import ToolCall, ToolResult
from termchat.core.models import McpServer
from termchat.tools.mcp.connection import McpEnvironment
from termchat.tools.mcp.pins import PinFile
from termchat.tools.mcp.server_source import McpSource
from termchat.tools.mcp.tool_lists import ListFiles
from termchat.tools.policy.rules import Rule, Rules
from termchat.tools.toolbox import Toolbox, ToolboxConfig

SCRIPT = str(Path(__file__).with_name("scripted_server.py"))
ENVIRONMENT = {"PATH": os.environ["PATH"]}
APPROVED = Permit(by_person=True)


def scripted(mode: str, *arguments: str, name: str = "it", **fields: object) -> McpServer:
    """A server of `scripted_server`; it may take as long as it needs to start."""
    return McpServer(name, sys.executable, (SCRIPT, mode, *arguments), **{"seconds": 60.0, **fields})  # type: ignore[arg-type]


@asynccontextmanager
async def toolbox(
    folder: Path,
    *servers: McpServer,
    rules: tuple[str, ...] = (),
    variables: Mapping[str, str] = ENVIRONMENT,
    approve_all: bool = False,
    lists: bool = False,
) -> AsyncIterator[Toolbox]:
    """Open a toolbox of servers that has no other tools; what the user agreed to is in the folder.

    lists   keep the lists of tools in the folder, too
    """
    config = ToolboxConfig(
        folder, offered=(), rules=Rules(allow=tuple(Rule(rule) for rule in rules)), approve_all=approve_all
    )
    box = Toolbox(config, ())
    around = McpEnvironment(folder, {"HOME": str(folder), **variables})
    for server in servers:
        kept = ListFiles(folder / "cache") if lists else None
        box.add_source(McpSource(server, around, PinFile(folder / "data" / "pins.json"), lists=kept))
    try:
        yield box
    finally:
        await box.close()


async def prepare(box: Toolbox) -> list[str]:
    """Prepare a request; return the notices."""
    pending = box.prepare()
    return [str(words) for words in await pending] if pending else []


async def run(box: Toolbox, name: str, permit: Permit = APPROVED, /, **arguments: object) -> ToolResult:
    """Run an approved call."""
    return await box.run(ToolCall("id", name, json.dumps(arguments)), permit, lambda text: None)


async def judge(box: Toolbox, name: str) -> Permit | ApprovalRequest | ToolResult:
    return await box.judge(ToolCall("id", name, "{}"))


def names(box: Toolbox) -> list[str]:
    return [spec.name for spec in box.specs]
