"""Property: the ledger has what the servers counted and what that costs, whatever happened to the requests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from termchat.core.chats import UsageGroup
from termchat.core.events import Streamed, TextDelta
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.engine.session import ChatSession
from termchat.providers.catalog.prices import PriceTable
from termchat.store.chat_store import SqliteChatStore
from tests import gateway as gw
from tests.engine.support import events_of, provider_configs, session
from tests.gateway import Call, Gateway, Reply, fault
from tests.gateway.answers import Answer
from tests.gateway.requests import RecordedRequest
from tests.providers.support import PROTOCOLS, model

C, R, A, G = PROTOCOLS
counts = st.builds(
    lambda fresh, cached, output, reasoning, tier: gw.Usage(
        fresh + cached, output + reasoning, cached, 0, reasoning, tier
    ),
    st.integers(1, 10**6), st.integers(0, 10**5), st.integers(1, 10**5), st.integers(0, 10**5),
    st.sampled_from(("", "", "priority", "fast", "flex")),
)  # fmt: skip
# The price list of the test, in dollars per million tokens, and multiples for service tiers; flex has no price.
PRICES = {"input": 3.0, "cached": 0.3, "output": 15.0, "priority": 1.75, "fast": 6.0}


def cost_of(usage: gw.Usage) -> Decimal:
    """Return the cost of a request by the price list, 0 if it is unknown."""
    multiple = {"": Decimal(1), "priority": Decimal("1.75"), "fast": Decimal(6), "flex": Decimal(0)}[usage.tier]
    fresh = usage.input - usage.cached
    whole = 3 * fresh + Decimal("0.3") * usage.cached + 15 * usage.output
    return whole * multiple / 10**6


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


EXAMPLES = 60
KINDS = (
    "whole",
    "whole",
    "call",
    "empty",
    "length",
    "overloaded",
    "rejected",
    "cut",
    "cut at once",
    "cut at once",
    "held",
)
sent = st.builds(Sent, st.sampled_from(KINDS), counts)


WHOLE = ("whole", "call", "empty", "length")
FREE = ("overloaded", "rejected")
NOTHING = gw.Usage(0, 0)


def counted(key: str, step: Sent) -> gw.Usage | None:
    """Return what a server has counted of an answer when it ended, None if that depends on the moment."""
    match step.kind:
        case kind if kind in WHOLE:
            return step.usage
        case "cut at once" if key == str(model(A)):  # the first event has the counts of the prompt
            return replace(step.usage, output=1, reasoning=0)
        case "cut" | "held":
            return None
        case _:
            return NOTHING


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
        plan = {
            "fields": {"prices": {"*": PRICES}},
            "prices": PriceTable({p.name: p for p in provider_configs(server, prices={"*": PRICES})}),
        }
        async with session(server, C, fallback=FALLBACK, store=lambda: store, **plan) as chat:
            for protocol, steps in turns:
                script[:] = steps
                await one_turn(chat, model(protocol))
            rows = {row.key: row for row in await store.usage(UsageGroup.MODEL)}
            totals = {str(ref): spent.usage for ref, spent in chat.totals.items()}
            await chat.close()
        server.problems.clear()  # refused answers leave odd histories
        assert server.asked

    steps_of: dict[str, list[gw.Usage | None]] = {}
    for key, step in asked:
        steps_of.setdefault(key, []).append(counted(key, step))
    for key, found in steps_of.items():
        known = [usage for usage in found if usage]
        row = rows.get(key)
        if row is None:
            assert all(usage == NOTHING for usage in found)
            continue
        for name in ("input", "output", "cached", "reasoning"):
            whole = sum(getattr(usage, name) for usage in known)
            exact = len(known) == len(found)
            assert getattr(row, name) == whole if exact else getattr(row, name) >= whole, (key, name)
            assert getattr(row, name) == getattr(totals[key], name)
        price = sum(map(cost_of, known), Decimal(0))
        assert row.cost == price if len(known) == len(found) else row.cost >= price, key


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


CUT_TWICE = [Sent(kind, gw.Usage(1000, 50, 200, 0, 5, "priority")) for kind in ("cut at once", "cut at once", "whole")]


@example([(A, CUT_TWICE)])
@example([(C, CUT_TWICE), (A, CUT_TWICE[1:])])
@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PROTOCOLS), st.lists(sent, min_size=1, max_size=4)), min_size=1, max_size=4))
def test_ledger_equals_what_the_servers_counted(turns: list[tuple[ApiProtocol, list[Sent]]]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(play(turns, Path(folder)))
