"""The view: what the front end knows of the turn that runs, and what each event adds to the scrollback.

`step(view, event, now)` is pure: it takes the state and an event and gives the next state and the blocks to be
committed. Times are seconds of one clock, handed in. Whoever shows the view reads it, and changes nothing in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias, assert_never

from termchat.config.settings import ReasoningView
from termchat.core.events import (
    CitationDelta,
    Delta,
    Event,
    Finished,
    MessageDone,
    Notice,
    ProviderNotice,
    ReasoningDelta,
    Retrying,
    SearchDelta,
    StepStarted,
    Streamed,
    TextDelta,
    ToolCallDelta,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    UsageDelta,
)
from termchat.core.messages import Citation, ToolCall, ToolResult
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import EMPTY, Safe, join, safe_format
from termchat.core.style import TextRole
from termchat.core.usage import token_weight
from termchat.ui.blocks import Block, EndOfText, ReasoningText, ReplyText, Sources, StaticLines, ToolCard
from termchat.ui.next_steps import KEY_LABELS, StepLabels, next_steps
from termchat.ui.phrases import count, duration, outcome_line, retried_line, searched_line, usage_line
from termchat.ui.text.line import Line, linked, styled_line

Step: TypeAlias = "tuple[ViewState, tuple[Block, ...]]"
_TAIL = 4000  # characters of reasoning kept for the live rows; the whole of it is in the message
_HEAD = 200  # characters of a call's arguments kept for its live row; the whole of them is in the call


class Phase(StrEnum):
    """What the turn is doing."""

    WAITING = "waiting"
    THINKING = "thinking"
    REPLYING = "replying"
    CALLING = "writing a call"
    SEARCHING = "searching the web"
    RUNNING = "running tools"
    RETRYING = "retrying"
    STOPPING = "stopping"


class CallState(StrEnum):
    WRITING = "writing"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ToolCallView:
    """A tool call on its way, of its arguments the beginning; all of them, `result` and `seconds` once it is over."""

    id: str
    name: str
    arguments: str
    since: float
    state: CallState = CallState.WRITING
    index: int = -1
    result: ToolResult | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Thinking:
    """A stretch of reasoning: how long, how much, and its last words."""

    since: float
    tokens: float = 0.0
    tail: str = ""
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class TurnState:
    """The turn that runs.

    started    when it was sent
    first      seconds until the first content, None before it
    last       when anything last came
    tokens     how much of the reply there is, estimated until the provider has counted
    again      it is being stopped to be asked again
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
    calls: tuple[ToolCallView, ...] = ()
    sources: tuple[Citation, ...] = ()
    retry: Retrying | None = None
    until: float = 0.0
    again: bool = False


@dataclass(frozen=True, slots=True)
class ViewState:
    """What is known: the running turn, how the last one ended, and how it is shown.

    ways      how the next step after a reply is offered
    noticed   what the engine noticed last
    """

    turn: TurnState | None = None
    reasoning: ReasoningView = ReasoningView.TAIL
    usage_line: bool = True
    step_labels: StepLabels = KEY_LABELS
    cards: tuple[ToolCard, ...] = ()
    last: TurnEnded | None = None
    noticed: Safe = EMPTY

    @property
    def busy(self) -> bool:
        return self.turn is not None

    @property
    def away(self) -> bool:
        """Whether the last turn ended because its host could not be reached."""
        return bool(self.last and self.last.failure and self.last.failure.unreachable)


def turn_sent(view: ViewState, turn_id: str, model: ModelRef, now: float) -> ViewState:
    """The view once a question has left."""
    return replace(view, turn=TurnState(turn_id, model, now, since=now, last=now))


def turn_stopping(view: ViewState, now: float, *, again: bool = False) -> ViewState:
    """The view once the user asked to stop, or to ask `again`, seen before anything else has happened."""
    turn = view.turn
    if turn is None:
        return view
    since = turn.since if turn.phase is Phase.STOPPING else now
    return replace(view, turn=replace(turn, phase=Phase.STOPPING, since=since, again=again))


