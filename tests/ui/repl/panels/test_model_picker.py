"""Test the rows of the model picker in a chat that has replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from termchat.core.effects import Effect, UseModel
from termchat.core.messages import user_message
from termchat.core.models import ModelInfo, ModelRef
from termchat.core.provider import Effort
from termchat.core.sanitize import safe_line
from termchat.core.session import Rates
from termchat.ui.model_choices import rates_words
from termchat.ui.phrases import lacking_words
from termchat.ui.repl.panels.model_picker import ModelSource
from termchat.ui.text.line import plain_text
from tests.ui.fakes import FAKE, OTHER, FakeProviders, fake_session


def redrawn() -> None:
    """Stand for the picker, which shows the rows again."""


async def test_model_source_in_chat_tells_cost_of_switch() -> None:
    session = fake_session()
    turn = session.send(session.add(user_message("full 4000"), None))
    async for _ in turn.events():
        pass
    source = ModelSource(session, FakeProviders())
    await source.load(redrawn)
    details = {choice.label: choice.detail for choice in source.choices}
    assert details[safe_line(str(session.model))] == "$4.2/$4.2 · current · 128k"
    assert all("now ~$0.0042" in detail for label, detail in details.items() if label != str(session.model))
    assert [plain_text(line) for line in source.footer] == [
        "  prices: US dollars per million tokens, input/output",
        "  now: what sending this chat costs, ~4k tokens",
    ]


async def test_model_source_in_new_chat_tells_no_cost() -> None:
    source = ModelSource(fake_session(), FakeProviders())
    await source.load(redrawn)
    assert len(source.footer) == 1
    assert not any("now" in choice.detail for choice in source.choices)
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
    await source.load(redrawn)
    listed = {str(info.ref) for info in await RefusingProviders().models("fake")}
    details = {choice.label: choice.detail for choice in source.choices if choice.label in listed}
    assert details
    assert all("no temperature" in detail for detail in details.values())


def used(effects: Sequence[Effect]) -> UseModel | None:
    return next((effect for effect in effects if isinstance(effect, UseModel)), None)


def test_model_source_effort_after_name_sets_both() -> None:
    source = ModelSource(fake_session(), FakeProviders())
    (found,) = source.search("two:high")
    assert found.detail.startswith("effort high")
    assert used(found.effects) == UseModel(OTHER, Effort.HIGH)
    typed = source.search("fake/unlisted:low")
    assert used(typed[-1].effects) == UseModel(ModelRef("fake", "unlisted"), Effort.LOW)


def test_model_source_listed_name_that_ends_in_effort_is_whole_name() -> None:
    providers = FakeProviders()
    providers.set_favourites(["fake/phi:medium"])
    (found,) = ModelSource(fake_session(), providers).search("phi:medium")
    assert used(found.effects) == UseModel(ModelRef("fake", "phi:medium"))


def test_model_source_rows_begin_with_current_and_favourites() -> None:
    providers = FakeProviders()
    providers.set_favourites(["fake/phi"])
    labels = [choice.label for choice in ModelSource(fake_session(), providers).choices]
    assert labels == [str(FAKE), "fake/phi", str(OTHER)]


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        (Rates(Decimal("1.25"), Decimal(10)), "$1.25/$10"),
        (Rates(Decimal("0.075"), Decimal("0.30"), about=True), "~$0.075/$0.3"),
        (Rates(Decimal(0), Decimal(0), free=True), "free"),
        (Rates(Decimal(0), Decimal(0)), "$0/$0"),
    ],
)
def test_rates_words_show_every_decimal(rates: Rates, words: str) -> None:
    assert rates_words(rates) == words
