"""The tool `write_file`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from termchat.core.approval import ToolEffect
from termchat.tools.registry import Plan, Subject, ToolContext, ToolError, ToolOutput, tool

if TYPE_CHECKING:
    from termchat.tools.files.change import FileChange, OldFile


async def _plan(context: ToolContext, arguments: Mapping[str, Any]) -> Plan | ToolError:
    return await asyncio.to_thread(_change(str(arguments["path"]), str(arguments["text"])).plan, context)


@tool(effect=ToolEffect.WRITE, subject=Subject.PATH, subject_argument="path", plan=_plan)
async def write_file(
    context: ToolContext,
    path: Annotated[str, "The path of the file, relative to the working directory; missing directories are made"],
    text: Annotated[str, "The whole new content"],
) -> ToolOutput:
    """Create a text file, or replace the whole content of one. To change a part of a file, use edit_file."""
    return await asyncio.to_thread(_change(path, text).run, context)


def _change(path: str, text: str) -> FileChange:
    from termchat.tools.files.change import FileChange

    def new(old: OldFile | None) -> str:
        return old.form.with_newlines(text) if old else text

    return FileChange(path, new, edit_argument="text")
