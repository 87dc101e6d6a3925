"""The tree of a chat: /tree, /goto, /history, /redraw. Heads move, messages stay."""

from __future__ import annotations

from collections.abc import Iterator

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.conversation import Conversation, Node
from termchat.core.effects import Candidates, Completion, MoveHead, Print, ShowInPager, ShowMessage
from termchat.core.messages import Role
from termchat.core.sanitize import Safe, join, safe, safe_format
from termchat.core.text import truncate

family = CommandGroup()
_NOTHING = (Print(safe_format("There is no question yet.")),)
_SHOWN = 30  # columns of a message: a line fits 40 of them


@family.command(
    "tree", safe_format("show all branches of this chat"), details=safe_format("The numbers are those of /goto.")
)
def tree(context: CommandContext, argument: str) -> Effects:
    """Every message with its number, branches indented, the way to the head marked."""
    lines = draw_tree(context.session.conversation)
    return (Print(join("\n", lines)),) if lines else _NOTHING


@family.command(
    "goto",
    safe_format("go to a message of the tree"),
    argument="N",
    complete=lambda context, prefix: _numbers(context, prefix),  # noqa: PLW0108, it stands below
)
def goto(context: CommandContext, argument: str) -> Effects:
    """The head stands on message N of /tree; everything else stays."""
    nodes = numbered_nodes(context.session.conversation)
    if not argument.isdigit() or not 1 <= int(argument) <= len(nodes):
        words = safe_format("/goto takes a number from 1 to {n}; /tree shows them.", n=safe(str(len(nodes))))
        return (Print(words if nodes else safe_format("There is nothing to go to yet.")),)
    node = nodes[int(argument) - 1]
    if node.message.role is Role.USER:  # a question waits for its answer: it is asked again from the input
        return (
            MoveHead(node.parent, prefill=node.message.text),
            Print(safe_format("↶ back to before {text}", text=_quoted(node))),
        )
    return (MoveHead(node.id), Print(safe_format("→ after {text}", text=_quoted(node))))


@family.command("history", safe_format("read the whole chat in the pager"), allowed_while_busy=True)
def history(context: CommandContext, argument: str) -> Effects:
    """Everything said on the way to the head."""
    said = list(_said(context.session.conversation))
    return (ShowInPager(join("\n\n", said)),) if said else _NOTHING


@family.command("redraw", safe_format("print the chat again, at the width of the terminal"))
def redraw(context: CommandContext, argument: str) -> Effects:
    """Everything said on the way to the head, rendered anew; what stands in the scrollback stays."""
    path = context.session.conversation.path()
    said = [
        ShowMessage(n.message.text.strip("\n"), n.message.role is Role.USER) for n in path if n.message.text.strip()
    ]
    return (Print(safe_format("— the chat again —")), *said) if said else _NOTHING


def numbered_nodes(conversation: Conversation) -> list[Node]:
    """The questions and final answers of the tree, each branch after the message it leaves; /goto counts these."""
    return [node for node, _ in _walk(conversation)]


def draw_tree(conversation: Conversation) -> list[Safe]:
    """One line a message: its number, who said it, how it begins; `*` is the way to the head, `▸` the head itself."""
    way = {node.id for node in conversation.path()}
    lines: list[Safe] = []
    for number, (node, depth) in enumerate(_walk(conversation), 1):
        mark = Safe("▸" if node.id == conversation.head else "*" if node.id in way else " ")
        who = Safe("❯" if node.message.role is Role.USER else " ")
        indent = Safe("  " * min(depth, 8))
        text = _short(node, _SHOWN - 2 * min(depth, 8))
        lines.append(Safe(f"{mark}{number:>3} {indent}{who} {text}"))
    return lines


def _walk(conversation: Conversation) -> Iterator[tuple[Node, int]]:
    """The messages people see, with how many branchings lie above them."""
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
    """Questions, and answers that say something; calls and their results belong to the answer after them."""
    return node.message.role is not Role.TOOL and bool(node.message.text.strip() or not node.message.calls)


def _said(conversation: Conversation) -> Iterator[Safe]:
    for node in conversation.path():
        text = safe(node.message.text).strip()
        if text:
            yield Safe("\n".join(f"❯ {row}" for row in text.split("\n")) if node.message.role is Role.USER else text)


def _quoted(node: Node) -> Safe:
    return safe_format('"{text}"', text=_short(node, 40))


def _short(node: Node, limit: int) -> Safe:
    return truncate(node.message.text.strip() or "(nothing said)", limit)


def _numbers(context: CommandContext, prefix: str) -> Candidates:
    nodes = enumerate(numbered_nodes(context.session.conversation), 1)
    return [Completion(str(n), _short(node, 40)) for n, node in nodes if str(n).startswith(prefix)]
