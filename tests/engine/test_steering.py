"""Messages sent while tools run: added after the results, or returned when the turn ends first."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from termchat.core.events import Event, MessageDone, StepStarted, ToolFinished, ToolStarted
from termchat.core.messages import Role, user_message
from termchat.core.models import ApiProtocol
from termchat.core.outcomes import Outcome
from termchat.engine.session import ChatSession
from termchat.store.chat_store import SqliteChatStore
from tests.engine.support import ask, ended, events_of, session
from tests.gateway import Call, Gateway, Reply, Text
from tests.gateway.reading import messages, question
from tests.gateway.requests import RecordedRequest
from tests.providers.support import PROTOCOLS

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
LOOK = Call("look", {"city": "Köln"})


async def steered(chat: ChatSession, *words: str, at: type[Event] = ToolStarted) -> list[Event]:
    """Run a turn and steer it with each of `words` at the first event of type `at`; "" withdraws the message."""
    turn = chat.send(chat.add(user_message("The weather?"), chat.conversation.head))
    remaining = list(words)

    def steer(number: int, event: Event) -> None:
        while remaining and isinstance(event, at):
            text = remaining.pop(0)
            turn.steer(user_message(text) if text else None)

    return await events_of(turn, steer)


def user_texts(events: list[Event]) -> list[str]:
    """Texts of the user's messages among the finished ones."""
    return [e.message.text for e in events if isinstance(e, MessageDone) and e.message.role is Role.USER]


@ALL
async def test_steering_message_follows_results_in_next_request(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply(LOOK), Reply(Text("Rain in both.")))
    async with session(gateway, protocol) as chat:
        events = await steered(chat, "And Bonn?")
    kinds = [event for event in events if isinstance(event, MessageDone | StepStarted)]
    assert [getattr(event, "step", 0) or event.message.role for event in kinds] == [  # type: ignore[union-attr]
        *(1, Role.ASSISTANT, Role.TOOL, Role.USER),
        *(2, Role.ASSISTANT),
    ]
    assert [node.message.role for node in chat.conversation.path()] == [
        *(Role.USER, Role.ASSISTANT, Role.TOOL, Role.USER, Role.ASSISTANT)
    ]
    assert ended(events).outcome is Outcome.COMPLETE
    sent = gateway.asked[-1]
    assert question(sent) == "And Bonn?"
    text = str(messages(sent))
    assert 0 < text.index("rain in Köln") < text.index("And Bonn?")


@ALL
async def test_steering_message_is_sent_once_and_chat_continues(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply(LOOK), Reply(LOOK), Reply(Text("Rain.")), Reply(Text("Bye.")))
    async with session(gateway, protocol) as chat:
        assert user_texts(await steered(chat, "And Bonn?")) == ["And Bonn?"], "once, though there were tools twice"
        assert ended(await ask(chat, "thanks")).outcome is Outcome.COMPLETE
    assert question(gateway.asked[-1]) == "thanks"


@pytest.mark.parametrize(("words", "sent"), [(("one", "two"), ["two"]), (("one", ""), [])])
async def test_steering_later_message_replaces_earlier(
    gateway: Gateway, words: tuple[str, ...], sent: list[str]
) -> None:
    gateway.reply(Reply(LOOK), Reply(Text("Rain.")))
    async with session(gateway, ApiProtocol.CHAT) as chat:
        assert user_texts(await steered(chat, *words)) == sent


async def test_steering_turn_without_next_step_ends_without_it(gateway: Gateway) -> None:
    gateway.reply(Reply(Text("Rain.")))
    async with session(gateway, ApiProtocol.CHAT) as chat:
        events = await steered(chat, "And Bonn?", at=StepStarted)
    assert user_texts(events) == []
    assert ended(events).outcome is Outcome.COMPLETE


async def test_steering_turn_without_rounds_left_ends_without_it(gateway: Gateway) -> None:
    gateway.reply(Reply(LOOK))
    async with session(gateway, ApiProtocol.CHAT, max_rounds=1) as chat:
        events = await steered(chat, "And Bonn?")
    assert user_texts(events) == []
    assert ended(events).outcome is Outcome.LIMIT


async def test_steering_cancelled_turn_ends_without_it(gateway: Gateway) -> None:
    gateway.reply(Reply(LOOK))
    async with session(gateway, ApiProtocol.CHAT) as chat:
        turn = chat.send(chat.add(user_message("The weather?"), None))
        turn.steer(user_message("And Bonn?"))
        events = await events_of(turn, lambda n, event: isinstance(event, ToolFinished) and turn.cancel())
    assert user_texts(events) == []
    assert ended(events).outcome is Outcome.CANCELLED


async def test_steering_message_is_saved_before_request(gateway: Gateway, tmp_path: Path) -> None:
    file, found = tmp_path / "termchat.db", list[object]()

    def answer(request: RecordedRequest) -> Reply:
        with closing(sqlite3.connect(file)) as db:
            found.append(db.execute("SELECT author FROM nodes ORDER BY n").fetchall())
        return Reply(LOOK) if len(found) == 1 else Reply(Text("Rain."))

    gateway.always(answer)
    async with session(gateway, ApiProtocol.CHAT, store=lambda: SqliteChatStore(file, lambda failure: None)) as chat:
        await steered(chat, "And Bonn?")
        await chat.close()
    assert found == [[("user",)], [("user",), ("assistant",), ("tool",), ("user",)]]
