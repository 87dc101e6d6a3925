"""/tree, /goto, /edit N, /history: over trees, without a terminal."""

from __future__ import annotations

import pytest

from termchat.commands.builtin import builtin
from termchat.commands.registry import CommandContext
from termchat.commands.tree import draw_tree, numbered_nodes
from termchat.core.conversation import Conversation, Node
from termchat.core.effects import MoveHead, Print, Send, ShowInPager
from termchat.core.messages import Message, Role, Text, ToolCall, user_message
from termchat.core.outcomes import Outcome
from termchat.core.text import display_width


def said(text: str) -> Message:
    return Message(Role.ASSISTANT, (Text(text),))


@pytest.fixture
def tree() -> Conversation:
    """One question, its answer, then two branches; the second has a tool call between question and answer."""
    call = Message(Role.ASSISTANT, (ToolCall("c1", "calculate", "{}"),))
    nodes = [
        Node("q1", None, user_message("first?")),
        Node("a1", "q1", said("one")),
        Node("q2", "a1", user_message("left?")),
        Node("a2", "q2", said("two")),
        Node("q3", "a1", user_message("right?\x1b[31m")),
        Node("c3", "q3", call),
        Node("r3", "c3", Message(Role.TOOL, ())),
        Node("a3", "r3", said("three")),
    ]
    conversation = Conversation()
    for node in nodes:
        conversation = conversation.add(node)
    return conversation


def test_a_line_of_the_tree_fits_forty_columns_whatever_is_written_in_it() -> None:
    conversation = Conversation()
    for n, text in enumerate(("这是一段很长的中文，" * 9, "mixed 中文 and Latin " * 5, "e\u0301" * 99)):
        conversation = conversation.add(Node(str(n), None, user_message(text)))
    for row in draw_tree(conversation):
        assert 36 <= display_width(row) <= 40
        assert row.endswith("…")


class FakeSession:
    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation


def run(tree: Conversation, text: str):
    registry = builtin()
    return registry.run(CommandContext(FakeSession(tree), None, registry), text)  # pyright: ignore[reportArgumentType]


def test_every_branch_stands_in_the_tree_with_its_number_and_its_way(tree: Conversation) -> None:
    assert [node.id for node in numbered_nodes(tree)] == ["q1", "a1", "q2", "a2", "q3", "a3"]
    assert draw_tree(tree) == [
        "*  1 ❯ first?",
        "*  2   one",
        "   3   ❯ left?",
        "   4     two",
        "*  5   ❯ right?␛[31m",
        "▸  6     three",
    ]


def test_it_fits_forty_columns(tree: Conversation) -> None:
    long = tree.add(Node("q4", "a3", user_message("word " * 100)))
    assert all(len(line) <= 40 for line in draw_tree(long))


def test_goto_an_answer_moves_there_and_goto_a_question_takes_it_back_into_the_input(tree: Conversation) -> None:
    assert run(tree, "/goto 4")[0] == MoveHead("a2")
    assert run(tree, "/goto 3")[0] == MoveHead("a1", prefill="left?")
    assert isinstance(run(tree, "/goto 9")[0], Print)
    assert isinstance(run(tree, "/goto x")[0], Print)


def test_edit_counts_own_messages_from_the_last(tree: Conversation) -> None:
    assert run(tree, "/edit 1")[0] == MoveHead("a1", prefill="right?\x1b[31m")
    assert run(tree, "/edit 2")[0] == MoveHead(None, prefill="first?")
    assert isinstance(run(tree, "/edit 3")[0], Print)


def test_history_is_what_was_said_on_the_way_made_safe(tree: Conversation) -> None:
    assert run(tree, "/history") == (ShowInPager("❯ first?\n\none\n\n❯ right?␛[31m\n\nthree"),)  # pyright: ignore


@pytest.mark.parametrize("outcome", ["cut", "stalled", "length", "cancelled"])
def test_continue_goes_on_from_a_reply_that_stopped_and_from_no_other(tree: Conversation, outcome: str) -> None:
    assert isinstance(run(tree, "/continue")[0], Print)
    half = Message(Role.ASSISTANT, (Text("half a"),), outcome=Outcome(outcome))
    assert run(tree.add(Node("h", "a3", half)), "/continue") == (Send("h"),)
