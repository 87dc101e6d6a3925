"""/label: name a message, to find it again."""

from __future__ import annotations

import re

from termchat.commands.branches.tree import numbered_nodes, shown_node
from termchat.commands.registry import CommandContext, CommandGroup, Effects, takes_anything
from termchat.core.conversation import Node
from termchat.core.effects import Candidates, Choice, Choose, Completion, Print, RunCommand, SetLabel
from termchat.core.sanitize import excerpt, safe, safe_format, safe_line

group = CommandGroup()
_OFF = "off"
_LONGEST = 60  # characters of a label
_SHOWN = 60  # columns of a message
_NUMBERED = re.compile(r"([0-9]{1,9})(?:\s+(.+))?", re.DOTALL)


def _offered(context: CommandContext, prefix: str) -> Candidates:
    """Complete the numbers of labelled messages, and `off` after one."""
    conversation = context.session.conversation
    if prefix and not prefix[0].isdigit():
        return [Completion(_OFF, safe_format("remove the label"))] if _OFF.startswith(prefix) else ()
    numbered = enumerate(numbered_nodes(conversation), 1)
    rows = [(n, conversation.labels[node.id]) for n, node in numbered if node.id in conversation.labels]
    return [Completion(f"{n} {_OFF}", excerpt(words, _SHOWN)) for n, words in rows]


@group.command(
    "label",
    safe_format("name a message of this chat"),
    argument="[[N] TEXT|off]",
    details=safe_format(
        "Names the last message, or message N of /tree; off removes the name. /tree and searches find it, and it is "
        "kept with the chat. Without a text, choose one of the labelled messages to go to."
    ),
    complete=_offered,
    takes=takes_anything,
)
def label(context: CommandContext, argument: str) -> Effects:
    """Set or remove the label of a message, or open the picker of labelled messages."""
    conversation = context.session.conversation
    nodes = numbered_nodes(conversation)
    if not nodes:
        return (Print(safe_format("There is no message to label yet.")),)
    if not argument:
        return _choose(context, nodes)
    numbered = _NUMBERED.fullmatch(argument)
    if numbered and not (numbered[2] and 1 <= int(numbered[1]) <= len(nodes)):
        words = safe_format("Write /label TEXT, or /label N TEXT with a number from 1 to {n}; /tree shows them.",
                            n=safe(str(len(nodes))))  # fmt: skip
        return (Print(words),)
    node = nodes[int(numbered[1]) - 1] if numbered else shown_node(conversation) or nodes[-1]
    text = " ".join((numbered[2] if numbered else argument).split())
    if len(text) > _LONGEST:
        words = safe_format("A label has at most {most} characters, not {n}.", most=safe(str(_LONGEST)),
                            n=safe(str(len(text))))  # fmt: skip
        return (Print(words),)
    return _labelled(node, nodes.index(node) + 1, "" if text == _OFF else text, conversation.labels.get(node.id, ""))


def _labelled(node: Node, number: int, text: str, before: str) -> Effects:
    n = safe(str(number))
    if not text and not before:
        return (Print(safe_format("Message {n} has no label.", n=n)),)
    words = safe_format('Message {n} is labelled "{text}".', n=n, text=safe_line(text))
    if not text:
        words = safe_format('The label "{text}" of message {n} is removed.', text=safe_line(before), n=n)
    return (SetLabel(node.id, text), Print(words))


def _choose(context: CommandContext, nodes: list[Node]) -> Effects:
    labels = context.session.conversation.labels
    choices = tuple(
        Choice(
            safe_line(labels[node.id]),
            excerpt(node.message.subject.strip()[:400], _SHOWN),
            (RunCommand(f"/goto {number}"),),
            name=str(number),
        )
        for number, node in enumerate(nodes, 1)
        if node.id in labels
    )
    if not choices:
        return (Print(safe_format("No message has a label; /label TEXT names the last one.")),)
    return (Choose(safe_format("Labels"), choices),)
