"""/retry and /undo: the last question once more, or taken back. Nothing is ever destroyed by either."""

from __future__ import annotations

from termchat.commands.model import failed, known_models
from termchat.commands.registry import Context, Effects, Family
from termchat.core.effects import MoveHead, Say, Send
from termchat.core.errors import Failure
from termchat.core.sanitize import safe_line, say

family = Family()
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


@family.command("undo", say("take the last question back into the input"), aliases=("u",))
def undo(context: Context, argument: str) -> Effects:
    """Go back to before the last question; its text returns to the input."""
    question = context.session.conversation.last_question()
    if question is None:
        return _NOTHING
    text = question.message.text
    flat = " ".join(text.split())
    shown = safe_line(flat if len(flat) <= 40 else f"{flat[:39]}…")
    return (
        MoveHead(question.parent, restore=text),
        Say(say('↶ back to before "{text}" · it stays in the tree', text=shown)),
    )
