"""The table of conversations through every protocol: whole request bodies and whole event lists, every request valid.

What is expected stands in `golden/`, a file a conversation, and is read by people when it changes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from termchat.core.events import Event, Streamed, TextDelta, ToolCallDelta
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.session import Turn
from tests import golden
from tests.engine import cases
from tests.engine.support import TOOLBOX, ended, events_of, session
from tests.gateway import Gateway
from tests.providers.support import SPEECHES, model

FOLDER = Path(__file__).parent / "golden"
PLACES = {"first": 0, "next": 1, "third": 2, "fourth": 3}


@pytest.mark.parametrize("name", cases.CASES)
async def test_a_conversation_in_all_four_languages(
    gateway: Gateway, name: str, request: pytest.FixtureRequest
) -> None:
    speeches = [speech for speech in SPEECHES if speech is not cases.CASES[name].never]
    text = "".join([await told(gateway, name, speech) for speech in speeches])
    golden.check(FOLDER / f"{name}.txt", text, update=bool(request.config.getoption("--update-golden")))


async def told(gateway: Gateway, name: str, first: ApiProtocol) -> str:
    """One conversation beginning with one protocol, as text."""
    case, names, lines = cases.CASES[name], golden.Names(), [f"######## {first.value}\n"]
    bodies = golden.Bodies(names)
    async with session(gateway, first, **{"tools": TOOLBOX, **dict(case.plan)}) as talk:
        for turn in case.turns:
            talk.switch_model(who(turn.to, first, talk.model))
            gateway.reply(*turn.answers)
            message = cases.user_message(turn.question) if isinstance(turn.question, str) else turn.question
            running = talk.send(talk.add(message, talk.conversation.head))
            asked = len(gateway.asked)
            events = await events_of(running, stopping(running, turn.stop_at))
            ended(events)
            sent = gateway.asked[asked:]
            lines += [f"---- {s.method} {s.path}\n{bodies(s.path, s.body)}\n" for s in sent]
            lines += [golden.line(event, names) + "\n" for event in events]
    assert not gateway.unused
    return "".join(lines)


def stopping(turn: Turn, at: str) -> Callable[[int, Event], None]:
    """Presses Esc at this piece of text or arguments."""

    def look(_: int, event: Event) -> None:
        delta = event.delta if isinstance(event, Streamed) else None
        piece = delta.text if isinstance(delta, TextDelta) else ""
        piece = delta.arguments if isinstance(delta, ToolCallDelta) else piece
        if at and piece == at:
            turn.cancel()

    return look


def who(to: str, first: ApiProtocol, now: ModelRef) -> ModelRef:
    if to == "same":
        return now
    if to == "second":
        return ModelRef("second", "gpt-5.2") if first is ApiProtocol.CHAT else now
    if to == "open":
        return ModelRef(first.value, "qwen/qwen3") if first is ApiProtocol.CHAT else now
    return model(SPEECHES[(SPEECHES.index(first) + PLACES[to]) % len(SPEECHES)])
