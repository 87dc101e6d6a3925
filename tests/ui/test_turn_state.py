"""Test the reducer of turn events: the state after each event and the blocks it prints."""

from __future__ import annotations

from decimal import Decimal

import pytest

from termchat.config.settings import ReasoningView, UsageLine
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
    TextBecameReasoning,
    TextDelta,
    Timing,
    ToolCallDelta,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from termchat.core.messages import Text, ToolCall, ToolResult
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import safe_format
from termchat.core.usage import Usage
from termchat.ui.blocks import Block, EndOfText, ReasoningText, ReplyText, StaticLines, TextWithdrawn, ToolCard
from termchat.ui.text.line import plain_text
from termchat.ui.tools.call_views import CallState
from termchat.ui.turn_state import Phase, ViewState, change_reasoning_view, turn_sent, turn_stopping, update

MODEL = ModelRef("openai", "gpt-5.2")
USAGE = Usage(input=4100, output=310, cached=3200, reasoning=120)


def ended(outcome: Outcome = Outcome.COMPLETE, *, received: bool = True, failure: Failure | None = None) -> TurnEnded:
    return TurnEnded(
        "t", outcome, MODEL, USAGE, Decimal("0.0042"), Timing(0.8, 6.2, 5.1), 1, has_content=received, failure=failure
    )


def text(piece: str) -> Event:
    return Streamed("t", TextDelta(0, piece))


def play(*events: Event, view: ViewState | None = None, seconds: float = 1.0) -> tuple[ViewState, list[Block]]:
    """Return the state and all blocks after events that arrive `seconds` apart."""
    state = turn_sent(view or ViewState(), "t", MODEL, 0.0)
    blocks: list[Block] = []
    for n, event in enumerate(events):
        state, more = update(state, event, (n + 1) * seconds)
        blocks += more
    return state, blocks


def printed(blocks: list[Block]) -> list[str]:
    """Return the text of the static lines among the blocks."""
    return [plain_text(line) for block in blocks if isinstance(block, StaticLines) for line in block.lines]


def test_update_reply_gives_text_blocks_and_usage_line() -> None:
    view, blocks = play(TurnStarted("t", MODEL), StepStarted("t", 1), text("Hel"), text("lo"), ended())
    assert blocks[:3] == [ReplyText("Hel"), ReplyText("lo"), EndOfText()]
    assert printed(blocks) == [
        "gpt-5.2 · 4.1k in · 310 out · 6.2s · $0.0042",
    ]
    assert not view.busy


def test_update_text_that_became_reasoning_is_withdrawn() -> None:
    became = Streamed("t", TextBecameReasoning(0))
    _, blocks = play(text("I reason"), became, Streamed("t", TextDelta(1, "so")), ended())
    assert [type(block) for block in blocks[:4]] == [ReplyText, TextWithdrawn, ReplyText, EndOfText]
    withdrawn = blocks[1]
    assert isinstance(withdrawn, TextWithdrawn)
    assert withdrawn.instead
    assert plain_text(withdrawn.instead).startswith("✻ thought 1.0s")
    _, blocks = play(text("I reason"), became, view=ViewState(reasoning=ReasoningView.FULL))
    assert isinstance(blocks[1], TextWithdrawn)
    assert blocks[1].instead is None


def test_update_full_usage_line_shows_cache_thinking_and_speed() -> None:
    _, blocks = play(text("a"), ended(), view=ViewState(usage_line=UsageLine.FULL))
    assert printed(blocks) == [
        "gpt-5.2 · 4.1k in (3.2k cached) · 310 out (120 thinking) · 0.8s to first token · 6.2s · 61 tok/s · $0.0042"
    ]


