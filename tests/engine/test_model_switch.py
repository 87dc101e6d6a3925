"""Switches between models, and histories that a server refuses."""

from __future__ import annotations

from typing import Any

import pytest

from termchat.core.errors import FailureKind
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.provider import Effort, Params
from tests import gateway as gw
from tests.engine.support import ask, ended, notices, provider_notices, session, streamed_text
from tests.gateway import Call, Gateway, Reply, fault
from tests.providers.support import PROTOCOLS, model

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
C, R, A, G = PROTOCOLS
LOOK = Call("look", {"city": "Köln"})
REFUSALS = {
    C: "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.",
    R: "Item 'fc_1' of type 'function_call' was provided without its required 'reasoning' item: 'rs_1'.",
    A: "messages.1.content.0: The block is bound to a different conversation",
    G: "Corrupted thought signature.",
}


@ALL
async def test_refused_history_is_resent_without_reasoning_with_notice(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply(gw.Reasoning("A thought."), gw.Text("I look."), LOOK), Reply.text("Rain."))
    gateway.reply(fault.status(400, REFUSALS[protocol]), Reply.text("fine"))
    async with session(gateway, protocol) as chat:
        await ask(chat, "weather?")
        events = await ask(chat, "thanks")
    assert (streamed_text(events), ended(events).outcome) == ("fine", Outcome.COMPLETE)
    assert provider_notices(events) == [f"{protocol.value} refused the history; sent again without earlier reasoning."]
    simple = str({name: value for name, value in gateway.asked[-1].body.items() if name != "include"})
    for gone in ("A thought.", "signature': 'hidden", "encrypted_content'", "reasoning'", "'thinking'"):
        assert gone not in simple
    for kept in ("weather?", "I look.", "rain in Köln", "Rain.", "thanks"):
        assert kept in simple


@ALL
async def test_history_refused_twice_fails(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.always(fault.status(400, REFUSALS[protocol]))
    async with session(gateway, protocol) as chat:
        end = ended(await ask(chat, "weather?"))
    assert end.failure is not None
    assert (end.failure.kind, len(gateway.asked)) == (FailureKind.HISTORY_INVALID, 2)


async def test_gemini_missing_signature_in_empty_reply_is_resent(gateway: Gateway) -> None:
    gateway.reply(Reply(finish="MISSING_THOUGHT_SIGNATURE"), Reply.text("fine"))
    async with session(gateway, G) as chat:
        events = await ask(chat, "weather?")
    assert (streamed_text(events), len(gateway.asked)) == ("fine", 2)


def thinking_blocks(gateway: Gateway) -> list[str]:
    """The thinking blocks of the last request."""
    blocks = [b for message in gateway.asked[-1].body["messages"] for b in message["content"]]
    return [b.get("thinking", "redacted") for b in blocks if b["type"] in ("thinking", "redacted_thinking")]


async def test_anthropic_thinking_with_same_prefix_is_sent(gateway: Gateway) -> None:
    gateway.reply(Reply(gw.Reasoning("one"), gw.Reasoning("", redacted=True), gw.Text("a"), LOOK))
    gateway.reply(Reply(gw.Reasoning("two"), gw.Text("b")), Reply.text("c"))
    async with session(gateway, A, system="Be brief.", params=Params(think=Effort.HIGH)) as chat:
        await ask(chat, "first")
        assert thinking_blocks(gateway) == ["one", "redacted"]
        await ask(chat, "second")
    assert thinking_blocks(gateway) == ["one", "redacted", "two"]


@pytest.mark.parametrize("change", ["system", "tools", "question"])
async def test_anthropic_thinking_with_changed_prefix_is_left_out(gateway: Gateway, change: str) -> None:
    gateway.reply(Reply(gw.Reasoning("one"), gw.Text("a")), Reply.text("b"))
    async with session(gateway, A, system="Be brief.") as chat:
        await ask(chat, "first")
        if change == "question":
            (question, answer) = chat.conversation.path()
            chat.move_head(None)
            at = chat.add(user_message("another first"), None)
            chat.add(answer.message, at)
            assert question.message.text == "first"
        history = chat.conversation
        plan: dict[str, Any] = {"system": {"system": "Be long."}, "tools": {"system": "Be brief.", "tools": None}}.get(
            change, {"system": "Be brief."}
        )
    async with session(gateway, A, **plan) as chat:
        chat.conversation = history
        await ask(chat, "second")
    assert thinking_blocks(gateway) == []
    assert "'a'" in str(gateway.asked[-1].body["messages"])


async def test_anthropic_thinking_is_sent_after_turns_of_other_models(gateway: Gateway) -> None:
    for name in ("one", "two"):
        gateway.reply(Reply(gw.Reasoning(name), gw.Text(f"{name} said"), LOOK), Reply.text("so"))
        gateway.reply(*[Reply.text("hm")] * 3)
    gateway.reply(Reply.text("end"))
    async with session(gateway, A) as chat:
        for _ in range(2):
            for protocol in (A, R, G, C):
                chat.switch_model(model(protocol))
                await ask(chat, f"to {protocol}")
        chat.switch_model(model(A))
        await ask(chat, "last")
    assert thinking_blocks(gateway) == ["one", "two"]


async def test_model_switch_gives_one_notice_of_carried_history(gateway: Gateway) -> None:
    gateway.reply(Reply(gw.Reasoning("hm"), LOOK, Call("count", {"to": 2})), Reply.text("a"))
    gateway.always(Reply.text("b"))
    async with session(gateway, R) as chat:
        assert notices(await ask(chat, "one")) == []
        chat.switch_model(model(A))
        line = "→ anthropic/claude-opus-5 · 1 turn, 2 tool calls carried · reasoning of 1 turn from responses left out"
        assert notices(await ask(chat, "two")) == [line]
        assert notices(await ask(chat, "three")) == []


@ALL
async def test_anthropic_goes_on_after_unfinished_calls_of_another_model(
    gateway: Gateway, protocol: ApiProtocol
) -> None:
    """A turn that began without thinking cannot go on with it: the API refuses the request, now and later."""
    gateway.reply(Reply(LOOK), fault.status(400), *map(Reply.text, ("Rain.", "Yes.")))
    async with session(gateway, protocol, params=Params(think=Effort.HIGH)) as chat:
        await ask(chat, "weather?")
        chat.switch_model(ModelRef("anthropic", "claude-opus-4-1"))
        events = await ask(chat, "go on")
        assert ended(events).outcome is Outcome.COMPLETE
        assert provider_notices(events)[-1:] == ["Thinking is off: this turn began without it."]
        assert "thinking" not in gateway.asked[-1].body
        assert ended(await ask(chat, "is that all?")).outcome is Outcome.COMPLETE
    assert gateway.asked[-1].body["thinking"]["type"] == "enabled"


async def test_anthropic_thinks_in_all_rounds_of_turn_that_began_so(gateway: Gateway) -> None:
    gateway.reply(Reply(gw.Reasoning("one"), LOOK), Reply(Call("count", {"to": 2})), Reply.text("so"))
    async with session(gateway, A, params=Params(think=Effort.HIGH)) as chat:
        chat.switch_model(ModelRef("anthropic", "claude-opus-4-1"))
        assert ended(await ask(chat, "weather?")).outcome is Outcome.COMPLETE
    assert [request.body["thinking"]["type"] for request in gateway.asked] == ["enabled"] * 3
