"""The tree of a chat: /tree, /goto, /history, /redraw. Only the head moves."""

from __future__ import annotations

from collections.abc import Iterator

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.conversation import Conversation, Node
from termchat.core.effects import Candidates, Completion, MoveHead, Print, ShowInPager, ShowMessage
from termchat.core.messages import Role
from termchat.core.sanitize import Safe, join, safe, safe_format
from termchat.core.text import truncate

group = CommandGroup()
_NO_QUESTION = (Print(safe_format("No question has been asked yet.")),)
_SHOWN = 30  # columns of a message, so that a line takes 40


@group.command(
    "tree",
    safe_format("show all branches of this chat"),
    details=safe_format("/goto N goes to message N."),
)
def tree(context: CommandContext, argument: str) -> Effects:
    """Print every message with its number, branches indented, and the path to the head marked."""
    lines = draw_tree(context.session.conversation)
    return (Print(join("\n", lines)),) if lines else _NO_QUESTION


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
            MoveHead(node.parent, prefill=node.message.text),
            Print(safe_format("↶ back to before {text}", text=_quoted(node))),
        )
    return (MoveHead(node.id), Print(safe_format("→ after {text}", text=_quoted(node))))


@group.command("history", safe_format("show the whole chat in the pager"), allowed_while_busy=True)
def history(context: CommandContext, argument: str) -> Effects:
    """Show all messages on the path to the head."""
    messages = list(_messages(context.session.conversation))
    return (ShowInPager(join("\n\n", messages)),) if messages else _NO_QUESTION


@group.command("redraw", safe_format("print the chat again at the width of the terminal"))
def redraw(context: CommandContext, argument: str) -> Effects:
    """Print all messages on the path to the head again; the scrollback is not cleared."""
    path = context.session.conversation.path()
    shown = [
        ShowMessage(n.message.text.strip("\n"), n.message.role is Role.USER) for n in path if n.message.text.strip()
    ]
    return (Print(safe_format("— redrawn chat —")), *shown) if shown else _NO_QUESTION


def numbered_nodes(conversation: Conversation) -> list[Node]:
    """Return the questions and final answers in depth-first order, as numbered by /tree and /goto."""
    return [node for node, _ in _walk(conversation)]


def draw_tree(conversation: Conversation) -> list[Safe]:
    """Return a line per message: number, author, first words; `*` marks the path to the head, `▸` the head."""
    path = {node.id for node in conversation.path()}
    lines: list[Safe] = []
    for number, (node, depth) in enumerate(_walk(conversation), 1):
        mark = Safe("▸" if node.id == conversation.head else "*" if node.id in path else " ")
        who = Safe("❯" if node.message.role is Role.USER else " ")
        indent = Safe("  " * min(depth, 8))
        text = _short(node, _SHOWN - 2 * min(depth, 8))
        lines.append(Safe(f"{mark}{number:>3} {indent}{who} {text}"))
    return lines


def _walk(conversation: Conversation) -> Iterator[tuple[Node, int]]:
    """Yield the shown messages, each with the number of branching points above it."""
    children: dict[str | None, list[Node]] = {}
    for node in conversation.nodes.values():
        children.setdefault(node.parent, []).append(node)
    waiting = [(node, 0) for node in reversed(children.get(None, []))]
    while waiting:
        node, depth = waiting.pop()
        below = children.get(node.id, [])
        if _is_shown(node):
            yield node, depth
        branches = depth + (len(below) > 1)
        waiting += [(child, branches) for child in reversed(below)]


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
    return truncate(node.message.text.strip() or "(empty)", limit)


def _numbers(context: CommandContext, prefix: str) -> Candidates:
    nodes = enumerate(numbered_nodes(context.session.conversation), 1)
    return [Completion(str(n), _short(node, 40)) for n, node in nodes if str(n).startswith(prefix)]
