"""Going from one model to another, and what happens when a history is refused all the same."""

from __future__ import annotations

from typing import Any

import pytest

from termchat.core.errors import FailureKind
from termchat.core.events import ProviderNotice, Streamed
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol
from termchat.core.outcomes import Outcome
from termchat.core.provider import Effort, Params
from tests import gateway as gw
from tests.engine.support import ask, ended, notices, said, session
from tests.gateway import Call, Gateway, Reply, fault
from tests.providers.support import SPEECHES, model

ALL = pytest.mark.parametrize("speech", SPEECHES)
C, R, A, G = SPEECHES
LOOK = Call("look", {"city": "Köln"})
REFUSALS = {
    C: "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.",
    R: "Item 'fc_1' of type 'function_call' was provided without its required 'reasoning' item: 'rs_1'.",
    A: "messages.1.content.0: The block is bound to a different conversation",
    G: "Corrupted thought signature.",
}


def adapted(events: list[Any]) -> list[str]:
    return [e.delta.words for e in events if isinstance(e, Streamed) and isinstance(e.delta, ProviderNotice)]


@ALL
async def test_a_refused_history_is_made_simple_and_sent_once_more_aloud(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.reply(Reply(gw.Reasoning("hm"), gw.Text("I look."), LOOK), Reply.text("Rain."))
    gateway.reply(fault.status(400, REFUSALS[speech]), Reply.text("fine"))
    async with session(gateway, speech) as talk:
        await ask(talk, "weather?")
        events = await ask(talk, "thanks")
    assert (said(events), ended(events).outcome) == ("fine", Outcome.COMPLETE)
    assert adapted(events) == [f"{speech.value} refused the history; asked again without earlier reasoning."]
    simple = str(gateway.asked[-1].body)
    for gone in ("hm", "signature': 'hidden", "encrypted_content'", "reasoning'", "'thinking'"):
        assert gone not in simple
    for kept in ("weather?", "I look.", "rain in Köln", "Rain.", "thanks"):
        assert kept in simple


@ALL
async def test_a_history_that_is_refused_twice_is_told(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.always(fault.status(400, REFUSALS[speech]))
    async with session(gateway, speech) as talk:
        end = ended(await ask(talk, "weather?"))
    assert end.failure is not None
    assert (end.failure.kind, len(gateway.asked)) == (FailureKind.HISTORY_INVALID, 2)


async def test_geminis_word_for_it_at_the_end_of_an_empty_reply(gateway: Gateway) -> None:
    gateway.reply(Reply(finish="MISSING_THOUGHT_SIGNATURE"), Reply.text("fine"))
    async with session(gateway, G) as talk:
        events = await ask(talk, "weather?")
    assert (said(events), len(gateway.asked)) == ("fine", 2)


def thoughts(gateway: Gateway) -> list[str]:
    """The thinking blocks of the last request."""
    blocks = [b for message in gateway.asked[-1].body["messages"] for b in message["content"]]
    return [b.get("thinking", "redacted") for b in blocks if b["type"] in ("thinking", "redacted_thinking")]


async def test_thinking_goes_back_while_all_before_it_is_the_same(gateway: Gateway) -> None:
    gateway.reply(Reply(gw.Reasoning("one"), gw.Reasoning("", redacted=True), gw.Text("a"), LOOK))
    gateway.reply(Reply(gw.Reasoning("two"), gw.Text("b")), Reply.text("c"))
    async with session(gateway, A, system="Be brief.", params=Params(think=Effort.HIGH)) as talk:
        await ask(talk, "first")
        assert thoughts(gateway) == ["one", "redacted"]
        await ask(talk, "second")
    assert thoughts(gateway) == ["one", "redacted", "two"]


@pytest.mark.parametrize("change", ["system", "tools", "question"])
async def test_thinking_stays_behind_when_its_prefix_has_changed(gateway: Gateway, change: str) -> None:
    gateway.reply(Reply(gw.Reasoning("one"), gw.Text("a")), Reply.text("b"))
    async with session(gateway, A, system="Be brief.") as talk:
        await ask(talk, "first")
        if change == "question":
            (question, answer) = talk.conversation.path()
            talk.move_head(None)
            at = talk.add(user_message("another first"), None)
            talk.add(answer.message, at)
            assert question.message.text == "first"
        history = talk.conversation
        plan: dict[str, Any] = {"system": {"system": "Be long."}, "tools": {"system": "Be brief.", "tools": None}}.get(
            change, {"system": "Be brief."}
        )
    async with session(gateway, A, **plan) as talk:
        talk.conversation = history
        await ask(talk, "second")
    assert thoughts(gateway) == []
    assert "'a'" in str(gateway.asked[-1].body["messages"])


async def test_a_sees_its_own_thinking_again_after_a_talk_with_the_others(gateway: Gateway) -> None:
    for name in ("one", "two"):
        gateway.reply(Reply(gw.Reasoning(name), gw.Text(f"{name} said"), LOOK), Reply.text("so"))
        gateway.reply(*[Reply.text("hm")] * 3)
    gateway.reply(Reply.text("end"))
    async with session(gateway, A) as talk:
        for _ in range(2):
            for speech in (A, R, G, C):
                talk.switch_model(model(speech))
                await ask(talk, f"to {speech}")
        talk.switch_model(model(A))
        await ask(talk, "last")
    assert thoughts(gateway) == ["one", "two"]


async def test_one_line_says_what_was_carried_and_only_on_a_switch(gateway: Gateway) -> None:
    gateway.reply(Reply(gw.Reasoning("hm"), LOOK, Call("count", {"to": 2})), Reply.text("a"))
    gateway.always(Reply.text("b"))
    async with session(gateway, R) as talk:
        assert notices(await ask(talk, "one")) == []
        talk.switch_model(model(A))
        line = "→ anthropic/claude-opus-5 · 1 turn, 2 tool calls carried · reasoning of 1 turn stays with responses"
        assert notices(await ask(talk, "two")) == [line]
        assert notices(await ask(talk, "three")) == []
