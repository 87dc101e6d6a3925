"""A user's functions as a source of tools for the toolbox."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from termchat.core.approval import ToolEffect
from termchat.core.errors import Failure
from termchat.core.messages import Image, Text
from termchat.core.provider import ToolSpec
from termchat.core.sanitize import Safe, safe, safe_format, safe_line
from termchat.tools.functions.pool import FunctionRow, Launch, Loaded, WorkerPool
from termchat.tools.functions.source_files import FunctionFiles, Stamp
from termchat.tools.functions.user_errors import Problem, short_path
from termchat.tools.functions.worker_process import WorkerEndedError
from termchat.tools.registry import Plan, Tool, ToolContext, ToolError, ToolOutput
from termchat.tools.source import LoadedTools, SourceInfo

GROUP = "functions"  # the name of all functions of the user
_SECONDS = 10.0  # that a request waits for the import of the files
SHOWN_PROBLEMS = 5  # that interrupt a chat


class FunctionSource:
    """Functions in files; implements `ToolSource`. A folder that changes is loaded again before a request.

    turned_on   offer the functions without being asked
    taken       names of other tools
    shown       the most problems in notices at a time
    """

    def __init__(
        self,
        files: FunctionFiles,
        launch: Launch,
        *,
        turned_on: bool = False,
        taken: Collection[str] = (),
        shown: int = SHOWN_PROBLEMS,
    ) -> None:
        self._files = files
        texts = {str(file): text.decode("latin-1") for file, text in files.texts.items()}
        path = (*launch.path, str(files.folder)) if files.folder else launch.path
        self._launch = replace(launch, path=path, texts=texts)
        self._taken = frozenset(taken)
        self._shown = shown
        self._stamp: Stamp | None = None
        self._pool: WorkerPool | None = None
        self._retired: list[WorkerPool] = []  # calls may still run in them
        self._tools: tuple[Tool, ...] = ()
        self._problems: tuple[Problem, ...] = ()
        self._told: set[Problem] = set()
        name = f"functions in {short_path(str(files.folder))}" if files.folder else "functions of --functions"
        self._info = SourceInfo(name, names=files.names(), group=GROUP, turned_on=turned_on, seconds=_SECONDS)

    @property
    def info(self) -> SourceInfo:
        return self._info

    async def tools(self) -> LoadedTools | Failure:
        """Return the functions as tools; a problem is a notice once."""
        stamp = await asyncio.to_thread(self._files.stamp)
        if stamp != self._stamp:
            await self._load()
            self._stamp = stamp
        new = [problem for problem in self._problems if problem not in self._told]
        self._told.update(new)
        return LoadedTools(self._tools, tuple(_notices(new, self._shown)))

    async def close(self) -> None:
        """End the workers."""
        for pool in (*self._retired, *((self._pool,) if self._pool else ())):
            await pool.close()

    async def _load(self) -> None:
        if self._pool:
            await self._pool.retire()
            self._retired.append(self._pool)
        files = [str(file) for file in await asyncio.to_thread(self._files.found)]
        self._pool = WorkerPool(files, self._launch)
        loaded = await self._pool.load() if files else Loaded()
        self._tools, taken = function_tools(loaded, self._pool, self._taken)
        self._problems = (*loaded.problems, *taken)


def function_tools(
    loaded: Loaded, pool: WorkerPool, taken: Collection[str]
) -> tuple[tuple[Tool, ...], tuple[Problem, ...]]:
    """Return the functions of a pool as tools, and the problems of those whose name is taken."""
    words = "another tool has this name; rename the function"
    rows = loaded.functions
    problems = tuple(Problem(row.file, row.line, f"{row.name}: {words}") for row in rows if row.name in taken)
    return tuple(_tool(row, pool) for row in rows if row.name not in taken), problems


def problem_words(problem: Problem) -> Safe:
    """Return a problem as a sentence with file and line."""
    place = f"{short_path(problem.file)}:{problem.line}" if problem.line else short_path(problem.file)
    return safe_format("{place}: {words}", place=safe_line(place), words=safe_line(problem.words))


def _notices(problems: Sequence[Problem], limit: int) -> list[Safe]:
    shown = [problem_words(problem) for problem in problems[:limit]]
    if more := len(problems) - len(shown):
        shown.append(safe_format("{n} more: `termchat tools` lists all problems.", n=safe(str(more))))
    return shown


def _tool(row: FunctionRow, pool: WorkerPool) -> Tool:
    place = f"{short_path(row.file)}:{row.line}" if Path(row.file).is_absolute() else row.file

    async def plan(context: ToolContext, arguments: Mapping[str, Any]) -> Plan | ToolError:
        if wrong := await pool.check(row.name, arguments):
            return ToolError(wrong)
        return Plan(_call_text(arguments), facts=(place, "not sandboxed"))

    async def run(context: ToolContext, /, **arguments: Any) -> ToolOutput:
        try:
            answer, output = await pool.call(row.name, arguments, context.output, context.outputs)
        except WorkerEndedError as ended:
            return ToolError(f"{row.name} {ended}")
        if "failed" in answer:
            tail = output.strip()
            return ToolError(f"{answer['failed']}\n{tail}" if tail else str(answer["failed"]))
        return _parts(answer["parts"]) or output or "[no result]"

    spec = ToolSpec(row.name, row.description, row.schema)
    return Tool(
        spec, run, wants_context=True, effect=ToolEffect(row.effect), plan=plan, any_arguments=True, source=place
    )


def _call_text(arguments: Mapping[str, Any]) -> str:
    import json

    return json.dumps(arguments, ensure_ascii=False, indent=2)


def _parts(parts: Sequence[Mapping[str, str]]) -> tuple[Text | Image, ...]:
    return tuple(_image(part) if "image" in part else Text(part["text"]) for part in parts)


def _image(part: Mapping[str, str]) -> Image:
    import base64

    return Image(part["mime"], base64.b64decode(part["image"]))
