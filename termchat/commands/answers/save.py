"""/save: write the last answer, another message or a code block to a file."""

from __future__ import annotations

import re

from termchat.commands.answers.copy import answer_blocks, last_answer
from termchat.commands.branches.tree import numbered_nodes
from termchat.commands.registry import CommandContext, CommandGroup, Effects, takes_number
from termchat.core.effects import Candidates, Completion, Print, SaveText
from termchat.core.sanitize import counted, excerpt, safe, safe_format, safe_line

group = CommandGroup()
_PARTS = re.compile(r"(?:(code)(?:[ \t]+([0-9]{1,9}))?|([0-9]{1,9}))(?:[ \t]+(.+))?", re.DOTALL)
_SHOWN = 40  # columns of a message or a block in the menu


def _offered(context: CommandContext, prefix: str) -> Candidates:
    """Complete `code` and its number, or the number of a message."""
    if prefix.startswith("code "):
        blocks = answer_blocks(context)
        return [Completion(f"code {n}", excerpt(" ".join(code.split()), _SHOWN)) for n, code in enumerate(blocks, 1)]
    if prefix.isdigit():
        nodes = enumerate(numbered_nodes(context.session.conversation), 1)
        return [Completion(str(n), excerpt(node.message.subject.strip()[:400], _SHOWN)) for n, node in nodes]
    return [Completion("code", safe_format("a code block of the last answer"))] if not prefix else ()


@group.command(
    "save",
    safe_format("write the last answer to a file"),
    argument="[N|code [N]] FILE",
    allowed_while_busy=True,
    details=safe_format(
        "N is the number of a message in /tree; code writes a code block of the last answer, the first one without "
        "its number. An existing file is overwritten only after a question. /export writes the whole chat."
    ),
    complete=_offered,
    takes=takes_number,
)
def save_answer(context: CommandContext, argument: str) -> Effects:
    """Write the source of an answer, a message or a code block to a file."""
    found = _PARTS.fullmatch(argument)
    file = found[4] if found else argument
    if not file:
        return (Print(safe_format("Write /save FILE, /save N FILE or /save code N FILE.")),)
    if found and found[1]:
        return _block(context, int(found[2] or 1), file)
    if found and found[3]:
        return _message(context, int(found[3]), file)
    answer = last_answer(context)
    return (SaveText(answer, file),) if answer else (Print(safe_format("No answer yet.")),)


def _block(context: CommandContext, number: int, file: str) -> Effects:
    blocks = answer_blocks(context)
    if not 1 <= number <= len(blocks):
        words = safe_format("The last answer has {blocks}.", blocks=counted(len(blocks), "code block"))
        return (Print(words),)
    return (SaveText(blocks[number - 1], file, safe_format("code block {n}", n=safe(str(number)))),)


def _message(context: CommandContext, number: int, file: str) -> Effects:
    nodes = numbered_nodes(context.session.conversation)
    if not 1 <= number <= len(nodes):
        words = safe_format("There is no message {n}; /tree shows the numbers.", n=safe(str(number)))
        return (Print(words),)
    text = nodes[number - 1].message.text.strip("\n")
    if not text.strip():
        return (Print(safe_format("Message {n} has no text.", n=safe_line(str(number)))),)
    return (SaveText(text, file, safe_format("message {n}", n=safe(str(number)))),)
