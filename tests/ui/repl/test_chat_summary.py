"""The chat in a few words: of the way to its head, whatever chat it is by now."""

from __future__ import annotations

from termchat.core.messages import Message, Reasoning, Role, Text, user_message
from termchat.core.usage import Usage
from termchat.ui.repl.chat_summary import ChatSummary
from tests.ui.fakes import fake_session


def test_chat_summary_follows_head_and_resets_with_new_chat() -> None:
    session = fake_session()
    gist = ChatSummary(session)
    assert (gist.topic, gist.usage, gist.thought) == ("", None, "")
    asked = session.add(user_message("What is\nthis about, and why does it go on for so long?"), None)
    assert gist.topic == "What is this about, and why does it go …"
    said = Message(Role.ASSISTANT, (Reasoning("all of it"), Text("42")), usage=Usage(input=7))
    first = session.add(said, asked)
    again = session.add(user_message("And?"), first)
    session.add(Message(Role.ASSISTANT, (Text("43"),), usage=Usage(input=9)), again)
    assert (gist.usage, gist.thought) == (Usage(input=9), "all of it")
    session.move_head(first)
    assert gist.usage == Usage(input=7)
    session.new()
    assert (gist.topic, gist.usage, gist.thought) == ("", None, "")
