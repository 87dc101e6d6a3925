"""The tool `run_shell`: runs a command that a rule allows without a shell, or the text that a person approved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from termchat.core.approval import PreviewKind, ToolEffect
from termchat.tools.registry import Plan, Subject, ToolContext, ToolError, ToolOutput, tool

LONGEST_SECONDS = 540  # below the limit of one call, so that a timeout names the command's own limit
LONGEST_COMMAND = 100_000  # bytes; Linux takes 128 kB in one argument


async def plan_command(context: ToolContext, arguments: Mapping[str, Any]) -> Plan | ToolError:
    """Return the command with its directory and sandbox, or the error of a command that cannot run."""
    from termchat.tools.process.run_command import find_surroundings  # only used by chats that run commands

    command: str = arguments["command"]
    if wrong := _wrong(command, arguments.get("timeout", 1)):
        return wrong
    around = await find_surroundings(context, network=bool(arguments.get("network", False)))
    if isinstance(around, ToolError):
        return around
    return Plan(command, PreviewKind.COMMAND, around.facts, edit_argument="command", seen=around.seen)


@tool(effect=ToolEffect.RUN, subject=Subject.COMMAND, subject_argument="command", plan=plan_command)
async def run_shell(
    context: ToolContext,
    command: Annotated[str, "The command, for bash; it has no terminal and its standard input is empty"],
    timeout: Annotated[int, "Seconds after which the command and all it started are stopped"] = 120,
    network: Annotated[bool, "True if the command needs the network; the user is asked"] = False,
) -> ToolOutput:
    """Run a command in the user's working directory and return its output. Nothing it starts outlives it. Other
    directories, .git/config, .git/hooks and settings of editors are read-only, /tmp is new and empty each time."""
    from termchat.tools.process.run_command import find_surroundings, run_command, shell_argv

    permit = context.permit
    if wrong := _wrong(command, timeout):
        return wrong
    if not permit.pipeline and not permit.by_person:
        return ToolError("a command needs the user's approval")
    around = await find_surroundings(context, network=network and permit.by_person, secrets=permit.by_person)
    if isinstance(around, ToolError):
        return around
    if permit.by_person and permit.seen not in ("", around.seen):
        return ToolError(f"nothing ran: the user approved other conditions than now: {', '.join(around.facts)}")
    answer = await run_command(context, around, permit.pipeline or (shell_argv(command),), timeout)
    if network and not permit.by_person and isinstance(answer, str):
        return type(answer)(f"{answer}\n[no network: only the user can allow it]")
    return answer


def _wrong(command: str, timeout: int) -> ToolError | None:
    if not command.strip():
        return ToolError("the command is empty")
    if "\0" in command:
        return ToolError("the command contains a NUL character")
    if len(command.encode("utf-8", "surrogatepass")) > LONGEST_COMMAND:
        return ToolError(f"the command is longer than {LONGEST_COMMAND} bytes; write it to a file and run that")
    if not 1 <= timeout <= LONGEST_SECONDS:
        return ToolError(f"timeout must be from 1 to {LONGEST_SECONDS} seconds")
    return None
