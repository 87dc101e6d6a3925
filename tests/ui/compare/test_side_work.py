"""Work beside the chat without a terminal: a fork with its saved chat, live rows, the table."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.commands.compare.shell_line import ShellLine
from termchat.config.settings import ReasoningView
from termchat.core.effects import ForkAside, PrintTable
from termchat.core.errors import Failure
from termchat.core.events import Event, Finished, StepStarted, Streamed, TextDelta, Timing, TurnEnded, TurnStarted
from termchat.core.messages import Message, user_message
from termchat.core.outcomes import FinishReason, Outcome
from termchat.core.sanitize import Safe
from termchat.core.session import Offer
from termchat.core.usage import Usage
from termchat.engine.session import ChatSession
from termchat.engine.turn import TurnConfig
from termchat.store.chat_store import SqliteChatStore
from termchat.ui.blocks import Block, StaticLines
from termchat.ui.compare.comparison_view import ComparisonView
from termchat.ui.compare.shell_words import goes_along, output_part
from termchat.ui.compare.side_work import SideWork
from termchat.ui.text.fit import text_width
from termchat.ui.text.line import plain_text
from tests.ui.fakes import FAKE, OTHER, FakePrices, FakeProviders, FakeTools


class Screen:
    """Collects what is shown; `replying` holds it back."""

    def __init__(self) -> None:
        self.replying = False
        self.reasoning = ReasoningView.TAIL
        self.shown: list[str] = []
        self.reports: list[Safe] = []

    def asked(self, message: Message) -> None:
        self.shown.append(message.subject)

    def show_whole(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            if isinstance(block, StaticLines):
                self.shown += [str(plain_text(line)) for line in block.lines]

    def report(self, words: Safe) -> None:
        self.reports.append(words)

    def changed(self) -> None:
        pass


def work(session: ChatSession) -> tuple[SideWork, Screen]:
    made, screen = SideWork(session), Screen()
    made.screen = screen
    return made, screen


async def test_fork_says_how_it_ended_and_how_to_go_there(tmp_path: Path) -> None:
    warnings: list[Failure] = []
    store = SqliteChatStore(tmp_path / "chats.db", warnings.append, every=0.02)
    config = TurnConfig(FAKE, FakeProviders(), tools=FakeTools(), prices=FakePrices())
    session = ChatSession(config, lambda: store)
    side, screen = work(session)
    screen.replying = True
    assert await side.fork(ForkAside(user_message("asks 1"), OTHER)) == ()
    assert screen.reports
    assert not screen.shown
    side.turn_ended()
    (line,) = screen.shown
    (chat,) = (await store.chats()).chats
    assert line.startswith('● fork "asks 1" · complete · two · ')
    assert line.endswith(f"/open {await store.short_id(chat.id)} goes there")
    found = await session.resume(chat.id)
    assert not isinstance(found, Failure)
    declined = [result for message in session.conversation.history() for result in message.results]
    assert [result.status.value for result in declined] == ["declined"], "nobody was asked, so nothing ran"
    await session.close()
    assert not warnings


async def test_close_stops_a_fork_and_its_reply_is_saved_as_stopped(tmp_path: Path) -> None:
    store = SqliteChatStore(tmp_path / "chats.db", lambda failure: None, every=0.02)
    session = ChatSession(TurnConfig(FAKE, FakeProviders()), lambda: store)
    side, screen = work(session)
    running = asyncio.create_task(side.fork(ForkAside(user_message("endless"), OTHER)))
    while "replying" not in "".join(str(plain_text(row)) for row in side.rows(80, 5, "*")):
        await asyncio.sleep(0)
    side.close()
    await running
    assert screen.shown[0].startswith('■ fork "endless" · stopped')
    (chat,) = (await store.chats()).chats
    messages = await store.last_messages(chat.id, 1)
    assert messages[0].outcome is Outcome.CANCELLED
    await session.close()


def ended(turn: str, outcome: Outcome) -> list[Event]:
    return [
        TurnStarted(turn, FAKE),
        StepStarted(turn, 1),
        Streamed(turn, TextDelta(0, "some text")),
        Streamed(turn, Finished(FinishReason.STOP)),
        TurnEnded(turn, outcome, FAKE, Usage(10, 5), None, Timing(0.5, 2.0), steps=1, has_content=True),
    ]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_a_complete_reply_is_called_complete(outcome: Outcome) -> None:
    view = ComparisonView([Offer(1, FAKE)], 0.0, ReasoningView.TAIL)
    blocks: Sequence[Block] = ()
    for event in ended("t", outcome):
        blocks = view.update(0, event, 1.0)
    shown = [str(plain_text(line)) for block in blocks if isinstance(block, StaticLines) for line in block.lines]
    table = view.results()[0]
    assert isinstance(table, PrintTable)
    row = str(plain_text(view.rows(2.0, 80, 5, "*")[0]))
    is_complete = outcome is Outcome.COMPLETE
    assert (table.rows[0][-1] == "complete") == is_complete
    assert ("complete" in row) == is_complete
    assert any(line.startswith("■") for line in shown) == (not is_complete)
    assert table.rows[0][1:6] == ("2.0s", "0.5s", "10", "5", "–")


@given(st.integers(1, 8), st.integers(1, 10), st.integers(10, 120), st.integers(0, 8))
def test_live_rows_fit_and_running_replies_take_precedence(models: int, rows: int, columns: int, done: int) -> None:
    view = ComparisonView([Offer(n + 1, OTHER) for n in range(models)], 0.0, ReasoningView.TAIL)
    for n in range(min(done, models)):
        for event in ended(f"t{n}", Outcome.COMPLETE):
            view.update(n, event, 1.0)
    lines = view.rows(3.0, columns, rows, "⠋")
    assert 1 <= len(lines) <= rows
    assert all(text_width(plain_text(line)) < columns for line in lines)
    shown = [str(plain_text(line)) for line in lines]
    if models > rows > 1:
        assert shown[-1].startswith("  and ")
    if rows >= models:
        assert len(lines) == models


@pytest.mark.parametrize(("text", "end"), [("", "exit 1"), ("hi", ""), ("hi", "exit 2")])
def test_shell_output_is_announced_with_the_size_it_is_attached_with(text: str, end: str) -> None:
    line = ShellLine("make", shared=True)
    framed = output_part(line, Safe(text), Safe(end)).text
    content = framed.partition("\n")[2].removesuffix("\n</file>\n")
    assert f"({len(content)} B)" in goes_along(line, Safe(text), Safe(end))
