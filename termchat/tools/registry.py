"""The registry of tools: a decorated function becomes a `Tool`, a `Toolbox` runs the calls of a model.

    @tool
    async def current_time(context: Context, timezone: Annotated[str, "An IANA name"] = "") -> Answer:
        "The current date and time."

The function's name and docstring are what the model reads; a parameter `context` is not the model's to give. Any
module in `tools/builtin` may hold tools; there is no list to add them to.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, TypeAlias

from termchat.core import provider
from termchat.core.messages import Text, ToolCall, ToolResult
from termchat.core.provider import ToolSpec
from termchat.tools.schema import parameters_schema, parse_arguments

OUTPUT_BYTES = 64_000  # of one result; what is over is cut, and said (reliability: R11)


def _now(zone: tzinfo | None) -> datetime:
    return datetime.now(zone).astimezone(zone)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What tools know of the world: the directory they may read, places in it that they may not, the clock."""

    cwd: Path
    private: tuple[Path, ...] = ()
    now: Callable[[tzinfo | None], datetime] = field(default=_now)


@dataclass(frozen=True, slots=True)
class ToolError:
    """Why a tool could not do it, in words for the model."""

    words: str


Answer: TypeAlias = str | ToolError


@dataclass(frozen=True, slots=True)
class Tool:
    """A function a model may call."""

    spec: ToolSpec
    function: Callable[..., Awaitable[Answer]]
    wants_context: bool


def tool(function: Callable[..., Awaitable[Answer]]) -> Tool:
    """The function as a tool; a TypeError here is a parameter no schema can describe."""
    wants_context = "context" in inspect.signature(function).parameters
    description = " ".join((inspect.getdoc(function) or "").split())
    spec = ToolSpec(function.__name__, description, parameters_schema(function, frozenset({"context"})))
    return Tool(spec, function, wants_context)


def builtin_tools() -> tuple[Tool, ...]:
    """All tools that come with termchat, always in the same order (a request's tools are part of its cache key)."""
    from termchat.tools import builtin

    modules = [import_module(f"{builtin.__name__}.{m.name}") for m in iter_modules(builtin.__path__)]
    found = (value for module in modules for value in vars(module).values() if isinstance(value, Tool))
    return tuple(sorted(found, key=lambda tool: tool.spec.name))


class Toolbox:
    """The tools of a session: `core.ports.Tools` over decorated functions."""

    def __init__(self, cwd: Path, *, private: Iterable[Path] = (), tools: Iterable[Tool] | None = None) -> None:
        self._context = ToolContext(cwd, tuple(private))
        chosen = builtin_tools() if tools is None else tuple(tools)
        self._tools: Mapping[str, Tool] = {tool.spec.name: tool for tool in chosen}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        return tuple(tool.spec for tool in self._tools.values())

    async def run(self, call: ToolCall) -> ToolResult:
        """Run one call; whatever is wrong with it is told to the model as an error result."""
        answer = await self._answer(call)
        if isinstance(answer, ToolError):
            return ToolResult(call.id, call.name, (Text(f"Error: {answer.words}"),), is_error=True)
        return ToolResult(call.id, call.name, (Text(truncate_output(answer)),))

    async def _answer(self, call: ToolCall) -> Answer:
        tool = self._tools.get(call.name)
        if tool is None:
            return ToolError(f"there is no tool {call.name!r}; known are {', '.join(self._tools) or 'none'}")
        arguments = parse_arguments(call.arguments, tool.spec.parameters)
        if isinstance(arguments, str):
            return ToolError(f"{call.name}: {arguments}")
        return await self._call(tool, arguments)

    async def _call(self, tool: Tool, arguments: dict[str, Any]) -> Answer:
        given = {"context": self._context, **arguments} if tool.wants_context else arguments
        try:
            return await tool.function(**given)
        except Exception as error:  # a tool must never end a turn: the model is told, and goes on
            return ToolError(f"{tool.spec.name} failed: {type(error).__name__}: {error}")


def truncate_output(text: str) -> str:
    """The text, or its beginning with what was left out said at the end."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= OUTPUT_BYTES:
        return text
    return raw[:OUTPUT_BYTES].decode("utf-8", "ignore") + f"\n[cut: {OUTPUT_BYTES} of {len(raw)} bytes]"


if TYPE_CHECKING:
    _port: type[provider.Tools] = Toolbox
