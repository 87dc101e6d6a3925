"""/tool: show a tool call and its result unshortened."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects, takes_number, typed_number
from termchat.core.effects import Candidates, Completion, Print, ShowInPager
from termchat.core.messages import ToolCall, ToolResult, main_argument
from termchat.core.sanitize import Safe, excerpt, safe, safe_format, safe_line

group = CommandGroup()
_SHOWN = 48  # columns of a call in the menu


def _numbers(context: CommandContext, prefix: str) -> Candidates:
    """Complete the numbers of the calls, the last one first."""
    numbered = [*enumerate(context.session.conversation.tool_results(), 1)]
    return [
        Completion(str(n), excerpt(f"{call.name} {main_argument(call.arguments)}", _SHOWN))
        for n, (call, _) in reversed(numbered)
    ]


@group.command(
    "tool",
    safe_format("show a tool call and its full result"),
    argument="[N]",
    allowed_while_busy=True,
    complete=_numbers,
    takes=takes_number,
)
def show_tool_call(context: CommandContext, argument: str) -> Effects:
    """Show the call with number N on its card, or the last one."""
    found = context.session.conversation.tool_results()
    if not found:
        return (Print(safe_format("No tool has been called yet.")),)
    if not argument:
        return (ShowInPager(_whole(*found[-1])),)
    number = typed_number(argument)
    if not 1 <= number <= len(found):
        if len(found) == 1:
            return (Print(safe_format("There is 1 tool call: /tool 1.")),)
        return (Print(safe_format("There are {n} tool calls: /tool 1 to {n}.", n=safe(str(len(found))))),)
    return (ShowInPager(_whole(*found[number - 1])),)


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
