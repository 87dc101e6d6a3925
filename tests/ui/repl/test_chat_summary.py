"""Test ChatSummary: topic, usage and last reasoning of the path to the head of the current chat."""

from __future__ import annotations

from termchat.core.messages import Message, Reasoning, Role, Text, user_message
from termchat.core.usage import Usage
from termchat.ui.repl.chat_summary import ChatSummary
from tests.ui.fakes import fake_session


def test_chat_summary_follows_head_and_resets_with_new_chat() -> None:
    session = fake_session()
    summary = ChatSummary(session)
    assert (summary.topic, summary.usage, summary.thought) == ("", None, "")
    question = session.add(user_message("What is\nthis about, and why does it go on for so long?"), None)
    assert summary.topic == "What is this about, and why does it go …"
    reply = Message(Role.ASSISTANT, (Reasoning("all of it"), Text("42")), usage=Usage(input=7))
    first = session.add(reply, question)
    again = session.add(user_message("And?"), first)
    session.add(Message(Role.ASSISTANT, (Text("43"),), usage=Usage(input=9)), again)
    assert (summary.usage, summary.thought) == (Usage(input=9), "all of it")
    session.move_head(first)
    assert summary.usage == Usage(input=7)
    session.move_head(None)
    session.add(user_message("Another beginning"), None)
    assert summary.topic == "What is this about, and why does it go …"
    session.new()
    assert (summary.topic, summary.usage, summary.thought) == ("", None, "")
