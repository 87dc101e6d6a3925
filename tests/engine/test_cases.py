"""The table of conversations through every protocol: request bodies and events, compared with `golden/`.

One golden file holds one conversation; review it when it changes.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from termchat.core.events import Event, Streamed, TextDelta, ToolCallDelta, ToolFinished, ToolStarted
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.session import Turn
from tests import golden
from tests.engine import cases
from tests.engine.support import TOOLBOX, ended, events_of, session
from tests.gateway import Gateway
from tests.providers.support import PROTOCOLS, model

FOLDER = Path(__file__).parent / "golden"
PLACES = {"first": 0, "next": 1, "third": 2, "fourth": 3}


@pytest.mark.parametrize("name", cases.CASES)
async def test_conversation_matches_golden_file_in_every_protocol(
    gateway: Gateway, name: str, request: pytest.FixtureRequest
) -> None:
    protocols = [protocol for protocol in PROTOCOLS if protocol is not cases.CASES[name].never]
    text = "".join([await transcript(gateway, name, protocol) for protocol in protocols])
    golden.check(FOLDER / f"{name}.txt", text, update=bool(request.config.getoption("--update-golden")))


async def transcript(gateway: Gateway, name: str, first: ApiProtocol) -> str:
    """One conversation as text, starting with the protocol `first`."""
    case, names, lines = cases.CASES[name], golden.Names(), [f"######## {first.value}\n"]
    bodies = golden.Bodies(names)
    async with session(gateway, first, **{"tools": TOOLBOX, **dict(case.plan)}) as chat:
        for turn in case.turns:
            chat.switch_model(target_model(turn.to, first, chat.model))
            gateway.reply(*turn.answers)
            message = cases.user_message(turn.question) if isinstance(turn.question, str) else turn.question
            running = chat.send(chat.add(message, chat.conversation.head))
            asked = len(gateway.asked)
            events = await events_of(running, cancel_at(running, turn.stop_at))
            ended(events)
            sent = gateway.asked[asked:]
            lines += [f"---- {s.method} {s.path}\n{bodies(s.path, s.body)}\n" for s in sent]
            lines += [golden.line(event, names) + "\n" for event in _ends_in_order_of_calls(events)]
    assert not gateway.unused
    return "".join(lines)


def _ends_in_order_of_calls(events: list[Event]) -> list[Event]:
    """Calls that run at once end in any order: each shortens its result on a thread."""
    started = [event.call for event in events if isinstance(event, ToolStarted)]
    ordered: list[Event] = []
    for ends, run in groupby(events, lambda event: isinstance(event, ToolFinished)):
        found: list[Any] = list(run)
        ordered += sorted(found, key=lambda event: started.index(event.call)) if ends else found
    return ordered


def cancel_at(turn: Turn, at: str) -> Callable[[int, Event], None]:
    """Observer that cancels the turn at this piece of text or arguments."""

    def observe(_: int, event: Event) -> None:
        delta = event.delta if isinstance(event, Streamed) else None
        piece = delta.text if isinstance(delta, TextDelta) else ""
        piece = delta.arguments if isinstance(delta, ToolCallDelta) else piece
        if at and piece == at:
            turn.cancel()

    return observe


def target_model(to: str, first: ApiProtocol, now: ModelRef) -> ModelRef:
    if to == "same":
        return now
    if to == "second":
        return ModelRef("second", "gpt-5.2") if first is ApiProtocol.CHAT else now
    if to == "open":
        return ModelRef(first.value, "qwen/qwen3") if first is ApiProtocol.CHAT else now
    return model(PROTOCOLS[(PROTOCOLS.index(first) + PLACES[to]) % len(PROTOCOLS)])
