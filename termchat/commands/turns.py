"""/retry, /edit, /undo and /redo: going about in the tree. Nothing is ever destroyed by any of them."""

from __future__ import annotations

from termchat.commands.model import failure_effects, known_models
from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.conversation import Node
from termchat.core.effects import Choice, Choose, Effect, MoveHead, Print, Send
from termchat.core.errors import Failure
from termchat.core.messages import Role
from termchat.core.sanitize import safe, safe_format
from termchat.core.text import truncate

family = CommandGroup()
_SHOWN = 40  # columns of a message that is quoted
_NOTHING = (Print(safe_format("There is no question yet.")),)


@family.command(
    "retry",
    safe_format("answer the last question again"),
    aliases=("r",),
    argument="[MODEL]",
    details=safe_format("The first answer stays in the tree, beside the new one."),
    complete=known_models,
)
def retry(context: CommandContext, argument: str) -> Effects:
    """A second answer to the last question, by the same model or another."""
    question = context.session.conversation.last_question()
    if question is None:
        return _NOTHING
    if not argument:
        return (Send(question.id),)
    model = context.providers.resolve(argument)
    return failure_effects(model) if isinstance(model, Failure) else (Send(question.id, model=model),)


@family.command(
    "continue",
    safe_format("go on where the last reply stopped"),
    aliases=("c",),
    details=safe_format("After a cut, a stall, the token limit or a stop; what was said is not repeated."),
)
def go_on(context: CommandContext, argument: str) -> Effects:
    """The same reply, from its end."""
    head = context.session.conversation.path()[-1:]
    last = head[0].message if head else None
    if last is None or not last.can_continue or not last.text:
        return (Print(safe_format("There is no reply that stopped in the middle.")),)
    return (Send(head[0].id),)


@family.command("undo", safe_format("take the last question back into the input"), aliases=("u",))
def undo(context: CommandContext, argument: str) -> Effects:
    """Go back to before the last question; its text returns to the input."""
    question = context.session.conversation.last_question()
    return _NOTHING if question is None else _back_before(question)


@family.command("redo", safe_format("forward again, to the newest answer below"))
def redo(context: CommandContext, argument: str) -> Effects:
    """Along the newest branch, to its end."""
    conversation = context.session.conversation
    at = conversation.head
    while below := [node for node in conversation.nodes.values() if node.parent == at]:
        at = below[-1].id
    if at is None or at == conversation.head:
        return (Print(safe_format("There is nothing to redo.")),)
    question = next(n for n in reversed(conversation.path(at)) if n.message.role is Role.USER)
    return (MoveHead(at), Print(safe_format('↷ forward to "{text}"', text=truncate(question.message.text, _SHOWN))))


@family.command(
    "edit",
    safe_format("edit an earlier message and go on from there"),
    aliases=("e",),
    argument="[N]",
    details=safe_format("/edit 1 takes the last message, /edit 2 the one before; without a number there is a list."),
)
def edit(context: CommandContext, argument: str) -> Effects:
    """One of one's own messages, counted from the last or chosen from a list, returns to the input."""
    path = context.session.conversation.path()
    questions = [node for node in reversed(path) if node.message.role is Role.USER]
    if not questions:
        return _NOTHING
    if argument:
        known = argument.isdigit() and 1 <= int(argument) <= len(questions)
        words = safe_format("/edit takes a number from 1 (the last message) to {n}.", n=safe(str(len(questions))))
        return _back_before(questions[int(argument) - 1]) if known else (Print(words),)
    choices = (
        Choice(
            truncate(node.message.text, _SHOWN),
            safe_format("{n} back", n=safe(str(n))) if n else safe_format("the last"),
            _back_before(node),
        )
        for n, node in enumerate(questions)
    )
    return (Choose(safe_format("Edit"), tuple(choices)),)


def _back_before(question: Node) -> tuple[Effect, ...]:
    words = safe_format(
        '↶ back to before "{text}" · /redo goes forward again', text=truncate(question.message.text, _SHOWN)
    )
    return (MoveHead(question.parent, prefill=question.message.text), Print(words))