def change_reasoning_view(view: ViewState, shown: ReasoningView) -> Step:
    """Show reasoning in another way from now on; reasoning that is being streamed changes at once."""
    turn = view.turn
    if turn is None or turn.thinking is None or view.reasoning is shown:
        return replace(view, reasoning=shown), ()
    if shown is ReasoningView.FULL:
        return replace(view, reasoning=shown), (ReasoningText(turn.thinking.tail),)
    return replace(view, reasoning=shown), (EndOfText(),) if view.reasoning is ReasoningView.FULL else ()


def update(view: ViewState, event: Event, now: float) -> Step:
    """The next view, and what is to be committed. Events of any other turn than the running one change nothing."""
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
            return _tool_started(view, turn, event.call, now)
        case ToolFinished():
            return _tool_finished(view, turn, event)
        case MessageDone():
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
            return _say(view, turn, delta.words, now)
        case SearchDelta():
            return _searching(view, turn, delta, now)
        case CitationDelta():
            return _with(view, _citing(turn, delta.citation)), ()
        case Finished():
            return _with(view, turn), ()
    assert_never(delta)


def _text(view: ViewState, turn: TurnState, text: str, now: float) -> Step:
    turn, before = _end_reasoning(view, _content(turn, now), now)
    turn = replace(_with_phase(turn, Phase.REPLYING, now), tokens=turn.tokens + token_weight(text), speaking=True)
    return _with(view, turn), (*before, ReplyText(text))


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
    said = (ReasoningText(delta.text),) if view.reasoning is ReasoningView.FULL and delta.text else ()
    return _with(view, replace(turn, thinking=thinking)), (*before, *said)


def _searching(view: ViewState, turn: TurnState, delta: SearchDelta, now: float) -> Step:
    """What the vendor looks for; a search whose question is not known yet only shows that it goes on."""
    turn, before = _close_open_text(view, _content(turn, now), now)
    turn = _with_phase(turn, Phase.SEARCHING, now)
    if not delta.queries:
        return _with(view, turn), before
    return _with(view, turn), (*before, StaticLines((styled_line(searched_line(delta.queries), TextRole.DIM),)))


def _citing(turn: TurnState, citation: Citation) -> TurnState:
    known = next((source for source in turn.sources if source.url == citation.url), None)
    if known is None:
        return replace(turn, sources=(*turn.sources, citation))
    if known.title or not citation.title:
        return turn
    return replace(turn, sources=tuple(citation if source is known else source for source in turn.sources))


def _call_piece(view: ViewState, turn: TurnState, delta: ToolCallDelta, now: float) -> Step:
    turn, before = _close_open_text(view, _content(turn, now), now)
    turn = _with_phase(turn, Phase.CALLING, now)
    known = next((c for c in turn.calls if c.index == delta.index and c.state is CallState.WRITING), None)
    call = known or ToolCallView(delta.id, delta.name, "", now, index=delta.index)
    head = (call.arguments + delta.arguments[:_HEAD])[:_HEAD]
    call = replace(call, id=delta.id or call.id, name=delta.name or call.name, arguments=head)
    calls = tuple(call if c is known else c for c in turn.calls) if known else (*turn.calls, call)
    return _with(view, replace(turn, calls=calls, tokens=turn.tokens + token_weight(delta.arguments))), before


def _tool_started(view: ViewState, turn: TurnState, call: ToolCall, now: float) -> Step:
    turn, before = _close_open_text(view, turn, now)
    known = next((c for c in turn.calls if c.state is CallState.WRITING and _same(c, call)), None)
    running = ToolCallView(call.id, call.name, call.arguments[:_HEAD], now, CallState.RUNNING)
    calls = tuple(running if c is known else c for c in turn.calls) if known else (*turn.calls, running)
    return _with(view, replace(_with_phase(turn, Phase.RUNNING, now), calls=calls)), before


def _tool_finished(view: ViewState, turn: TurnState, event: ToolFinished) -> Step:
    calls = tuple(
        replace(c, state=CallState.DONE, result=event.result, seconds=event.seconds, arguments=event.call.arguments)
        if c.id == event.call.id and c.state is not CallState.DONE
        else c
        for c in turn.calls
    )
    return _commit_cards(_with(view, replace(turn, calls=calls)))


