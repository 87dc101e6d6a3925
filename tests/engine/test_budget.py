"""Limits on spending: every path to a request stops before the request that could cross one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from termchat.core.conversation import summary_request
from termchat.core.errors import FailureKind, exit_code
from termchat.core.events import Event, ProviderNotice, Streamed, TurnEnded
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.provider import Params
from termchat.core.usage import limit_of, parse_amount
from termchat.engine.session import ChatSession
from termchat.providers.catalog.prices import PriceTable
from termchat.store.chat_store import SqliteChatStore
from tests import gateway as gw
from tests.engine.support import ask, ended, events_of, provider_configs, session
from tests.gateway import Call, Gateway, Reply, fault
from tests.gateway.answers import Answer
from tests.providers.support import PROTOCOLS, model

C, R, A, G = PROTOCOLS
ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
PRICES = {"input": 3.0, "output": 15.0}
SPENT = gw.Usage(1000, 1000)  # $0.018
PARAMS = Params(max_tokens=1000)  # a request may cost about $0.019, with the least reply about $0.011
WHOLE = Reply.text("one", usage=SPENT)


def plan(gateway: Gateway, limit: str, **more: Any) -> dict[str, Any]:
    prices = PriceTable({p.name: p for p in provider_configs(gateway, prices={"*": PRICES})})
    return {"fields": {"prices": {"*": PRICES}}, "prices": prices, "params": PARAMS, "max_cost": limit, **more}


async def ask_again(chat: ChatSession) -> list[Event]:
    await ask(chat, "first")
    return await ask(chat, "second")


async def ask_once(chat: ChatSession) -> list[Event]:
    return await ask(chat, "first")


async def continue_(chat: ChatSession) -> list[Event]:
    await ask(chat, "first")
    head = chat.conversation.head
    assert head
    return await events_of(chat.send(head))


async def retry(chat: ChatSession) -> list[Event]:
    await ask(chat, "first")
    return await events_of(chat.send(chat.conversation.path()[0].id))


async def compact(chat: ChatSession) -> list[Event]:
    await ask(chat, "first")
    return await events_of(chat.send(chat.add(summary_request(), chat.conversation.head)))


async def side_question(chat: ChatSession) -> list[Event]:
    await ask(chat, "first")
    return await events_of(chat.ask_aside(user_message("and?")))


async def compare(chat: ChatSession) -> list[Event]:
    question = chat.add(user_message("first"), None)
    async with aclosing(chat.compare(question, [model(C), model(A)]).events()) as events:
        return [event async for _, event in events]


PATHS: dict[str, tuple[str, list[Answer], Callable[[ChatSession], Awaitable[list[Event]]], int]] = {
    "the first request": ("0.010", [], ask_once, 0),
    "the next question": ("0.025", [WHOLE], ask_again, 1),
    "a tool round": ("0.025", [Reply(Call("look", {"city": "Bonn"}), usage=SPENT)], ask_once, 1),
    "/retry": ("0.025", [WHOLE], retry, 1),
    "/continue": ("0.025", [Reply.text("on", finish=gw.Finish.LENGTH, usage=SPENT)], continue_, 1),
    "/compact": ("0.025", [WHOLE], compact, 1),
    "/btw": ("0.025", [WHOLE], side_question, 1),
    "/vs": ("0.025", [WHOLE], compare, 1),
}


@pytest.mark.parametrize("saved", [True, False], ids=["saved", "not saved"])
@pytest.mark.parametrize("path", PATHS)
async def test_path_stops_before_request_that_could_cross(
    gateway: Gateway, path: str, saved: bool, tmp_path: Path
) -> None:
    limit, answers, act, requests = PATHS[path]
    gateway.reply(*answers)
    store = SqliteChatStore(tmp_path / "chats.db", print)
    async with session(gateway, C, store=(lambda: store) if saved else None, **plan(gateway, limit)) as chat:
        events = await act(chat)
        await chat.close()
    await store.close()
    failures = [event.failure for event in events if isinstance(event, TurnEnded) and event.failure]
    assert (len(gateway.asked), exit_code(Outcome.BUDGET)) == (requests, ExitCode.BUDGET)
    (failure,) = failures
    assert failure.kind is FailureKind.BUDGET
    assert "/budget " in failure.hint and "--max-cost " in failure.hint
    assert f"of ${limit.rstrip('0')} is spent" in failure.message and "in this chat" in failure.message


@pytest.mark.parametrize("saved", [True, False], ids=["saved", "not saved"])
@pytest.mark.parametrize(("limit", "forks", "requests"), [("0.025", 1, 1), ("0.035", 2, 2)])
async def test_forks_spend_from_limit_of_chat(
    gateway: Gateway, saved: bool, limit: str, forks: int, requests: int, tmp_path: Path
) -> None:
    gateway.always(WHOLE)
    store = SqliteChatStore(tmp_path / "chats.db", print)
    async with session(gateway, C, store=(lambda: store) if saved else None, **plan(gateway, limit)) as chat:
        await ask(chat, "first")
        for _ in range(forks):
            copy = await chat.fork_aside(model(C), "a copy")
            assert isinstance(copy, ChatSession)
            await ask(copy, "elsewhere")
            await copy.close()
        await ask(chat, "second")
        await chat.close()
    await store.close()
    assert len(gateway.asked) == requests


@pytest.mark.parametrize("saved", [True, False], ids=["saved", "not saved"])
async def test_forks_and_chat_spend_from_one_limit_at_once(gateway: Gateway, saved: bool, tmp_path: Path) -> None:
    gateway.always(WHOLE)
    store = SqliteChatStore(tmp_path / "chats.db", print)
    async with session(gateway, C, store=(lambda: store) if saved else None, **plan(gateway, "0.045")) as chat:
        await ask(chat, "first")  # $0.018
        copies = [await chat.fork_aside(model(C), "a copy") for _ in range(3)]
        assert all(isinstance(copy, ChatSession) for copy in copies)
        chats = [chat, *(copy for copy in copies if isinstance(copy, ChatSession))]
        ends = [ended(events) for events in await asyncio.gather(*(ask(one, "elsewhere") for one in chats))]
        for one in reversed(chats):
            await one.close()
    await store.close()
    assert sorted(end.outcome for end in ends) == [Outcome.BUDGET] * 3 + [Outcome.COMPLETE]
    assert len(gateway.asked) == 2
    failures = [end.failure.message for end in ends if end.failure]
    assert all("of $0.045 is spent" in words for words in failures)


async def test_fork_counts_what_the_chat_spends_after_it(gateway: Gateway) -> None:
    gateway.always(WHOLE)
    async with session(gateway, C, **plan(gateway, "0.025")) as chat:
        copy = await chat.fork_aside(model(C), "a copy")
        assert isinstance(copy, ChatSession)
        await ask(chat, "first")
        assert ended(await ask(copy, "elsewhere")).outcome is Outcome.BUDGET


async def test_retry_after_spent_attempt_is_stopped(gateway: Gateway) -> None:
    gateway.reply(Reply.text("one", usage=gw.Usage(1000, 1)).after(0, fault.error_event(529)))
    async with session(gateway, A, **plan(gateway, "0.013")) as chat:
        events = await ask(chat, "first")
    assert (ended(events).outcome, len(gateway.asked)) == (Outcome.BUDGET, 1)


async def test_fallback_after_spent_attempts_is_stopped(gateway: Gateway) -> None:
    gateway.reply(*[Reply.text("one", usage=gw.Usage(1000, 1)).after(0, fault.error_event(529))] * 3)
    async with session(gateway, A, fallback={model(A): [str(model(G))]}, **plan(gateway, "0.020")) as chat:
        events = await ask(chat, "first")
    assert ended(events).outcome is Outcome.BUDGET
    assert {request.model for request in gateway.asked} == {model(A).model}


@ALL
async def test_refused_attempts_cost_nothing(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(fault.status(529), fault.status(500), WHOLE)
    async with session(gateway, protocol, **plan(gateway, "0.020")) as chat:
        events = await ask(chat, "first")
        assert chat.budget.spent and chat.budget.spent.chat == Decimal("0.018")
    assert (ended(events).outcome, len(gateway.asked)) == (Outcome.COMPLETE, 3)


@ALL
async def test_reply_is_shortened_to_what_the_budget_covers(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.always(WHOLE)
    async with session(gateway, protocol, **plan(gateway, "0.50", params=Params(max_tokens=100_000))) as chat:
        first, second = await ask(chat, "first"), await ask(chat, "second")
    notices = [
        [e.delta.words for e in events if isinstance(e, Streamed) and isinstance(e.delta, ProviderNotice)]
        for events in (first, second)
    ]
    assert "leaves room for a reply of" in notices[0][0]
    assert notices[1] == []
    body = gateway.asked[0].body
    names = ("max_tokens", "max_completion_tokens", "max_output_tokens")
    limit = (body.get("generationConfig") or {}).get("maxOutputTokens") or next(body[n] for n in names if n in body)
    assert 30_000 < limit < 33_334
    assert gateway.problems == []


async def test_raised_limit_lets_same_question_pass(gateway: Gateway) -> None:
    gateway.always(WHOLE)
    async with session(gateway, C, **plan(gateway, "0.010")) as chat:
        assert ended(await ask(chat, "first")).outcome is Outcome.BUDGET
        assert chat.conversation.head is None  # the question returns to the input
        chat.update_settings(lambda settings: replace(settings, max_cost="0.05"), lasting=False)
        assert ended(await ask(chat, "first")).outcome is Outcome.COMPLETE


async def test_day_limit_counts_other_processes_and_running_requests(gateway: Gateway, tmp_path: Path) -> None:
    gateway.always(WHOLE.after(1, fault.stall(0.2)))
    stores = [SqliteChatStore(tmp_path / "chats.db", print) for _ in range(4)]
    outcomes: list[Outcome] = []

    async def one(store: SqliteChatStore) -> None:
        day = plan(gateway, "", max_cost_day="0.040")
        async with session(gateway, C, store=lambda: store, **day) as chat:
            outcomes.append(ended(await ask(chat, "first")).outcome)
            await chat.close()

    await asyncio.gather(*map(one, stores))
    assert (len(gateway.asked), outcomes.count(Outcome.BUDGET)) == (2, 2)


async def test_request_over_both_limits_is_told_how_to_raise_both(gateway: Gateway) -> None:
    async with session(gateway, C, **plan(gateway, "0.010", max_cost_day="0.010")) as chat:
        failure = ended(await ask(chat, "first")).failure
    assert failure
    assert failure.hint == (
        "Raise both: /budget 0.05 and /budget day 0.05 in a chat, --max-cost 0.05 --set max_cost_day=0.05 in a script."
    )


@pytest.mark.parametrize("search", [False, True], ids=["unknown price", "web search"])
async def test_unbounded_request_is_refused_until_allowed(gateway: Gateway, search: bool) -> None:
    gateway.always(WHOLE)
    made = plan(gateway, "1", params=Params(max_tokens=100, search=search))
    made |= {} if search else {"fields": {}, "prices": PriceTable({p.name: p for p in provider_configs(gateway)})}
    at = model(R) if search else ModelRef(C.value, "no-such-model")
    async with session(gateway, C, **made) as chat:
        chat.switch_model(at)
        refused = ended(await ask(chat, "first"))
        assert (refused.outcome, len(gateway.asked)) == (Outcome.BUDGET, 0)
        assert refused.failure and "/budget allow" in refused.failure.hint and "unpriced=allow" in refused.failure.hint
        chat.update_settings(lambda settings: replace(settings, unpriced=True), lasting=True)
        await ask(chat, "first")
    assert len(gateway.asked) == 1
    gateway.problems.clear()


async def test_chat_budget_and_its_spending_return_with_the_chat(gateway: Gateway, tmp_path: Path) -> None:
    gateway.always(WHOLE)
    store = SqliteChatStore(tmp_path / "chats.db", print)
    async with session(gateway, C, store=lambda: store, **plan(gateway, "")) as chat:
        chat.update_settings(lambda settings: replace(settings, max_cost="0.025"), lasting=False)
        await ask(chat, "first")
        name = chat.chat_id
        chat.new()
        assert not chat.budget.limits
        await chat.resume(name)
        state = chat.budget
        assert (state.limits.chat, state.spent and state.spent.chat) == (Decimal("0.025"), Decimal("0.018"))
        assert ended(await ask(chat, "second")).outcome is Outcome.BUDGET
        await chat.close()


async def test_stopped_reply_is_charged_by_estimate(gateway: Gateway, tmp_path: Path) -> None:
    gateway.reply(Reply.text("one two three").after(2, fault.stall()))
    store = SqliteChatStore(tmp_path / "chats.db", print)
    async with session(gateway, C, store=lambda: store, **plan(gateway, "0.05")) as chat:
        turn = chat.send(chat.add(user_message("go"), None))
        await events_of(turn, lambda n, event: turn.cancel() if isinstance(event, Streamed) and n > 4 else None)
        spent = (await chat.read_budget()).spent
        assert spent and Decimal(0) < spent.chat < Decimal("0.019")
        assert spent.reserved == spent.chat_reserved == 0
        await chat.close()


@pytest.mark.parametrize(
    ("text", "amount"),
    [("2", "2"), ("$2.50", "2.50"), ("0", "0"), (" .5 ", ".5"), ("-1", None), ("1e3", None), ("nan", None),
     ("", None), ("1.2.3", None), ("99999999999", None), ("١", None)],
)  # fmt: skip
def test_amount_is_parsed_from_plain_digits_only(text: str, amount: str | None) -> None:
    assert parse_amount(text) == (None if amount is None else Decimal(amount))
    assert limit_of("off") is limit_of("") is None
