"""Reservations: one transaction for the sum and the reservation, beside the costs in the ledger."""

from __future__ import annotations

import asyncio
from contextlib import closing
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from termchat.core.chats import ChatState, Location
from termchat.core.outcomes import Outcome
from termchat.core.usage import Limits, Reservation, Usage
from termchat.engine.budget import MemorySpending
from termchat.store import chats
from termchat.store.chats import PendingChat
from termchat.store.ledger import Entry, add_entry
from termchat.store.sqlite import db
from tests.store.conftest import StoreFixture
from tests.ui.fakes import FAKE

NOON, MIDNIGHT = 43_200.0, 0.0


def wanted(name: str, amount: str, chat: str = "chat", at: float = NOON) -> Reservation:
    return Reservation(name, chat, at, Decimal(amount))


async def test_reservations_of_two_processes_share_limit_of_day(stores: StoreFixture) -> None:
    limits = Limits(day=Decimal("1.00"))
    first, second = stores.open().spending, stores.open().spending
    requests = [
        store.reserve(wanted(f"{n}{store is first}", "0.30", f"chat{n}"), limits, {}, MIDNIGHT)
        for n in range(4)
        for store in (first, second)
    ]
    answers = await asyncio.gather(*requests)
    assert [answer is not None and answer.fits for answer in answers].count(True) == 3
    spent = await second.spent("chat0", MIDNIGHT)
    assert spent and (spent.day, spent.reserved) == (Decimal("0.90"), Decimal("0.90"))
    assert spent.chat == spent.chat_reserved <= Decimal("0.60")


async def test_settled_amounts_replace_reservations(stores: StoreFixture) -> None:
    spending = stores.open().spending
    limits = Limits(chat=Decimal(1))
    await spending.reserve(wanted("a", "0.60"), limits, {}, MIDNIGHT)
    refused = await spending.reserve(wanted("b", "0.60"), limits, {}, MIDNIGHT)
    assert refused and not refused.fits
    settled = {"a": Decimal("0.10")}
    passed = await spending.reserve(wanted("b", "0.60"), limits, settled, MIDNIGHT)
    assert passed and passed.fits and passed.before.chat == Decimal("0.10")
    spending.settle({"b": Decimal(0)})
    spent = await spending.spent("chat", MIDNIGHT)
    assert spent and (spent.chat, spent.reserved, spent.chat_reserved) == (Decimal("0.10"), Decimal(0), Decimal(0))


async def test_yesterday_counts_for_chat_only(stores: StoreFixture) -> None:
    spending = stores.open().spending
    await spending.reserve(wanted("a", "0.60", at=-1.0), Limits(), {}, MIDNIGHT)
    spent = await spending.spent("chat", MIDNIGHT)
    assert spent and (spent.chat, spent.day) == (Decimal("0.60"), Decimal(0))


async def test_uncounted_requests_are_those_without_a_charge(stores: StoreFixture) -> None:
    spending = stores.open().spending
    await spending.reserve(wanted("a", "0.60", at=100.1), Limits(), {}, MIDNIGHT)
    spending.settle({"a": Decimal("0.10")})
    await spending.spent("chat", MIDNIGHT)
    with closing(db.open_file(stores.file).connection) as connection:
        n = chats.create(connection, PendingChat("chat", Location("", "/")), ChatState(), None, 1.0)
        for turn, at in enumerate((50.0, 100.0, 100.0, 200.0)):  # before the limit, charged, of another price, after it
            entry = Entry(f"t{turn}", 0, at, FAKE, Outcome.CANCELLED, usage=Usage(input=1), seconds=1.0)
            add_entry(connection, n, entry)
        connection.commit()
    spent = await spending.spent("chat", MIDNIGHT)
    assert spent and (spent.chat, spent.uncounted) == (Decimal("0.10"), 3)


steps = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.sampled_from(("reserve", "settle", "drop"))), max_size=20
)


@given(steps, st.integers(0, 100))
def test_memory_never_reserves_above_limit(steps: list[tuple[str, int, str]], cents: int) -> None:
    async def play() -> None:
        spending, limits = MemorySpending(), Limits(chat=Decimal(cents) / 100)
        held: dict[str, Decimal] = {}
        for name, amount, what in steps:
            value = Decimal(amount) / 100
            if what == "reserve" and name not in held:
                found = await spending.reserve(wanted(name, str(value)), limits, {}, MIDNIGHT)
                assert found.fits == (sum(held.values(), value) <= limits.chat)  # pyright: ignore[reportOperatorIssue]
                held |= {name: value} if found.fits else {}
            elif name in held:
                held[name] = min(value, held[name]) if what == "settle" else Decimal(0)
                spending.settle({name: held[name]})
            assert (await spending.spent("chat", MIDNIGHT)).chat == sum(held.values(), Decimal(0))

    asyncio.run(play())
