"""Sources of tools that become known while termchat runs: MCP servers, a user's functions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Protocol

from termchat.core.approval import PromptRow, ToolEffect
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.tools.registry import Tool


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A source before its tools are known.

    name        its name for people, such as `MCP server time`
    prefix      the beginning of the names of its tools, such as `mcp_time_`; "" for none
    names       the names of its tools, as far as they are known before they are loaded
    group       a name for all of its tools, "" for none
    effect      the effect of its tools, for the list of tools
    turned_on   its tools are offered unless the user turned them off
    seconds     the longest wait of a request for its tools
    """

    name: str
    prefix: str = ""
    names: tuple[str, ...] = ()
    group: str = ""
    effect: ToolEffect = ToolEffect.RUN
    turned_on: bool = False
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class SourcePrompt:
    """A prompt of a source; `text` returns what it says for some arguments."""

    row: PromptRow
    text: Callable[[Mapping[str, str]], Awaitable[str | Failure]]


@dataclass(frozen=True, slots=True)
class LoadedTools:
    """The tools of a source, in a fixed order, notices about them that were not given before, and its prompts."""

    tools: tuple[Tool, ...] = ()
    notices: tuple[Safe, ...] = ()
    prompts: tuple[SourcePrompt, ...] = ()


class ToolSource(Protocol):
    """A source of tools."""

    @property
    def info(self) -> SourceInfo: ...

    async def tools(self) -> LoadedTools | Failure:
        """Return the tools, at once when they are known and unchanged; it is called before each request."""
        ...

    async def close(self) -> None:
        """End the processes of the source."""
        ...


class _Entry:
    """A source, the task that loads its tools, and what its user was told."""

    def __init__(self, source: ToolSource) -> None:
        self.source = source
        self.tools: tuple[Tool, ...] = ()
        self.prompts: tuple[SourcePrompt, ...] = ()
        self.task: asyncio.Task[LoadedTools | Failure] | None = None
        self.problem = EMPTY  # the last one
        self.notices: list[Safe] = []  # not given yet
        self.known = False  # the tools were loaded once
        self.late = False  # a request went without the tools


class ToolSources:
    """The sources of a toolbox: loads their tools at the same time, and waits for none longer than it allows.

    changed   is called when the tools of a source have changed
    needed    returns True for a source whose tools may be offered; a request waits for no other
    """

    def __init__(self, changed: Callable[[], None], needed: Callable[[SourceInfo], bool]) -> None:
        self._changed = changed
        self._needed = needed
        self._entries: list[_Entry] = []

    def add(self, source: ToolSource) -> None:
        """Add a source; nothing of it starts yet."""
        self._entries.append(_Entry(source))

    def tools(self) -> Iterator[tuple[SourceInfo, Tool]]:
        """Yield the known tools, in the order of the sources."""
        for entry in self._entries:
            for tool in entry.tools:
                yield entry.source.info, tool

    def prompts(self) -> Iterator[SourcePrompt]:
        """Yield the prompts of the sources that have loaded."""
        self.collect()
        for entry in self._entries:
            yield from entry.prompts

    def all(self) -> tuple[ToolSource, ...]:
        """Return the sources in their order."""
        return tuple(entry.source for entry in self._entries)

    def unknown(self) -> Iterator[tuple[SourceInfo, Safe]]:
        """Yield the sources whose tools are not known, with the problem, "" while there is none."""
        for entry in self._entries:
            if not entry.known:
                yield entry.source.info, entry.problem

    def knows(self, name: str) -> bool:
        """Return True for a group, for `PREFIX*`, and for a tool that is not loaded yet."""
        infos = [entry.source.info for entry in self._entries]
        if any(info.prefix and name.startswith(info.prefix) for info in infos):
            return True
        return any(name and name in (info.group, *info.names) for info in infos)

    def start(self, *, unneeded: bool = False) -> bool:
        """Begin to load where nothing loads yet. Return False if there is no source to wait for.

        unneeded   also load what is not offered, for a list of all tools
        """
        wanted = [entry for entry in self._entries if unneeded or self._needed(entry.source.info)]
        for entry in wanted:
            if entry.task is None:
                entry.task = asyncio.create_task(entry.source.tools())
        return bool(wanted)

    def collect(self) -> None:
        """Take the tools that have loaded, without a wait."""
        for entry in self._entries:
            if entry.task and entry.task.done():
                self._take(entry, entry.task)

    async def wait(self) -> tuple[Safe, ...]:
        """Wait for the tools, for each source up to its limit; return notices."""
        self.start()
        await asyncio.gather(*(self._wait(entry) for entry in self._entries if self._needed(entry.source.info)))
        notices = tuple(words for entry in self._entries for words in entry.notices)
        for entry in self._entries:
            entry.notices.clear()
        return notices

    async def close(self) -> None:
        """End all sources."""
        tasks = [entry.task for entry in self._entries if entry.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(entry.source.close() for entry in self._entries), return_exceptions=True)
        self._entries.clear()

    async def _wait(self, entry: _Entry) -> None:
        task, info = entry.task, entry.source.info
        if task is None:
            return
        if not task.done():
            await asyncio.wait((task,), timeout=0 if entry.late else info.seconds)
        if task.done():
            self._take(entry, task)
        elif not entry.late:
            entry.late = True
            words = safe_format("{name} is slow to start: the question goes without its tools.", name=_name(info))
            entry.notices.append(words)

    def _take(self, entry: _Entry, task: asyncio.Task[LoadedTools | Failure]) -> None:
        if entry.task is not task:
            return  # another wait has taken them
        entry.task, entry.late = None, False
        loaded = _result(task, entry.source.info)
        if isinstance(loaded, Failure):
            problem = safe_format("{message} {hint}", message=loaded.message, hint=loaded.hint)
            if problem != entry.problem:
                entry.notices.append(problem)
            entry.problem = problem
            self._put(entry, ())
            return
        entry.problem, entry.known = EMPTY, True
        entry.notices.extend(loaded.notices)
        entry.prompts = loaded.prompts
        self._put(entry, loaded.tools)

    def _put(self, entry: _Entry, tools: tuple[Tool, ...]) -> None:
        if tools != entry.tools:
            entry.tools = tools
            self._changed()


def _result(task: asyncio.Task[LoadedTools | Failure], info: SourceInfo) -> LoadedTools | Failure:
    with suppress(asyncio.CancelledError):
        error = task.exception()
        if error is None:
            return task.result()
        why = safe_line(f"{type(error).__name__}: {error}")
        return Failure(FailureKind.BUG, safe_format("{name} cannot be used: {why}.", name=_name(info), why=why))
    return LoadedTools()


def _name(info: SourceInfo) -> Safe:
    return safe_line(info.name)
