"""The toolbox: offers tools to a model, judges its calls and runs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from termchat.core import provider
from termchat.core.approval import ApprovalRequest, ApprovalScope, Permit, ToolEffect
from termchat.core.messages import Text, ToolCall, ToolResult, ToolStatus
from termchat.core.provider import ToolSpec
from termchat.tools.registry import Plan, Tool, ToolContext, ToolError, ToolOutput, builtin_tools
from termchat.tools.schema import parse_arguments

OUTPUT_BYTES = 64_000  # of one result; a longer result is cut, with a note for the model


class Toolbox:
    """The tools of a session: implements `core.provider.Tools` with decorated functions."""

    def __init__(
        self,
        cwd: Path,
        *,
        private: Iterable[Path] = (),
        tools: Iterable[Tool] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._context = ToolContext(cwd, tuple(private), environment=environment or {})
        chosen = builtin_tools() if tools is None else tuple(tools)
        self._tools: Mapping[str, Tool] = {tool.spec.name: tool for tool in chosen}
        self._offered = {tool.spec.name for tool in chosen if tool.effect is ToolEffect.READ}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        return tuple(tool.spec for name, tool in self._tools.items() if name in self._offered)

    async def judge(self, call: ToolCall) -> Permit | ApprovalRequest | ToolResult:
        """Decide about a call: run it, ask the user, or answer it with an error. Has no effect, raises nothing."""
        tool = self._offered_tool(call)
        if isinstance(tool, ToolError):
            return _result(call, tool)
        arguments = parse_arguments(call.arguments, tool.spec.parameters)
        if isinstance(arguments, str):
            return _result(call, ToolError(f"{call.name}: {arguments}"))
        if tool.effect is ToolEffect.READ:
            return Permit()
        plan = await self._plan(tool, arguments)
        if isinstance(plan, ToolError):
            return _result(call, plan)
        return ApprovalRequest(call, tool.effect, plan.preview, plan.kind, plan.facts, edit_argument=plan.edit_argument)

    async def run(self, call: ToolCall, permit: Permit, output: Callable[[str], None]) -> ToolResult:
        """Run one call as it was permitted; any error becomes an error result for the model."""
        tool = self._offered_tool(call)
        if isinstance(tool, ToolError):
            return _result(call, tool)
        arguments = parse_arguments(call.arguments, tool.spec.parameters)
        if isinstance(arguments, str):
            return _result(call, ToolError(f"{call.name}: {arguments}"))
        return _result(call, await self._call(tool, arguments, replace(self._context, permit=permit, output=output)))

    async def add_rule(self, rule: str, scope: ApprovalScope) -> str:
        """Allow what a rule names, in this chat or in all chats. Return "", or why it could not be saved."""
        return ""

    def _offered_tool(self, call: ToolCall) -> Tool | ToolError:
        tool = self._tools.get(call.name)
        if tool and call.name in self._offered:
            return tool
        known = ", ".join(spec.name for spec in self.specs) or "none"
        return ToolError(f"there is no tool {call.name!r}; known tools are {known}")

    async def _plan(self, tool: Tool, arguments: Mapping[str, Any]) -> Plan | ToolError:
        if tool.plan is None:
            return Plan(json.dumps(arguments, ensure_ascii=False, indent=2))
        try:
            return await tool.plan(self._context, arguments)
        except Exception as error:
            return ToolError(f"{tool.spec.name} failed: {type(error).__name__}: {error}")

    async def _call(self, tool: Tool, arguments: dict[str, Any], context: ToolContext) -> ToolOutput:
        given = {"context": context, **arguments} if tool.wants_context else arguments
        try:
            return await tool.function(**given)
        except Exception as error:  # a tool must never end a turn: report the error to the model
            return ToolError(f"{tool.spec.name} failed: {type(error).__name__}: {error}")


def _result(call: ToolCall, answer: ToolOutput) -> ToolResult:
    if isinstance(answer, ToolError):
        words = (Text(f"Error: {answer.words}"),)
        return ToolResult(call.id, call.name, words, is_error=True, status=answer.status)
    return ToolResult(call.id, call.name, (Text(truncate_output(answer)),), status=ToolStatus.RAN)


def truncate_output(text: str) -> str:
    """Cut a text to OUTPUT_BYTES of UTF-8, with a note at the end."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= OUTPUT_BYTES:
        return text
    return raw[:OUTPUT_BYTES].decode("utf-8", "ignore") + f"\n[cut: {OUTPUT_BYTES} of {len(raw)} bytes]"


if TYPE_CHECKING:
    _port: type[provider.Tools] = Toolbox
