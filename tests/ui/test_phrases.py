"""Test the phrases after a failure: next steps, similar models, reasons, and where long lines break."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from termchat.commands.builtin import builtin
from termchat.config.keys.key_bindings import KEYS
from termchat.core.errors import Failure, FailureKind
from termchat.core.events import Timing, TurnEnded
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import counted, safe_format
from termchat.core.session import SwitchCost
from termchat.core.usage import BudgetState, Limits, Spent, Usage
from termchat.ui.next_steps import COMMAND_LABELS, KEY_LABELS, StepLabels, failure_steps, next_steps
from termchat.ui.phrases import (
    age,
    budget_lines,
    budget_share,
    money,
    rate,
    short_reason,
    since,
    switch_words,
    usage_line,
)
from termchat.ui.text.fit import text_width, wrap
from termchat.ui.text.line import plain_text, styled_line
from termchat.ui.turn_end import similar_models, with_suggestions
from tests.ui.fakes import FakeProviders

KNOWN = [ModelRef("openai", "gpt-5.2"), ModelRef("openai", "gpt-5.1"), ModelRef("ofox", "gpt-5.2"), ModelRef("a", "b")]
PAGE = safe_format("https://status.example")
CASES = [
    (FailureKind.AUTH, False, "Do this · /login · Alt-M other model · Enter resends"),
    (FailureKind.NOT_FOUND, False, "Do this · Alt-M pick a model · Enter resends"),
    (FailureKind.QUOTA, False, "Do this · Alt-M other model · Enter resends"),
    (FailureKind.RATE_LIMITED, False, "Enter resends · Alt-M other model"),
    (FailureKind.OVERLOADED, False, "Status: https://status.example · Enter resends · Alt-M other model"),
    (FailureKind.CONTEXT_TOO_LONG, False, "/compact · /drop N · Alt-M larger model"),
    (FailureKind.CONTENT_FILTER, True, "/edit the message · Alt-M other model"),
    (FailureKind.TIMEOUT, True, "Alt-R retries · Alt-M other model"),
    (FailureKind.TIMEOUT, False, "Enter resends · Alt-M other model"),
    (FailureKind.CUT, True, "Alt-R retries · Alt-M other model"),
    (FailureKind.NETWORK, False, "Do this · Enter resends · Alt-M other model"),
    (FailureKind.BAD_RESPONSE, False, "Do this · Enter resends · Alt-M other model"),
]


@pytest.mark.parametrize(("kind", "received", "words"), CASES)
def test_failure_steps_depend_on_kind_and_received_text(kind: FailureKind, received: bool, words: str) -> None:
    failure = Failure(
        kind,
        safe_format("It broke."),
        safe_format("Do this."),
        url=PAGE if kind is FailureKind.OVERLOADED else safe_format(""),
    )
    assert failure_steps(failure, KEY_LABELS, received=received) == words


@pytest.mark.parametrize(
    ("received", "words"),
    [(False, "Alt-R retries when back · Alt-M other model"), (True, "Alt-R retries · Alt-M other model")],
)
def test_failure_steps_unreachable_host_offers_retry_when_back(received: bool, words: str) -> None:
    assert (
        failure_steps(
            Failure(FailureKind.NETWORK, safe_format("Away."), unreachable=True), KEY_LABELS, received=received
        )
        == words
    )


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("received", [False, True])
def test_failure_steps_name_only_existing_keys_and_commands(kind: FailureKind, received: bool) -> None:
    words = failure_steps(Failure(kind, safe_format("It broke.")), KEY_LABELS, received=received)
    assert words
    keys, registry = {key.label for key in KEYS}, builtin()
    assert set(re.findall(r"Alt-\w+|Ctrl-\w+|Enter\b", words)) <= {*keys, "Enter"}
    assert all(registry.find(name) for name in re.findall(r"/(\w+)", words))


@pytest.mark.parametrize("kind", FailureKind)
def test_short_reason_is_known_phrase_for_every_kind(kind: FailureKind) -> None:
    assert short_reason(Failure(kind, safe_format("It broke."))) in (
        "rate limited",
        "overloaded",
        "no connection",
        "It broke",
    )


def test_similar_models_puts_same_provider_first() -> None:
    assert similar_models(ModelRef("openai", "gpt-5.3"), KNOWN) == KNOWN[:3]
    assert similar_models(ModelRef("openai", "zzz"), KNOWN) == []


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("received", [False, True])
def test_failure_steps_with_command_labels_name_no_key(kind: FailureKind, received: bool) -> None:
    words = failure_steps(Failure(kind, safe_format("It broke.")), COMMAND_LABELS, received=received)
    assert words
    assert not re.search(r"Alt-|Ctrl-|Enter\b|input", words)
    assert all(builtin().find(name) for name in re.findall(r"/(\w+)", words))


@pytest.mark.parametrize(
    ("tokens", "seconds", "words"), [(900, 0.1, ""), (3, 2.0, ""), (0, 9.0, ""), (300, 5.0, "60 tok/s")]
)
def test_rate_of_short_reply_is_left_out(tokens: int, seconds: float, words: str) -> None:
    assert rate(tokens, seconds) == words


@pytest.mark.parametrize(
    ("cost", "words"),
    [("0", "$0"), ("0.00001", "<$0.0001"), ("0.0042", "$0.0042"), ("0.0412", "$0.04"), ("1.2", "$1.20")],
)
def test_money_from_one_cent_has_cents(cost: str, words: str) -> None:
    assert money(Decimal(cost)) == words


def test_usage_line_without_counts_leaves_them_out_and_fits_80_columns() -> None:
    spent = {"usage": Usage(12345, 900, 11000, 10, 700), "cost": Decimal("0.0412"), "timing": Timing(0.8, 9.1, 8.3)}
    whole = TurnEnded("t", Outcome.COMPLETE, ModelRef("a", "claude-opus-5"), **spent, steps=3, has_content=True)
    assert usage_line(whole) == "claude-opus-5 · 12.3k in · 900 out · 9.1s · $0.04"
    assert usage_line(replace(whole, usage=Usage(), cost=None)) == "claude-opus-5 · 9.1s"


def ended(outcome: Outcome, *, received: bool = True, failure: Failure | None = None) -> TurnEnded:
    made = {"usage": Usage(), "cost": None, "timing": Timing(None, 1), "steps": 1}
    return TurnEnded("t", outcome, ModelRef("fake", "onne"), failure=failure, has_content=received, **made)


@pytest.mark.parametrize(
    ("outcome", "offered", "words"),
    [
        (Outcome.COMPLETE, KEY_LABELS, ""),
        (Outcome.LENGTH, KEY_LABELS, "Alt-C continues · /set max_tokens"),
        (Outcome.LENGTH, COMMAND_LABELS, "/continue for the rest · /set max_tokens"),
        (Outcome.CANCELLED, COMMAND_LABELS, "/continue for the rest"),
        (Outcome.FILTERED, KEY_LABELS, "/edit the message · Alt-M other model"),
        (Outcome.REFUSED, COMMAND_LABELS, "/edit the message · /model to switch models"),
    ],
)
def test_next_steps_depend_on_outcome(outcome: Outcome, offered: StepLabels, words: str) -> None:
    assert next_steps(ended(outcome), offered) == words


def test_next_steps_refused_before_reply_says_message_is_in_input() -> None:
    refused = ended(Outcome.REFUSED, received=False)
    assert next_steps(refused, KEY_LABELS) == "the message is back in the input · Alt-M other model"


def test_next_steps_unknown_model_suggests_closest() -> None:
    failure = Failure(FailureKind.NOT_FOUND, safe_format("No model."), safe_format("Look there."))
    refused = ended(Outcome.FAILED, received=False, failure=failure)
    suggested = asyncio.run(with_suggestions(refused, FakeProviders()))
    assert suggested.failure
    assert suggested.failure.suggestions == (ModelRef("fake", "one"),)
    assert next_steps(suggested, KEY_LABELS) == "Closest: fake/one · Enter uses fake/one · Alt-M pick a model"
    other = ended(Outcome.FAILED, failure=Failure(FailureKind.SERVER, safe_format("It broke.")))
    assert asyncio.run(with_suggestions(other, FakeProviders())) is other


def test_wrap_breaks_between_items_if_row_stays_mostly_full() -> None:
    words = safe_format("Closest: one/two, three/four · Alt-M pick a model · Enter resends")
    rows = [plain_text(row) for row in wrap(styled_line(words), 40)]
    assert rows == ["Closest: one/two, three/four", "Alt-M pick a model · Enter resends"]
    assert [plain_text(row) for row in wrap(styled_line(safe_format("a b · ccccccc dd")), 12)] == ["a b", "ccccccc dd"]


def test_wrap_of_indented_line_keeps_indentation() -> None:
    rows = [
        plain_text(row) for row in wrap(styled_line(safe_format("  a gateway: its key, such as ONE or 键盘键盘")), 22)
    ]
    assert rows == ["  a gateway: its key,", "  such as ONE or", "  键盘键盘"]
    assert all(text_width(row) <= 22 for row in rows)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (59, "just now"), (60, "1 min"), (3600, "1 h"), (86400, "1 day"), (2 * 86400, "2 days")],
)
def test_age_uses_largest_whole_unit(seconds: float, words: str) -> None:
    assert age(1000.0, 1000.0 + seconds) == words


def test_age_after_thirty_days_is_date() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", age(0.0, 31 * 86400.0))


def test_since_reads_spans_and_dates() -> None:
    assert [since(words, 1e9) for words in ("30m", "12h", "7 d", "2w")] == [
        1e9 - 1800, 1e9 - 43200, 1e9 - 7 * 86400, 1e9 - 14 * 86400
    ]  # fmt: skip
    assert since("2026-05-09", 0.0) == datetime(2026, 5, 9).timestamp()  # noqa: DTZ001, the user's own clock


def test_since_other_text_is_failure() -> None:
    failure = since("soon", 0.0)
    assert isinstance(failure, Failure)
    assert failure.message == 'Not a time: "soon".'


def test_switch_words_name_tokens_price_cache_and_small_context() -> None:
    cost = SwitchCost(12_400, Decimal("0.031"), ModelRef("anthropic", "claude-opus-5"), 11_000)
    assert switch_words(cost, 8_000) == [
        "the next message sends ~12.4k tokens of this chat, about $0.03",
        "11k cached for claude-opus-5 not reused",
        "exceeds its context of 8k",
    ]
    assert switch_words(SwitchCost(300), 8_000) == ["the next message sends ~300 tokens of this chat"]


def _budget(chat: str, spent: str, reserved: str = "0") -> BudgetState:
    amounts = Spent(Decimal(spent), Decimal(spent), Decimal(reserved), chat_reserved=Decimal(reserved))
    return BudgetState(Limits(chat=Decimal(chat)), amounts)


def test_reserved_money_is_shown_apart_from_spent_money() -> None:
    state = _budget("1.50", "1.45", "1.20")
    assert budget_share(state) == "$0.25 of $1.50"
    assert list(budget_lines(state))[:2] == [
        "This chat: $0.25 of $1.50 spent, $1.20 reserved, $0.05 left.",
        "Today: $0.25 spent, $1.20 reserved, no limit.",
    ]


def test_limit_of_nothing_says_that_only_free_models_answer() -> None:
    state = _budget("0", "0")
    assert budget_share(state) == "limit $0"
    assert next(budget_lines(state)) == "This chat: nothing may be spent (limit $0), so only free models answer."


def test_counted_noun_is_singular_for_one_only() -> None:
    assert [counted(n, "chat") for n in (0, 1, 1200)] == ["0 chats", "1 chat", "1,200 chats"]
