"""/model: which model answers from now on."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import Candidates, Completion, Effect, ListModels, Print, UseModel
from termchat.core.errors import Failure
from termchat.core.sanitize import safe_format, safe_line
from termchat.core.style import TextRole

family = CommandGroup()


def known_models(context: CommandContext, prefix: str) -> Candidates:
    """The models known without asking anyone, the current one first."""
    current = context.session.model
    others = [ref for ref in context.providers.known_models() if ref != current]
    return [Completion(str(current), safe_format("current")), *(Completion(str(ref)) for ref in others)]


@family.command(
    "model",
    safe_format("switch model, keeping the conversation"),
    aliases=("m",),
    argument="[MODEL]",
    allowed_while_busy=True,
    details=safe_format("/model lists what your providers offer; /model openai/gpt-5.2 switches at once."),
    complete=known_models,
)
def model(context: CommandContext, argument: str) -> Effects:
    """Switch to the model named, or let the user choose."""
    if not argument:
        return (ListModels(),)
    found = context.providers.resolve(argument)
    if isinstance(found, Failure):
        return failure_effects(found)
    name = safe_line(str(found))
    if found == context.session.model:
        return (Print(safe_format("{model} is the model already.", model=name)),)
    return (UseModel(found), Print(safe_format("→ {model}", model=name)))


def failure_effects(failure: Failure) -> Effects:
    """What went wrong, and the next step."""
    words: list[Effect] = [Print(failure.message, TextRole.ERROR)]
    if failure.hint:
        words.append(Print(failure.hint))
    return tuple(words)
