"""Test that saved messages are shown again as they were shown first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from time import monotonic

import pytest

from termchat.config.settings import ReasoningView
from termchat.core.chats import ChatInfo
from termchat.core.conversation import Conversation, Node
from termchat.core.messages import Image, Message, Reasoning, Role, ToolCall, attached_text, user_message
from termchat.core.outcomes import Outcome
from termchat.engine.session import ChatSession
from termchat.ui.blocks import Block, EndOfText, ReasoningText, ReplyText, Sources, StaticLines, ToolCard
from termchat.ui.chat_effects import chat_choices, message_line, saved_transcript
from termchat.ui.text.line import plain_text
from termchat.ui.turn_state import ViewState, turn_sent, update
from tests.ui.fakes import fake_session

SCRIPTS = ["hello", "think", "code", "tool echo", "tool fail", "cut", "length", "filter", "blocks"]
Shape = list[tuple[str, str]]


async def asked(session: ChatSession, view: ViewState, text: str) -> tuple[ViewState, list[Block]]:
    """Run a turn; return the view after it and the blocks that it showed."""
    node = session.add(user_message(text), session.conversation.head)
    turn = session.send(node)
    view, shown = turn_sent(view, turn.id, session.model, monotonic()), list[Block]()
    async for event in turn.events():
        view, blocks = update(view, event, monotonic())
        shown += blocks
    return view, shown


def shape(blocks: Iterable[Message | Block]) -> Shape:
    """Return the blocks without times, and the pieces of a text as one."""
    found: Shape = []
    for block in blocks:
        match block:
            case Message():
                found.append(("question", block.text))
            case ReplyText(text) | ReasoningText(text):
                kind = type(block).__name__
                if found and found[-1][0] == kind:
                    text = found.pop()[1] + text
                found.append((kind, text))
            case StaticLines(lines):
                words = (plain_text(line).partition(" · ")[0] for line in lines)
                found += [("line", re.sub(r"(?<=^✻ thought) [\d.]+s$", "", text)) for text in words]
            case ToolCard():
                found.append(("card", f"{block.number} {block.call.name} {block.result.text} {block.gap}"))
            case EndOfText():
                found.append(("end", ""))
            case Sources():
                found.append(("sources", ""))
    return found


@pytest.mark.parametrize("reasoning", [ReasoningView.TAIL, ReasoningView.FULL])
async def test_saved_transcript_has_the_blocks_of_the_live_turns(reasoning: ReasoningView) -> None:
    session, view, live = fake_session(), ViewState(reasoning=reasoning), Shape()
    for text in SCRIPTS:
        view, blocks = await asked(session, view, text)
        live += [("question", text), *(item for item in shape(blocks) if not is_failure(item))]
    saved = shape(saved_transcript(session.conversation.history(), session.conversation, view))
    assert saved == live


def is_failure(item: tuple[str, str]) -> bool:
    """Return True for the failure of the script `cut` and its next steps, which are not saved."""
    return item[0] == "line" and item[1].startswith(("The stream ended", "Alt-"))


def test_saved_question_without_reply_is_marked() -> None:
    question, stopped = Node("q", None, user_message("hello?")), Message(Role.ASSISTANT, (ToolCall("c", "echo", "{}"),))
    for nodes in ((question,), (question, Node("a", "q", stopped))):
        conversation = Conversation({node.id: node for node in nodes}, nodes[-1].id)
        shown = shape(saved_transcript(conversation.history(), conversation, ViewState()))
        assert shown[-1] == ("line", "■ no reply")
    assert ("card", "0 echo not run True") in shown


def test_saved_reasoning_that_the_provider_hid_says_so() -> None:
    reply = Message(Role.ASSISTANT, (Reasoning("", redacted=True),), outcome=Outcome.CANCELLED)
    shown = shape(saved_transcript((reply,), Conversation(), ViewState()))
    assert shown == [("line", "✻ thought (hidden by the provider)"), ("line", "■ stopped")]


def test_message_line_names_attachments() -> None:
    message = user_message("what?", Image("image/png", bytes(10), name="cat\x1b.png"), attached_text("a.txt", "zebra"))
    assert message_line(message) == "@cat␛.png (PNG, 10 B) @a.txt (5 B) what?"


def test_chat_choices_mark_one_shots() -> None:
    chats = [ChatInfo(name, name, None, 1e9, 1e9, 1, one_shot=name == "script") for name in ("chat", "script")]
    details = [choice.detail for choice in chat_choices(chats, fake_session())]
    assert ["one-shot" in detail for detail in details] == [False, True]


def test_chat_choices_of_equal_titles_differ_by_id() -> None:
    titles = {"aaaa": "Kettles", "bbbb": "Kettles", "cccc": "Tea"}
    chats = [ChatInfo(f"{name}0000", title, None, 1e9, 1e9, 1) for name, title in titles.items()]
    details = [choice.detail.rpartition(" · ")[2] for choice in chat_choices(chats, fake_session())]
    assert details == ["aaaa", "bbbb", "1 turn"]
