"""/copy: copy the last answer, or one of its code blocks, to the clipboard."""

from __future__ import annotations

from termchat.commands.answers.code_blocks import code_blocks
from termchat.commands.registry import CommandContext, CommandGroup, Effects, takes_number, typed_number
from termchat.core.effects import Candidates, Completion, Copy, Print
from termchat.core.messages import Role
from termchat.core.sanitize import counted, safe, safe_format, safe_line

group = CommandGroup()
_SHOWN = 40  # characters of a code block in the menu


def _numbers(context: CommandContext, prefix: str) -> Candidates:
    blocks = answer_blocks(context)
    return [Completion(str(n), safe_line(" ".join(code.split())[:_SHOWN])) for n, code in enumerate(blocks, 1)]


@group.command(
    "copy",
    safe_format("copy the last answer, or its code block N"),
    argument="[N]",
    allowed_while_busy=True,
    details=safe_format("Copies the Markdown source without reasoning; for a block, its code only."),
    complete=_numbers,
    takes=takes_number,
)
def copy(context: CommandContext, argument: str) -> Effects:
    """Copy the Markdown source of the last answer, or the code of its Nth block."""
    answer = last_answer(context)
    if answer is None:
        return (Print(safe_format("No answer yet.")),)
    if not argument:
        return (Copy(answer),)
    blocks = answer_blocks(context)
    if not blocks:
        return (Print(safe_format("The last answer has no code block; /copy copies all of it.")),)
    number = typed_number(argument)
    if not 1 <= number <= len(blocks):
        words = safe_format("The last answer has {blocks}.", blocks=counted(len(blocks), "code block"))
        return (Print(words),)
    return (Copy(blocks[number - 1], safe_format("code block {n}", n=safe(str(number)))),)


def answer_blocks(context: CommandContext) -> tuple[str, ...]:
    """Return the code blocks of all replies of the last answered turn, in the order of the numbers above them."""
    texts: list[str] = []
    for message in reversed(context.session.conversation.history()):
        if message.role is Role.USER and texts:
            break
        if message.role is Role.ASSISTANT and message.text.strip():
            texts.insert(0, message.text)
    return tuple(code for text in texts for code in code_blocks(text))


def last_answer(context: CommandContext) -> str | None:
    """Return the Markdown source of the last answer on the path to the head, None when there is none."""
    for message in reversed(context.session.conversation.history()):
        if message.role is Role.ASSISTANT and (text := message.text.strip("\n")).strip():
            return text
    return None
