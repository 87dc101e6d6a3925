"""Every finish word of the table through all four protocols, and words that are not in it."""

from __future__ import annotations

import pytest

from termchat.core.models import ApiProtocol
from termchat.core.outcomes import FinishReason, Outcome
from termchat.providers.catalog.finish_words import finish_words
from tests.engine.support import TOOLBOX, ask, ended, session
from tests.gateway import Call, Gateway, Reply
from tests.providers.support import PROTOCOLS

# Without the reasons after which another request follows.
OUTCOMES = {
    FinishReason.STOP: Outcome.COMPLETE,
    FinishReason.TOOL_CALLS: Outcome.COMPLETE,
    FinishReason.LENGTH: Outcome.LENGTH,
    FinishReason.CONTEXT_FULL: Outcome.LENGTH,
    FinishReason.FILTER: Outcome.FILTERED,
    FinishReason.REFUSAL: Outcome.REFUSED,
    FinishReason.MALFORMED_TOOL: Outcome.CUT,
    FinishReason.ERROR: Outcome.CUT,
    FinishReason.OTHER: Outcome.CUT,
}


def _expected(reason: FinishReason, protocol: ApiProtocol) -> Outcome:
    if (
        OUTCOMES[reason] is Outcome.COMPLETE and protocol is ApiProtocol.RESPONSES
    ):  # the word is the reason of an incomplete response
        return Outcome.CUT
    return OUTCOMES[reason]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_finish_words_have_their_outcome_in_every_protocol(gateway: Gateway, protocol: ApiProtocol) -> None:
    words = {word: reason for word, reason in finish_words().items() if reason in OUTCOMES}
    words |= {"brand_new": FinishReason.OTHER, "完": FinishReason.OTHER}
    found, expected = {}, {}
    for word, reason in words.items():
        sent = word.upper() if protocol is ApiProtocol.GEMINI else word
        gateway.reply(Reply.text("some words", finish=f"{sent} "))  # the blank: the gateway translates its own words
        async with session(gateway, protocol) as chat:
            found[word] = ended(await ask(chat, "hello")).outcome
        expected[word] = _expected(reason, protocol)
    assert found == expected


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("has_tools", [True, False])
async def test_reply_of_call_that_cannot_run_fails_with_reason(
    gateway: Gateway, protocol: ApiProtocol, has_tools: bool
) -> None:
    gateway.reply(Reply(Call("" if has_tools else "look", {"city": "Bonn"})))
    async with session(gateway, protocol, tools=TOOLBOX if has_tools else None) as chat:
        end = ended(await ask(chat, "hello"))
    assert end.outcome is Outcome.FAILED
    assert end.failure
    assert ("malformed tool call" if has_tools else "look, which is not available") in end.failure.message


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_paused_reply_is_continued_by_another_request_in_every_protocol(
    gateway: Gateway, protocol: ApiProtocol
) -> None:
    words = [word for word, reason in finish_words().items() if reason is FinishReason.PAUSED]
    assert words
    found = {}
    for word in words:
        sent = word.upper() if protocol is ApiProtocol.GEMINI else word
        gateway.reply(Reply.text("one ", finish=f"{sent} "), Reply.text("two"))
        asked = len(gateway.asked)
        async with session(gateway, protocol) as chat:
            events = await ask(chat, "hello")
            parts = [node.message.text for node in chat.conversation.path()][1:]
        found[word] = (ended(events).outcome, "".join(parts), len(gateway.asked) - asked, gateway.problems)
    assert found == dict.fromkeys(words, (Outcome.COMPLETE, "one two", 2, []))


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_reply_paused_for_ever_ends_at_round_limit(gateway: Gateway, protocol: ApiProtocol) -> None:
    word = "PAUSE_TURN" if protocol is ApiProtocol.GEMINI else "pause_turn"
    gateway.reply(*[Reply.text("more ", finish=f"{word} ")] * 3, Reply.text("beyond the limit"))
    async with session(gateway, protocol, max_rounds=3) as chat:
        end = ended(await ask(chat, "hello"))
    assert (end.outcome, end.steps, gateway.unused) == (Outcome.LIMIT, 3, 1)
    gateway.forget()
