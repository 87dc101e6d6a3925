"""Words: what is said after a failure, and that it names only what there is."""

from __future__ import annotations

import re

import pytest

from termchat.commands.builtin import builtin
from termchat.config.keys import KEYS
from termchat.core.errors import Failure, Kind
from termchat.core.events import Timing, TurnEnded
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import say
from termchat.core.usage import Usage
from termchat.ui.closest import advised, closest
from termchat.ui.words import trouble, ways_out

KNOWN = [ModelRef("openai", "gpt-5.2"), ModelRef("openai", "gpt-5.1"), ModelRef("ofox", "gpt-5.2"), ModelRef("a", "b")]
PAGE = say("https://status.example")
CASES = [
    (Kind.AUTH, False, "Do this · Alt-M other model · Enter sends again"),
    (Kind.NOT_FOUND, False, "Do this · Alt-M pick a model · Enter sends again"),
    (Kind.QUOTA, False, "Do this · Alt-M other model · Enter sends again"),
    (Kind.RATE_LIMITED, False, "Enter sends again · Alt-M other model"),
    (Kind.OVERLOADED, False, "Status: https://status.example · Enter sends again · Alt-M other model"),
    (Kind.CONTEXT_TOO_LONG, False, "/new · /undo · Alt-M larger model"),
    (Kind.CONTENT_FILTER, True, "/edit the message · Alt-M other model"),
    (Kind.TIMEOUT, True, "Alt-R asks again · Alt-M other model"),
    (Kind.TIMEOUT, False, "Enter sends again · Alt-M other model"),
    (Kind.CUT, True, "Alt-R asks again · Alt-M other model"),
    (Kind.NETWORK, False, "Do this · Enter sends again · Alt-M other model"),
    (Kind.BAD_RESPONSE, False, "Do this · Enter sends again · Alt-M other model"),
]


@pytest.mark.parametrize(("kind", "received", "words"), CASES)
def test_the_way_out_of_each_failure(kind: Kind, received: bool, words: str) -> None:
    failure = Failure(kind, say("It broke."), say("Do this."), page=PAGE if kind is Kind.OVERLOADED else say(""))
    assert ways_out(failure, received=received) == words


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("received", [False, True])
def test_no_failure_offers_a_key_or_a_command_that_is_not_there(kind: Kind, received: bool) -> None:
    words = ways_out(Failure(kind, say("It broke.")), received=received)
    assert words
    keys, registry = {key.shown for key in KEYS}, builtin()
    assert set(re.findall(r"Alt-\w+|Ctrl-\w+|Enter\b", words)) <= {*keys, "Enter"}
    assert all(registry.find(name) for name in re.findall(r"/(\w+)", words))


@pytest.mark.parametrize("kind", Kind)
def test_each_failure_has_a_word_for_the_countdown(kind: Kind) -> None:
    assert trouble(Failure(kind, say("It broke."))) in ("rate limited", "overloaded", "no connection", "It broke")


def test_the_closest_names_are_those_of_the_same_provider_first() -> None:
    assert closest(ModelRef("openai", "gpt-5.3"), KNOWN) == KNOWN[:3]
    assert closest(ModelRef("openai", "zzz"), KNOWN) == []


def test_a_model_that_is_not_there_names_the_closest() -> None:
    failure = Failure(Kind.NOT_FOUND, say("No model."), say("Look there."))
    made = {"usage": Usage(), "cost": None, "timing": Timing(None, 1), "steps": 1, "received": False}
    ended = TurnEnded("t", Outcome.FAILED, ModelRef("ofox", "gpt-5"), failure=failure, **made)
    event = advised(ended, lambda: KNOWN)
    assert isinstance(event, TurnEnded)
    assert event.failure
    assert event.failure.hint == "Closest: ofox/gpt-5.2, openai/gpt-5.2, openai/gpt-5.1"
    assert advised(ended, list) is ended
