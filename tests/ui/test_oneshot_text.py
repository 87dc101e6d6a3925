"""The text format of a one-shot: bytes in a pipe cannot be taken back."""

from __future__ import annotations

import asyncio
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.events import Delta, Event, MessageDone, StepStarted, Streamed, TextBecameReasoning, TextDelta
from termchat.core.messages import Message, Role
from termchat.ui.oneshot.formats.text import TextFormat

DONE = MessageDone("t", "n", None, Message(Role.ASSISTANT, ()))


def written(*deltas: Delta) -> tuple[str, list[bool]]:
    """Return what the format writes for the deltas of a reply, and whether each withdrawal took all of it back."""
    read, write = os.pipe()
    taken: list[bool] = []

    async def show() -> None:
        out = TextFormat(write)
        events: list[Event] = [StepStarted("t", 1), *(Streamed("t", delta) for delta in deltas), DONE]
        for event in events:
            await out.show(event)
            if isinstance(event, Streamed) and isinstance(event.delta, TextBecameReasoning):
                taken.append(await out.withdraw())
        await out.close()

    asyncio.run(show())
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        return pipe.read().decode(), taken


@pytest.mark.parametrize(
    ("deltas", "out", "taken"),
    [
        ([TextDelta(0, "hm", provisional=True), TextBecameReasoning(0), TextDelta(1, "so")], "so", [True]),
        ([TextDelta(0, "hm", provisional=True), TextDelta(0, " so")], "hm so", []),
        ([TextDelta(0, "hm", provisional=True)], "hm", []),
        ([TextDelta(0, "hm"), TextBecameReasoning(0), TextDelta(1, "so")], "hm\nso", [False]),
    ],
)
def test_text_format_provisional_text_waits_until_it_is_certain(
    deltas: list[Delta], out: str, taken: list[bool]
) -> None:
    assert written(*deltas) == (out, taken)


@given(st.lists(st.tuples(st.text("ab\n", max_size=4), st.booleans()), max_size=8))
def test_text_format_without_withdrawal_writes_every_character(pieces: list[tuple[str, bool]]) -> None:
    text, _ = written(*(TextDelta(0, text, provisional=waits) for text, waits in pieces))
    assert text == "".join(text for text, _ in pieces)