def _commit_cards(view: ViewState) -> Step:
    """Cards are committed in the order of the calls: one that is over waits for those before it."""
    turn, cards = view.turn, list[ToolCard]()
    assert turn is not None
    calls = list(turn.calls)
    while calls and calls[0].state is CallState.DONE:
        call = calls.pop(0)
        assert call.result is not None
        number = len(view.cards) + len(cards) + 1
        cards.append(
            ToolCard(number, ToolCall(call.id, call.name, call.arguments), call.result, call.seconds, gap=not cards)
        )
    return replace(view, turn=replace(turn, calls=tuple(calls)), cards=(*view.cards, *cards)), tuple(cards)


def _notice(view: ViewState, turn: TurnState, words: Safe, now: float) -> Step:
    """Said once, also where the question has to be asked again."""
    if view.noticed == words and view.last and view.last.outcome is not Outcome.COMPLETE:
        return view, ()
    return _say(replace(view, noticed=words), turn, words, now)


def _say(view: ViewState, turn: TurnState, words: Safe, now: float) -> Step:
    turn, before = _close_open_text(view, turn, now)
    return _with(view, turn), (*before, StaticLines((styled_line(words, TextRole.DIM),)))


def _ended(view: ViewState, turn: TurnState, ended: TurnEnded, now: float) -> Step:
    turn, before = _close_open_text(view, turn, now)
    view, cards = _commit_cards(_with(view, turn))
    again = turn.again and ended.outcome is Outcome.CANCELLED
    lines = (styled_line(retried_line(ended), TextRole.DIM),) if again else _ending(ended, view)
    said = (StaticLines(lines),) if lines else ()
    sources = (Sources(turn.sources),) if turn.sources else ()
    return replace(view, turn=None, last=ended), (*before, *cards, *sources, *said)


def _ending(ended: TurnEnded, view: ViewState) -> tuple[Line, ...]:
    """What is said below a reply: its mark unless it is complete, what went wrong and the way out, the usage."""
    lines: list[Line] = []
    way = next_steps(ended, view.step_labels)
    if mark := outcome_line(ended):
        behind = styled_line(safe_format(" · {way}", way=way), TextRole.DIM) if way and not ended.failure else ()
        lines.append((*styled_line(mark, TextRole.WARNING), *behind))
    if ended.failure:
        lines.append(styled_line(ended.failure.message, TextRole.ERROR))
        lines.append(linked(way, ended.failure.url, TextRole.DIM))
    told = ended.has_content and not (ended.outcome is Outcome.CANCELLED and ended.usage.estimated)
    if view.usage_line and told:
        lines.append(styled_line(usage_line(ended), TextRole.DIM))
    return tuple(lines)


def _close_open_text(view: ViewState, turn: TurnState, now: float) -> tuple[TurnState, tuple[Block, ...]]:
    """The turn with nothing being said or thought any more, and what that commits."""
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


def thought_words(thinking: Thinking, now: float, ways: StepLabels = KEY_LABELS) -> Safe:
    """`✻ thought 12s · ~1.2k tok · Ctrl-T to read`."""
    took = duration(now - thinking.since)
    if thinking.redacted and not thinking.tail.strip():
        return safe_format("✻ thought {t} (hidden by the provider)", t=took)
    spent = safe_format("✻ thought {t} · ~{n} tok", t=took, n=count(round(thinking.tokens)))
    return join(" · ", [spent, ways.read] if ways.read else [spent])


def _same(writing: ToolCallView, call: ToolCall) -> bool:
    return writing.id == call.id if writing.id and call.id else writing.name == call.name


def _content(turn: TurnState, now: float) -> TurnState:
    return turn if turn.first is not None else replace(turn, first=now - turn.started, retry=None)


def _with_phase(turn: TurnState, phase: Phase, now: float) -> TurnState:
    """The turn in a phase; a turn that is stopping stays so."""
    if turn.phase in (phase, Phase.STOPPING):
        return turn
    return replace(turn, phase=phase, since=now)


def _with(view: ViewState, turn: TurnState) -> ViewState:
    return replace(view, turn=turn)
