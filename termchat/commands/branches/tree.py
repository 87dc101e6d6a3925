"""The tree of a chat: /tree, /goto, /edit, /history, /redraw. Only the head moves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from termchat.commands.registry import CommandContext, CommandGroup, Effects, takes_number, typed_number
from termchat.core.conversation import Conversation, Node
from termchat.core.effects import (
    Candidates,
    Choice,
    Choose,
    Completion,
    Effect,
    MoveHead,
    Print,
    PrintTree,
    RunCommand,
    ShowInPager,
    ShowMessages,
    TreeBranch,
)
from termchat.core.messages import Role, ToolCall, ToolResult, call_mark, main_argument, shown_text
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import EMPTY, Safe, counted, excerpt, join, safe, safe_format, safe_line

group = CommandGroup()
_NO_QUESTION = (Print(safe_format("No question has been asked yet.")),)
_SHOWN = 300  # columns of a message at most; the front end cuts a line where the terminal is narrower
_HALF = 5  # rows at the beginning and at the end of a long result
_PREVIEWED = 1000  # characters of a message below the list
_DEEPEST = 8  # branches that are indented; deeper ones stay below each other


def _labels(context: CommandContext, prefix: str) -> Candidates:
    """Complete the labels of messages, which a search finds."""
    return [Completion(words, by_tab=True) for words in dict.fromkeys(context.session.conversation.labels.values())]


@group.command(
    "tree",
    safe_format("show all branches of this chat and go to a message"),
    argument="[WORDS]",
    complete=_labels,
    details=safe_format(
        "Mark a message to see more of it, choose it to go there; /goto N does so at once. The list can fold "
        "the other branches, typing filters the rows. WORDS shows the messages and labels that contain them."
    ),
)
def tree(context: CommandContext, argument: str) -> Effects:
    """Open the picker of all messages, or of those with some words, branches indented; without menus, print them."""
    conversation = marked(context)
    if not conversation.nodes:
        return _NO_QUESTION
    if argument:
        return _found(conversation, argument)
    if not context.keys:
        return (PrintTree(tree_branches(conversation)),)
    nodes, choices = numbered_nodes(conversation), tree_choices(conversation)
    at = next((n for n, node in enumerate(nodes) if node.id == conversation.head), len(nodes) - 1)
    folded = folded_choices(conversation, choices)
    return (Choose(safe_format("Tree"), choices, at=at, folded=folded if len(folded) < len(choices) else ()),)


def _found(conversation: Conversation, words: str) -> Effects:
    """Return the picker of the messages that contain all words, in their text or their label."""
    wanted = words.lower().split()
    choices = tuple(
        choice
        for node, choice in zip(numbered_nodes(conversation), tree_choices(conversation), strict=True)
        if all(word in f"{conversation.labels.get(node.id, '')} {node.message.text}".lower() for word in wanted)
    )
    if not choices:
        return (Print(safe_format("No message of this chat contains {words}.", words=safe_line(words))),)
    return (Choose(safe_format("Tree"), choices),)


@group.command(
    "goto",
    safe_format("go to a message of the tree"),
    argument="N",
    details=safe_format("/tree shows the numbers, which /edit takes, too."),
    complete=lambda context, prefix: _numbers(context, prefix),  # noqa: PLW0108, defined below
    takes=takes_number,
)
def goto(context: CommandContext, argument: str) -> Effects:
    """Move the head to message N of /tree and show it."""
    conversation = context.session.conversation
    nodes = numbered_nodes(conversation)
    if not nodes:
        return (Print(safe_format("There is no message to go to yet.")),)
    number = typed_number(argument)
    if not 1 <= number <= len(nodes):
        words = safe_format("/goto takes a number from 1 to {n}; /tree shows them.", n=safe(str(len(nodes))))
        return (Print(words),)
    return go_to(conversation, nodes[number - 1])


@group.command(
    "edit",
    safe_format("edit an earlier message and continue from there"),
    aliases=("e",),
    argument="[N]",
    details=safe_format("N is the number of the message in /tree; without a number, choose one of this branch."),
    complete=lambda context, prefix: _numbers(context, prefix, questions=True),
    takes=takes_number,
)
def edit(context: CommandContext, argument: str) -> Effects:
    """Return a question to the input: message N of /tree, or one chosen from a list."""
    conversation = context.session.conversation
    numbers = {n: node for n, node in enumerate(numbered_nodes(conversation), 1) if node.message.role is Role.USER}
    if not numbers:
        return _NO_QUESTION
    if argument:
        found = numbers.get(typed_number(argument))
        known = join(", ", [safe(str(n)) for n in numbers])
        words = safe_format("/edit takes the number of a question in /tree: {known}.", known=known)
        return go_to(conversation, found) if found else (Print(words),)
    path = {node.id for node in conversation.path()} or {node.id for node in numbers.values()}
    choices = [
        Choice(
            _short(node, _SHOWN),
            safe_format("message {n}", n=safe(str(n))),
            (RunCommand(f"/edit {n}"),),
            name=str(n),
            preview=_beginning(node),
        )
        for n, node in reversed(numbers.items())
        if node.id in path
    ]
    return (Choose(safe_format("Edit"), tuple(choices)),)


def go_to(conversation: Conversation, node: Node) -> tuple[Effect, ...]:
    """Return the effects of going to a message: the head moves there and its turn is shown.

    A question returns to the input, to be edited and sent again, and the turn before it is shown.
    """
    if node.message.role is Role.USER:
        move = MoveHead(node.parent, prefill=node.message)
        words = safe_format("↶ back to before {text} · /redo goes forward again", text=_quoted(node))
    else:
        move, words = MoveHead(node.id), safe_format("→ after {text}", text=_quoted(node))
    path = conversation.path(move.node) if move.node else ()
    begin = next((n for n in range(len(path) - 1, -1, -1) if path[n].message.role is Role.USER), 0)
    shown = (ShowMessages(tuple(above.message for above in path[begin:])),) if path else ()
    return (move, Print(words), *shown)


def tree_choices(conversation: Conversation) -> tuple[Choice, ...]:
    """Return the rows of the picker: mark, number, author and first words, each branch indented."""
    rows: list[tuple[Node, int]] = [(node, run.depth) for run in _runs(conversation) for node in run.nodes]
    path, models = {node.id for node in conversation.path()}, _models_beside(conversation)
    return tuple(
        Choice(
            _row(node, number, conversation, path, models, indent=min(depth, _DEEPEST)),
            effects=(RunCommand(f"/goto {number}"),),
            name=str(number),
            preview=_beginning(node),
        )
        for number, (node, depth) in enumerate(rows, 1)
    )


def folded_choices(conversation: Conversation, choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """Return the rows with each branch that the head is not on as one row, its first; labelled rows stay."""
    path = {node.id for node in conversation.path()}
    kept: list[Choice] = []
    at = 0
    for run in _runs(conversation):
        rows, at = choices[at : at + len(run.nodes)], at + len(run.nodes)
        folds = not any(node.id in path for node in run.nodes)
        shown = [
            row
            for n, (row, node) in enumerate(zip(rows, run.nodes, strict=True))
            if node.id in path or node.id in conversation.labels or (folds and n == 0)
        ]
        if more := len(rows) - len(shown) if folds else 0:
            shown[0] = replace(shown[0], detail=safe_format("{n} more", n=safe(str(more))))
        kept += shown
    return tuple(kept)


@group.command("history", safe_format("show the whole chat in the pager"), allowed_while_busy=True)
def history(context: CommandContext, argument: str) -> Effects:
    """Show all messages on the path to the head."""
    messages = list(_messages(marked(context)))
    return (ShowInPager(join("\n\n", messages)),) if messages else _NO_QUESTION


@group.command("redraw", safe_format("print the chat again at the width of the terminal"))
def redraw(context: CommandContext, argument: str) -> Effects:
    """Print all messages on the path to the head again; the scrollback is not cleared."""
    messages = context.session.conversation.history()
    return (Print(safe_format("— redrawn chat —")), ShowMessages(messages)) if messages else _NO_QUESTION


def marked(context: CommandContext) -> Conversation:
    """Return the tree whose labels also tell which messages are dropped from requests, and which are pinned."""
    conversation, marks = context.session.conversation, context.session.settings.marks
    for name, nodes in (("dropped", marks.dropped), ("pinned", marks.pinned)):
        for node in nodes & conversation.nodes.keys():
            label = conversation.labels.get(node)
            conversation = conversation.label(node, f"{name} · {label}" if label else name)
    return conversation


def number_of(conversation: Conversation, node: str) -> int:
    """Return the number of a message in /tree; of a tool call or its result, that of the message before it."""
    numbers = {shown.id: n for n, shown in enumerate(numbered_nodes(conversation), 1)}
    return next((numbers[above.id] for above in reversed(conversation.path(node)) if above.id in numbers), 1)


def shown_node(conversation: Conversation) -> Node | None:
    """Return the message at the head, or the last one above it that /tree shows."""
    return next((node for node in reversed(conversation.path()) if _is_shown(node)), None)


def numbered_nodes(conversation: Conversation) -> list[Node]:
    """Return the questions and final answers in depth-first order, as numbered by /tree and /goto."""
    return [node for run in _runs(conversation) for node in run.nodes]


def tree_branches(conversation: Conversation) -> tuple[TreeBranch, ...]:
    """Return the unbranched runs of a chat in depth-first order.

    A line holds a mark (`*` on the path to the head, `▸` at the head), the number, the author and the first words;
    that of a reply beside others also its model.
    """
    path, models = {node.id for node in conversation.path()}, _models_beside(conversation)
    branches: list[TreeBranch] = []
    number = 0
    for run in _runs(conversation):
        lines: list[tuple[Safe, bool]] = []
        for node in run.nodes:
            number += 1
            lines.append((_row(node, number, conversation, path, models), node.id in path))
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
    calls = {id(result): (n, call) for n, (call, result) in enumerate(conversation.tool_results(), 1)}
    for node in conversation.path():
        if cards := [_card(*calls[id(result)], result) for result in node.message.results if id(result) in calls]:
            yield join("\n", cards)
        text = safe(node.message.subject.strip())
        if text and (mark := conversation.labels.get(node.id)):
            text = safe_format("[{mark}] {text}", mark=safe_line(mark), text=text)
        if text and node.message.role is Role.USER:
            yield Safe("\n".join(f"❯ {row}" for row in text.split("\n")))
        elif text:
            outcome = node.message.outcome or Outcome.COMPLETE
            yield text if outcome is Outcome.COMPLETE else safe_format("{t}\n■ {o}", t=text, o=Safe(outcome.value))


def _card(number: int, call: ToolCall, result: ToolResult) -> Safe:
    """Return a call and its result, of which /tool NUMBER shows all."""
    rows = [safe_line(row) for row in shown_text(result).split("\n") if row.strip()]
    ends = [*(["edited"] if result.edited else []), *([result.status.value] if result.status else [])]
    head = safe_format(
        "{mark} {name} {argument}",
        mark=call_mark(result),
        name=safe_line(call.name),
        argument=excerpt(main_argument(result.edited or call.arguments), _SHOWN),
    )
    more = len(rows) - 2 * _HALF
    if more > 0:
        words = safe_format("… {lines} · /tool {k}", lines=counted(more, "more line"), k=safe(str(number)))
        rows = [*rows[:_HALF], words, *rows[-_HALF:]]
    return join("\n", [Safe(" · ".join([head.rstrip(), *ends])), *(Safe(f"    {row}") for row in rows)])


def _models_beside(conversation: Conversation) -> dict[str, Safe]:
    """Return the name of the model of each reply that has another reply beside it, by node id."""
    beside: dict[str | None, list[Node]] = {}
    for node in conversation.nodes.values():
        if node.message.role is Role.ASSISTANT and node.message.origin:
            beside.setdefault(node.parent, []).append(node)
    found = [node for replies in beside.values() if len(replies) > 1 for node in replies]
    return {node.id: safe_line(node.message.origin.model) for node in found if node.message.origin}


def _row(
    node: Node,
    number: int,
    conversation: Conversation,
    path: Collection[str],
    models: Mapping[str, Safe],
    indent: int = 0,
) -> Safe:
    label = conversation.labels.get(node.id)
    name = safe_format("[{label}] ", label=safe_line(label)) if label else EMPTY
    mark = "▸" if node.id == conversation.head else "*" if node.id in path else " "
    author = "❯" if node.message.role is Role.USER else " "
    model = safe_format("{model}: ", model=models[node.id]) if node.id in models else EMPTY
    return Safe(f"{mark}{number:>3} {'  ' * indent}{author} {name}{model}{_short(node, _SHOWN)}")


def _quoted(node: Node) -> Safe:
    return safe_format('"{text}"', text=_short(node, 40))


def _short(node: Node, limit: int) -> Safe:
    return excerpt(node.message.subject.strip()[: 4 * limit] or "(empty)", limit)


def _beginning(node: Node) -> Safe:
    return safe(node.message.subject.strip()[:_PREVIEWED])


def _numbers(context: CommandContext, prefix: str, *, questions: bool = False) -> Candidates:
    nodes = enumerate(numbered_nodes(context.session.conversation), 1)
    return [
        Completion(str(n), _short(node, 40))
        for n, node in nodes
        if str(n).startswith(prefix) and (node.message.role is Role.USER or not questions)
    ]
