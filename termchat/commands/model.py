"""/model: which model answers from now on."""

from __future__ import annotations

from termchat.commands.registry import Context, Effects, Family
from termchat.core.effects import Candidate, Candidates, Effect, ListModels, Say, UseModel
from termchat.core.errors import Failure
from termchat.core.sanitize import safe_line, say
from termchat.core.style import TextRole

family = Family()


def known_models(context: Context, prefix: str) -> Candidates:
    """The models known without asking anyone, the current one first."""
    current = context.session.model
    others = [ref for ref in context.providers.known() if ref != current]
    return [Candidate(str(current), say("current")), *(Candidate(str(ref)) for ref in others)]


@family.command(
    "model",
    say("switch model, keeping the conversation"),
    aliases=("m",),
    argument="[MODEL]",
    harmless=True,
    more=say("/model lists what your providers offer; /model openai/gpt-5.2 switches at once."),
    complete=known_models,
)
def model(context: Context, argument: str) -> Effects:
    """Switch to the model named, or let the user choose."""
    if not argument:
        return (ListModels(),)
    found = context.providers.resolve(argument)
    if isinstance(found, Failure):
        return failed(found)
    name = safe_line(str(found))
    if found == context.session.model:
        return (Say(say("{model} is the model already.", model=name)),)
    return (UseModel(found), Say(say("→ {model}", model=name)))


def failed(failure: Failure) -> Effects:
    """What went wrong, and the next step."""
    words: list[Effect] = [Say(failure.message, TextRole.ERROR)]
    if failure.hint:
        words.append(Say(failure.hint))
    return tuple(words)
