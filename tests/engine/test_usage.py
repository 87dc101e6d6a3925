"""Usage of a reply: the provider's count, else an estimate marked as such."""

from __future__ import annotations

import pytest

from termchat.core.events import Event, RequestCost, Retrying, StepCounted, Streamed, UsageDelta
from termchat.core.messages import File, Image, Message, Role, ToolResult, user_message
from termchat.core.messages import Text as CoreText
from termchat.core.models import ApiProtocol
from termchat.core.outcomes import Outcome
from termchat.engine.estimate import estimate_messages
from termchat.providers.http.retry import RetryPolicy
from tests.engine.support import ask, ended, events_of, session
from tests.gateway import Gateway, Quirk, Reply, Text, Usage, fault
from tests.providers.support import PROTOCOLS, model


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "reply_options", [{"usage": Usage(0, 0)}, {"quirks": {Quirk.NO_USAGE}}], ids=["nothing", "no word"]
)
async def test_usage_missing_or_zero_is_estimated(gateway: Gateway, protocol: ApiProtocol, reply_options: dict) -> None:
    gateway.reply(Reply.text("some words of a reply", **reply_options))
    async with session(gateway, protocol) as chat:
        usage = ended(await ask(chat, "hello")).usage
    assert usage.estimated
    assert usage.output > 0


def requests(events: list[Event]) -> list[RequestCost]:
    return [request for event in events if isinstance(event, StepCounted) for request in event.requests]


async def test_usage_after_fallback_belongs_to_the_model_that_answered(gateway: Gateway) -> None:
    first, second = model(ApiProtocol.ANTHROPIC), model(ApiProtocol.CHAT)
    counted = Reply(usage=Usage(70, 1)).after(0, fault.error_event(529))
    gateway.reply(*[counted] * 3, Reply.text("here", usage=Usage(30, 4)))
    async with session(gateway, ApiProtocol.ANTHROPIC, fallback={first: [str(second)]}) as chat:
        events = await ask(chat, "hello")
        totals = dict(chat.totals)
    assert ended(events).model == second
    assert [r.origin.ref for r in requests(events)] == [first, first, first, second]
    assert (totals[first].usage.input, totals[first].turns) == (210, 0)
    assert (totals[second].usage.input, totals[second].turns) == (30, 1)


async def test_usage_of_reply_stopped_before_its_first_word_is_counted(gateway: Gateway) -> None:
    gateway.reply(Reply(fault.stall(), Text("late"), usage=Usage(70, 9)))
    async with session(gateway, ApiProtocol.ANTHROPIC) as chat:
        turn = chat.send(chat.add(user_message("hello"), None))

        def stop(_: int, event: Event) -> None:
            if isinstance(event, Streamed) and isinstance(event.delta, UsageDelta):
                turn.cancel()

        events = await events_of(turn, stop)
    assert (ended(events).outcome, ended(events).usage.input) == (Outcome.CANCELLED, 70)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_usage_without_count_is_unknown_and_rejected_request_is_free(
    gateway: Gateway, protocol: ApiProtocol
) -> None:
    gateway.reply(fault.status(400), Reply(quirks={Quirk.NO_USAGE, Quirk.NULL_USAGE}))
    async with session(gateway, protocol) as chat:
        (rejected,) = requests(await ask(chat, "hello"))
        (empty,) = requests(await ask(chat, "hello"))
    assert (rejected.usage, rejected.cost) == (None, 0)
    assert empty.cost is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_usage_of_request_stopped_before_any_answer_is_free(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(fault.status(429), Reply.text("never asked for"))
    async with session(gateway, protocol, policy=RetryPolicy(1)) as chat:
        turn = chat.send(chat.add(user_message("hello"), None))

        def stop(_: int, event: Event) -> None:
            if isinstance(event, Streamed) and isinstance(event.delta, Retrying):
                turn.cancel()

        (refused,) = requests(await events_of(turn, stop))
        spent = chat.totals[refused.origin.ref]
    assert (refused.usage, refused.cost) == (None, 0)
    assert (spent.turns, spent.cost, spent.unpriced) == (1, 0, 0)


def test_estimate_counts_images_pages_and_results() -> None:
    pdf = b"%PDF-1.4\n<< /Type /Pages /Count 3 >>\n%%EOF"
    question = Message(
        Role.USER, (CoreText("what is this?"), Image("image/png", b"x"), File("a.pdf", "application/pdf", pdf))
    )
    result = Message(Role.TOOL, (ToolResult("c1", "look", (Image("image/png", b"x"),)),))
    words = estimate_messages([Message(Role.USER, (CoreText("what is this?"),))], "")
    assert estimate_messages([question], "") == words + 1500 + 3 * 2000
    assert estimate_messages([result], "") == 1500
