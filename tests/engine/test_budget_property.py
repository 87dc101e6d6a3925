"""Property: whatever the requests and replies, no request arrives that could cross a limit on spending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

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
EXAMPLES = 30
PRICES = {"input": 3.0, "cached": 0.3, "output": 15.0}
LONGEST = 131_072  # tokens of a reply without a limit
FALLBACK = {model(C): [str(model(A))], model(A): [str(model(G))], model(G): [str(model(R))]}


def price(sent: int, received: int) -> Decimal:
    return Decimal(3 * sent + 15 * received) / 10**6


def texts(value: Any) -> int:
    """Return the bytes of all texts in a body, which a server counts as tokens."""
    match value:
        case str():
            return len(value.encode())
        case dict():
            return sum(texts(inner) for inner in value.values())
        case list():
            return sum(map(texts, value))
        case _:
            return 0


def limit_of(body: Any) -> int:
    """Return the limit of the reply in a body."""
    config = body.get("generationConfig") or {}
    names = ("max_tokens", "max_completion_tokens", "max_output_tokens")
    return config.get("maxOutputTokens") or next((body[name] for name in names if name in body), LONGEST)


def sent_tokens(body: Any) -> int:
    """Return the tokens of a prompt: the server counts the content, not the fields around it."""
    names = ("messages", "input", "contents", "system", "instructions", "systemInstruction", "tools")
    return sum(texts(body.get(name)) for name in names) // 2


@dataclass(frozen=True)
class Sent:
    """One answer of the server: its fate, and the share of the allowed reply that it bills, in percent."""

    kind: str
    share: int


@dataclass
class Meter:
    """A server that counts: what it has billed, and the requests that could have crossed the limit."""

    limit: Decimal
    script: list[Sent] = field(default_factory=list[Sent])
    billed: Decimal = Decimal(0)
    crossing: list[str] = field(default_factory=list[str])
    on_held: Callable[[], object] = lambda: None

    def answer(self, request: RecordedRequest) -> Answer:
        tokens, most = sent_tokens(request.body), limit_of(request.body)
        if self.billed + price(tokens, most) > self.limit:
            self.crossing.append(f"{self.billed} + {tokens} tokens and a reply of {most} > {self.limit}")
        step = self.script.pop(0) if self.script else Sent("whole", 0)
        output = max(1, most * step.share // 100)
        reply = Reply.text("one two three four", usage=gw.Usage(tokens, output))
        match step.kind:
            case "overloaded":
                return fault.status(529)
            case "rejected":
                return fault.status(400)
            case "cut at once":
                first = request.protocol is gw.Protocol.ANTHROPIC  # its first event has the counts of the prompt
                self.billed += price(tokens, 1) if first else Decimal(0)
                return reply.after(0, fault.error_event(529))
            case "held":
                self.on_held()
                self.billed += price(tokens, 2)
                return reply.after(2, fault.stall())
            case "cut":
                self.billed += price(tokens, 2)
                return reply.after(2, fault.fin())
            case "call":
                self.billed += price(tokens, output)
                return Reply(Call("look", {"city": "Bonn"}), usage=gw.Usage(tokens, output))
            case "length":
                self.billed += price(tokens, output)
                return Reply.text("one two", finish=gw.Finish.LENGTH, usage=gw.Usage(tokens, output))
            case _:
                self.billed += price(tokens, output)
                return reply


KINDS = ("whole", "whole", "call", "call", "length", "overloaded", "rejected", "cut", "cut at once", "held")
sent = st.builds(Sent, st.sampled_from(KINDS), st.sampled_from((0, 1, 10, 100)))
turns = st.tuples(
    st.sampled_from(PROTOCOLS),
    st.sampled_from(("ask", "ask", "again", "new chat")),
    st.lists(sent, min_size=1, max_size=4),
)
cents = st.integers(0, 600).map(lambda n: Decimal(n) / 100)


async def play(
    limit: Decimal, scope: str, steps: list[tuple[ApiProtocol, str, list[Sent]]], folder: Path | None
) -> None:
    """Run the turns under a limit; the server notes each request that could cross it."""
    meter = Meter(limit)
    async with Gateway() as server:
        server.always(meter.answer)
        stores = [SqliteChatStore(folder / "chats.db", print)] if folder else []
        plan = {
            "fields": {"prices": {"*": PRICES}},
            "prices": PriceTable({p.name: p for p in provider_configs(server, prices={"*": PRICES})}),
            scope: str(limit),
        }
        open_store = (lambda: stores[0]) if stores else None
        async with session(server, C, fallback=FALLBACK, store=open_store, **plan) as chat:
            for protocol, how, answers in steps:
                if how == "new chat" and scope == "max_cost_day":
                    chat.new()
                meter.script[:] = answers
                await one_turn(chat, meter, model(protocol), again=how == "again")
            await chat.close()
        server.problems.clear()  # refused answers leave odd histories
    assert meter.crossing == []
    assert meter.billed <= limit


async def one_turn(chat: ChatSession, meter: Meter, to: ModelRef, *, again: bool) -> None:
    """Ask, or send the head again; cancel a moment after the server has begun a reply that it holds."""
    head = chat.conversation.head
    turn = chat.send(head if again and head else chat.add(user_message("go on, 请继续"), head), to)
    # not by the words that come: those that repeat the beginning of a continued reply are kept back
    meter.on_held = lambda: asyncio.get_running_loop().call_later(0.05, turn.cancel)
    await events_of(turn)


ALL = [Sent("cut at once", 0), Sent("cut at once", 0), Sent("call", 100), Sent("whole", 100)]


@example(Decimal("3.00"), "max_cost", False, [(A, "ask", [Sent("length", 0)]), (A, "again", [Sent("held", 0)])])
@example(Decimal("2.00"), "max_cost", True, [(A, "ask", ALL), (A, "again", ALL)])
@example(Decimal("0.10"), "max_cost", False, [(C, "ask", ALL), (R, "ask", ALL)])
@example(Decimal("4.00"), "max_cost_day", True, [(C, "ask", ALL), (G, "new chat", ALL), (A, "ask", ALL)])
@settings(max_examples=EXAMPLES, deadline=None)
@given(cents, st.sampled_from(("max_cost", "max_cost_day")), st.booleans(), st.lists(turns, min_size=1, max_size=4))
def test_no_request_could_cross_limit(
    limit: Decimal, scope: str, saved: bool, steps: list[tuple[ApiProtocol, str, list[Sent]]]
) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(play(limit, scope, steps, Path(folder) if saved else None))