def test_update_usage_line_off_keeps_outcome_mark() -> None:
    _, blocks = play(text("a"), ended(Outcome.LENGTH), view=ViewState(usage_line=UsageLine.OFF))
    assert printed(blocks) == ["■ cut off by the token limit · 310 tok · 6.2s · Alt-C continues · /set max_tokens"]


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.COMPLETE])
def test_update_incomplete_outcome_shows_mark_or_message(outcome: Outcome) -> None:
    failure = Failure(FailureKind.SERVER, safe_format("It broke.")) if outcome is Outcome.FAILED else None
    _, blocks = play(text("half"), ended(outcome, failure=failure))
    assert any(words.startswith(("■ ", "It broke.")) for words in printed(blocks))


def test_update_cancelled_reply_shows_stopped_mark() -> None:
    _, blocks = play(text("half"), ended(Outcome.CANCELLED))
    assert printed(blocks)[0] == "■ stopped · 310 tok · 6.2s · Alt-C continues"


def test_update_failed_turn_without_reply_shows_error_and_steps() -> None:
    failure = Failure(
        FailureKind.AUTH, safe_format("OpenAI refused the key (401)."), safe_format("Set OPENAI_API_KEY.")
    )
    _, blocks = play(ended(Outcome.FAILED, received=False, failure=failure))
    assert printed(blocks) == [
        "OpenAI refused the key (401).",
        "Set OPENAI_API_KEY · /login · Alt-M other model · Enter resends",
    ]


def test_update_cancelled_before_reply_says_message_is_in_input() -> None:
    _, blocks = play(ended(Outcome.CANCELLED, received=False))
    assert "the message is back in the input" in printed(blocks)[0]


def test_update_reasoning_becomes_one_line_at_first_text() -> None:
    events = [Streamed("t", ReasoningDelta(0, "let me think. ")) for _ in range(4)]
    view, blocks = play(*events)
    assert view.turn and view.turn.phase is Phase.THINKING
    assert blocks == []
    _, blocks = play(*events, text("42"))
    assert printed(blocks) == ["✻ thought 4.0s · ~14 tok · Ctrl-T to read"]
    assert blocks[-1] == ReplyText("42")


def test_update_reasoning_full_shows_each_delta() -> None:
    _, blocks = play(
        Streamed("t", ReasoningDelta(0, "a")), Streamed("t", ReasoningDelta(0, "b")), text("c"),
        view=ViewState(reasoning=ReasoningView.FULL),
    )  # fmt: skip
    assert blocks[:3] == [ReasoningText("a"), ReasoningText("b"), EndOfText()]


def test_change_reasoning_view_to_full_shows_reasoning_so_far() -> None:
    view, _ = play(Streamed("t", ReasoningDelta(0, "so far")))
    view, blocks = change_reasoning_view(view, ReasoningView.FULL)
    assert blocks == (ReasoningText("so far"),)
    assert change_reasoning_view(view, ReasoningView.LINE)[1] == (EndOfText(),)


def test_update_redacted_reasoning_says_hidden_by_provider() -> None:
    _, blocks = play(Streamed("t", ReasoningDelta(0, "", redacted=True)), text("x"))
    assert printed(blocks) == ["✻ thought 1.0s (hidden by the provider)"]


def test_update_tool_cards_follow_call_order() -> None:
    one, two = ToolCall("1", "a", "{}"), ToolCall("2", "b", "{}")
    result_one, result_two = (ToolResult(c.id, c.name, (Text("ok"),)) for c in (one, two))
    started = (ToolStarted("t", one), ToolStarted("t", two))
    view, blocks = play(*started, ToolFinished("t", two, result_two, 0.1))
    assert blocks == []
    view, more = update(view, ToolFinished("t", one, result_one, 0.2), 9)
    assert [(card.number, card.call.id) for card in more if isinstance(card, ToolCard)] == [(1, "1"), (2, "2")]


