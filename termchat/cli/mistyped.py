"""Recognise a prompt that is more likely a mistyped subcommand, before it is sent to a model."""

import shlex
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from termchat.core.sanitize import safe_format, safe_line
from termchat.ui.stderr import warn

_CUTOFF = 0.75  # similarity from which a word may be a misspelled subcommand; "chat" and "chats" have 0.89
_OTHER_WORDS = {  # words of other programs -> arguments of this one
    "help": ("--help",),
    "version": ("--version",),
    "settings": ("config",),
    "list": ("chats",),
    "ls": ("chats",),
    "history": ("chats",),
    "costs": ("usage",),
}
_LISTING = frozenset(("list", "ls", "show", "all"))  # second words that mean the subcommand itself
_DELETING = frozenset(("delete", "remove", "del"))


def intended_subcommand(arguments: Sequence[str], subcommands: Iterable[str]) -> list[str] | None:
    """Return the arguments that were probably meant, None for a prompt.

    Only a first word alone, or followed by an option or an action,
    is taken for a subcommand: `chat list` and `model --json`, but not `model trains are fun`.
    """
    word, *rest = arguments
    name = word.lower()
    if rest[:1] and (rest[0] in ("-p", "--prompt", "--") or rest[0].startswith("--prompt=")):
        return None
    if name in _OTHER_WORDS:
        return None if rest else [*_OTHER_WORDS[name]]
    found = get_close_matches(name, tuple(subcommands), 1, _CUTOFF)
    if not found:
        return None
    actions = _actions(found[0])
    if not rest or rest[0].startswith("-"):
        return [found[0], *rest]
    second = "rm" if rest[0] in _DELETING and "rm" in actions else rest[0]
    if second in actions:
        return [found[0], second, *rest[1:]]
    return [found[0], *rest[1:]] if second in _LISTING else None


def _actions(subcommand: str) -> Iterable[str]:
    if subcommand not in ("chats", "mcp", "prompts"):
        return ()
    from importlib import import_module

    actions: Iterable[str] = import_module(f"termchat.cli.{subcommand}").ACTIONS  # imports more than a prompt needs
    return actions


def may_send(arguments: Sequence[str], intended: Sequence[str]) -> bool:
    """Say how to run the intended subcommand and how to send the words; ask on a terminal, else return True."""
    given = safe_line(shlex.join(arguments))
    warn(safe_format("`termchat {given}` is a prompt. Did you mean `termchat {other}`?",
         given=given, other=safe_line(shlex.join(intended))))  # fmt: skip
    warn(safe_format("To send a prompt that looks like a subcommand, use `termchat -- {given}` or -p.", given=given))
    try:
        asks = sys.stdin.isatty() and sys.stderr.isatty()
    except (AttributeError, ValueError):
        asks = False
    if not asks:
        return True
    sys.stderr.write("Send it to the model? [y/N] ")
    sys.stderr.flush()
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        raise
