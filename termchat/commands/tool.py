"""/tool: what a tool call was told and what it gave, whole."""

from __future__ import annotations

from termchat.commands.registry import Context, Effects, Family
from termchat.core.effects import Page, Say
from termchat.core.messages import ToolCall, ToolResult
from termchat.core.sanitize import Safe, safe, safe_line, say

family = Family()


@family.command("tool", say("read a tool call and its result, whole"), argument="[N]", harmless=True)
def tool(context: Context, argument: str) -> Effects:
    """The `N`th call of this chat as its card numbers it, or the last one."""
    found = _calls(context)
    if not found:
        return (Say(say("No tool was called yet.")),)
    if not argument:
        return (Page(_whole(*found[-1])),)
    if not argument.isdigit() or not 1 <= int(argument) <= len(found):
        return (Say(say("There are {n} tool calls.", n=safe(str(len(found))))),)
    return (Page(_whole(*found[int(argument) - 1])),)


def _calls(context: Context) -> list[tuple[ToolCall, ToolResult]]:
    """Every call that has a result, in the order of the whole tree, which is that of the cards."""
    messages = [node.message for node in context.session.conversation.nodes.values()]
    calls = {call.id: call for message in messages for call in message.calls}
    results = [result for message in messages for result in message.results]
    return [(calls[result.call_id], result) for result in results if result.call_id in calls]


def _whole(call: ToolCall, result: ToolResult) -> Safe:
    return say(
        "{name} {arguments}\n\n{result}",
        name=safe_line(call.name),
        arguments=safe(call.arguments),
        result=safe(result.text),
    )