def test_update_calls_with_one_id_end_by_their_places() -> None:
    one, two = ToolCall("1", "a", '{"x": "one"}'), ToolCall("1", "a", '{"x": "two"}')
    result = ToolResult("1", "a", (Text("ok"),))
    started = (ToolStarted("t", one, 0), ToolStarted("t", two, 1))
    view, blocks = play(*started, ToolProgress("t", two, "printed", 1), ToolFinished("t", two, result, 0.1, 1))
    assert blocks == []
    assert view.turn
    assert [(c.place, c.state, c.output) for c in view.turn.calls] == [
        (0, CallState.RUNNING, ""),
        (1, CallState.DONE, "printed"),
    ]
    _, more = update(view, ToolFinished("t", one, result, 0.2, 0), 9)
    assert [card.call.arguments for card in more if isinstance(card, ToolCard)] == [one.arguments, two.arguments]


def test_update_tool_call_is_visible_while_arguments_stream() -> None:
    pieces: list[Delta] = [ToolCallDelta(0, "1", "search", '{"query": "a'), ToolCallDelta(0, arguments='bc"}')]
    view, _ = play(*(Streamed("t", piece) for piece in pieces))
    assert view.turn and [(c.name, c.arguments) for c in view.turn.calls] == [("search", '{"query": "abc"}')]
    view, _ = update(view, ToolStarted("t", ToolCall("1", "search", '{"query": "abc"}')), 5)
    assert view.turn and len(view.turn.calls) == 1
    assert view.turn.phase is Phase.RUNNING


def test_update_running_call_keeps_first_200_argument_characters() -> None:
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
def test_update_stop_for_retry_says_asked_again(received: bool) -> None:
    view, _ = play(*([text("half")] if received else []))
    view, blocks = update(turn_stopping(view, 8, again=True), ended(Outcome.CANCELLED, received=received), 9)
    assert printed(list(blocks))[-1] == (
        "↻ stopped after 6.2s, retried" if received else "↻ no reply for 6.2s, retried"
    )


def test_turn_stopping_after_retry_says_message_is_in_input() -> None:
    view, _ = play()
    view = turn_stopping(turn_stopping(view, 8, again=True), 9)
    _, blocks = update(view, ended(Outcome.CANCELLED, received=False), 9)
    assert "the message is back in the input" in printed(list(blocks))[0]


def test_update_retrying_phase_lasts_until_content() -> None:
    retrying = Streamed("t", Retrying(2, 3, 4.0, Failure(FailureKind.RATE_LIMITED, safe_format("Rate limited."))))
    view, _ = play(retrying)
    assert view.turn and view.turn.phase is Phase.RETRYING
    assert view.turn.until == 5.0
    view, _ = update(view, text("x"), 6)
    assert view.turn and view.turn.phase is Phase.REPLYING


def test_turn_stopping_phase_is_immediate_and_stays() -> None:
    view, _ = play(text("a"))
    view = turn_stopping(view, 2)
    view, _ = update(view, text("b"), 3)
    assert view.turn and view.turn.phase is Phase.STOPPING


def test_update_notices_close_text_block_once() -> None:
    _, blocks = play(
        text("a"),
        Notice("t", safe_format("Note.")),
        Streamed("t", ProviderNotice(safe_format("No images."))),
        text("b"),
    )
    assert [type(block) for block in blocks] == [ReplyText, EndOfText, StaticLines, StaticLines, ReplyText]


@pytest.mark.parametrize(("outcome", "times"), [(Outcome.FAILED, 1), (Outcome.CANCELLED, 1), (Outcome.COMPLETE, 2)])
def test_update_notice_repeats_only_after_complete_turn(outcome: Outcome, times: int) -> None:
    notice = Notice("t", safe_format("→ gpt-5.2 · 4 turns carried"))
    view, first = play(notice, ended(outcome, received=False))
    _, again = play(notice, text("a"), view=view)
    assert [*printed(first), *printed(again)].count("→ gpt-5.2 · 4 turns carried") == times


def test_update_event_of_other_turn_is_ignored() -> None:
    view, blocks = play(Streamed("other", TextDelta(0, "x")))
    assert blocks == []
    assert view.turn and view.turn.first is None
