"""Cancel at any moment: the connection closes, no task is left, and the turn ends with an event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import pytest

from termchat.core.approval import ToolEffect
from termchat.core.events import Event, MessageDone, Retrying, Streamed, ToolFinished, ToolStarted
from termchat.core.messages import Role, Text, user_message
from termchat.core.models import ApiProtocol, Timeouts
from termchat.core.outcomes import Outcome
from termchat.core.session import Turn
from termchat.providers import client_pool
from termchat.providers.http.retry import RetryPolicy
from termchat.tools.registry import ToolOutput, tool
from termchat.tools.toolbox import Toolbox
from tests import gateway as gw
from tests.engine.support import TOOLBOX, ask, ended, events_of, session, streamed_text
from tests.gateway import Call, Gate, Gateway, Quirk, Reply, fault
from tests.providers.support import PROTOCOLS

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
SOON = 30.0  # seconds; tests/bench/cancel.py measures the latency


def new_tasks(before: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Tasks started since `before`, without the gateway's."""
    return {task for task in asyncio.all_tasks() - before if "tests/gateway" not in repr(task.get_coro())}


async def wait_for_no_new_task(before: set[asyncio.Task[Any]]) -> None:
    """Wait until no task of the client is left."""
    async with asyncio.timeout(SOON):
        while new_tasks(before):
            await asyncio.sleep(0)


LONG = (gw.Reasoning("h", "m"), gw.Text("one ", "two ", "three "), Call("look", {"city": "Köln"}), gw.Text("end"))


async def events_before_silence(gateway: Gateway, protocol: ApiProtocol) -> int:
    """Count the events to cancel at when the server sends `LONG` and then nothing."""
    gateway.reply(Reply(*LONG, fault.cut()))
    async with session(gateway, protocol) as chat:
        events = await ask(chat, "hello")
    return sum(isinstance(event, Streamed) for event in events) + 2


@ALL
async def test_cancel_at_any_event_closes_connection(gateway: Gateway, protocol: ApiProtocol) -> None:
    """Cancel at each event in turn, while the server still holds back text."""
    count = await events_before_silence(gateway, protocol)
    assert count > 8
    async with session(gateway, protocol) as chat:
        for at in range(1, count + 1):
            gateway.reply(Reply(*LONG, fault.stall()))
            turn = chat.send(chat.add(user_message("hello"), None))

            def stop(number: int, event: Event, turn: Turn = turn, at: int = at) -> None:
                if number == at:
                    turn.cancel()

            before, asked = asyncio.all_tasks(), len(gateway.asked)
            events = await events_of(turn, stop)
            assert ended(events).outcome is Outcome.CANCELLED
            await wait_for_no_new_task(before)
            if len(gateway.asked) == asked:
                assert at <= 2, "nothing was asked"
                gateway.forget()
                continue
            await gateway.asked[-1].wait_closed(SOON)


@ALL
@pytest.mark.parametrize("end", [fault.cut(), fault.fin(), fault.rst(), fault.error_event(500)])
async def test_cut_reply_keeps_text_that_might_have_become_a_tag(
    gateway: Gateway, protocol: ApiProtocol, end: gw.Cut | gw.ErrorEvent
) -> None:
    gateway.reply(Reply(gw.Text("if a ", "<"), end))
    async with session(gateway, protocol) as chat:
        events = await ask(chat, "hello")
        assert ended(events).outcome is Outcome.CUT
        assert (streamed_text(events), chat.conversation.history()[-1].text) == ("if a <", "if a <")


async def test_stalled_reply_keeps_text_that_might_have_become_a_tag(gateway: Gateway) -> None:
    gateway.reply(Reply(gw.Text("if a ", "<"), fault.stall()))
    async with session(gateway, ApiProtocol.CHAT, timeouts=Timeouts(idle=2)) as chat:
        events = await ask(chat, "hello")
        assert ended(events).outcome is Outcome.STALLED
        assert (streamed_text(events), chat.conversation.history()[-1].text) == ("if a <", "if a <")


