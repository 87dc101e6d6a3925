"""A reply that stopped is gone on with: the seam has neither repetition nor gap, and it is one reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.events import MessageDone
from termchat.core.messages import Message, Role, Text, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.engine.continuation import OverlapFilter, resumable_text
from tests.engine.support import ask, ended, events_of, said, session
from tests.gateway import Finish, Gateway, Reply, fault
from tests.gateway import Text as Words
from tests.gateway.reading import question
from tests.providers.support import SPEECHES

ALL = pytest.mark.parametrize("speech", SPEECHES)


def sewn(tail: str, *pieces: str) -> str:
    seam = OverlapFilter(tail)
    return "".join([*map(seam.feed, pieces), seam.close()])


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
        ("over ", (" the",), "the"),
        ("over", (" the",), " the"),
        ("科学家们发现了一种新的", ("发现了一种新的方法",), "方法"),
        ("", ("hello",), "hello"),
        ("The quick brown fox", (), ""),
        ("aaaaaaaaaa", ("aaaaaaaaaab",), "b"),
    ],
)
def test_the_seam(tail: str, pieces: tuple[str, ...], new: str) -> None:
    assert sewn(tail, *pieces) == new


@given(st.text("ab \n", max_size=60), st.text("ab \n", max_size=30), st.data())
def test_the_seam_does_not_depend_on_the_pieces_and_loses_no_new_word(tail: str, new: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(new)))))
    pieces = [new[a:b] for a, b in zip([0, *cuts], [*cuts, len(new)], strict=True)]
    got = sewn(tail, *pieces)
    assert got == sewn(tail, new)
    assert new.endswith(got)
    assert tail.endswith(new[: len(new) - len(got)])


@pytest.mark.parametrize("outcome", [Outcome.CUT, Outcome.STALLED, Outcome.LENGTH, Outcome.CANCELLED])
def test_what_can_be_gone_on_with(outcome: Outcome) -> None:
    assert resumable_text([user_message("q"), Message(Role.ASSISTANT, (Text("so"),), outcome=outcome)]) == "so"


def test_what_cannot() -> None:
    whole = Message(Role.ASSISTANT, (Text("so"),), outcome=Outcome.COMPLETE)
    empty = Message(Role.ASSISTANT, (), outcome=Outcome.CUT)
    assert [resumable_text(talk) for talk in ([], [user_message("q")], [whole], [empty])] == [None] * 4


@ALL
async def test_the_same_reply_goes_on(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.reply(Reply(Words("The quick ", "brown fox"), fault.fin()))
    gateway.reply(
        Reply(Words("brown", " fox jumps over "), finish=Finish.LENGTH), Reply.text("the dog."), Reply.text("yes")
    )
    async with session(gateway, speech) as talk:
        await ask(talk, "tell me")
        for _ in range(2):
            head = talk.conversation.head
            assert head is not None
            events = await events_of(talk.send(head))
        assert (said(events), ended(events).outcome) == ("the dog.", Outcome.COMPLETE)
        done = [e for e in events if isinstance(e, MessageDone)]
        assert [e.parent for e in done] == [head]
        assert "".join(m.text for m in talk.conversation.history() if m.role is Role.ASSISTANT) == (
            "The quick brown fox jumps over the dog."
        )
        asked = question(gateway.asked[1])
        assert "cut off" in asked
        assert "The quick brown fox" in asked
        await ask(talk, "is that all?")
    body = str(gateway.asked[-1].body)
    if speech is ApiProtocol.RESPONSES:  # a text with a phase of its own stays an item of its own
        texts = [part["text"] for item in gateway.asked[-1].body["input"] for part in item["content"]]
        assert "".join(texts[1:-1]) == "The quick brown fox jumps over the dog."
    else:
        assert "The quick brown fox jumps over the dog." in body
    assert "cut off" not in body


async def test_a_model_that_goes_on_by_itself_is_not_asked_to(gateway: Gateway) -> None:
    gateway.reply(Reply(Words("The quick "), fault.fin()), Reply.text("brown fox"))
    async with session(gateway, ApiProtocol.ANTHROPIC) as talk:
        talk.switch_model(ModelRef("anthropic", "claude-sonnet-4"))
        await ask(talk, "tell me")
        assert talk.conversation.head is not None
        await events_of(talk.send(talk.conversation.head))
        assert "".join(m.text for m in talk.conversation.history()[1:]) == "The quick brown fox"
    last = gateway.asked[-1].body["messages"][-1]
    assert (last["role"], last["content"]) == ("assistant", [{"type": "text", "text": "The quick"}])


@ALL
async def test_a_continuation_that_fails_leaves_the_head_where_it_is(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.reply(Reply(Words("The quick "), fault.fin()), fault.status(400))
    async with session(gateway, speech) as talk:
        await ask(talk, "tell me")
        head = talk.conversation.head
        assert head is not None
        await events_of(talk.send(head))
        assert talk.conversation.head == head
