"""/model: switch the model, and its reasoning effort with it."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import Candidates, Completion, Effect, ListModels, Print, UseModel
from termchat.core.errors import Failure
from termchat.core.models import ModelRef
from termchat.core.provider import Effort
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.core.style import TextRole

group = CommandGroup()


def known_models(context: CommandContext, prefix: str) -> Candidates:
    """Complete the models known without a request, the current one first."""
    current = context.session.model
    others = [ref for ref in context.providers.known_models() if ref != current]
    usable = frozenset(context.providers.usable_providers())
    return [
        Completion(str(current), safe_format("current"), by_tab=True),
        *(Completion(str(ref)) for ref in others if ref.provider in usable),
        *(
            Completion(str(ref), safe_format("not set up"), usable=False)
            for ref in others
            if ref.provider not in usable
        ),
    ]


def takes_model(context: CommandContext, argument: str) -> bool:
    """Return True if the last word names a model, whether it is listed or not."""
    name = argument.rpartition(" ")[2]
    return bool(name) and not isinstance(context.providers.resolve(name), Failure)


@group.command(
    "model",
    safe_format("switch model, keeping the conversation"),
    aliases=("m",),
    argument="[MODEL]",
    allowed_while_busy=True,
    details=safe_format(
        "/model lists what your providers offer; /model openai/gpt-6.1-sol switches at once, "
        "/model openai/gpt-6.1-sol:high also sets the reasoning effort."
    ),
    complete=known_models,
    takes=takes_model,
)
def model(context: CommandContext, argument: str) -> Effects:
    """Switch to a model, or open the picker of models."""
    if not argument or argument.endswith("/"):
        return (ListModels(argument),)
    found = context.providers.resolve(argument)
    if isinstance(found, Failure):
        return failure_effects(found)
    effort, settings = context.providers.effort(argument), context.session.settings
    if found == context.session.model and effort in (None, settings.params.think):
        return (Print(safe_format("Already using {model}.", model=safe_line(argument if effort else str(found)))),)
    return (*use_model_effects(found, effort), *_longer_names(context, found))


def _longer_names(context: CommandContext, model: ModelRef) -> Effects:
    """Say how to take a listed model whose name begins with that of one that is in no list."""
    known = context.providers.known_models()
    longer = [ref for ref in known if str(ref).startswith(str(model))]
    if model in known or not longer:
        return ()
    words = safe_format(
        "{model} is in no list; /model {other} takes a listed one.",
        model=safe_line(str(model)),
        other=safe_line(str(longer[0])),
    )
    return (Print(words),)


def use_model_effects(model: ModelRef, effort: Effort | None = None) -> tuple[Effect, ...]:
    """Return the effects that switch to a model, with an effort unless it is None, and name both."""
    words = safe_format("→ {model}", model=safe_line(str(model)))
    if effort:
        words = safe_format("{words} · reasoning effort {effort}", words=words, effort=Safe(effort.value))
    return (UseModel(model, effort), Print(words))


def failure_effects(failure: Failure) -> Effects:
    """Print a failure and its hint."""
    words: list[Effect] = [Print(failure.message, TextRole.ERROR)]
    if failure.hint:
        words.append(Print(failure.hint))
    return tuple(words)
