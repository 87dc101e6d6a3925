"""/context and /drop: what the next request carries, and which messages are left out of it or always kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from termchat.commands.branches.tree import numbered_nodes
from termchat.commands.registry import CommandContext, CommandGroup, Effects, takes_number, typed_number
from termchat.core.conversation import ContextMarks, Conversation, Node, unit
from termchat.core.effects import Candidates, Completion, Effect, Print, PrintTable, UseSettings
from termchat.core.messages import Message, Part, Reasoning, Role, Text, ToolCall, ToolResult
from termchat.core.sanitize import EMPTY, Safe, excerpt, join, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.core.usage import estimate_tokens

group = CommandGroup()
_HEADER = (safe_format("n"), safe_format("message"), safe_format("tokens"), safe_format("share"), safe_format("mark"))
_SHOWN = 48  # columns of a message
_ACTIONS = ("drop", "pin", "restore")
_MORE = safe_format(
    "drop N leaves message N of /tree out of all further requests, pin N keeps it when old turns are left out or the "
    "chat is compacted, restore N undoes both. Calls go with their results. Several numbers: /context drop 3 5-8."
)


def _offered(context: CommandContext, prefix: str) -> Candidates:
    """Complete the action, then the number of a message."""
    action, blank, _ = prefix.partition(" ")
    if not blank:
        return [Completion(f"{action} ") for action in _ACTIONS]
    return [replace(found, text=f"{action} {found.text}") for found in _numbered(context)] if action in _ACTIONS else ()


def _numbered(context: CommandContext) -> Candidates:
    """Return the numbers of the messages of this branch, the last one first."""
    conversation = context.session.conversation
    on_path = {node.id for node in conversation.path()}
    numbered = [(n, node) for n, node in enumerate(numbered_nodes(conversation), 1) if node.id in on_path]
    return [Completion(str(n), excerpt(node.message.subject[:400], _SHOWN)) for n, node in reversed(numbered)]


@group.command(
    "context",
    safe_format("list what the next request carries, and leave out or keep messages"),
    argument="[drop N|pin N|restore N]",
    details=_MORE,
    complete=_offered,
    takes=takes_number,
)
def context_(context: CommandContext, argument: str) -> Effects:
    """List the parts of the next request with their tokens, or mark messages."""
    action, _, numbers = argument.partition(" ")
    if not action:
        return _table(context)
    if action not in _ACTIONS or not numbers.strip():
        return (Print(safe_format("Use /context drop N, /context pin N or /context restore N."), TextRole.ERROR),)
    return _mark(context, action, numbers)


@group.command(
    "drop",
    safe_format("leave a message out of all further requests"),
    argument="N",
    details=safe_format("N is its number in /tree and /context; /context restore N brings it back."),
    complete=lambda context, prefix: _numbered(context),
    takes=takes_number,
)
def drop_message(context: CommandContext, argument: str) -> Effects:
    """Leave a message out: short for /context drop."""
    return _mark(context, "drop", argument)


def _mark(context: CommandContext, action: str, typed: str) -> Effects:
    """Change the marks of messages; a reply with calls and their results go together."""
    conversation = context.session.conversation
    nodes = numbered_nodes(conversation)
    numbers = _numbers(typed, len(nodes))
    path = conversation.path()
    on_path = {node.id for node in path}
    if not numbers or any(nodes[n - 1].id not in on_path for n in numbers):
        known = join(", ", [safe(str(n)) for n, node in enumerate(nodes, 1) if node.id in on_path])
        words = safe_format("These are the messages of this branch: {known}.", known=known or safe_format("none yet"))
        return (Print(words, TextRole.ERROR),)
    chosen = {name for n in numbers for name in _with_calls(path, nodes[n - 1])}
    marks = context.session.settings.marks
    match action:
        case "drop":
            new = ContextMarks(marks.dropped | chosen, marks.pinned - chosen)
        case "pin":
            new = ContextMarks(marks.dropped - chosen, marks.pinned | chosen)
        case _:
            new = ContextMarks(marks.dropped - chosen, marks.pinned - chosen)
    done = {"drop": safe_format("Dropped"), "pin": safe_format("Pinned"), "restore": safe_format("Restored")}[action]
    tokens = sum(_tokens(node.message) for node in path if node.id in chosen)
    words = safe_format(
        '{done} message {n} (~{tokens} tokens): "{text}"',
        done=done, n=join(", ", [safe(str(n)) for n in numbers]), tokens=safe(f"{tokens:,}"),
        text=excerpt(nodes[numbers[0] - 1].message.subject or nodes[numbers[0] - 1].message.text, 40),
    )  # fmt: skip
    more = [Print(safe_format("/context restore N brings it back."))] if action == "drop" else []
    return (UseSettings(replace(context.session.settings, marks=new)), Print(words), *more)


def _with_calls(path: Sequence[Node], node: Node) -> set[str]:
    """Return a message with its calls and results, and those of the steps before an answer."""
    at = next(n for n, other in enumerate(path) if other.id == node.id)
    found = set(unit(path, node.id))
    while node.message.role is Role.ASSISTANT and at and path[at - 1].message.role is Role.TOOL:
        found |= set(unit(path, path[at - 1].id))
        at = next(n for n, other in enumerate(path) if other.id in found)
    return found


def _numbers(typed: str, most: int) -> list[int]:
    """Parse `3`, `3 5` or `5-8`; empty if a number is unknown."""
    found: list[int] = []
    for word in typed.replace(",", " ").split():
        first, dash, last = word.partition("-")
        begin = typed_number(first)
        end = typed_number(last) if dash else begin
        if not (begin and end):
            return []
        found += range(begin, min(end, most + 1) + 1)
    return found if found and all(1 <= n <= most for n in found) else []


def _table(context: CommandContext) -> Effects:
    conversation, settings = context.session.conversation, context.session.settings
    info = context.providers.model_info(context.session.model)
    window = info.context if info else None
    rows: list[tuple[Safe, ...]] = []
    total = 0

    def add(number: str, words: Safe, tokens: int, mark: Safe = EMPTY) -> None:
        share = safe(f"{100 * tokens / window:.1f}%") if window else EMPTY
        rows.append((safe(number), words, safe(f"{tokens:,}"), share, mark))

    if settings.system:
        total += (tokens := estimate_tokens(settings.system))
        add("", safe_format("system: {text}", text=excerpt(settings.system, _SHOWN)), tokens)
    specs = context.session.tools.specs if context.session.tools else ()
    if specs:
        total += (tokens := sum(estimate_tokens(f"{s.name} {s.description} {dict(s.parameters)}") for s in specs))
        add("", safe_format("tools offered: {n}", n=safe(str(len(specs)))), tokens)
    for number, words, message, mark in _messages(conversation, settings.marks):
        tokens = _tokens(message)
        total += 0 if mark == "dropped" else tokens
        add(number, words, tokens, mark)
    if not rows:
        return (Print(safe_format("The next request carries only your message.")),)
    of = EMPTY
    if window:
        of = safe_format(" of {n} ({p}%)", n=safe(f"{window:,}"), p=safe(f"{100 * total / window:.0f}"))
    words = safe_format("About {n} tokens{of}, an estimate.", n=safe(f"{total:,}"), of=of)
    hint = safe_format("/context drop N, pin N, restore N · /compact summarises all but the last turns")
    table: Effect = PrintTable(_HEADER, tuple(rows), frozenset((0, 2, 3)), optional_columns=(3,), excerpt=1)
    return (table, Print(words), Print(hint))


def _messages(conversation: Conversation, marks: ContextMarks) -> list[tuple[str, Safe, Message, Safe]]:
    numbers = {node.id: n for n, node in enumerate(numbered_nodes(conversation), 1)}
    rows: list[tuple[str, Safe, Message, Safe]] = []
    for node in conversation.path():
        message = node.message
        mark = "dropped" if node.id in marks.dropped else "pinned" if node.id in marks.pinned else ""
        sign = safe("❯ " if message.role is Role.USER else "  ")
        if message.results:
            text = safe_format("results: {names}", names=safe_line(", ".join(r.name for r in message.results)))
        elif message.calls and not message.text.strip():
            text = safe_format("calls: {names}", names=safe_line(", ".join(call.name for call in message.calls)))
        else:
            text = excerpt(message.subject or message.text, _SHOWN)
        rows.append((str(numbers.get(node.id, "")), Safe(sign + text), message, safe(mark)))
    return rows


def _tokens(message: Message) -> int:
    return sum(map(_part, message.parts))


def _part(part: Part) -> int:
    match part:
        case Text(text=text) | Reasoning(text=text) | ToolCall(arguments=text):
            return estimate_tokens(text)
        case ToolResult():
            return estimate_tokens(part.text)
        case _:
            return 0
