"""Prompts of MCP servers as commands: `/server:prompt arguments`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from termchat.commands.registry import Command, CommandContext, Effects
from termchat.core.approval import PromptRow
from termchat.core.effects import Candidates, Completion, Print, UsePrompt
from termchat.core.sanitize import EMPTY, excerpt, safe_format, safe_line
from termchat.core.session import Session
from termchat.core.style import TextRole

_DESCRIPTION = 100  # columns


def prompt_commands(session: Session) -> Iterator[Command]:
    """Yield a command for each prompt of the servers that were started."""
    for row in session.tools.prompts() if session.tools else ():
        yield _command(row)


def parse_prompt_arguments(row: PromptRow, text: str) -> dict[str, str] | str:
    """Return the arguments by name, or the name of a missing one.

    They are given by position, in quotes if they have blanks, or as NAME=VALUE. A single one takes the whole text.
    """
    text = text.strip()
    if len(row.arguments) == 1 and text:
        name = row.arguments[0]
        return {name: text.removeprefix(f"{name}=")}
    try:
        words = shlex.split(text)
    except ValueError:  # an apostrophe
        words = text.split()
    from termchat.commands.prompts.role_files import split_variables  # needed by a call alone

    found, rest = split_variables(words, row.arguments)
    open_names = [name for name in row.arguments if name not in found]
    for at, name in enumerate(open_names[: len(rest)]):
        found[name] = " ".join(rest[at:]) if at == len(open_names) - 1 else rest[at]
    missing = [name for name in row.arguments if name in row.required and not found.get(name)]
    return missing[0] if missing else found


def _command(row: PromptRow) -> Command:
    def run(context: CommandContext, argument: str) -> Effects:
        found = parse_prompt_arguments(row, argument)
        if isinstance(found, str):
            words = safe_format("/{name} needs {argument}.", name=safe_line(row.name), argument=safe_line(found))
            return (Print(words, TextRole.ERROR),)
        return (UsePrompt(row.name, found),)

    def complete(context: CommandContext, prefix: str) -> Candidates:
        """Complete the names of the arguments that are not given; a single one needs none."""
        before = prefix[: len(prefix) - len(prefix.rpartition(" ")[2])]
        given = {word.partition("=")[0] for word in before.split()}
        names = [name for name in row.arguments if name not in given] if len(row.arguments) > 1 else ()
        needed = safe_format("needed")
        return [
            Completion(f"{before}{name}=", needed if name in row.required else EMPTY, by_tab=True) for name in names
        ]

    usage = " ".join(name if name in row.required else f"[{name}]" for name in row.arguments)
    about = excerpt(row.description, _DESCRIPTION)
    return Command(row.name.lower(), about, run, argument=safe_line(usage), complete=complete if usage else None)
