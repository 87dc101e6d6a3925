"""Property: the ledger has what the servers counted, whatever happened to the requests."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from termchat.core.chats import UsageGroup
from termchat.core.events import Streamed, TextDelta
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.engine.session import ChatSession
from termchat.store.chat_store import SqliteChatStore
from tests import gateway as gw
from tests.engine.support import events_of, session
from tests.gateway import Call, Gateway, Reply, fault
from tests.gateway.answers import Answer
from tests.gateway.requests import RecordedRequest
from tests.providers.support import PROTOCOLS, model

C, R, A, G = PROTOCOLS
counts = st.builds(
    lambda fresh, cached, output, reasoning: gw.Usage(fresh + cached, output + reasoning, cached, 0, reasoning),
    st.integers(1, 10**6), st.integers(0, 10**5), st.integers(1, 10**5), st.integers(0, 10**5),
)  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """One answer of the server; `kind` names its fate."""

    kind: str
    usage: gw.Usage

    def answer(self) -> Answer:
        reply = Reply.text("one two three four", usage=self.usage)
        match self.kind:
            case "overloaded":
                return fault.status(529)
            case "rejected":
                return fault.status(400)
            case "empty":
                return Reply(usage=self.usage)
            case "call":
                return Reply(Call("look", {"city": "Bonn"}), usage=self.usage)
            case "cut":
                return reply.after(2, fault.fin())
            case "cut at once":
                return reply.after(0, fault.error_event(529))
            case "held":
                return reply.after(2, fault.stall())
            case "length":
                return Reply.text("one two", finish=gw.Finish.LENGTH, usage=self.usage)
            case _:
                return reply


KINDS = ("whole", "whole", "call", "empty", "length", "overloaded", "rejected", "cut", "cut at once", "held")
sent = st.builds(Sent, st.sampled_from(KINDS), counts)


COUNTED = ("whole", "call", "empty", "length")  # the whole counts arrive
FREE = ("overloaded", "rejected")
FALLBACK = {model(C): [str(model(A))], model(A): [str(model(G))], model(G): [str(model(R))]}


async def play(turns: list[tuple[ApiProtocol, list[Sent]]], folder: Path) -> None:
    """Run the turns, and compare the ledger with the counts of all answers."""
    asked: list[tuple[str, Sent]] = []
    script: list[Sent] = []

    def answer(request: RecordedRequest) -> Answer:
        step = script.pop(0) if script else Sent("whole", gw.Usage(1, 1))
        assert request.origin
        asked.append((str(model(ApiProtocol(request.origin.protocol.value))), step))
        return step.answer()

    async with Gateway() as server:
        server.always(answer)
        store = SqliteChatStore(folder / "chats.db", print)
        async with session(server, C, fallback=FALLBACK, store=lambda: store) as chat:
            for protocol, steps in turns:
                script[:] = steps
                await one_turn(chat, model(protocol))
            rows = {row.key: row for row in await store.usage(UsageGroup.MODEL)}
            totals = {str(ref): spent.usage for ref, spent in chat.totals.items()}
            await chat.close()
        server.problems.clear()  # refused answers leave odd histories
        assert server.asked

    for name in ("input", "output", "cached", "reasoning"):
        whole: Counter[str] = Counter()
        for key, step in asked:
            whole[key] += getattr(step.usage, name) if step.kind in COUNTED else 0
        for key, row in rows.items():
            is_exact = all(step.kind in (*COUNTED, *FREE) for ref, step in asked if ref == key)
            found = getattr(row, name)
            assert found == whole[key] if is_exact else found >= whole[key], (key, name)
            assert found == getattr(totals[key], name)
        assert {key for key in whole if whole[key]} <= set(rows)


async def one_turn(chat: ChatSession, to: ModelRef) -> None:
    """Run a turn, and cancel it when the reply is held after two words."""
    turn = chat.send(chat.add(user_message("go"), chat.conversation.head), to)
    words = 0

    def at(_: int, event: object) -> None:
        nonlocal words
        words += isinstance(event, Streamed) and isinstance(event.delta, TextDelta)
        if words >= 2:
            asyncio.get_running_loop().call_later(0.05, turn.cancel)

    await events_of(turn, at)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PROTOCOLS), st.lists(sent, min_size=1, max_size=4)), min_size=1, max_size=4))
def test_ledger_equals_what_the_servers_counted(turns: list[tuple[ApiProtocol, list[Sent]]]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(play(turns, Path(folder)))
