"""The offer to compact a chat stands in the transcript once, when the context is nearly full."""

from __future__ import annotations

from termchat.core.messages import user_message
from termchat.ui.turn_end import ContextOffer
from tests.ui.fakes import FakeProviders, fake_session


async def test_context_offer_comes_once_until_chat_was_shorter() -> None:
    session = fake_session()
    offer = ContextOffer(session, FakeProviders())
    said: list[str] = []
    for question in ("full 1000", "full 110000", "full 120000", "full 2000", "full 125000"):
        async for _ in session.send(session.add(user_message(question), session.conversation.head)).events():
            pass
        said.append(str(offer.after_turn()))
    words = "This chat fills {}% of the context of one: /compact goes on from a summary."
    assert said == ["", words.format(85), "", "", words.format(97)]
