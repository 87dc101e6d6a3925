"""The kept chats: /chats, /rename, /fork, /save, /export, /incognito."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.chats import ExportFormat
from termchat.core.effects import Candidates, Completion, Export, Fork, Incognito, ListChats, OpenChat, Print, Rename
from termchat.core.sanitize import safe_format

family = CommandGroup()
_NOT_KEPT = (Print(safe_format("Nothing is kept in this session (--no-save, or /incognito).")),)


@family.command(
    "chats",
    safe_format("find an earlier chat and go on with it"),
    aliases=("resume",),
    argument="[WORDS]",
    details=safe_format("The words are looked for in titles and in everything that was said. An id opens that chat."),
)
def chats(context: CommandContext, argument: str) -> Effects:
    """The list of chats, to choose from."""
    return (ListChats(argument),) if context.session.library else _NOT_KEPT


@family.command("open", safe_format("go on with the chat of this id or title"), argument="CHAT")
def open_(context: CommandContext, argument: str) -> Effects:
    """Take up a chat by its name."""
    return (OpenChat(argument),) if context.session.library else _NOT_KEPT


@family.command("rename", safe_format("give this chat a title"), argument="TITLE")
def rename(context: CommandContext, argument: str) -> Effects:
    """The title in lists; the first words of the chat until then."""
    if not context.session.library:
        return _NOT_KEPT
    return (Rename(argument),) if context.session.chat_id else (Print(safe_format("There is nothing to name yet.")),)


@family.command("fork", safe_format("go on in a copy, this chat stays as it is"), argument="[TITLE]")
def fork(context: CommandContext, argument: str) -> Effects:
    """A chat of its own that shares everything so far."""
    if not context.session.library:
        return _NOT_KEPT
    return (Fork(argument),) if context.session.chat_id else (Print(safe_format("There is nothing to fork yet.")),)


@family.command(
    "export",
    safe_format("write this chat to a file"),
    aliases=("save",),
    argument="FILE",
    details=safe_format("The ending says how: .md, .json (keeps everything), .html or .txt."),
    complete=lambda context, prefix: _endings(prefix),
)
def export(context: CommandContext, argument: str) -> Effects:
    """The chat as Markdown, JSON, HTML or text."""
    if not context.session.library:
        return _NOT_KEPT
    ending = argument.rpartition(".")[2].lower() if "." in argument else ""
    known = [form for form in ExportFormat if form.value == ending]
    if not known:
        return (Print(safe_format("The file's name must end in .md, .json, .html or .txt.")),)
    return (Export(known[0], argument),)


@family.command("incognito", safe_format("start a chat of which nothing will be left"))
def incognito(context: CommandContext, argument: str) -> Effects:
    """An empty chat; nothing is kept from now on."""
    return (Incognito(), Print(safe_format("— incognito: nothing of this is kept —")))


def _endings(prefix: str) -> Candidates:
    stem = prefix.rpartition(".")[0] if "." in prefix else prefix or "chat"
    return [Completion(f"{stem}.{form.value}") for form in ExportFormat if f"{stem}.{form.value}".startswith(prefix)]
