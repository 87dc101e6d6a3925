"""Continuation of an interrupted reply: one reply, without repetition or gap at the joint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.events import MessageDone, RequestAccepted, TextDelta
from termchat.core.messages import Message, Origin, Role, Text, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.provider import Effort, Params
from termchat.engine.continuation import OverlapFilter, resumable_text
from tests.engine.support import ask, ended, events_of, provider_notices, session, streamed_text
from tests.gateway import Block, Call, Finish, Gateway, Reasoning, Reply, fault
from tests.gateway import Text as Words
from tests.gateway.reading import question
from tests.providers.support import PROTOCOLS

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
LOOK = Call("look", pieces=('{"city": ', '"Köln"}'))


def filtered(tail: str, *pieces: str) -> str:
    overlap = OverlapFilter(tail)
    return "".join([*map(overlap.feed, pieces), overlap.close()])


@pytest.mark.parametrize(
    ("tail", "pieces", "new"),
    [
        ("The quick brown fox", (" jumps",), " jumps"),
        ("The quick brown fox", ("brown fox jumps",), " jumps"),
        ("The quick brown fox", ("brown", " fox", " jumps"), " jumps"),
        ("The quick brown fox", ("The quick brown fox jumps",), " jumps"),
        ("The quick brown fox", ("The quick brown fox",), ""),
        ("the end of it, of it", (" of it, of it goes",), " goes"),
        ("a b", ("b c",), "b c"),
        ("over ", (" the",), " the"),
        ("if x:\n", ("\n    pass",), "\n    pass"),
        ("if x:\n        ", ("        pass",), "        pass"),
        ("One.\n", ("\nTwo.",), "\nTwo."),
        ("over", (" the",), " the"),
        ("科学家们发现了一种新的", ("发现了一种新的方法",), "方法"),
        ("", ("hello",), "hello"),
        ("The quick brown fox", (), ""),
        ("aaaaaaaaaa", ("aaaaaaaaaab",), "b"),
    ],
)
def test_overlap_filter_removes_repeated_tail(tail: str, pieces: tuple[str, ...], new: str) -> None:
    assert filtered(tail, *pieces) == new


@pytest.mark.parametrize(
    ("tail", "new", "rest"), [("over ", " the", "the"), ("x:\n", "\n  y", "  y"), ("a", " b", " b")]
)
def test_overlap_filter_after_prefill_removes_white_space(tail: str, new: str, rest: str) -> None:
    overlap = OverlapFilter(tail)
    accepted = RequestAccepted(Origin("p", ApiProtocol.ANTHROPIC, "m"), prefilled=True)
    deltas = [out for delta in (accepted, TextDelta(0, new)) for out in overlap.filter_delta(delta)]
    shown = [delta.text for delta in (*deltas, *overlap.held_deltas()) if isinstance(delta, TextDelta)]
    assert "".join(shown) == rest


@given(st.text("ab \n", max_size=60), st.text("ab \n", max_size=30), st.data())
def test_overlap_filter_is_independent_of_pieces(tail: str, new: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(new)))))
    pieces = [new[a:b] for a, b in zip([0, *cuts], [*cuts, len(new)], strict=True)]
    got = filtered(tail, *pieces)
    assert got == filtered(tail, new)
    assert new.endswith(got)
    assert tail.endswith(new[: len(new) - len(got)])


@pytest.mark.parametrize("outcome", [Outcome.CUT, Outcome.STALLED, Outcome.LENGTH, Outcome.CANCELLED])
def test_resumable_text_of_interrupted_reply(outcome: Outcome) -> None:
    assert resumable_text([user_message("q"), Message(Role.ASSISTANT, (Text("so"),), outcome=outcome)]) == "so"


def test_resumable_text_of_complete_or_empty_reply_is_none() -> None:
    whole = Message(Role.ASSISTANT, (Text("so"),), outcome=Outcome.COMPLETE)
    empty = Message(Role.ASSISTANT, (), outcome=Outcome.CUT)
    assert [resumable_text(chat) for chat in ([], [user_message("q")], [whole], [empty])] == [None] * 4


@ALL
async def test_continuation_extends_same_reply_without_overlap(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply(Words("The quick ", "brown fox"), fault.fin()))
    gateway.reply(
        Reply(Words("brown", " fox jumps over "), finish=Finish.LENGTH), Reply.text("the dog."), Reply.text("yes")
    )
    async with session(gateway, protocol) as chat:
        await ask(chat, "tell me")
        for _ in range(2):
            head = chat.conversation.head
            assert head is not None
            events = await events_of(chat.send(head))
        assert (streamed_text(events), ended(events).outcome) == ("the dog.", Outcome.COMPLETE)
        done = [e for e in events if isinstance(e, MessageDone)]
        assert [e.parent for e in done] == [head]
        assert "".join(m.text for m in chat.conversation.history() if m.role is Role.ASSISTANT) == (
            "The quick brown fox jumps over the dog."
        )
        asked = question(gateway.asked[1])
        assert "cut off" in asked
        assert "The quick brown fox" in asked
        await ask(chat, "is that all?")
    body = str(gateway.asked[-1].body)
    if protocol is ApiProtocol.RESPONSES:  # a text with its own phase stays a separate item
        texts = [part["text"] for item in gateway.asked[-1].body["input"] for part in item["content"]]
        assert "".join(texts[1:-1]) == "The quick brown fox jumps over the dog."
    else:
        assert "The quick brown fox jumps over the dog." in body
    assert "cut off" not in body


async def test_continuation_with_prefill_sends_no_instruction(gateway: Gateway) -> None:
    gateway.reply(Reply(Words("The quick "), fault.fin()), Reply.text("brown fox"))
    async with session(gateway, ApiProtocol.ANTHROPIC) as chat:
        chat.switch_model(ModelRef("anthropic", "claude-sonnet-4"))
        await ask(chat, "tell me")
        assert chat.conversation.head is not None
        await events_of(chat.send(chat.conversation.head))
        assert "".join(m.text for m in chat.conversation.history()[1:]) == "The quick brown fox"
    last = gateway.asked[-1].body["messages"][-1]
    assert (last["role"], last["content"]) == ("assistant", [{"type": "text", "text": "The quick"}])


@pytest.mark.parametrize("protocol", [p for p in PROTOCOLS if p is not ApiProtocol.GEMINI])  # it sends whole calls
async def test_continuation_of_reply_cut_inside_a_call_asks_for_the_rest(
    gateway: Gateway, protocol: ApiProtocol
) -> None:
    gateway.reply(Reply(Words("I will ", "look now."), LOOK).after(3, fault.fin()), Reply.text("look now. So."))
    async with session(gateway, protocol) as chat:
        await ask(chat, "weather?")
        assert chat.conversation.head is not None
        events = await events_of(chat.send(chat.conversation.head))
    assert (streamed_text(events), ended(events).outcome) == (" So.", Outcome.COMPLETE)
    assert "cut off" in question(gateway.asked[1])


@pytest.mark.parametrize(
    "reply",
    [
        Reply(Words("I look. \n"), LOOK).after(2, fault.fin()),
        Reply(Reasoning("hm"), Words("I look."), Block(), Words("\n")).after(3, fault.fin()),
        Reply(Words("I look. \n"), Reasoning("so", "so")).after(2, fault.fin()),
    ],
)
async def test_continuation_with_prefill_ends_with_last_word(gateway: Gateway, reply: Reply) -> None:
    gateway.reply(reply, Reply.text("Rain."))
    async with session(gateway, ApiProtocol.ANTHROPIC, params=Params(think=Effort.HIGH)) as chat:
        chat.switch_model(ModelRef("anthropic", "claude-opus-4-1"))
        await ask(chat, "weather?")
        assert chat.conversation.head is not None
        events = await events_of(chat.send(chat.conversation.head))
    assert ended(events).outcome is Outcome.COMPLETE
    assert "Thinking is off: this turn began without it." in provider_notices(events)
    body = gateway.asked[-1].body
    assert body["messages"][-1]["content"] == [{"type": "text", "text": "I look."}]
    assert "thinking" not in body


@ALL
async def test_continuation_failed_leaves_head_unchanged(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply(Words("The quick "), fault.fin()), fault.status(400))
    async with session(gateway, protocol) as chat:
        await ask(chat, "tell me")
        head = chat.conversation.head
        assert head is not None
        await events_of(chat.send(head))
        assert chat.conversation.head == head
