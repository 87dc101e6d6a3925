"""Tools of installed packages: the entry points of the group `termchat.tools`.

An entry point names a function, a `Tool`, or an iterable of them. Functions run in worker processes, as a user's do; a
`Tool` runs in termchat's own process. Nothing of a package is imported before one of its tools is turned on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.tools.functions.function_source import function_tools, problem_words
from termchat.tools.functions.pool import Launch, WorkerPool
from termchat.tools.functions.user_errors import Problem, exception_words
from termchat.tools.registry import Tool
from termchat.tools.source import LoadedTools, SourceInfo

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

TOOLS = "termchat.tools"  # the group of entry points
_SECONDS = 10.0


def find_entry_points(group: str) -> Sequence[EntryPoint]:
    """Return the entry points of a group by name, the first of each name; reads files, imports nothing."""
    from importlib.metadata import entry_points  # takes 10 ms, and most runs look for no package

    found = {entry.name: entry for entry in reversed(tuple(entry_points(group=group)))}
    return [found[name] for name in sorted(found)]


def package_name(entry: EntryPoint) -> str:
    """Return the package of an entry point for people, such as `package weather 1.0`."""
    if entry.dist is None:
        return f"package of {entry.value}"
    return f"package {entry.dist.name} {entry.dist.version}"


class PackageSources:
    """The sources of installed packages, each given out once.

    taken   names of other tools
    """

    def __init__(self, launch: Launch, taken: Collection[str]) -> None:
        self._launch = launch
        self._taken = taken
        self._given: set[str] = set()

    def find(self, name: str) -> list[PackageSource]:
        """Return the sources of the entry point of a name, or of all for `all`."""
        wanted = [entry for entry in find_entry_points(TOOLS) if name in ("all", entry.name)]
        new = [entry for entry in wanted if entry.name not in self._given]
        self._given.update(entry.name for entry in new)
        return [PackageSource(entry, self._launch, self._taken) for entry in new]


class PackageSource:
    """The tools of one entry point; implements `ToolSource`."""

    def __init__(self, entry: EntryPoint, launch: Launch, taken: Collection[str]) -> None:
        self._entry = entry
        self._launch = launch
        self._taken = taken
        self._pool: WorkerPool | None = None
        self._loaded: LoadedTools | Failure | None = None
        name = package_name(entry)
        self._info = SourceInfo(name, names=(entry.name,), group=entry.name, seconds=_SECONDS)

    @property
    def info(self) -> SourceInfo:
        return self._info

    async def tools(self) -> LoadedTools | Failure:
        """Return the tools of the entry point; problems are notices the first time."""
        if self._loaded is None:
            loaded = self._loaded = await self._load()
            if isinstance(loaded, LoadedTools):
                self._loaded = LoadedTools(loaded.tools)
            return loaded
        return self._loaded

    async def close(self) -> None:
        """End the workers."""
        if self._pool:
            await self._pool.close()

    async def _load(self) -> LoadedTools | Failure:
        entry = self._entry
        self._pool = WorkerPool((f"entry point {entry.name}={entry.value}",), self._launch)
        loaded = await self._pool.load()
        tools, taken = function_tools(loaded, self._pool, self._taken)
        problems = [*loaded.problems, *taken]
        if loaded.tools:
            try:
                tools = (*tools, *await asyncio.to_thread(_load_tools, entry))
            except Exception as error:  # code of the package
                problems.append(Problem(f"entry point {entry.name}", 0, exception_words(error)))
        tools = tuple(replace(tool, source=package_name(entry)) for tool in tools if tool.spec.name not in self._taken)
        notices = tuple(map(self._notice, problems))
        if not tools and notices:
            return Failure(FailureKind.BAD_CONFIG, notices[0])
        return LoadedTools(tools, notices)

    def _notice(self, problem: Problem) -> Safe:
        name = safe_line(package_name(self._entry))
        return safe_format("{package}: {problem}", package=name, problem=problem_words(problem))


def _load_tools(entry: EntryPoint) -> tuple[Tool, ...]:
    found: object = entry.load()
    items = cast("Iterable[object]", found) if isinstance(found, Iterable) else (found,)
    return tuple(item for item in items if isinstance(item, Tool))
