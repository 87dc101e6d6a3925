"""The usage ledger: rows, sums and prices."""

from __future__ import annotations

import time
from contextlib import closing
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from termchat.core.chats import UsageGroup
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.usage import Usage
from termchat.store import ledger
from termchat.store.ledger import Entry
from termchat.store.sqlite import db
from tests.store.conftest import StoreFixture
from tests.store.helpers import HERE, STATE, answer, ask

DAY = 86_400.0
requests = st.tuples(st.integers(0, 10**6), st.none() | st.decimals(0, 10, places=6))


def entry(turn: str, at: float, model: str, usage: Usage | None, step: int = 1) -> Entry:
    return Entry(turn, step, at, ModelRef("p", model), Outcome.COMPLETE, usage=usage)


@given(st.lists(requests, min_size=1, max_size=5), st.decimals(0, 1000, places=9))
def test_ledger_cost_shares_add_up_exactly(made: list[tuple[int, Decimal | None]], cost: Decimal) -> None:
    connection = db.open_memory().connection
    known = sum((c for _, c in made if c is not None), Decimal(0))
    for step, (tokens, own) in enumerate(made, 1):
        ledger.add_entry(connection, None, entry("t", 0.0, "m", Usage(input=tokens, cost=own), step))
    ledger.split_turn_cost(connection, "t", cost + known)
    (row,) = ledger.totals(connection, UsageGroup.MODEL, 0.0)
    connection.close()

    everything_known = all(c is not None for _, c in made)
    assert row.cost == (known if everything_known else cost + known)
    assert row.unpriced == 0


def test_usage_groups_by_day_model_and_chat_since_date() -> None:
    connection = db.open_memory().connection
    connection.execute("INSERT INTO chats (id, title, created, updated) VALUES ('c', 'the chat', 0, 0)")
    now = time.time()
    for n, (age, model, cost) in enumerate([(0, "a", "0.1"), (1, "a", "0.2"), (1, "b", None), (9, "b", "7")]):
        usage = Usage(input=100, output=10, cost=Decimal(cost) if cost else None, estimated=model == "b")
        ledger.add_entry(connection, 1 if model == "a" else None, entry(f"t{n}", now - age * DAY, model, usage))
    since = now - 3 * DAY

    models = ledger.totals(connection, UsageGroup.MODEL, since)
    assert [(r.key, r.requests, r.cost, r.unpriced, r.estimated) for r in models] == [
        ("p/a", 2, Decimal("0.3"), 0, False),
        ("p/b", 1, Decimal(0), 1, True),
    ]
    days = ledger.totals(connection, UsageGroup.DAY, since)
    assert [(r.requests, r.input) for r in days] == [(1, 100), (2, 200)]
    assert days[0].key == time.strftime("%Y-%m-%d", time.localtime(now))
    by_chat = ledger.totals(connection, UsageGroup.CHAT, 0.0)
    assert [(r.key, r.title, r.requests) for r in by_chat] == [("", "deleted chats", 2), ("c", "the chat", 2)]
    connection.close()


async def test_usage_cost_unknown_stays_unknown_and_reported_wins(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    question = ask(recorder, "go")
    await answer(recorder, question, "x", None)
    (row,) = await store.usage(UsageGroup.MODEL)
    assert (row.cost, row.unpriced) == (Decimal(0), 1)

    await answer(recorder, question, "x", Decimal("0.5"), Usage(1, 1, cost=Decimal("0.5")))
    (row,) = await store.usage(UsageGroup.MODEL)
    assert (row.cost, row.unpriced, row.requests) == (Decimal("0.5"), 1, 2)
    assert await store.usage(UsageGroup.MODEL, time.time() + 60) == ()


async def test_ledger_survives_purge_of_chat(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    await answer(recorder, ask(recorder, "go"), "x", Decimal("0.5"))
    await store.delete(recorder.chat_id)
    await stores.close()
    with closing(db.open_file(stores.file).connection) as connection:
        connection.execute("UPDATE chats SET deleted = 1")
    store = stores.open()

    (row,) = await store.usage(UsageGroup.CHAT)
    assert (row.key, row.title, row.cost) == ("", "deleted chats", Decimal("0.5"))


def test_recent_models_newest_first_without_repeats() -> None:
    connection = db.open_memory().connection
    for n, model in enumerate(("a", "b", "a", "c", "b")):
        ledger.add_entry(connection, None, entry(f"t{n}", float(n), model, None))
    recent = ledger.recent_models(connection, 2)
    connection.close()
    assert recent == (ModelRef("p", "b"), ModelRef("p", "c"))
