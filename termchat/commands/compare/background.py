"""The form `/fork PROMPT @MODEL`: ask in a copy of the chat that runs in the background."""

from __future__ import annotations

from termchat.commands.model import known_models, takes_model
from termchat.commands.registry import CommandContext
from termchat.core.effects import Candidates, Completion, ForkAside
from termchat.core.errors import Failure
from termchat.core.messages import user_message


def background_fork(context: CommandContext, argument: str) -> ForkAside | Failure | None:
    """Return the effect of `PROMPT @MODEL`; None for any other argument, which is a title.

    A last word that begins with @ and names no model, or several, is a failure: a misspelt model would become a title.
    """
    prompt, _, last = argument.strip().rpartition(" ")
    if not prompt.strip() or not last.startswith("@") or len(last) == 1:
        return None
    model = context.providers.resolve(last[1:])
    if isinstance(model, Failure):
        return model
    return ForkAside(user_message(prompt.strip()), model)


def takes_background_model(context: CommandContext, argument: str) -> bool:
    """Return True if the last word names a model after its `@`; the text of a title is never completed."""
    last = argument.rpartition(" ")[2]
    return not last.startswith("@") or takes_model(context, last[1:])


def complete_background_model(context: CommandContext, prefix: str) -> Candidates:
    """Complete the model after the `@` that begins the last word; a title has no completions."""
    prompt, blank, last = prefix.rpartition(" ")
    if not blank or not last.startswith("@"):
        return ()
    return [
        Completion(f"{prompt} @{found.text}", found.detail, found.usable) for found in known_models(context, last[1:])
    ]
