"""The tree of messages, which only grows, and its head."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.conversation import Conversation, Node, as_typed, summary_request
from termchat.core.messages import Message, Role, Text, user_message


def answer_message(text: str) -> Message:
    return Message(Role.ASSISTANT, (Text(text),))


CONVERSATION = (
    Conversation()
    .add(Node("q", None, user_message("q")))
    .add(Node("a", "q", answer_message("a")))
    .add(Node("b", "q", answer_message("b")))
)


def test_conversation_new_message_becomes_head_and_keeps_siblings() -> None:
    assert CONVERSATION.head == "b"
    assert [node.id for node in CONVERSATION.path()] == ["q", "b"]
    assert [node.id for node in CONVERSATION.path("a")] == ["q", "a"]
    assert [message.text for message in CONVERSATION.history("a")] == ["q", "a"]


def test_conversation_value_is_never_mutated() -> None:
    before = Conversation()
    before.add(Node("x", None, user_message("x")))
    assert before == Conversation()


def test_conversation_head_can_precede_first_message() -> None:
    moved = CONVERSATION.move(None)
    assert (moved.path(), moved.last_question(), moved.nodes) == ((), None, CONVERSATION.nodes)


@pytest.mark.parametrize(
    "change",
    [lambda: CONVERSATION.move("nowhere"), lambda: CONVERSATION.add(Node("c", "nowhere", answer_message("c")))],
)
def test_conversation_unknown_node_is_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(KeyError):
        change()


def test_conversation_last_question_and_answer_follow_head_path() -> None:
    conversation = CONVERSATION.add(Node("q2", "b", user_message("q2")))
    question, answer = conversation.last_question(), conversation.last_answer()
    assert question is not None
    assert answer is not None
    assert (question.id, answer.id) == ("q2", "b")
    assert conversation.move("q").last_answer() is None


@given(st.lists(st.integers(0, 50), max_size=50))
def test_conversation_any_operations_lose_no_message(parents: list[int]) -> None:
    conversation = Conversation()
    for number, at in enumerate(parents):
        parent = str(at % number) if number else None
        conversation = conversation.add(Node(str(number), parent, user_message(str(number))))
        assert conversation.path()[-1].id == str(number)
    assert list(conversation.nodes) == [str(n) for n in range(len(parents))]
    for node in conversation.nodes.values():
        path = conversation.path(node.id)
        assert path[0].parent is None
        assert all(child.parent == parent.id for parent, child in pairwise(path))


@pytest.mark.parametrize(("keep", "command"), [("", "/compact"), ("the numbers", "/compact keep the numbers")])
def test_as_typed_of_summary_request_is_its_command(keep: str, command: str) -> None:
    assert as_typed(summary_request(keep).text) == command
    assert as_typed(f"I said: {command}") == f"I said: {command}"
