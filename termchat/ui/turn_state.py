"""State of the running turn, as a pure reducer.

`update(view, event, now)` returns the next state and the blocks to add to the scrollback. All times are seconds of
one monotonic clock, passed in. Front ends read the state and replace it as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias, assert_never

from termchat.config.settings import ReasoningView, UsageLine
from termchat.core.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CitationDelta,
    Delta,
    Event,
    Finished,
    MessageDone,
    Notice,
    ProviderNotice,
    ReasoningDelta,
    RequestAccepted,
    Retrying,
    SearchDelta,
    StepCounted,
    StepStarted,
    Streamed,
    TextBecameReasoning,
    TextDelta,
    ToolCallDelta,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    UsageDelta,
)
from termchat.core.messages import Citation, ToolCall
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import EMPTY, Safe, join, safe_format
from termchat.core.style import TextRole
from termchat.core.usage import token_weight
from termchat.ui.blocks import (
    Block,
    EndOfText,
    ReasoningText,
    ReplyText,
    Sources,
    StaticLines,
    TextWithdrawn,
    ToolCard,
)
from termchat.ui.next_steps import KEY_LABELS, StepLabels, end_lines
from termchat.ui.phrases import count, duration, retried_line, searched_line
from termchat.ui.text.citations import with_source
from termchat.ui.text.line import styled_line
from termchat.ui.tools.call_views import (
    Calls,
    CallState,
    waiting_requests,
    with_answer,
    with_end,
    with_output,
    with_piece,
    with_question,
    with_start,
)

Step: TypeAlias = "tuple[ViewState, tuple[Block, ...]]"
_TAIL = 4000  # characters of reasoning kept for the live rows; the message has all of it


class Phase(StrEnum):
    """The current activity of a turn."""

    WAITING = "waiting"
    THINKING = "thinking"
    REPLYING = "replying"
    CALLING = "writing a call"
    SEARCHING = "searching the web"
    RUNNING = "running tools"
    APPROVAL = "waiting for your answer"
    RETRYING = "retrying"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Thinking:
    """Reasoning that is being streamed: its start, its estimated tokens, and its last characters."""

    since: float
    tokens: float = 0.0
    tail: str = ""
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class TurnState:
    """The running turn.

    started, since, until   the time of sending, the start of the phase, and the time of an announced retry
    first      seconds until the first content, None before it
    last       time of the last event from the provider
    tokens     estimated tokens of the reply
    counted    output tokens as counted by the provider, None before the first count
    speaking   a reply text is open
    retry      the announced retry, until content comes
    again      the turn is being stopped in order to be retried
    """

    id: str
    model: ModelRef
    started: float
    phase: Phase = Phase.WAITING
    since: float = 0.0
    first: float | None = None
    last: float = 0.0
    tokens: float = 0.0
    counted: int | None = None
    thinking: Thinking | None = None
    speaking: bool = False
    calls: Calls = ()
    sources: tuple[Citation, ...] = ()
    retry: Retrying | None = None
    until: float = 0.0
    again: bool = False


@dataclass(frozen=True, slots=True)
class ViewState:
    """The running turn, the end of the last one, and the display settings.

    usage_line   the line of tokens and cost below each reply
    step_labels  the hints for the next step after a reply
    calls        number of the tool calls of this chat, by which /tool finds them
    last         the end of the last turn
    noticed      the last notice of the engine
    """

    turn: TurnState | None = None
    reasoning: ReasoningView = ReasoningView.TAIL
    usage_line: UsageLine = UsageLine.LINE
    step_labels: StepLabels = KEY_LABELS
    calls: int = 0
    last: TurnEnded | None = None
    noticed: Safe = EMPTY

    @property
    def busy(self) -> bool:
        return self.turn is not None

    @property
    def away(self) -> bool:
        """Return True if the last turn ended because its host could not be reached."""
        return bool(self.last and self.last.failure and self.last.failure.unreachable)


def turn_sent(view: ViewState, turn_id: str, model: ModelRef, now: float) -> ViewState:
    """Return the state after a question was sent."""
    return replace(view, turn=TurnState(turn_id, model, now, since=now, last=now))


def turn_stopping(view: ViewState, now: float, *, again: bool = False) -> ViewState:
    """Return the state after the user asked to stop the turn, or to stop and retry it (`again`)."""
    turn = view.turn
    if turn is None:
        return view
    since = turn.since if turn.phase is Phase.STOPPING else now
    return replace(view, turn=replace(turn, phase=Phase.STOPPING, since=since, again=again))


def change_reasoning_view(view: ViewState, shown: ReasoningView) -> Step:
    """Switch the reasoning view; reasoning that is being streamed changes at once."""
    turn = view.turn
    if turn is None or turn.thinking is None or view.reasoning is shown:
        return replace(view, reasoning=shown), ()
    if shown is ReasoningView.FULL:
        return replace(view, reasoning=shown), (ReasoningText(turn.thinking.tail),)
    return replace(view, reasoning=shown), (EndOfText(),) if view.reasoning is ReasoningView.FULL else ()


def update(view: ViewState, event: Event, now: float) -> Step:
    """Return the next state and the blocks to commit. Events of any other turn are ignored."""
    turn = view.turn
    if turn is None or event.turn_id != turn.id:
        return view, ()
    match event:
        case TurnStarted():
            return _with(view, replace(turn, model=event.model)), ()
        case StepStarted():
            return _with(view, _with_phase(replace(turn, calls=(), last=now), Phase.WAITING, now)), ()
        case Streamed():
            return _delta(view, turn, event.delta, now)
        case ToolStarted():
            return _tool_started(view, turn, event, now)
        case ApprovalAsked() | ApprovalAnswered() | ToolProgress() | ToolFinished():
            return _call_event(view, turn, event, now)
        case MessageDone() | StepCounted():
            return view, ()
        case Notice():
            return _notice(view, turn, event.words, now)
        case TurnEnded():
            return _ended(view, turn, event, now)
    assert_never(event)


def _delta(view: ViewState, turn: TurnState, delta: Delta, now: float) -> Step:
    turn = replace(turn, last=now)
    match delta:
        case TextDelta():
            return _text(view, turn, delta.text, now) if delta.text else (_with(view, turn), ())
        case TextBecameReasoning():
            return _withdrawn(view, turn, now)
        case ReasoningDelta():
            return _reasoning(view, turn, delta, now)
        case ToolCallDelta():
            return _call_piece(view, turn, delta, now)
        case UsageDelta():
            return _with(view, replace(turn, counted=delta.usage.output or turn.counted)), ()
        case Retrying():
            turn = replace(_with_phase(turn, Phase.RETRYING, now), retry=delta, until=now + delta.delay)
            return _with(view, turn), ()
        case ProviderNotice():
            return _commit_line(view, turn, delta.words, now)
        case SearchDelta():
            return _searching(view, turn, delta, now)
        case CitationDelta():
            return _with(view, replace(turn, sources=with_source(turn.sources, delta.citation))), ()
        case Finished() | RequestAccepted():
            return _with(view, turn), ()
    assert_never(delta)


def _text(view: ViewState, turn: TurnState, text: str, now: float) -> Step:
    turn, before = _end_reasoning(view, _content(turn, now), now)
    turn = replace(_with_phase(turn, Phase.REPLYING, now), tokens=turn.tokens + token_weight(text), speaking=True)
    return _with(view, turn), (*before, ReplyText(text))


def _withdrawn(view: ViewState, turn: TurnState, now: float) -> Step:
    """Turn the open reply text into reasoning."""
    if not turn.speaking:
        return _with(view, turn), ()
    thought = Thinking(turn.since, turn.tokens)
    words = EMPTY if view.reasoning is ReasoningView.FULL else thought_words(thought, now, view.step_labels)
    below = styled_line(safe_format("✻ the text above is reasoning, not the answer"), TextRole.REASONING)
    withdrawn = TextWithdrawn(styled_line(words, TextRole.REASONING) if words else None, below)
    return _with(view, replace(turn, speaking=False, tokens=0.0)), (withdrawn,)


def _reasoning(view: ViewState, turn: TurnState, delta: ReasoningDelta, now: float) -> Step:
    before = _end_reply_text(turn) if not turn.thinking else ()
    turn = replace(_with_phase(_content(turn, now), Phase.THINKING, now), speaking=False)
    so_far = turn.thinking or Thinking(now)
    thinking = replace(
        so_far,
        tokens=so_far.tokens + token_weight(delta.text),
        tail=(so_far.tail + delta.text)[-_TAIL:],
        redacted=so_far.redacted or delta.redacted,
    )
    shown = (ReasoningText(delta.text),) if view.reasoning is ReasoningView.FULL and delta.text else ()
    return _with(view, replace(turn, thinking=thinking)), (*before, *shown)


def _searching(view: ViewState, turn: TurnState, delta: SearchDelta, now: float) -> Step:
    """Commit the queries of a web search of the provider; before they are known, only change the phase."""
    turn, before = _close_open_text(view, _content(turn, now), now)
    turn = _with_phase(turn, Phase.SEARCHING, now)
    if not delta.queries:
        return _with(view, turn), before
    return _with(view, turn), (*before, StaticLines((styled_line(searched_line(delta.queries), TextRole.DIM),)))


def _call_piece(view: ViewState, turn: TurnState, delta: ToolCallDelta, now: float) -> Step:
    turn, before = _close_open_text(view, _content(turn, now), now)
    turn = _with_phase(turn, Phase.CALLING, now)
    calls = with_piece(turn.calls, delta, now)
    return _with(view, replace(turn, calls=calls, tokens=turn.tokens + token_weight(delta.arguments))), before


def _tool_started(view: ViewState, turn: TurnState, event: ToolStarted, now: float) -> Step:
    turn, before = _close_open_text(view, turn, now)
    turn = replace(turn, calls=with_start(turn.calls, event.call, now, event.place))
    return _with(view, _with_phase(turn, Phase.RUNNING, now)), before


def _call_event(
    view: ViewState,
    turn: TurnState,
    event: ApprovalAsked | ApprovalAnswered | ToolProgress | ToolFinished,
    now: float,
) -> Step:
    match event:
        case ApprovalAsked():
            return _calls_changed(view, turn, with_question(turn.calls, event), now), ()
        case ApprovalAnswered():
            return _calls_changed(view, turn, with_answer(turn.calls, event, now), now), ()
        case ToolProgress():
            return _with(view, replace(turn, calls=with_output(turn.calls, event))), ()
        case ToolFinished():
            return _commit_cards(_calls_changed(view, turn, with_end(turn.calls, event), now))


def _calls_changed(view: ViewState, turn: TurnState, calls: Calls, now: float) -> ViewState:
    """Return the state with changed calls; while a call waits for an answer, so does the turn."""
    phase = Phase.APPROVAL if waiting_requests(calls) else Phase.RUNNING
    return _with(view, _with_phase(replace(turn, calls=calls), phase, now))


def _commit_cards(view: ViewState) -> Step:
    """Commit cards in the order of the calls: a finished call waits for the calls before it."""
    turn, cards = view.turn, list[ToolCard]()
    assert turn is not None
    calls = list(turn.calls)
    while calls and calls[0].state is CallState.DONE:
        call = calls.pop(0)
        assert call.result is not None
        number = view.calls + len(cards) + 1
        cards.append(
            ToolCard(number, ToolCall(call.id, call.name, call.arguments), call.result, call.seconds, gap=not cards)
        )
    return replace(view, turn=replace(turn, calls=tuple(calls)), calls=view.calls + len(cards)), tuple(cards)


def _notice(view: ViewState, turn: TurnState, words: Safe, now: float) -> Step:
    """Commit a notice of the engine, once even if the question is sent again."""
    if view.noticed == words and view.last and view.last.outcome is not Outcome.COMPLETE:
        return view, ()
    return _commit_line(replace(view, noticed=words), turn, words, now)


def _commit_line(view: ViewState, turn: TurnState, words: Safe, now: float) -> Step:
    turn, before = _close_open_text(view, turn, now)
    return _with(view, turn), (*before, StaticLines((styled_line(words, TextRole.DIM),)))


def _ended(view: ViewState, turn: TurnState, ended: TurnEnded, now: float) -> Step:
    turn, before = _close_open_text(view, turn, now)
    view, cards = _commit_cards(_with(view, turn))
    again = turn.again and ended.outcome is Outcome.CANCELLED
    lines = (
        (styled_line(retried_line(ended), TextRole.DIM),)
        if again
        else end_lines(ended, view.step_labels, view.usage_line)
    )
    static = (StaticLines(lines),) if lines else ()
    sources = (Sources(turn.sources),) if turn.sources else ()
    return replace(view, turn=None, last=ended), (*before, *cards, *sources, *static)


def _close_open_text(view: ViewState, turn: TurnState, now: float) -> tuple[TurnState, tuple[Block, ...]]:
    """Close the open reply text and reasoning; return the turn and the blocks to commit."""
    turn, thought = _end_reasoning(view, turn, now)
    return replace(turn, speaking=False), (*thought, *_end_reply_text(turn))


def _end_reply_text(turn: TurnState) -> tuple[Block, ...]:
    return (EndOfText(),) if turn.speaking else ()


def _end_reasoning(view: ViewState, turn: TurnState, now: float) -> tuple[TurnState, tuple[Block, ...]]:
    if turn.thinking is None:
        return turn, ()
    shown = (EndOfText(),) if view.reasoning is ReasoningView.FULL else ()
    summary = StaticLines((styled_line(thought_words(turn.thinking, now, view.step_labels), TextRole.REASONING),))
    return replace(turn, thinking=None), (*shown, summary)


def thought_words(thinking: Thinking, now: float, labels: StepLabels = KEY_LABELS) -> Safe:
    """Return the summary of reasoning, `✻ thought 12s · ~1.2k tok · Ctrl-T to read`."""
    took = duration(now - thinking.since)
    if thinking.redacted and not thinking.tail.strip():
        return safe_format("✻ thought {t} (hidden by the provider)", t=took)
    spent = safe_format("✻ thought {t} · ~{n} tok", t=took, n=count(round(thinking.tokens)))
    return join(" · ", [spent, labels.read] if labels.read else [spent])


def _content(turn: TurnState, now: float) -> TurnState:
    return turn if turn.first is not None else replace(turn, first=now - turn.started, retry=None)


def _with_phase(turn: TurnState, phase: Phase, now: float) -> TurnState:
    """Switch the phase; a stopping turn stays in its phase."""
    if turn.phase in (phase, Phase.STOPPING):
        return turn
    return replace(turn, phase=phase, since=now)


def _with(view: ViewState, turn: TurnState) -> ViewState:
    return replace(view, turn=turn)
