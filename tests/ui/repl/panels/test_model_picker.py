"""Test the rows of the model picker in a chat that has replies."""

from __future__ import annotations

from dataclasses import replace

from termchat.core.messages import user_message
from termchat.core.models import ModelInfo, ModelRef
from termchat.ui.phrases import lacking_words
from termchat.ui.repl.panels.model_picker import ModelSource
from termchat.ui.text.line import plain_text
from tests.ui.fakes import FakeProviders, fake_session


async def test_model_source_in_chat_tells_cost_of_switch() -> None:
    session = fake_session()
    turn = session.send(session.add(user_message("full 4000"), None))
    async for _ in turn.events():
        pass
    source = ModelSource(session, FakeProviders())
    await source.load()
    details = {choice.label: choice.detail for choice in source.choices}
    assert str(session.model) in details
    assert "$" not in details[next(label for label in details if label == str(session.model))]
    assert all("~$0.0042" in detail for label, detail in details.items() if label != str(session.model))
    assert [plain_text(line) for line in source.footer] == ["  price: sending this chat, ~4k tokens"]


async def test_model_source_in_new_chat_tells_no_cost() -> None:
    source = ModelSource(fake_session(), FakeProviders())
    await source.load()
    assert not source.footer
    assert not any("$" in choice.detail for choice in source.choices)
    assert ModelRef("fake", "three") in {ModelRef.parse(choice.label) for choice in source.choices}


def test_lacking_words_name_what_listing_excludes() -> None:
    listed = ModelInfo(ModelRef("a", "b"), known=("images", "seed", "tools"))
    assert lacking_words(listed) == ["no tools", "no images"]
    assert lacking_words(None) == []
    refused = ModelInfo(ModelRef("a", "b"), known=("tools",), refused=("reasoning effort", "tools"))
    assert lacking_words(refused) == ["no tools", "no reasoning effort"]


class RefusingProviders(FakeProviders):
    """Providers whose listings tell what a model has refused."""

    async def models(self, provider: str, *, fresh: bool = False) -> list[ModelInfo]:
        return [replace(info, refused=("temperature",)) for info in await super().models(provider, fresh=fresh)]


async def test_model_source_shows_what_models_have_refused_once_listed() -> None:
    source = ModelSource(fake_session(), RefusingProviders())
    await source.load()
    listed = {str(info.ref) for info in await RefusingProviders().models("fake")}
    details = {choice.label: choice.detail for choice in source.choices if choice.label in listed}
    assert details
    assert all("no temperature" in detail for detail in details.values())
