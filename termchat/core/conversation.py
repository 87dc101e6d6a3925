"""A conversation: a tree of messages that only grows, and a head that says where the talk is.

Nothing is ever taken away: undo, retry and edit move the head or add a sibling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from termchat.core.messages import Message, Role


@dataclass(frozen=True, slots=True)
class Node:
    """A message in its place: `parent` is the node it answers or follows, None for a first message."""

    id: str
    parent: str | None
    message: Message


@dataclass(frozen=True, slots=True)
class Conversation:
    """The tree, as a value; `head` is None before the first message."""

    nodes: Mapping[str, Node] = field(default_factory=dict[str, Node])
    head: str | None = None

    def add(self, node: Node) -> Conversation:
        """The tree with one more node, the head on it."""
        if node.parent is not None and node.parent not in self.nodes:
            raise KeyError(node.parent)
        return Conversation({**self.nodes, node.id: node}, node.id)

    def move(self, head: str | None) -> Conversation:
        """The same tree with its head elsewhere; KeyError when there is no such node."""
        if head is not None and head not in self.nodes:
            raise KeyError(head)
        return replace(self, head=head)

    def path(self, head: str | None = None) -> tuple[Node, ...]:
        """The nodes from the first message to `head` (default: the head), in order."""
        at = self.head if head is None else head
        nodes: list[Node] = []
        while at is not None:
            node = self.nodes[at]
            nodes.append(node)
            at = node.parent
        return tuple(reversed(nodes))

    def history(self, head: str | None = None) -> tuple[Message, ...]:
        """The messages a reply below `head` is to be told."""
        return tuple(node.message for node in self.path(head))

    def last_question(self) -> Node | None:
        """The newest message of the user on the way to the head."""
        return next((n for n in reversed(self.path()) if n.message.role is Role.USER), None)

    def last_answer(self) -> Node | None:
        """The newest message of the model on the way to the head."""
        return next((n for n in reversed(self.path()) if n.message.role is Role.ASSISTANT), None)
