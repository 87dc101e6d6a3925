"""Saved chats: /chats, /open, /rename, /fork, /export, /incognito."""

from __future__ import annotations

from termchat.commands.compare.background import background_fork, complete_background_model, takes_background_model
from termchat.commands.model import failure_effects
from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.chats import ExportFormat
from termchat.core.effects import Candidates, Completion, Export, Fork, Incognito, ListChats, OpenChat, Print, Rename
from termchat.core.errors import Failure
from termchat.core.sanitize import EMPTY, safe_format

group = CommandGroup()
_LEAVE = safe_format("/incognito off begins a chat that is saved.")


@group.command(
    "chats",
    safe_format("find and resume an earlier chat"),
    aliases=("resume",),
    argument="[WORDS]",
    details=safe_format("Searches titles, messages and ids, and opens a chat at the message it found."),
)
def chats(context: CommandContext, argument: str) -> Effects:
    """Open the picker of chats."""
    return (ListChats(argument),) if context.session.chat_store else _not_saved(context)


@group.command(
    "open",
    safe_format("resume a chat by id or title"),
    argument="CHAT|FILE",
    details=safe_format("FILE is an export or a session of another program; it is imported, then opened."),
)
def open_(context: CommandContext, argument: str) -> Effects:
    """Resume a chat by id or title, or import a file and open its chat."""
    return (OpenChat(argument),) if context.session.chat_store else _not_saved(context)


@group.command(
    "rename",
    safe_format("set the title of this chat"),
    argument="TITLE",
    complete=lambda context, prefix: [Completion(context.session.title, by_tab=True)] if context.session.title else (),
)
def rename(context: CommandContext, argument: str) -> Effects:
    """Set the title, which defaults to the first words of the chat."""
    if not context.session.chat_store:
        return _not_saved(context)
    return (Rename(argument),) if context.session.chat_id else (Print(safe_format("There is no chat to rename yet.")),)


@group.command(
    "fork",
    safe_format("continue in a copy of this chat"),
    argument="[TITLE]",
    details=safe_format(
        "/fork PROMPT @MODEL asks in a copy that runs in the background, and says when it is done; this chat goes on "
        "meanwhile. Tool calls of the copy that would ask are declined."
    ),
    complete=complete_background_model,
    takes=takes_background_model,
)
def fork(context: CommandContext, argument: str) -> Effects:
    """Continue in a new chat that shares all messages so far, or ask a model in one that runs in the background."""
    if not context.session.chat_store:
        return _not_saved(context)
    aside = background_fork(context, argument)
    if isinstance(aside, Failure):
        return failure_effects(aside)
    if aside:
        return (aside,)
    return (Fork(argument),) if context.session.chat_id else (Print(safe_format("There is no chat to fork yet.")),)


@group.command(
    "export",
    safe_format("write this chat to a file"),
    argument="FILE",
    details=safe_format("The extension selects the format: .md, .json (lossless), .html or .txt."),
    complete=lambda context, prefix: _endings(prefix),
)
def export(context: CommandContext, argument: str) -> Effects:
    """Write the chat as Markdown, JSON, HTML or text."""
    if not context.session.chat_store:
        return _not_saved(context)
    ending = argument.rpartition(".")[2].lower() if "." in argument else ""
    known = [form for form in ExportFormat if form.value == ending]
    if not known:
        return (Print(safe_format("The file name must end in .md, .json, .html or .txt.")),)
    return (Export(known[0], argument),)


@group.command(
    "incognito",
    safe_format("start a chat that is not saved"),
    argument="[off]",
    private=True,
    details=safe_format(
        "No chat, input or draft is saved until /incognito off, also after /new. "
        "Chats cannot be listed, opened or exported meanwhile; /copy and /history work."
    ),
    complete=lambda context, prefix: [Completion("off", safe_format("save chats again"))],
)
def incognito(context: CommandContext, argument: str) -> Effects:
    """Start an empty chat, and save nothing from now on; with `off`, start one and save chats again."""
    session = context.session
    if argument == "off":
        if session.can_save:
            return (Incognito(off=True), Print(safe_format("— new chat: chats are saved again —")))
        return (Print(safe_format("Chats are saved already.")),) if session.is_saved else _not_saved(context)
    if argument:
        return (Print(safe_format("/incognito takes no argument but off.")),)
    if session.can_save:
        return (Print(safe_format("Already incognito. {leave}", leave=_LEAVE)),)
    way_back = safe_format("; /incognito off ends this") if session.is_saved else EMPTY
    return (Incognito(), Print(safe_format("— incognito: this chat is not saved{way_back} —", way_back=way_back)))


def _not_saved(context: CommandContext) -> Effects:
    """Return the refusal of a command that needs saved chats, and the way to have them."""
    if context.session.can_save:
        return (Print(safe_format("Nothing is saved in incognito. {leave}", leave=_LEAVE)),)
    return (Print(safe_format("This session saves nothing (--no-save). Start termchat without it to save chats.")),)


def _endings(prefix: str) -> Candidates:
    stem = prefix.rpartition(".")[0] if "." in prefix else prefix or "chat"
    return [Completion(f"{stem}.{form.value}") for form in ExportFormat if f"{stem}.{form.value}".startswith(prefix)]
