"""/retry, /edit, /undo and /redo: going about in the tree. Nothing is ever destroyed by any of them."""

from __future__ import annotations

from termchat.commands.model import failed, known_models
from termchat.commands.registry import Context, Effects, Family
from termchat.core.conversation import Node
from termchat.core.effects import Choice, Effect, MoveHead, Pick, Say, Send
from termchat.core.errors import Failure
from termchat.core.messages import Role
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import Safe, safe, say
from termchat.core.text import shortened

family = Family()
_STOPPED = (Outcome.CUT, Outcome.STALLED, Outcome.LENGTH, Outcome.CANCELLED)
_NOTHING = (Say(say("There is no question yet.")),)


@family.command(
    "retry",
    say("answer the last question again"),
    aliases=("r",),
    argument="[MODEL]",
    more=say("The first answer stays in the tree, beside the new one."),
    complete=known_models,
)
def retry(context: Context, argument: str) -> Effects:
    """A second answer to the last question, by the same model or another."""
    question = context.session.conversation.last_question()
    if question is None:
        return _NOTHING
    if not argument:
        return (Send(question.id),)
    model = context.providers.resolve(argument)
    return failed(model) if isinstance(model, Failure) else (Send(question.id, model=model),)


@family.command(
    "continue",
    say("go on where the last reply stopped"),
    aliases=("c",),
    more=say("After a cut, a stall, the token limit or a stop; what was said is not repeated."),
)
def go_on(context: Context, argument: str) -> Effects:
    """The same reply, from its end."""
    head = context.session.conversation.path()[-1:]
    last = head[0].message if head else None
    if last is None or last.author is not Role.ASSISTANT or last.outcome not in _STOPPED or not last.text:
        return (Say(say("There is no reply that stopped in the middle.")),)
    return (Send(head[0].id),)


@family.command("undo", say("take the last question back into the input"), aliases=("u",))
def undo(context: Context, argument: str) -> Effects:
    """Go back to before the last question; its text returns to the input."""
    question = context.session.conversation.last_question()
    return _NOTHING if question is None else _back_before(question)


@family.command("redo", say("forward again, to the newest answer below"))
def redo(context: Context, argument: str) -> Effects:
    """Along the newest branch, to its end."""
    conversation = context.session.conversation
    at = conversation.head
    while below := [node for node in conversation.nodes.values() if node.parent == at]:
        at = below[-1].id
    if at is None or at == conversation.head:
        return (Say(say("There is nothing to redo.")),)
    question = next(n for n in reversed(conversation.path(at)) if n.message.author is Role.USER)
    return (MoveHead(at), Say(say('↷ forward to "{text}"', text=_short(question))))


@family.command(
    "edit",
    say("edit an earlier message and go on from there"),
    aliases=("e",),
    argument="[N]",
    more=say("/edit 1 takes the last message, /edit 2 the one before; without a number there is a list."),
)
def edit(context: Context, argument: str) -> Effects:
    """One of one's own messages, counted from the last or chosen from a list, returns to the input."""
    path = context.session.conversation.path()
    questions = [node for node in reversed(path) if node.message.author is Role.USER]
    if not questions:
        return _NOTHING
    if argument:
        known = argument.isdigit() and 1 <= int(argument) <= len(questions)
        words = say("/edit takes a number from 1 (the last message) to {n}.", n=safe(str(len(questions))))
        return _back_before(questions[int(argument) - 1]) if known else (Say(words),)
    choices = (
        Choice(_short(node), say("{n} back", n=safe(str(n))) if n else say("the last"), _back_before(node))
        for n, node in enumerate(questions)
    )
    return (Pick(say("Edit"), tuple(choices)),)


def _back_before(question: Node) -> tuple[Effect, ...]:
    words = say('↶ back to before "{text}" · /redo goes forward again', text=_short(question))
    return (MoveHead(question.parent, restore=question.message.text), Say(words))


def _short(node: Node) -> Safe:
    return shortened(node.message.text, 40)
