"""One reply beside the chat: its live row while it comes, and its blocks once it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from termchat.config.settings import ReasoningView, UsageLine
from termchat.core.events import Event, Notice, StepStarted, Streamed, TextDelta, TurnEnded
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import Safe, join, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.blocks import Block, StaticLines
from termchat.ui.next_steps import COMMAND_LABELS
from termchat.ui.phrases import count, duration, outcome_line
from termchat.ui.text.fit import text_width, truncate_middle
from termchat.ui.text.line import Line, styled_line
from termchat.ui.text.row import Segment
from termchat.ui.turn_state import Phase, TurnState, ViewState, turn_sent, update

_TEXT_KEPT = 4096  # characters, more than the rows of a column show


class SideReply:
    """A reply beside the chat, which is shown whole once it has ended.

    label   what the live row calls it, such as `1 gpt-5.2`
    ended   the end of its turn, None while it runs
    text    the last characters that came, as the model wrote them
    """

    def __init__(self, label: Safe, model: ModelRef, now: float, reasoning: ReasoningView) -> None:
        self.label = label
        self.model = model
        self.ended: TurnEnded | None = None
        self.text = ""
        self._began = now
        shown = ReasoningView.FULL if reasoning is ReasoningView.FULL else ReasoningView.LINE
        self._view = ViewState(reasoning=shown, usage_line=UsageLine.OFF, step_labels=COMMAND_LABELS)
        self._blocks: list[Block] = []
        self._stopping = self._sent = False

    def stopping(self) -> None:
        """Show that the reply is being stopped."""
        self._stopping = True

    def update(self, event: Event, now: float) -> None:
        """Apply an event of the turn."""
        if self._view.turn is None and self.ended is None:
            self._view = turn_sent(self._view, event.turn_id, self.model, self._began)
        self._sent = self._sent or isinstance(event, StepStarted)
        if isinstance(event, Streamed) and isinstance(event.delta, TextDelta):
            self.text = (self.text + event.delta.text)[-_TEXT_KEPT:]
        if isinstance(event, Notice) and not self._sent:
            return  # the switch to the model, which the user has named
        self.ended = event if isinstance(event, TurnEnded) else self.ended
        if isinstance(event, TurnEnded):  # `_end_lines` shows its end
            event = replace(event, outcome=Outcome.COMPLETE, failure=None)
        self._view, blocks = update(self._view, event, now)
        self._blocks += blocks

    def blocks(self, heading: Sequence[Line], resume: Safe) -> tuple[Block, ...]:
        """Return the whole reply below its heading, with its outcome unless it is complete.

        `resume` says how to continue a reply that stopped.
        """
        lines = self._end_lines(resume)
        return (StaticLines(tuple(heading)), *self._blocks, *((StaticLines(lines),) if lines else ()))

    def _end_lines(self, resume: Safe) -> tuple[Line, ...]:
        ended = self.ended
        if ended is None:
            return ()
        lines: list[Line] = []
        if mark := outcome_line(ended):
            step = safe_format(" · {resume}", resume=resume)
            can = ended.outcome.can_continue and ended.has_content
            lines.append((*styled_line(mark, TextRole.WARNING), *(styled_line(step, TextRole.DIM) if can else ())))
        if failure := ended.failure:
            lines.append(styled_line(failure.message, TextRole.ERROR))
            if failure.hint:
                lines.append(styled_line(failure.hint, TextRole.DIM))
        return tuple(lines)

    def row(self, now: float, columns: int, glyph: str, *, signs: bool = True) -> Line:
        """Return the live row, `⠋ 1 gpt-5.2 · replying · ~214 tok · 3.1s`, without its last parts where it is narrow.

        The time goes before the tokens.
        """
        parts = self._parts(now)
        mark = glyph if self.ended is None else _end_mark(self.ended.outcome, signs=signs)
        room = columns - 3
        for shown in (parts, [parts[0], parts[1], parts[-1]], parts[:2]):
            words = join(" · ", shown)
            if text_width(words) <= room:
                break
        else:
            state = join(" · ", parts[1:2])
            label = truncate_middle(parts[0], max(4, room - text_width(state) - 3))
            words = truncate_middle(join(" · ", [label, state]), room)
        return (Segment(Safe(f"{mark} "), (TextRole.ACCENT,)), Segment(words, (TextRole.DIM,)))

    def _parts(self, now: float) -> list[Safe]:
        if self.ended:
            tokens = self.ended.usage.output
            about = safe("~" if self.ended.usage.estimated else "")
            spent = [safe_format("{a}{n} tok", a=about, n=count(tokens))] if tokens else []
            return [self.label, outcome_word(self.ended.outcome), *spent, duration(self.ended.timing.total)]
        turn = self._view.turn
        state = safe_format("stopping") if self._stopping else _phase_word(turn)
        tokens = max(round(turn.tokens), turn.counted or 0) if turn else 0
        if turn and turn.thinking:
            tokens = max(tokens, round(turn.thinking.tokens))
        spent = [safe_format("~{n} tok", n=count(tokens))] if tokens else []
        return [self.label, state, *spent, duration(now - self._began)]


def _phase_word(turn: TurnState | None) -> Safe:
    phase = turn.phase if turn else Phase.WAITING
    match phase:
        case Phase.RETRYING if turn and turn.retry:
            tries = safe(f"{turn.retry.attempt}/{turn.retry.tries}" if turn.retry.tries else str(turn.retry.attempt))
            return safe_format("retrying ({n})", n=tries)
        case _:
            return Safe(phase.value)


def outcome_word(outcome: Outcome) -> Safe:
    """Return the end of a reply in a word or two, for a cell of a table."""
    match outcome:
        case Outcome.COMPLETE:
            return safe_format("complete")
        case Outcome.LENGTH:
            return safe_format("token limit")
        case Outcome.FILTERED:
            return safe_format("filtered")
        case Outcome.REFUSED:
            return safe_format("declined")
        case Outcome.CUT:
            return safe_format("cut off")
        case Outcome.STALLED:
            return safe_format("timed out")
        case Outcome.CANCELLED:
            return safe_format("stopped")
        case Outcome.BUDGET:
            return safe_format("budget")
        case Outcome.LIMIT:
            return safe_format("limit")
        case Outcome.FAILED:
            return safe_format("failed")
    assert_never(outcome)


def _end_mark(outcome: Outcome, *, signs: bool) -> Safe:
    if outcome is Outcome.COMPLETE:
        return Safe("●" if signs else "*")
    mark = "✗" if outcome is Outcome.FAILED else "■"
    return Safe(mark if signs else "!")


def shown_model(model: ModelRef) -> Safe:
    """Return the full name of a model for a line."""
    return safe_line(str(model))
