"""The reducer: events in, blocks out, no terminal anywhere."""

from __future__ import annotations

from decimal import Decimal

import pytest

from termchat.core.errors import Failure, FailureKind
from termchat.core.events import (
    Delta,
    Event,
    Notice,
    ProviderNotice,
    ReasoningDelta,
    Retrying,
    StepStarted,
    Streamed,
    TextDelta,
    Timing,
    ToolCallDelta,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from termchat.core.messages import Text, ToolCall, ToolResult
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import safe_format
from termchat.core.usage import Usage
from termchat.ui.blocks import Block, EndOfText, ReasoningText, ReplyText, Restore, StaticLines, ToolCard
from termchat.ui.text.line import plain_text
from termchat.ui.turn_state import Phase, Think, ViewState, show_thinking, turn_sent, turn_stopping, update

MODEL = ModelRef("openai", "gpt-5.2")
USAGE = Usage(input=4100, output=310, cached=3200, reasoning=120)


def ended(outcome: Outcome = Outcome.COMPLETE, *, received: bool = True, failure: Failure | None = None) -> TurnEnded:
    return TurnEnded(
        "t", outcome, MODEL, USAGE, Decimal("0.0042"), Timing(0.8, 6.2, 5.1), 1, has_content=received, failure=failure
    )


def text(piece: str) -> Event:
    return Streamed("t", TextDelta(0, piece))


def play(*events: Event, view: ViewState | None = None, seconds: float = 1.0) -> tuple[ViewState, list[Block]]:
    """The view and all blocks after some events, a second apart."""
    state = turn_sent(view or ViewState(), "t", MODEL, 0.0)
    blocks: list[Block] = []
    for n, event in enumerate(events):
        state, more = update(state, event, (n + 1) * seconds)
        blocks += more
    return state, blocks


def said(blocks: list[Block]) -> list[str]:
    return [plain_text(line) for block in blocks if isinstance(block, StaticLines) for line in block.lines]


def test_a_reply_is_prose_and_one_usage_line() -> None:
    view, blocks = play(TurnStarted("t", MODEL), StepStarted("t", 1), text("Hel"), text("lo"), ended())
    assert blocks[:3] == [ReplyText("Hel"), ReplyText("lo"), EndOfText()]
    assert said(blocks) == [
        "gpt-5.2 · 4.1k in (3.2k cached) · 310 out (120 thinking) · 0.8s first · 6.2s · 61 tok/s · $0.0042"
    ]
    assert not view.busy


def test_the_usage_line_can_be_off_but_a_mark_never_is() -> None:
    _, blocks = play(text("a"), ended(Outcome.LENGTH), view=ViewState(usage_line=False))
    assert said(blocks) == ["■ cut off by the token limit · 310 tok · 6.2s · Alt-C goes on · /set max_tokens"]


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.COMPLETE])
def test_no_incomplete_reply_ends_without_a_word(outcome: Outcome) -> None:
    failure = Failure(FailureKind.SERVER, safe_format("It broke.")) if outcome is Outcome.FAILED else None
    _, blocks = play(text("half"), ended(outcome, failure=failure))
    assert any(words.startswith(("■ ", "It broke.")) for words in said(blocks))


def test_a_stopped_reply_keeps_its_mark() -> None:
    _, blocks = play(text("half"), ended(Outcome.CANCELLED))
    assert said(blocks)[0] == "■ stopped · 310 tok · 6.2s · Alt-C goes on"


def test_a_question_without_an_answer_goes_back_into_the_input() -> None:
    failure = Failure(
        FailureKind.AUTH, safe_format("OpenAI refused the key (401)."), safe_format("Set OPENAI_API_KEY.")
    )
    _, blocks = play(ended(Outcome.FAILED, received=False, failure=failure))
    assert said(blocks) == [
        "OpenAI refused the key (401).",
        "Set OPENAI_API_KEY · Alt-M other model · Enter sends again",
    ]
    assert blocks[-1] == Restore()


def test_stopped_before_anything_came_says_so_and_restores() -> None:
    _, blocks = play(ended(Outcome.CANCELLED, received=False))
    assert "the message is back in the input" in said(blocks)[0]
    assert blocks[-1] == Restore()


def test_reasoning_becomes_one_line_when_the_answer_begins() -> None:
    events = [Streamed("t", ReasoningDelta(0, "let me think. ")) for _ in range(4)]
    view, blocks = play(*events)
    assert view.turn and view.turn.phase is Phase.THINKING
    assert blocks == []
    _, blocks = play(*events, text("42"))
    assert said(blocks) == ["✻ thought 4.0s · ~14 tok · Ctrl-T to read"]
    assert blocks[-1] == ReplyText("42")


def test_reasoning_in_full_is_shown_as_it_comes() -> None:
    _, blocks = play(
        Streamed("t", ReasoningDelta(0, "a")), Streamed("t", ReasoningDelta(0, "b")), text("c"),
        view=ViewState(think=Think.FULL),
    )  # fmt: skip
    assert blocks[:3] == [ReasoningText("a"), ReasoningText("b"), EndOfText()]


