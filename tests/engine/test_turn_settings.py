"""What a chat is led with changes on the way, is kept with it, and comes back with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from termchat.core.chats import Location
from termchat.core.errors import Failure
from termchat.core.messages import user_message
from termchat.core.provider import Effort, Params
from termchat.core.session import TurnSettings
from termchat.engine.session import ChatSession
from termchat.engine.turn import TurnConfig
from termchat.store.chat_store import SqliteChatStore
from tests.ui.fakes import FAKE, OTHER, FakeProviders

HERE = Location("", "/somewhere")


def session(folder: Path, *, think: Effort | None = None) -> ChatSession:
    library = SqliteChatStore(folder / "termchat.db", lambda failure: None)
    return ChatSession(TurnConfig(FAKE, FakeProviders(), params=Params(think=think)), lambda: library, HERE)


def thinking(effort: Effort | None, terms: TurnSettings) -> TurnSettings:
    return replace(terms, params=replace(terms.params, think=effort))


async def test_a_chat_takes_its_effort_its_prompt_and_its_model_along(tmp_path: Path) -> None:
    first = session(tmp_path)
    first.add(user_message("hello"), None)
    first.update_settings(
        lambda terms: thinking(Effort.HIGH, replace(terms, system="Be brief.", model=OTHER)), lasting=False
    )
    chat = first.chat_id
    first.new()
    assert first.settings == TurnSettings(FAKE)
    first.add(user_message("another"), None)
    plain = first.chat_id
    await first.close()

    second = session(tmp_path, think=Effort.LOW)
    assert not isinstance(await second.resume(chat), Failure)
    assert second.settings == TurnSettings(OTHER, "Be brief.", Params(think=Effort.HIGH))
    assert not isinstance(await second.resume(plain), Failure)
    assert second.settings.params.think is Effort.LOW  # nothing was asked for there
    await second.close()


async def test_what_is_to_last_is_that_of_new_chats_too(tmp_path: Path) -> None:
    made = session(tmp_path)
    made.switch_model(OTHER)
    made.update_settings(lambda terms: replace(terms, max_rounds=3), lasting=True)
    assert (made.settings.model, made.settings.max_rounds) == (OTHER, 3)
    made.new()
    assert (made.settings.model, made.settings.max_rounds) == (FAKE, 3)
    await made.close()
