"""/vs and /adopt: ask several models at once, and go on from one of the replies."""

from __future__ import annotations

from termchat.commands.model import failure_effects, known_models, takes_model
from termchat.commands.registry import CommandContext, CommandGroup, Effects, takes_number, typed_number
from termchat.core.effects import Adopt, Candidates, Choice, Choose, Compare, Completion, Print
from termchat.core.errors import Failure
from termchat.core.messages import Message, user_message
from termchat.core.models import ModelRef
from termchat.core.sanitize import excerpt, safe, safe_format, safe_line
from termchat.core.session import Offer
from termchat.core.style import TextRole

group = CommandGroup()
_MOST = 8  # models at once
_SHOWN = 60  # columns of a reply in a list


@group.command(
    "vs",
    safe_format("answer the last question with several models at once"),
    argument="MODEL… [-- QUESTION]",
    details=safe_format(
        "The replies are branches of the question; /adopt N goes on from one, until then the chat stays where it was. "
        "Text after -- is a new question, NAME:high sets the reasoning effort. "
        "No tools are offered, so that the replies compare. They are stopped together."
    ),
    complete=lambda context, prefix: _complete_models(context, prefix),  # noqa: PLW0108, defined below
    takes=takes_model,
)
def compare(context: CommandContext, argument: str) -> Effects:
    """Let several models answer the last question, or the text after `--`."""
    names, question = split_question(argument)
    if not names:
        return (Print(safe_format("/vs needs a model: /vs MODEL… [-- QUESTION]"), TextRole.ERROR),)
    if len(names) > _MOST:
        return (Print(safe_format("/vs takes up to {n} models at once.", n=safe(str(_MOST))), TextRole.ERROR),)
    models: list[ModelRef] = []
    for name in names:
        found = context.providers.resolve(name)
        if isinstance(found, Failure):
            return failure_effects(found)
        models.append(found)
    efforts = tuple(context.providers.effort(name) for name in names)
    if question:
        return (Compare(tuple(models), efforts, message=user_message(question)),)
    asked = context.session.conversation.last_question()
    if asked is None:
        return (Print(safe_format("No question has been asked yet; /vs MODEL… -- QUESTION asks one.")),)
    return (Compare(tuple(models), efforts, question=asked.id),)


@group.command(
    "adopt",
    safe_format("go on from a reply of /vs, or keep one of /btw"),
    argument="[N]",
    details=safe_format("The numbers stand above the replies; without a number, choose from a list."),
    complete=lambda context, prefix: _numbers(context, prefix),  # noqa: PLW0108, defined below
    takes=takes_number,
)
def adopt(context: CommandContext, argument: str) -> Effects:
    """Make an offered reply a part of the chat, or list those that can be."""
    offers = {offer.number: offer for offer in _ready(context)}
    if not offers:
        return (Print(safe_format("There is no reply to adopt; /vs and /btw make some, /tree shows all branches.")),)
    if not argument:
        nodes = context.session.conversation.nodes
        choices = tuple(
            Choice(
                safe_format("{n} {model}", n=safe(str(offer.number)), model=safe_line(str(offer.model))),
                excerpt(_text(offer, nodes[offer.node].message if offer.node else None), _SHOWN),
                (Adopt(offer.number),),
                name=str(offer.number),
            )
            for offer in offers.values()
        )
        return (Choose(safe_format("Adopt"), choices, at=len(choices) - 1),)
    number = typed_number(argument)
    if number not in offers:
        known = safe_line(", ".join(map(str, offers)))
        return (Print(safe_format("/adopt takes the number of a reply: {known}.", known=known), TextRole.ERROR),)
    return (Adopt(number),)


def split_question(argument: str) -> tuple[list[str], str]:
    """Split `MODEL MODEL -- QUESTION` into the names and the question, "" without one."""
    names: list[str] = []
    rest = argument.strip()
    while rest:
        word, *after = rest.split(maxsplit=1)
        rest = after[0] if after else ""
        if word == "--":
            return names, rest.strip()
        names.append(word)
    return names, ""


def _ready(context: CommandContext) -> list[Offer]:
    return [offer for offer in context.session.offers if offer.node or offer.messages]


def _text(offer: Offer, reply: Message | None) -> str:
    if reply:
        return reply.text
    return offer.messages[0].subject if offer.messages else ""


def _numbers(context: CommandContext, prefix: str) -> Candidates:
    return [
        Completion(str(offer.number), safe_line(str(offer.model)))
        for offer in _ready(context)
        if str(offer.number).startswith(prefix)
    ]


def _complete_models(context: CommandContext, prefix: str) -> Candidates:
    """Complete the last model of several; the words of a question are not completed."""
    before, _, last = prefix.rpartition(" ")
    if "--" in before.split():
        return ()
    start = f"{before} " if before else ""
    chosen = set(before.split())
    return [
        Completion(f"{start}{found.text}", found.detail, found.usable)
        for found in known_models(context, last)
        if found.text not in chosen
    ]
