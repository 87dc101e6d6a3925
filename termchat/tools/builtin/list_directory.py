"""The tool `list_directory`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from termchat.core.approval import ToolEffect
from termchat.tools.registry import Plan, Subject, ToolContext, ToolError, ToolOutput, tool

_SECONDS = 10.0
_DEPTH = 10


async def _plan(context: ToolContext, arguments: Mapping[str, Any]) -> Plan | ToolError:
    from termchat.tools.files.resolved_path import plan_reading

    return await asyncio.to_thread(plan_reading, context, str(arguments.get("path") or "."))


@tool(effect=ToolEffect.READ, subject=Subject.PATH, subject_argument="path", plan=_plan)
async def list_directory(
    context: ToolContext,
    path: Annotated[str, "A directory, relative to the working directory"] = ".",
    depth: Annotated[int, "The number of levels to list, from 1 to 10"] = 1,
) -> ToolOutput:
    """List a directory of the user's working directory: names, types and sizes, directories first. Files that
    .gitignore names are left out; symbolic links are shown, not followed."""
    if not 1 <= depth <= _DEPTH:
        return ToolError(f"depth must be from 1 to {_DEPTH}")

    from termchat.tools.files.listing import list_tree
    from termchat.tools.files.walk import run_stoppable

    return await run_stoppable(partial(list_tree, context, path, depth), _SECONDS)
