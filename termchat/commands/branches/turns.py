"""/retry, /continue, /undo and /redo: move in the tree; no command deletes a message."""

from __future__ import annotations

from termchat.commands.model import failure_effects, known_models, takes_model
from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.conversation import Node, compacted_from
from termchat.core.effects import Effect, MoveHead, Print, Send
from termchat.core.errors import Failure
from termchat.core.messages import Role
from termchat.core.sanitize import excerpt, safe_format

group = CommandGroup()
_SHOWN = 40  # columns of a message that is quoted
_NO_QUESTION = (Print(safe_format("No question has been asked yet.")),)


@group.command(
    "retry",
    safe_format("answer the last question again"),
    aliases=("r",),
    argument="[MODEL]",
    details=safe_format("The first answer stays in the tree beside the new one."),
    complete=known_models,
    takes=takes_model,
)
def retry(context: CommandContext, argument: str) -> Effects:
    """Answer the last question again, by the same model or another."""
    question = context.session.conversation.last_question()
    if question is None:
        return _NO_QUESTION
    if not argument:
        return (Send(question.id),)
    model = context.providers.resolve(argument)
    if isinstance(model, Failure):
        return failure_effects(model)
    return (Send(question.id, model=model, think=context.providers.effort(argument)),)


@group.command(
    "continue",
    safe_format("continue a reply that stopped"),
    aliases=("c",),
    details=safe_format("For a reply that was cut, stalled, cancelled or too long. Its text is not repeated."),
)
def continue_(context: CommandContext, argument: str) -> Effects:
    """Continue the last reply from its end."""
    head = context.session.conversation.path()[-1:]
    last = head[0].message if head else None
    if last and last.role is Role.TOOL:  # the next request of its turn was not sent
        return (Send(head[0].id),)
    if last is None or not last.can_continue or not last.text:
        return (Print(safe_format("There is no incomplete reply to continue.")),)
    return (Send(head[0].id),)


@group.command("undo", safe_format("return the last question to the input"), aliases=("u",))
def undo(context: CommandContext, argument: str) -> Effects:
    """Move the head before the last question; its text returns to the input."""
    question = context.session.conversation.last_question()
    if whole := compacted_from(context.session.conversation):
        return (MoveHead(whole.id), Print(safe_format("↶ back to the whole chat · /tree finds the summary")))
    return _NO_QUESTION if question is None else _back_before(question)


@group.command("redo", safe_format("go forward to the newest answer below"))
def redo(context: CommandContext, argument: str) -> Effects:
    """Move the head to the end of the newest branch."""
    conversation = context.session.conversation
    at = conversation.head
    while below := [node for node in conversation.nodes.values() if node.parent == at]:
        at = below[-1].id
    if at is None or at == conversation.head:
        return (Print(safe_format("There is nothing to redo.")),)
    question = next(n for n in reversed(conversation.path(at)) if n.message.role is Role.USER)
    return (MoveHead(at), Print(safe_format('↷ forward to "{text}"', text=excerpt(question.message.subject, _SHOWN))))


def _back_before(question: Node) -> tuple[Effect, ...]:
    words = safe_format(
        '↶ back to before "{text}" · /redo goes forward again', text=excerpt(question.message.subject, _SHOWN)
    )
    return (MoveHead(question.parent, prefill=question.message), Print(words))