@ALL
async def test_cancel_keeps_only_received_text(gateway: Gateway, protocol: ApiProtocol) -> None:
    gate = Gate()
    gateway.reply(Reply(gw.Text("one ", "two "), gate, gw.Text("three")))
    async with session(gateway, protocol) as chat:
        turn = chat.send(chat.add(user_message("hello"), None))

        async def stop() -> None:
            await gate.reached.wait()
            turn.cancel()

        stopping = asyncio.create_task(stop())
        events = await events_of(turn)
        await stopping
    kept = [event.message for event in events if isinstance(event, MessageDone)]
    assert [(message.text, message.outcome) for message in kept] in (
        [("one two ", Outcome.CANCELLED)],
        [("one ", Outcome.CANCELLED)],
        [],
    )
    end = ended(events)
    assert end.has_content == bool(kept)
    assert (chat.conversation.head is None) == (not kept)


@ALL
async def test_cancel_while_waiting_for_headers_closes_connection(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(fault.silence())
    async with session(gateway, protocol) as chat:
        question = chat.add(user_message("hello"), None)
        turn = chat.send(question)
        asked = asyncio.create_task(gateway.request())
        asked.add_done_callback(lambda _: turn.cancel())
        before = asyncio.all_tasks()
        events = await events_of(turn)
        await gateway.asked[0].wait_closed(SOON)
        assert (ended(events).outcome, ended(events).has_content) == (Outcome.CANCELLED, False)
        assert chat.conversation.head is None
        await wait_for_no_new_task(before)


@ALL
async def test_cancel_while_sdk_loads_sends_nothing(
    gateway: Gateway, protocol: ApiProtocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = asyncio.Event()
    load: Callable[..., Any] = client_pool.load_on_thread

    async def slow(build: Callable[[], Any]) -> Any:
        started.set()
        await asyncio.Event().wait()
        return await load(build)

    monkeypatch.setattr(client_pool, "load_on_thread", slow)
    async with session(gateway, protocol) as chat:
        turn = chat.send(chat.add(user_message("hello"), None))
        waiting = asyncio.create_task(started.wait())
        waiting.add_done_callback(lambda _: turn.cancel())
        before = asyncio.all_tasks()
        events = await events_of(turn)
        assert ended(events).outcome is Outcome.CANCELLED
        await wait_for_no_new_task(before)
    assert not gateway.requests


@ALL
async def test_cancel_before_turn_began_sends_nothing(gateway: Gateway, protocol: ApiProtocol) -> None:
    async with session(gateway, protocol) as chat:
        turn = chat.send(chat.add(user_message("hello"), None))
        turn.cancel()
        assert ended(await events_of(turn)).outcome is Outcome.CANCELLED
    assert not gateway.requests


@ALL
async def test_cancel_while_waiting_to_retry_sends_no_retry(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(fault.status(529, retry_after="29"))
    async with session_with_real_delays(gateway, protocol) as chat:
        turn = chat.send(chat.add(user_message("hello"), None))
        before = asyncio.all_tasks()
        events = await events_of(
            turn, lambda n, e: turn.cancel() if isinstance(e, Streamed) and isinstance(e.delta, Retrying) else None
        )
        assert ended(events).outcome is Outcome.CANCELLED
        await wait_for_no_new_task(before)
    assert len(gateway.asked) == 1


def session_with_real_delays(gateway: Gateway, protocol: ApiProtocol) -> Any:
    """Open a session with the real delays between retries."""
    return session(gateway, protocol, policy=RetryPolicy())


@ALL
async def test_cancel_while_tools_run_keeps_finished_results(gateway: Gateway, protocol: ApiProtocol) -> None:
    released: list[str] = []

    @tool(effect=ToolEffect.READ)
    async def sleep(name: Annotated[str, "Who."]) -> ToolOutput:
        """Wait forever."""
        try:
            await asyncio.Event().wait()
        finally:
            released.append(name)
        return ""

    gateway.reply(
        Reply(
            gw.Text("I wait."),
            Call("sleep", {"name": "a"}),
            Call("look", {"city": "Bonn"}),
            Call("sleep", {"name": "b"}),
        )
    )
    gateway.reply(Reply.text("and on"))
    tools = Toolbox(TOOLBOX._config, tools=(sleep, *TOOLBOX._tools.values()))
    async with session(gateway, protocol, tools=tools) as chat:
        turn = chat.send(chat.add(user_message("hello"), None))
        before = asyncio.all_tasks()
        events = await events_of(turn, lambda n, e: turn.cancel() if isinstance(e, ToolFinished) else None)
        assert ended(events).outcome is Outcome.CANCELLED
        await wait_for_no_new_task(before)
        assert sorted(released) == ["a", "b"]
        results = [e.message for e in events if isinstance(e, MessageDone) and e.message.role is Role.TOOL]
        assert [result.text for result in results[0].results] == [
            "cancelled by the user",
            "rain in Bonn",
            "cancelled by the user",
        ]
        again = await ask(chat, "go on")
        assert ended(again).outcome is Outcome.COMPLETE
    assert len([e for e in events if isinstance(e, ToolStarted)]) == 3


@ALL
async def test_cancel_of_one_call_goes_on_with_all_results(gateway: Gateway, protocol: ApiProtocol) -> None:
    @tool(effect=ToolEffect.READ)
    async def sleep(name: Annotated[str, "Who."]) -> ToolOutput:
        """Wait forever."""
        await asyncio.Event().wait()
        return ""

    gateway.reply(Reply(Call("sleep", {"name": "a"}), Call("look", {"city": "Bonn"})), Reply.text("and on"))
    tools = Toolbox(TOOLBOX._config, tools=(sleep, *TOOLBOX._tools.values()))
    async with session(gateway, protocol, tools=tools) as chat:
        turn = chat.send(chat.add(user_message("hello"), None))
        events = await events_of(turn, lambda n, e: turn.cancel_call(0) if isinstance(e, ToolFinished) else None)
    assert ended(events).outcome is Outcome.COMPLETE
    (sent,) = [e.message for e in events if isinstance(e, MessageDone) and e.message.role is Role.TOOL]
    assert [result.text for result in sent.results] == ["cancelled by the user", "rain in Bonn"]
    asked = gateway.asked[-1].raw
    assert 0 < asked.index(b"cancelled by the user") < asked.index(b"rain in Bonn")


@ALL
async def test_turn_events_closed_early_closes_connection(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply(gw.Text("one ", "two "), fault.stall()))
    async with session(gateway, protocol) as chat:
        before = asyncio.all_tasks()
        events = chat.send(chat.add(user_message("hello"), None)).events()
        async for event in events:
            if isinstance(event, Streamed):
                break
        await events.aclose()
        await gateway.asked[0].wait_closed(SOON)
        await wait_for_no_new_task(before)


@ALL
async def test_cancel_after_complete_message_changes_nothing(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply.text("all said", quirks={Quirk.NO_DONE}))
    async with session(gateway, protocol) as chat:
        turn = chat.send(chat.add(user_message("hello"), None))
        events = await events_of(turn, lambda n, e: turn.cancel() if isinstance(e, MessageDone) else None)
    assert ended(events).outcome is Outcome.COMPLETE


async def test_cancel_of_one_turn_leaves_other_on_same_pool(gateway: Gateway) -> None:
    gate = Gate()
    for _ in PROTOCOLS:
        gateway.reply(Reply(gw.Text("first "), gate, gw.Text("rest")), model="stays")
        gateway.reply(Reply(gw.Text("first "), fault.stall()), model="goes")
    async with session(gateway, PROTOCOLS[0]) as chat:
        question = chat.add(user_message("hello"), None)
        for protocol in PROTOCOLS:
            stays, goes = (chat.send(question, type(chat.model)(protocol.value, name)) for name in ("stays", "goes"))
            staying = asyncio.create_task(events_of(stays))
            going = asyncio.create_task(
                events_of(goes, lambda n, e, t=goes: t.cancel() if isinstance(e, Streamed) else None)
            )
            assert ended(await going).outcome is Outcome.CANCELLED
            gate.open()
            events = await staying
            assert ended(events).outcome is Outcome.COMPLETE
            texts = [
                p.text for e in events if isinstance(e, MessageDone) for p in e.message.parts if isinstance(p, Text)
            ]
            assert texts == ["first rest"]
