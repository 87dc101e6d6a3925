"""A conversation: a tree of messages that only grows, and a head, its current node.

Nodes are never removed: undo, retry and edit move the head or add a sibling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace

from termchat.core.messages import Message, Role, ToolCall, ToolResult
from termchat.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A message in the tree; `parent` is the id of the node before it, None for a first message."""

    id: str
    parent: str | None
    message: Message


@dataclass(frozen=True, slots=True)
class Conversation:
    """An immutable tree of nodes by id; `head` is None before the first message."""

    nodes: Mapping[str, Node] = field(default_factory=dict[str, Node])
    head: str | None = None

    def add(self, node: Node) -> Conversation:
        """Return the tree with one more node, which becomes the head. Raises KeyError for an unknown parent."""
        if node.parent is not None and node.parent not in self.nodes:
            raise KeyError(node.parent)
        return Conversation({**self.nodes, node.id: node}, node.id)

    def move(self, head: str | None) -> Conversation:
        """Return the tree with another head. Raises KeyError for an unknown node."""
        if head is not None and head not in self.nodes:
            raise KeyError(head)
        return replace(self, head=head)

    def path(self, head: str | None = None) -> tuple[Node, ...]:
        """Return the nodes from the first message to `head` (default: the head of the tree), in order."""
        at = self.head if head is None else head
        nodes: list[Node] = []
        while at is not None:
            node = self.nodes[at]
            nodes.append(node)
            at = node.parent
        return tuple(reversed(nodes))

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
