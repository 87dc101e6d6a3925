"""The toolbox: judges and runs the calls of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from termchat.core import provider
from termchat.core.messages import Text, ToolCall, ToolResult
from termchat.core.provider import ToolSpec
from termchat.tools.registry import Tool, ToolContext, ToolError, ToolOutput, builtin_tools
from termchat.tools.schema import parse_arguments

OUTPUT_BYTES = 64_000  # of one result; a longer result is cut, with a note for the model


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
