"""Settings of a chat: changed during it, saved with it, restored with it."""

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
    config = TurnConfig(FAKE, FakeProviders(), params=Params(think=think))
    return ChatSession(config, lambda: SqliteChatStore(folder / "termchat.db", lambda failure: None), HERE)


def thinking(effort: Effort | None, settings: TurnSettings) -> TurnSettings:
    return replace(settings, params=replace(settings.params, think=effort))


async def test_resume_restores_effort_system_prompt_and_model(tmp_path: Path) -> None:
    first = session(tmp_path)
    first.add(user_message("hello"), None)
    first.update_settings(
        lambda settings: thinking(Effort.HIGH, replace(settings, system="Be brief.", model=OTHER)), lasting=False
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
    assert second.settings.params.think is Effort.LOW  # that chat has no saved effort
    await second.close()


async def test_lasting_setting_applies_to_new_chats(tmp_path: Path) -> None:
    chat_session = session(tmp_path)
    chat_session.switch_model(OTHER)
    chat_session.update_settings(lambda settings: replace(settings, max_rounds=3), lasting=True)
    assert (chat_session.settings.model, chat_session.settings.max_rounds) == (OTHER, 3)
    chat_session.new()
    assert (chat_session.settings.model, chat_session.settings.max_rounds) == (FAKE, 3)
    await chat_session.close()
