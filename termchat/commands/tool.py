"""/tool: show a tool call and its result unshortened."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import Print, ShowInPager
from termchat.core.messages import ToolCall, ToolResult
from termchat.core.sanitize import Safe, safe, safe_format, safe_line

group = CommandGroup()


@group.command("tool", safe_format("show a tool call and its full result"), argument="[N]", allowed_while_busy=True)
def show_tool_call(context: CommandContext, argument: str) -> Effects:
    """Show the call with number N on its card, or the last one."""
    found = context.session.conversation.tool_results()
    if not found:
        return (Print(safe_format("No tool has been called yet.")),)
    if not argument:
        return (ShowInPager(_whole(*found[-1])),)
    if not argument.isdigit() or not 1 <= int(argument) <= len(found):
        if len(found) == 1:
            return (Print(safe_format("There is 1 tool call: /tool 1.")),)
        return (Print(safe_format("There are {n} tool calls: /tool 1 to {n}.", n=safe(str(len(found))))),)
    return (ShowInPager(_whole(*found[int(argument) - 1])),)


def _whole(call: ToolCall, result: ToolResult) -> Safe:
    ran = safe_format("")
    if result.edited:
        ran = safe_format("\nedited: {arguments}", arguments=safe(result.edited))
    if result.status:
        ran = safe_format("{ran}\n{status}", ran=ran, status=Safe(result.status.value))
    return safe_format(
        "{name} {arguments}{ran}\n\n{result}",
        name=safe_line(call.name),
        arguments=safe(call.arguments),
        ran=ran,
        result=safe(result.text),
    )
