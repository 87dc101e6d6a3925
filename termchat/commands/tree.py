"""The tree of a chat: /tree, /goto, /history, /redraw. Only the head moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.conversation import Conversation, Node
from termchat.core.effects import (
    Candidates,
    Completion,
    MoveHead,
    Print,
    PrintTree,
    ShowInPager,
    ShowMessages,
    TreeBranch,
)
from termchat.core.messages import Role
from termchat.core.sanitize import Safe, excerpt, join, safe, safe_format

group = CommandGroup()
_NO_QUESTION = (Print(safe_format("No question has been asked yet.")),)
_SHOWN = 100  # columns of a message at most; the front end cuts a line where the terminal is narrower


@group.command(
    "tree",
    safe_format("show all branches of this chat"),
    details=safe_format("/goto N goes to message N."),
)
def tree(context: CommandContext, argument: str) -> Effects:
    """Print every message with its number, branches indented, and the path to the head marked."""
    branches = tree_branches(context.session.conversation)
    return (PrintTree(branches),) if branches else _NO_QUESTION


@group.command(
    "goto",
    safe_format("go to a message of the tree"),
    argument="N",
    complete=lambda context, prefix: _numbers(context, prefix),  # noqa: PLW0108, defined below
)
def goto(context: CommandContext, argument: str) -> Effects:
    """Move the head to message N of /tree."""
    nodes = numbered_nodes(context.session.conversation)
    if not argument.isdigit() or not 1 <= int(argument) <= len(nodes):
        words = safe_format("/goto takes a number from 1 to {n}; /tree shows them.", n=safe(str(len(nodes))))
        return (Print(words if nodes else safe_format("There is no message to go to yet.")),)
    node = nodes[int(argument) - 1]
    if node.message.role is Role.USER:  # a question is edited and sent again from the input
        return (
            MoveHead(node.parent, prefill=node.message),
            Print(safe_format("↶ back to before {text}", text=_quoted(node))),
        )
    return (MoveHead(node.id), Print(safe_format("→ after {text}", text=_quoted(node))))


@group.command("history", safe_format("show the whole chat in the pager"), allowed_while_busy=True)
def history(context: CommandContext, argument: str) -> Effects:
    """Show all messages on the path to the head."""
    messages = list(_messages(context.session.conversation))
    return (ShowInPager(join("\n\n", messages), "chat"),) if messages else _NO_QUESTION


@group.command("redraw", safe_format("print the chat again at the width of the terminal"))
def redraw(context: CommandContext, argument: str) -> Effects:
    """Print all messages on the path to the head again; the scrollback is not cleared."""
    messages = context.session.conversation.history()
    return (Print(safe_format("— redrawn chat —")), ShowMessages(messages)) if messages else _NO_QUESTION


def numbered_nodes(conversation: Conversation) -> list[Node]:
    """Return the questions and final answers in depth-first order, as numbered by /tree and /goto."""
    return [node for run in _runs(conversation) for node in run.nodes]


def tree_branches(conversation: Conversation) -> tuple[TreeBranch, ...]:
    """Return the unbranched runs of a chat in depth-first order.

    A line holds a mark (`*` on the path to the head, `▸` at the head), the number, the author and the first words.
    """
    path = {node.id for node in conversation.path()}
    branches: list[TreeBranch] = []
    number = 0
    for run in _runs(conversation):
        lines: list[tuple[Safe, bool]] = []
        for node in run.nodes:
            number += 1
            mark = "▸" if node.id == conversation.head else "*" if node.id in path else " "
            author = "❯" if node.message.role is Role.USER else " "
            lines.append((Safe(f"{mark}{number:>3} {author} {_short(node, _SHOWN)}"), node.id in path))
        branches.append(TreeBranch(run.depth, tuple(lines)))
    return tuple(branches)


@dataclass(slots=True)
class _Run:
    """An unbranched run of shown messages, `depth` branches below the first one."""

    depth: int
    nodes: list[Node] = field(default_factory=list[Node])


def _runs(conversation: Conversation) -> list[_Run]:
    """Return the runs of a chat in depth-first order, without those that show nothing."""
    children: dict[str | None, list[Node]] = {}
    for node in conversation.nodes.values():
        children.setdefault(node.parent, []).append(node)
    runs = [_Run(0) for _ in children.get(None, [])]
    waiting = list(zip(reversed(children.get(None, [])), reversed(runs), strict=True))
    found: list[_Run] = []
    while waiting:
        node, run = waiting.pop()
        if _is_shown(node):
            if not run.nodes:
                found.append(run)
            run.nodes.append(node)
        below = children.get(node.id, [])
        if len(below) == 1:
            waiting.append((below[0], run))
        else:
            depth = run.depth + bool(run.nodes)
            waiting += [(child, _Run(depth)) for child in reversed(below)]
    return found


def _is_shown(node: Node) -> bool:
    """Return True for questions and for answers with text; calls and results belong to the next answer."""
    return node.message.role is not Role.TOOL and bool(node.message.text.strip() or not node.message.calls)


def _messages(conversation: Conversation) -> Iterator[Safe]:
    for node in conversation.path():
        text = safe(node.message.text).strip()
        if text:
            yield Safe("\n".join(f"❯ {row}" for row in text.split("\n")) if node.message.role is Role.USER else text)


def _quoted(node: Node) -> Safe:
    return safe_format('"{text}"', text=_short(node, 40))


def _short(node: Node, limit: int) -> Safe:
    return excerpt(node.message.subject.strip() or "(empty)", limit)


def _numbers(context: CommandContext, prefix: str) -> Candidates:
    nodes = enumerate(numbered_nodes(context.session.conversation), 1)
    return [Completion(str(n), _short(node, 40)) for n, node in nodes if str(n).startswith(prefix)]
