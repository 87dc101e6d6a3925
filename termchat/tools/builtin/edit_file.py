"""The tool `edit_file`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from termchat.core.approval import ToolEffect
from termchat.tools.registry import Plan, Subject, ToolContext, ToolError, ToolOutput, tool

if TYPE_CHECKING:
    from termchat.tools.files.change import FileChange, OldFile


async def _plan(context: ToolContext, arguments: Mapping[str, Any]) -> Plan | ToolError:
    change = _change(
        str(arguments["path"]), str(arguments["old"]), str(arguments["new"]), bool(arguments.get("replace_all"))
    )
    return await asyncio.to_thread(change.plan, context)


@tool(effect=ToolEffect.WRITE, subject=Subject.PATH, subject_argument="path", plan=_plan)
async def edit_file(
    context: ToolContext,
    path: Annotated[str, "The path of a text file, relative to the working directory"],
    old: Annotated[str, "The exact passage to replace, with enough lines to be unique in the file"],
    new: Annotated[str, "The passage to put in its place"],
    replace_all: Annotated[bool, "Replace every occurrence"] = False,
) -> ToolOutput:
    """Replace an exact passage of a text file."""
    return await asyncio.to_thread(_change(path, old, new, replace_all).run, context)


def _change(path: str, old: str, new: str, replace_all: bool) -> FileChange:
    from termchat.tools.files.change import FileChange
    from termchat.tools.files.edit_text import edit_text
    from termchat.tools.files.names import show_name

    def edited(file: OldFile | None) -> str | ToolError:
        if file is None:
            return ToolError(f"{show_name(path)} does not exist; to create it, use write_file")
        if file.text is None:
            return ToolError(f"{show_name(path)} is not a text file")
        return edit_text(file.text, file.form, old, new, replace_all=replace_all)

    return FileChange(path, edited, edit_argument="new")
