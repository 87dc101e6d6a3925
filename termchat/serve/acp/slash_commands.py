"""The slash commands that make sense in an editor: those that print a text or ask the model."""

from __future__ import annotations

from collections.abc import Sequence

from acp.schema import AvailableCommand, AvailableCommandInput, UnstructuredCommandInput

from termchat.commands.registry import CommandContext, is_command, split_command
from termchat.core.effects import Effect, Print, PrintTable, Rename, Send, UsePrompt
from termchat.core.errors import Failure
from termchat.core.messages import user_message
from termchat.core.sanitize import Safe, safe, safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.serve.acp.editor_chats import EditorChat

_NAMES = ("compact", "retry", "continue", "usage", "rename", "error")


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of a command: a text to show, or a message or a node to answer."""

    text: str = ""
    send: Send | None = None


def available_commands(chat: EditorChat) -> list[AvailableCommand]:
    """Return the commands for the menu of a client, with the prompts of MCP servers that have started."""
    chat.commands.find("")  # adds the prompts of servers
    prompts = {row.name.lower() for row in chat.session.tools.prompts()} if chat.session.tools else set[str]()
    found = [command for command in chat.commands.commands if command.name in _NAMES or command.name in prompts]
    return [
        AvailableCommand(
            name=command.name,
            description=command.help or command.name,
            input=_input(command.argument) if command.argument else None,
        )
        for command in found
    ]


def _input(placeholder: str) -> AvailableCommandInput:
    return AvailableCommandInput(UnstructuredCommandInput(hint=safe_line(placeholder)))


async def run_slash_command(chat: EditorChat, text: str) -> CommandResult | Failure | None:
    """Run a command; None for a text that is none of them and goes to the model."""
    if not is_command(text):
        return None
    name = split_command(text)[0].lower()
    if name not in {command.name for command in available_commands(chat)}:
        return None
    context = CommandContext(chat.session, chat.providers, chat.commands, keys=False)
    effects = chat.commands.run(context, text)
    sent = next((effect for effect in effects if isinstance(effect, Send)), None)
    if sent:
        return CommandResult(send=sent)
    lines: list[str] = []
    for effect in effects:
        if isinstance(effect, UsePrompt):
            return await _prompt(chat, effect)
        lines += await _performed(chat, effect)
    return CommandResult("\n\n".join(lines))


async def _prompt(chat: EditorChat, effect: UsePrompt) -> CommandResult | Failure:
    assert chat.session.tools
    text = await chat.session.tools.prompt(effect.name, effect.arguments)
    if isinstance(text, Failure):
        return text
    return CommandResult(send=Send(chat.session.conversation.head, user_message(text)))


async def _performed(chat: EditorChat, effect: Effect) -> list[str]:
    match effect:
        case Print():
            return [effect.words]
        case PrintTable():
            return [_table(effect)]
        case Rename():
            assert chat.session.chat_store
            await chat.session.chat_store.rename(chat.session.chat_id, effect.title)
            chat.session.rename(effect.title)
            return [safe_format("Title: {title}", title=safe(effect.title))]
        case _:
            return []


def _table(table: PrintTable) -> str:
    """Return a table as Markdown."""
    rule = ["--:" if at in table.right else ":--" for at in range(len(table.header))]
    return "\n".join(_row(cells) for cells in (table.header, rule, *table.rows))


def _row(cells: Sequence[Safe] | Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
