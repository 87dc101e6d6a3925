"""/attach: attach files, pages and resources to the next message, list them, remove one."""

from __future__ import annotations

import shlex

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import Attach
from termchat.core.sanitize import safe_format

group = CommandGroup()
_DETAILS = safe_format(
    "/attach a.py 'my file.pdf' https://example.org attaches files and pages to the next message; file#20-45 only "
    "these lines, folder/ a list of its files, server:uri a resource of an MCP server, clipboard what was copied. "
    "/attach alone lists the attachments, /attach remove N removes one. "
    "In a message, @a.py does the same where it is mentioned."
)


@group.command(
    "attach",
    safe_format("attach files to the next message; list or remove them"),
    argument="[FILE…]",
    allowed_while_busy=True,
    details=_DETAILS,
)
def attach(context: CommandContext, argument: str) -> Effects:
    """Attach the named files; without a name, list the attachments of the input."""
    names = _words(argument)
    if len(names) > 1 and names[0] in ("remove", "rm"):
        return (Attach(remove=names[1].removeprefix("@")),)
    if names == ["list"]:
        return (Attach(),)
    return (Attach(tuple(name.removeprefix("@") for name in names)),)


def _words(argument: str) -> list[str]:
    """Split the names as a shell would; a name with an apostrophe is taken as it is."""
    try:
        return shlex.split(argument)
    except ValueError:
        return argument.split()
