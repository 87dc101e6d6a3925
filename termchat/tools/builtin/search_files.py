"""The tool `search_files`."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from termchat.core.approval import ToolEffect
from termchat.tools.registry import Plan, Subject, ToolContext, ToolError, ToolOutput, tool

if TYPE_CHECKING:
    from termchat.tools.files.walk import WalkStop

SECONDS = 20.0
_CONTEXT = 20
_PATTERN = 2_000
_NEWLINE = re.compile(r"(?<!\\)(?:\\\\)*\\n|\n")


async def _plan(context: ToolContext, arguments: Mapping[str, Any]) -> Plan | ToolError:
    from termchat.tools.files.resolved_path import plan_reading

    return await asyncio.to_thread(plan_reading, context, str(arguments.get("path") or "."))


@tool(effect=ToolEffect.READ, subject=Subject.PATH, subject_argument="path", plan=_plan)
async def search_files(
    context: ToolContext,
    pattern: Annotated[str, "A regular expression that is searched in each line"],
    path: Annotated[str, "A directory or file, relative to the working directory"] = ".",
    glob: Annotated[str, "Only these files, for example *.py, src/**/*.ts, *.{c,h} or !*.min.js"] = "",
    ignore_case: Annotated[bool, "Upper and lower case are the same"] = False,
    context_lines: Annotated[int, "Lines to show before and after each match, from 0 to 20"] = 0,
) -> ToolOutput:
    """Search text files for a regular expression. Binary files, files that .gitignore names and files that may hold
    secrets are left out."""
    if wrong := _error(pattern, context_lines):
        return wrong

    from termchat.tools.files.walk import run_stoppable

    return await run_stoppable(partial(_search, context, path, (pattern, glob, ignore_case, context_lines)), SECONDS)


def _error(pattern: str, around: int) -> ToolError | None:
    if not 0 <= around <= _CONTEXT:
        return ToolError(f"context_lines must be from 0 to {_CONTEXT}")
    if not pattern or len(pattern) > _PATTERN or "\0" in pattern:
        return ToolError(f"pattern must have 1 to {_PATTERN} characters, without NUL")
    if _NEWLINE.search(pattern):
        return ToolError("each line is searched by itself: pattern cannot contain a line break")
    try:
        pattern.encode()
    except UnicodeEncodeError:
        return ToolError("pattern has characters that no file can hold (lone surrogates)")
    return None


def _search(context: ToolContext, path: str, query: tuple[str, str, bool, int], stop: WalkStop) -> ToolOutput:
    from termchat.tools.files.ignore_rules import Glob
    from termchat.tools.files.resolved_path import refuse_os_error, resolve_path
    from termchat.tools.files.tree_search import PatternError, SearchQuery, TreeSearch
    from termchat.tools.files.walk import TreeWalk

    pattern, glob, ignore_case, around = query
    try:
        chosen = SearchQuery(pattern, Glob(glob) if glob else None, ignore_case, around)
    except ValueError as error:
        return ToolError(f"the glob {glob!r} cannot be used: {error}")
    try:
        place = resolve_path(context, path, outputs=True)
        if isinstance(place, ToolError):
            return place
        if moved := place.moved(context):
            return moved
        return TreeSearch(chosen, place, TreeWalk(context, place, stop), _ripgrep(context)).run()
    except PatternError as error:
        return ToolError(f"pattern is not a valid regular expression: {error}")
    except (OSError, ValueError) as error:
        return refuse_os_error(path, error, "searched")


def _ripgrep(context: ToolContext) -> Path | None:
    """Return the path of ripgrep, None if it is not installed outside the working directory."""
    import shutil

    def is_inside(path: str) -> bool:
        return any(Path(p).is_relative_to(root) for p in (os.path.normpath(path), os.path.realpath(path)))

    root = os.path.realpath(context.cwd)
    folders = context.environment.get("PATH", os.defpath).split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if os.path.isabs(folder) and not is_inside(folder))
    found = shutil.which("rg", path=path) if path else None
    return Path(found) if found and not is_inside(found) else None