def test_switching_to_full_shows_what_was_thought_so_far() -> None:
    view, _ = play(Streamed("t", ReasoningDelta(0, "so far")))
    view, blocks = show_thinking(view, Think.FULL)
    assert blocks == (ReasoningText("so far"),)
    assert show_thinking(view, Think.LINE)[1] == (EndOfText(),)


def test_hidden_reasoning_says_so() -> None:
    _, blocks = play(Streamed("t", ReasoningDelta(0, "", redacted=True)), text("x"))
    assert said(blocks) == ["✻ thought 1.0s (hidden by the provider)"]


def test_cards_are_committed_in_the_order_of_the_calls() -> None:
    one, two = ToolCall("1", "a", "{}"), ToolCall("2", "b", "{}")
    result_one, result_two = (ToolResult(c.id, c.name, (Text("ok"),)) for c in (one, two))
    started = (ToolStarted("t", one), ToolStarted("t", two))
    view, blocks = play(*started, ToolFinished("t", two, result_two, 0.1))
    assert blocks == []
    view, more = update(view, ToolFinished("t", one, result_one, 0.2), 9)
    assert [(card.number, card.call.id) for card in more if isinstance(card, ToolCard)] == [(1, "1"), (2, "2")]


def test_a_call_is_seen_while_its_arguments_are_written() -> None:
    pieces: list[Delta] = [ToolCallDelta(0, "1", "search", '{"query": "a'), ToolCallDelta(0, arguments='bc"}')]
    view, _ = play(*(Streamed("t", piece) for piece in pieces))
    assert view.turn and [(c.name, c.arguments) for c in view.turn.calls] == [("search", '{"query": "abc"}')]
    view, _ = update(view, ToolStarted("t", ToolCall("1", "search", '{"query": "abc"}')), 5)
    assert view.turn and len(view.turn.calls) == 1
    assert view.turn.phase is Phase.RUNNING


def test_of_a_call_that_is_written_only_the_beginning_is_kept() -> None:
    pieces: list[Event] = [Streamed("t", ToolCallDelta(0, "1", "write", "x" * 150)) for _ in range(1000)]
    view, _ = play(*pieces)
    assert view.turn
    assert [len(call.arguments) for call in view.turn.calls] == [200]
    call = ToolCall("1", "write", "y" * 5000)
    view, _ = update(view, ToolStarted("t", call), 9)
    assert view.turn
    assert [len(call.arguments) for call in view.turn.calls] == [200]
    _, blocks = update(view, ToolFinished("t", call, ToolResult("1", "write", (Text("ok"),)), 0.1), 10)
    assert [card.call for card in blocks if isinstance(card, ToolCard)] == [call]


@pytest.mark.parametrize("received", [False, True])
def test_stopped_to_be_asked_again_it_says_so_and_nothing_goes_back_into_the_input(received: bool) -> None:
    view, _ = play(*([text("half")] if received else []))
    view, blocks = update(turn_stopping(view, 8, again=True), ended(Outcome.CANCELLED, received=received), 9)
    assert said(list(blocks))[-1] == (
        "↻ stopped after 6.2s, asked again" if received else "↻ nothing came for 6.2s, asked again"
    )
    assert Restore() not in blocks


def test_esc_after_asking_again_is_an_ordinary_stop() -> None:
    view, _ = play()
    view = turn_stopping(turn_stopping(view, 8, again=True), 9)
    _, blocks = update(view, ended(Outcome.CANCELLED, received=False), 9)
    assert blocks[-1] == Restore()


def test_a_retry_is_a_state_until_content_comes() -> None:
    retrying = Streamed("t", Retrying(2, 3, 4.0, Failure(FailureKind.RATE_LIMITED, safe_format("Rate limited."))))
    view, _ = play(retrying)
    assert view.turn and view.turn.phase is Phase.RETRYING
    assert view.turn.until == 5.0
    view, _ = update(view, text("x"), 6)
    assert view.turn and view.turn.phase is Phase.REPLYING


def test_stopping_is_seen_at_once_and_stays() -> None:
    view, _ = play(text("a"))
    view = turn_stopping(view, 2)
    view, _ = update(view, text("b"), 3)
    assert view.turn and view.turn.phase is Phase.STOPPING


def test_notices_interrupt_the_prose_and_nothing_else() -> None:
    _, blocks = play(
        text("a"),
        Notice("t", safe_format("Note.")),
        Streamed("t", ProviderNotice(safe_format("No images."))),
        text("b"),
    )
    assert [type(block) for block in blocks] == [ReplyText, EndOfText, StaticLines, StaticLines, ReplyText]


@pytest.mark.parametrize(("outcome", "times"), [(Outcome.FAILED, 1), (Outcome.CANCELLED, 1), (Outcome.COMPLETE, 2)])
def test_what_was_noticed_is_not_said_again_when_the_question_is_asked_again(outcome: Outcome, times: int) -> None:
    notice = Notice("t", safe_format("→ gpt-5.2 · 4 turns carried"))
    view, first = play(notice, ended(outcome, received=False))
    _, again = play(notice, text("a"), view=view)
    assert [*said(first), *said(again)].count("→ gpt-5.2 · 4 turns carried") == times


def test_events_of_another_turn_change_nothing() -> None:
    view, blocks = play(Streamed("other", TextDelta(0, "x")))
    assert blocks == []
    assert view.turn and view.turn.first is None
