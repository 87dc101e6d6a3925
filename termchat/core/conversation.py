"""A conversation: a tree of messages that only grows, and a head, its current node.

Nodes are never removed: undo, retry and edit move the head or add a sibling.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace

from termchat.core.messages import Message, Role, ToolCall, ToolResult, user_message
from termchat.late_dataclass import dataclass

LEFT_OUT_TEXT = "(message left out)"
_SUMMARY = "Summary of the conversation so far:\n\n"
_KEEP = " Keep above all: "
_SUMMARY_REQUEST = (
    "Summarise this conversation so that it can go on from the summary alone: the goal, decisions and their reasons, "
    "facts, names, paths and numbers, code that is still needed, and open questions. Write only the summary."
)


@dataclass(frozen=True, slots=True)
class Node:
    """A message in the tree; `parent` is the id of the node before it, None for a first message."""

    id: str
    parent: str | None
    message: Message


@dataclass(frozen=True, slots=True)
class Conversation:
    """An immutable tree of nodes by id; `head` is None before the first message, `labels` are those of nodes."""

    nodes: Mapping[str, Node] = field(default_factory=dict[str, Node])
    head: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])

    def add(self, node: Node) -> Conversation:
        """Return the tree with one more node, which becomes the head. Raises KeyError for an unknown parent."""
        if node.parent is not None and node.parent not in self.nodes:
            raise KeyError(node.parent)
        return Conversation({**self.nodes, node.id: node}, node.id, self.labels)

    def move(self, head: str | None) -> Conversation:
        """Return the tree with another head. Raises KeyError for an unknown node."""
        if head is not None and head not in self.nodes:
            raise KeyError(head)
        return replace(self, head=head)

    def label(self, node: str, text: str) -> Conversation:
        """Return the tree with another label of a node, none for "". Raises KeyError for an unknown node."""
        if node not in self.nodes:
            raise KeyError(node)
        others = {name: words for name, words in self.labels.items() if name != node}
        return replace(self, labels={**others, node: text} if text else others)

    def path(self, head: str | None = None) -> tuple[Node, ...]:
        """Return the nodes from the first message to `head` (default: the head of the tree), in order."""
        at = self.head if head is None else head
        nodes: list[Node] = []
        while at is not None:
            node = self.nodes[at]
            nodes.append(node)
            at = node.parent
        return tuple(reversed(nodes))

    def unanswered(self) -> Node | None:
        """Return the newest node if it is a question after the head, which got no reply; else None."""
        newest = [*self.nodes.values()][-1] if self.nodes else None
        is_question = newest is not None and newest.message.role is Role.USER
        return newest if is_question and newest and newest.parent == self.head and newest.id != self.head else None

    def turn(self, node: str) -> tuple[Node, ...]:
        """Return the turn that a node belongs to: its question, and all after it up to the next question.

        Below the node, the turn follows the path to the head, or else the newest branch.
        """
        above = self.path(node)
        begin = next((n for n in range(len(above) - 1, -1, -1) if above[n].message.role is Role.USER), 0)
        found, on_path = list(above[begin:]), {at.id for at in self.path()}
        while below := [n for n in self.nodes.values() if n.parent == found[-1].id]:
            child = next((n for n in below if n.id in on_path), below[-1])
            if child.message.role is Role.USER:
                break
            found.append(child)
        return tuple(found)

    def history(self, head: str | None = None) -> tuple[Message, ...]:
        """Return the messages of the path to `head`, which are the input of a reply below it."""
        return tuple(node.message for node in self.path(head))

    def tool_results(self) -> tuple[tuple[ToolCall, ToolResult], ...]:
        """Return every tool call of the tree with its result, in the order of the results: /tool N shows the N-th."""
        found: list[tuple[ToolCall, ToolResult]] = []
        for node in self.nodes.values():
            if results := node.message.results:
                calls = {call.id: call for above in self.path(node.id) for call in above.message.calls}
                found += [(calls[result.call_id], result) for result in results if result.call_id in calls]
        return tuple(found)

    def last_question(self) -> Node | None:
        """Return the last user message on the path to the head."""
        return next((n for n in reversed(self.path()) if n.message.role is Role.USER), None)

    def last_answer(self) -> Node | None:
        """Return the last message of the model on the path to the head."""
        return next((n for n in reversed(self.path()) if n.message.role is Role.ASSISTANT), None)


@dataclass(frozen=True, slots=True)
class ContextMarks:
    """The messages of a chat that are not sent, and those that are never left out to fit, by node id."""

    dropped: frozenset[str] = frozenset()
    pinned: frozenset[str] = frozenset()


def unit(path: Sequence[Node], node: str) -> tuple[str, ...]:
    """Return the ids of the nodes that are sent or left out together: a reply with calls, and their results."""
    at = next(n for n, other in enumerate(path) if other.id == node)
    first = at - 1 if path[at].message.role is Role.TOOL and at else at
    last = first
    while last + 1 < len(path) and path[last + 1].message.role is Role.TOOL:
        last += 1
    return tuple(other.id for other in path[first : last + 1])


def kept_messages(path: Sequence[Node], dropped: Collection[str]) -> tuple[Message, ...]:
    """Return the messages of a path without the dropped ones; calls keep their results.

    A note stands for a dropped question whose reply is kept: two replies in a row would look like one.
    """
    gone = {name for node in path if node.id in dropped for name in unit(path, node.id)}
    kept: list[Message] = []
    missing = False
    for node in path:
        if node.id in gone:
            missing = missing or node.message.role is Role.USER
            continue
        if missing and node.message.role is Role.ASSISTANT:
            kept.append(user_message(LEFT_OUT_TEXT))
        missing = False
        kept.append(node.message)
    return tuple(kept)


def summary_request(keep: str = "") -> Message:
    """Return the question that asks for a summary of the chat; `keep` names what it must keep."""
    asked = f"{_KEEP}{keep}" if keep else ""
    return user_message(f"{_SUMMARY_REQUEST}{asked}")


def as_typed(text: str) -> str:
    """Return the text that the user typed for a message: a command for the request of a summary."""
    if not text.startswith(_SUMMARY_REQUEST):
        return text
    keep = text.partition(_KEEP)[2]
    return f"/compact keep {keep}" if keep else "/compact"


def is_summary_request(message: Message) -> bool:
    """Return True for a question that asks for a summary of the chat."""
    return message.role is Role.USER and message.text.startswith(_SUMMARY_REQUEST)


def summary_message(summary: str) -> Message:
    """Return the message that a compacted chat begins with."""
    return user_message(f"{_SUMMARY}{summary}")


def compacted_from(conversation: Conversation) -> Node | None:
    """Return the last node of the chat that the branch of the head is the summary of; None for any other branch.

    None also after a new question in that branch.
    """
    path = conversation.path()
    if not path or not path[0].message.text.startswith(_SUMMARY):
        return None
    summary = path[0].message.text.removeprefix(_SUMMARY)
    for node in conversation.nodes.values():
        above = conversation.nodes[node.parent] if node.parent else None
        if above and above.parent and is_summary_request(above.message) and node.message.text == summary:
            before = conversation.path(above.parent)
            copied = [replace(other.message, usage=None) for other in before]
            if all(replace(other.message, usage=None) in copied for other in path[1:]):
                return before[-1]
    return None
