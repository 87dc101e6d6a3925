"""Saved chats: /chats, /open, /rename, /fork, /export, /incognito."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.chats import ExportFormat
from termchat.core.effects import Candidates, Completion, Export, Fork, Incognito, ListChats, OpenChat, Print, Rename
from termchat.core.sanitize import safe_format

group = CommandGroup()
_NOT_SAVED = (Print(safe_format("This session is not saved (--no-save or /incognito).")),)


@group.command(
    "chats",
    safe_format("find and resume an earlier chat"),
    aliases=("resume",),
    argument="[WORDS]",
    details=safe_format("Searches titles, messages and ids, and opens a chat at the message it found."),
)
def chats(context: CommandContext, argument: str) -> Effects:
    """Open the picker of chats."""
    return (ListChats(argument),) if context.session.chat_store else _NOT_SAVED


@group.command("open", safe_format("resume a chat by id or title"), argument="CHAT")
def open_(context: CommandContext, argument: str) -> Effects:
    """Resume a chat by id or title."""
    return (OpenChat(argument),) if context.session.chat_store else _NOT_SAVED


@group.command("rename", safe_format("set the title of this chat"), argument="TITLE")
def rename(context: CommandContext, argument: str) -> Effects:
    """Set the title, which defaults to the first words of the chat."""
    if not context.session.chat_store:
        return _NOT_SAVED
    return (Rename(argument),) if context.session.chat_id else (Print(safe_format("There is no chat to rename yet.")),)


@group.command("fork", safe_format("continue in a copy of this chat"), argument="[TITLE]")
def fork(context: CommandContext, argument: str) -> Effects:
    """Continue in a new chat that shares all messages so far."""
    if not context.session.chat_store:
        return _NOT_SAVED
    return (Fork(argument),) if context.session.chat_id else (Print(safe_format("There is no chat to fork yet.")),)


@group.command(
    "export",
    safe_format("write this chat to a file"),
    aliases=("save",),
    argument="FILE",
    details=safe_format("The extension selects the format: .md, .json (lossless), .html or .txt."),
    complete=lambda context, prefix: _endings(prefix),
)
def export(context: CommandContext, argument: str) -> Effects:
    """Write the chat as Markdown, JSON, HTML or text."""
    if not context.session.chat_store:
        return _NOT_SAVED
    ending = argument.rpartition(".")[2].lower() if "." in argument else ""
    known = [form for form in ExportFormat if form.value == ending]
    if not known:
        return (Print(safe_format("The file name must end in .md, .json, .html or .txt.")),)
    return (Export(known[0], argument),)


@group.command("incognito", safe_format("start a chat that is not saved"), private=True)
def incognito(context: CommandContext, argument: str) -> Effects:
    """Start an empty chat, and save nothing from now on."""
    return (Incognito(), Print(safe_format("— incognito: this chat is not saved —")))


def _endings(prefix: str) -> Candidates:
    stem = prefix.rpartition(".")[0] if "." in prefix else prefix or "chat"
    return [Completion(f"{stem}.{form.value}") for form in ExportFormat if f"{stem}.{form.value}".startswith(prefix)]
