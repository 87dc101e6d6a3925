"""/login and /logout: set up a provider in the chat, and remove its key."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.config.providers import presets
from termchat.core.effects import Candidates, Completion, LogIn, LogOut, Print
from termchat.core.errors import Failure
from termchat.core.sanitize import safe_format, safe_line
from termchat.core.style import TextRole

group = CommandGroup()


def _known(context: CommandContext, prefix: str) -> Candidates:
    """Complete the names of providers, those that have a key last."""
    usable = frozenset(context.providers.usable_providers())
    rows = [preset for preset in presets().values() if preset.name != "demo"]
    return [Completion(row.name, safe_line(row.title), usable=row.name not in usable) for row in rows]


def _kept(context: CommandContext, prefix: str) -> Candidates:
    """Complete the providers whose key a login has written."""
    if context.preferences is None:
        return ()
    from termchat.config.stored_keys import written_keys

    return [Completion(name) for name in written_keys(context.preferences.file)]


def _takes_provider(context: CommandContext, argument: str) -> bool:
    """Return True for the name of a provider, also of one that is in no list here."""
    return not isinstance(context.providers.resolve(f"{argument.lower()}/any"), Failure)


@group.command(
    "login",
    safe_format("set up a vendor, a gateway or a local server"),
    argument="[PROVIDER]",
    details=safe_format(
        "It asks for the key, which is never shown or saved with the chat, tries it, and goes on here with a model."
    ),
    complete=_known,
    takes=_takes_provider,
    private=True,
)
def login(context: CommandContext, argument: str) -> Effects:
    """Begin a login; a key that was typed after the command is not used."""
    from termchat.commands.setup.pasted_key import looks_like_key

    if looks_like_key(argument):
        words = safe_format("Type no key after /login: it asks for the key and does not show it.")
        return (Print(words, TextRole.WARNING), LogIn())
    return (LogIn(argument),)


@group.command(
    "logout",
    safe_format("remove the key that /login has stored"),
    argument="[PROVIDER]",
    details=safe_format("Keys that you wrote into the configuration or the environment yourself stay."),
    complete=_kept,
    takes=_takes_provider,
)
def logout(context: CommandContext, argument: str) -> Effects:
    """Remove the key of a provider."""
    return (LogOut(argument),)
