"""/context, /drop, /compact and /budget: their effects."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from termchat.commands.branches.tree import marked, tree_choices
from termchat.commands.builtin import builtin
from termchat.commands.registry import CommandContext, Effects
from termchat.core.conversation import ContextMarks, is_summary_request, summary_message, summary_request
from termchat.core.effects import ChangeSetting, MoveHead, Print, PrintTable, Send, ShowBudget, UseSettings
from termchat.core.messages import Message, Role, Text, ToolCall, ToolResult, user_message
from termchat.engine.session import ChatSession
from tests.ui.fakes import FakeProviders, fake_session


def context(session: ChatSession) -> CommandContext:
    return CommandContext(session, FakeProviders(), builtin())


def run(text: str, session: ChatSession) -> Effects:
    made = context(session)
    return made.registry.run(made, text)


def words(effects: Effects) -> str:
    return "\n".join(effect.words for effect in effects if isinstance(effect, Print))


def marks_of(effects: Effects) -> ContextMarks:
    return cast("UseSettings", effects[0]).settings.marks


def chat_with_call() -> ChatSession:
    """A chat whose second answer used a tool: question, answer, question, call, result, answer."""
    session = fake_session()
    call = ToolCall("id1", "look", '{"city": "Bonn"}')
    at = None
    for message in (
        user_message("first"),
        Message(Role.ASSISTANT, (Text("one"),)),
        user_message("weather?"),
        Message(Role.ASSISTANT, (call,)),
        Message(Role.TOOL, (ToolResult("id1", "look", (Text("rain"),)),)),
        Message(Role.ASSISTANT, (Text("it rains"),)),
    ):
        at = session.add(message, at)
    return session


def test_context_lists_each_message_with_number_and_mark() -> None:
    session = chat_with_call()
    first = session.conversation.path()[0].id
    session.update_settings(lambda s: replace(s, marks=ContextMarks(frozenset((first,)))), lasting=False)
    table = next(effect for effect in run("/context", session) if isinstance(effect, PrintTable))
    shown = [(row[0], row[1], row[4]) for row in table.rows if row[0] or "look" in row[1]]
    assert shown == [
        ("1", "❯ first", "dropped"),
        ("2", "  one", ""),
        ("3", "❯ weather?", ""),
        ("", "  calls: look", ""),
        ("", "  results: look", ""),
        ("4", "  it rains", ""),
    ]


@pytest.mark.parametrize("text", ["/drop 4", "/context drop 4"])
def test_drop_answer_takes_its_calls_and_results(text: str) -> None:
    session = chat_with_call()
    ids = [node.id for node in session.conversation.path()]
    assert marks_of(run(text, session)) == ContextMarks(frozenset(ids[3:]))


def test_pin_and_restore_undo_drop() -> None:
    session = chat_with_call()
    ids = [node.id for node in session.conversation.path()]
    dropped = marks_of(run("/context drop 1-2", session))
    assert dropped == ContextMarks(frozenset(ids[:2]))
    session.update_settings(lambda s: replace(s, marks=dropped), lasting=False)
    assert marks_of(run("/context pin 1", session)) == ContextMarks(frozenset(ids[1:2]), frozenset(ids[:1]))
    assert marks_of(run("/context restore 1 2", session)) == ContextMarks()


@pytest.mark.parametrize("text", ["/drop 9", "/drop x", "/drop 2-9", "/context drop", "/context lose 1"])
def test_context_unknown_number_or_action_changes_nothing(text: str) -> None:
    effects = run(text, chat_with_call())
    assert not any(isinstance(effect, UseSettings) for effect in effects)
    assert "1, 2, 3, 4" in words(effects) or "/context drop N" in words(effects)


def test_tree_marks_dropped_message() -> None:
    session = chat_with_call()
    first = session.conversation.path()[0].id
    session.update_settings(lambda s: replace(s, marks=ContextMarks(frozenset((first,)))), lasting=False)
    assert "[dropped] first" in tree_choices(marked(context(session)))[0].label


def test_compact_asks_for_summary_below_head() -> None:
    session = chat_with_call()
    said, send = run("/compact keep the city", session)
    assert isinstance(said, Print) and isinstance(send, Send) and send.message
    assert send.parent == session.conversation.head
    assert is_summary_request(send.message) and send.message.text.endswith("the city")
    assert words(run("/compact", fake_session())) == "There is nothing to compact yet."


def test_undo_after_compaction_returns_to_whole_chat() -> None:
    session = chat_with_call()
    whole = session.conversation.head
    asked = session.add(summary_request(), whole)
    session.add(Message(Role.ASSISTANT, (Text("They spoke of rain."),)), asked)
    session.add(summary_message("They spoke of rain."), None)
    assert run("/undo", session)[0] == MoveHead(whole)
    session.add(user_message("go on"), session.conversation.head)
    assert run("/undo", session)[0] != MoveHead(whole)


@pytest.mark.parametrize(
    ("text", "effects"),
    [
        ("/budget", (ShowBudget(),)),
        ("/budget day", (ShowBudget(),)),
        ("/budget 2.00", (ChangeSetting("max_cost", "2.00"), ShowBudget())),
        ("/budget $2", (ChangeSetting("max_cost", "2"), ShowBudget())),
        ("/budget off", (ChangeSetting("max_cost", "off"), ShowBudget())),
        ("/budget day 5 --save", (ChangeSetting("max_cost_day", "5", save=True), ShowBudget())),
        ("/budget day off", (ChangeSetting("max_cost_day", "off"), ShowBudget())),
        ("/budget allow", (ChangeSetting("unpriced", "allow"),)),
    ],
)
def test_budget_changes_limit_or_shows_it(text: str, effects: Effects) -> None:
    assert run(text, fake_session()) == effects


@pytest.mark.parametrize("text", ["/budget lots", "/budget -1", "/budget 2 3", "/budget day 1e3", "/budget ٣"])
def test_budget_bad_amount_is_refused_with_example(text: str) -> None:
    (said,) = run(text, fake_session())
    assert isinstance(said, Print) and "/budget 2.50" in said.words
