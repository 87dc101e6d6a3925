"""What a chat is led with changes on the way, is kept with it, and comes back with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from termchat.core.chat_store import Effort, Params, Terms
from termchat.core.chats import Place
from termchat.core.errors import Failure
from termchat.core.messages import user
from termchat.engine.session import Session
from termchat.engine.turn import Plan
from termchat.store.chat_store import Library
from tests.ui.fakes import FAKE, OTHER, FakeProviders

HERE = Place("", "/somewhere")


def session(folder: Path, *, think: Effort | None = None) -> Session:
    library = Library(folder / "termchat.db", lambda failure: None)
    return Session(Plan(FAKE, FakeProviders(), params=Params(think=think)), lambda: library, HERE)


def thinking(effort: Effort | None, terms: Terms) -> Terms:
    return replace(terms, params=replace(terms.params, think=effort))


async def test_a_chat_takes_its_effort_its_prompt_and_its_model_along(tmp_path: Path) -> None:
    first = session(tmp_path)
    first.add(user("hello"), None)
    first.tune(lambda terms: thinking(Effort.HIGH, replace(terms, system="Be brief.", model=OTHER)), lasting=False)
    chat = first.chat
    first.new()
    assert first.terms == Terms(FAKE)
    first.add(user("another"), None)
    plain = first.chat
    await first.close()

    second = session(tmp_path, think=Effort.LOW)
    assert not isinstance(await second.resume(chat), Failure)
    assert second.terms == Terms(OTHER, "Be brief.", Params(think=Effort.HIGH))
    assert not isinstance(await second.resume(plain), Failure)
    assert second.terms.params.think is Effort.LOW  # nothing was asked for there
    await second.close()


async def test_what_is_to_last_is_that_of_new_chats_too(tmp_path: Path) -> None:
    made = session(tmp_path)
    made.use(OTHER)
    made.tune(lambda terms: replace(terms, max_rounds=3), lasting=True)
    assert (made.terms.model, made.terms.max_rounds) == (OTHER, 3)
    made.new()
    assert (made.terms.model, made.terms.max_rounds) == (FAKE, 3)
    await made.close()
