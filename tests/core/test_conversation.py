"""The tree: it only grows, and the head says where the talk is."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.conversation import Conversation, Node
from termchat.core.messages import Message, Role, Text, user_message


def said(text: str) -> Message:
    return Message(Role.ASSISTANT, (Text(text),))


TALK = (
    Conversation().add(Node("q", None, user_message("q"))).add(Node("a", "q", said("a"))).add(Node("b", "q", said("b")))
)


def test_conversation_new_message_becomes_head_and_keeps_siblings() -> None:
    assert TALK.head == "b"
    assert [node.id for node in TALK.path()] == ["q", "b"]
    assert [node.id for node in TALK.path("a")] == ["q", "a"]
    assert [message.text for message in TALK.history("a")] == ["q", "a"]


def test_conversation_value_is_never_mutated() -> None:
    before = Conversation()
    before.add(Node("x", None, user_message("x")))
    assert before == Conversation()


def test_conversation_head_can_precede_first_message() -> None:
    moved = TALK.move(None)
    assert (moved.path(), moved.last_question(), moved.nodes) == ((), None, TALK.nodes)


@pytest.mark.parametrize("change", [lambda: TALK.move("nowhere"), lambda: TALK.add(Node("c", "nowhere", said("c")))])
def test_conversation_unknown_node_is_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(KeyError):
        change()


def test_conversation_last_question_and_answer_follow_head_path() -> None:
    talk = TALK.add(Node("q2", "b", user_message("q2")))
    question, answer = talk.last_question(), talk.last_answer()
    assert question is not None
    assert answer is not None
    assert (question.id, answer.id) == ("q2", "b")
    assert talk.move("q").last_answer() is None


@given(st.lists(st.integers(0, 50), max_size=50))
def test_conversation_any_operations_lose_no_message(parents: list[int]) -> None:
    talk = Conversation()
    for number, at in enumerate(parents):
        parent = str(at % number) if number else None
        talk = talk.add(Node(str(number), parent, user_message(str(number))))
        assert talk.path()[-1].id == str(number)
    assert list(talk.nodes) == [str(n) for n in range(len(parents))]
    for node in talk.nodes.values():
        way = talk.path(node.id)
        assert way[0].parent is None
        assert all(child.parent == parent.id for parent, child in pairwise(way))
