"""The tool registry: `@tool` turns a function into a `Tool`, a `Toolbox` runs the calls of a model.

    @tool
    async def current_time(context: ToolContext, timezone: Annotated[str, "An IANA name"] = "") -> ToolOutput:
        "The current date and time."

The model reads the function's name, docstring and parameters; the parameter `context` is filled in by the toolbox.
Tools are discovered in all modules of `tools/builtin`.
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

OUTPUT_BYTES = 64_000  # of one result; a longer result is cut, with a note for the model


def _now(zone: tzinfo | None) -> datetime:
    return datetime.now(zone).astimezone(zone)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The environment of tools: the directory they may read, private paths in it, and the clock."""

    cwd: Path
    private: tuple[Path, ...] = ()
    now: Callable[[tzinfo | None], datetime] = field(default=_now)


@dataclass(frozen=True, slots=True)
class ToolError:
    """The error of a tool, as a message for the model."""

    words: str


ToolOutput: TypeAlias = str | ToolError


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call, with its schema."""

    spec: ToolSpec
    function: Callable[..., Awaitable[ToolOutput]]
    wants_context: bool


def tool(function: Callable[..., Awaitable[ToolOutput]]) -> Tool:
    """Turn a coroutine function into a tool. Raises TypeError for a parameter that no schema can describe."""
    wants_context = "context" in inspect.signature(function).parameters
    description = " ".join((inspect.getdoc(function) or "").split())
    spec = ToolSpec(function.__name__, description, parameters_schema(function, frozenset({"context"})))
    return Tool(spec, function, wants_context)


def builtin_tools() -> tuple[Tool, ...]:
    """Return the built-in tools by name, a fixed order: the tools of a request are part of its prompt cache key."""
    from termchat.tools import builtin

    modules = [import_module(f"{builtin.__name__}.{m.name}") for m in iter_modules(builtin.__path__)]
    found = (value for module in modules for value in vars(module).values() if isinstance(value, Tool))
    return tuple(sorted(found, key=lambda tool: tool.spec.name))


class Toolbox:
    """The tools of a session: implements `core.provider.Tools` with decorated functions."""

    def __init__(self, cwd: Path, *, private: Iterable[Path] = (), tools: Iterable[Tool] | None = None) -> None:
        self._context = ToolContext(cwd, tuple(private))
        chosen = builtin_tools() if tools is None else tuple(tools)
        self._tools: Mapping[str, Tool] = {tool.spec.name: tool for tool in chosen}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        return tuple(tool.spec for tool in self._tools.values())

    async def run(self, call: ToolCall) -> ToolResult:
        """Run one call; any error becomes an error result for the model."""
        answer = await self._answer(call)
        if isinstance(answer, ToolError):
            return ToolResult(call.id, call.name, (Text(f"Error: {answer.words}"),), is_error=True)
        return ToolResult(call.id, call.name, (Text(truncate_output(answer)),))

    async def _answer(self, call: ToolCall) -> ToolOutput:
        tool = self._tools.get(call.name)
        if tool is None:
            return ToolError(f"there is no tool {call.name!r}; known tools are {', '.join(self._tools) or 'none'}")
        arguments = parse_arguments(call.arguments, tool.spec.parameters)
        if isinstance(arguments, str):
            return ToolError(f"{call.name}: {arguments}")
        return await self._call(tool, arguments)

    async def _call(self, tool: Tool, arguments: dict[str, Any]) -> ToolOutput:
        given = {"context": self._context, **arguments} if tool.wants_context else arguments
        try:
            return await tool.function(**given)
        except Exception as error:  # a tool must never end a turn: report the error to the model
            return ToolError(f"{tool.spec.name} failed: {type(error).__name__}: {error}")


def truncate_output(text: str) -> str:
    """Cut a text to OUTPUT_BYTES of UTF-8, with a note at the end."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= OUTPUT_BYTES:
        return text
    return raw[:OUTPUT_BYTES].decode("utf-8", "ignore") + f"\n[cut: {OUTPUT_BYTES} of {len(raw)} bytes]"


if TYPE_CHECKING:
    _port: type[provider.Tools] = Toolbox
