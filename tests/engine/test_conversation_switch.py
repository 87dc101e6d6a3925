"""Test that a turn that outlives its conversation changes no other one."""

from __future__ import annotations

import pytest

from termchat.core.messages import user_message
from tests.engine.support import events_of
from tests.ui.fakes import fake_session


@pytest.mark.parametrize("asked", [False, True])
async def test_turn_that_outlives_its_conversation_changes_no_other_one(*, asked: bool) -> None:
    chat = fake_session()
    turn = chat.send(chat.add(user_message("first"), None))
    chat.new()
    if asked:
        chat.add(user_message("second"), None)
    before = chat.conversation
    await events_of(turn)
    assert chat.conversation == before
    assert sum(spent.usage.output for spent in chat.totals.values()) > 0


async def test_late_reply_leaves_the_head_on_a_newer_question() -> None:
    chat = fake_session()
    turn = chat.send(chat.add(user_message("first"), None))
    newer = chat.add(user_message("second"), None)
    await events_of(turn)
    assert chat.conversation.head == newer
    assert len(chat.conversation.nodes) == 3
