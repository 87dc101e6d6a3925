"""/model: which model answers from now on."""

from __future__ import annotations

from termchat.commands.registry import Context, Effects, Family
from termchat.core.effects import Candidate, Candidates, Effect, ListModels, Say, UseModel
from termchat.core.errors import Failure
from termchat.core.messages import Author, Image, Reasoning, ToolCall
from termchat.core.models import ModelRef
from termchat.core.sanitize import Safe, join, safe, safe_line, say
from termchat.core.style import Role

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
    return (UseModel(found), *carried(context, found))


def failed(failure: Failure) -> Effects:
    """What went wrong, and the next step."""
    words: list[Effect] = [Say(failure.message, Role.ERROR)]
    if failure.hint:
        words.append(Say(failure.hint))
    return tuple(words)


def carried(context: Context, ref: ModelRef) -> Effects:
    """One line about what goes along to another model, and what does not."""
    if ref == context.session.model:
        return (Say(say("{model} is the model already.", model=safe_line(str(ref)))),)
    parts: list[Safe] = [say("→ {model}", model=safe_line(str(ref)))]
    messages = context.session.conversation.history()
    if messages:
        questions = sum(1 for message in messages if message.author is Author.USER)
        parts.append(say("{n} carried over", n=plural(questions, "turn")))
    everything = [part for message in messages for part in message.parts]
    if any(isinstance(part, Reasoning) for part in everything):
        parts.append(say("earlier reasoning stays here"))
    if images := sum(1 for part in everything if isinstance(part, Image)):
        parts.append(plural(images, "image"))
    if calls := sum(1 for part in everything if isinstance(part, ToolCall)):
        parts.append(plural(calls, "tool call"))
    return (Say(join(" · ", parts)),)


def plural(number: int, word: str) -> Safe:
    """`1 turn`, `2 turns`."""
    return safe(f"{number} {word}" if number == 1 else f"{number} {word}s")
