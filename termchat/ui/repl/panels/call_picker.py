"""Running tool calls for the picker (Ctrl-O): one of them can be cancelled alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic

from termchat.config.keys.key_bindings import Action, KeyMap
from termchat.core.effects import Choice, Effect, ShowInPager
from termchat.core.messages import main_argument
from termchat.core.sanitize import Safe, join, safe, safe_format, safe_line
from termchat.ui.phrases import duration
from termchat.ui.repl.panels.picker import PickerSource
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.repl.widgets import Widgets
from termchat.ui.tools.call_views import Calls, CallState, ToolCallView
from termchat.ui.turn_state import Phase

CANCEL_KEY = "x"
_PRINTED = 3  # rows of the output of the marked call


class CallList:
    """Opens the list of the running calls, and closes it when none runs any more."""

    def __init__(self, widgets: Widgets, turns: TurnRunner) -> None:
        self._picker = widgets.picker
        self._late = widgets.late
        self._editor = widgets.editor
        self._turns = turns
        self._source: CallSource | None = None

    @property
    def can_open(self) -> bool:
        """Return True while a call runs that can be cancelled."""
        turn = self._turns.view.turn
        return turn is not None and turn.phase is not Phase.STOPPING and _any_runs(turn.calls)

    @property
    def is_open(self) -> bool:
        return self._source is not None and self._picker.shows(self._source)

    def unfold_or_open(self) -> None:
        """Unfold the paste nearest to the cursor; without one, open the list over the input, which keeps its text."""
        turn = self._turns.view.turn
        if turn and not self._editor.unfold():
            self._source = CallSource(turn.calls, self._turns.cancel_call)
            self._picker.open(self._source)

    def follow(self) -> None:
        """Show the calls as they are now; close the list when none of its calls runs."""
        if self._source is None or not self.is_open:
            return
        turn = self._turns.view.turn
        self._source.update(turn.calls if turn else ())
        if not self.can_open:
            self._picker.close()
            self._late.list_closed()


@dataclass(slots=True)
class _Row:
    """A call in the list; `cancelled` once the user has cancelled it."""

    call: ToolCallView
    cancelled: bool = False


class CallSource(PickerSource):
    """The calls of a reply that run or wait when the list opens; one that has not started has no place yet.

    Each keeps its row until the list closes: the key that cancels must not meet another call because one has just
    ended. Below the rows stands the last that the marked call has printed.
    """

    takes_text = False

    def __init__(self, calls: Calls, cancel: Callable[[int], None]) -> None:
        self._rows = [_Row(call) for call in calls if call.state in (CallState.RUNNING, CallState.WAITING)]
        self._cancel = cancel
        runs = [n for n, row in enumerate(self._rows) if row.call.state is CallState.RUNNING]
        super().__init__(safe_format("Tool calls"), start=runs[0] if runs else 0)

    def update(self, calls: Calls) -> None:
        """Take over the state of the calls; one whose card is shown already has ended."""
        now = {call.place: call for call in calls}
        for row in self._rows:
            row.call = now.get(row.call.place) or replace(row.call, state=CallState.DONE)

    def hint(self, keys: KeyMap) -> Safe:
        opens = keys.hint(Action.ENTER, safe_format("output"))
        names = [keys.arrows, opens, safe_format("{key} cancels", key=Safe(CANCEL_KEY)), keys.label(Action.ESCAPE)]
        return join(" · ", [name for name in names if name])

    def search(self, text: str) -> Sequence[Choice]:
        """Return all rows, whatever the text."""
        time = monotonic()
        return [
            Choice(_label(row.call), _state(row, time), name=str(row.call.place), preview=_tail(row.call.output))
            for row in self._rows
        ]

    def on_key(self, choice: Choice, key: str) -> None:
        """Cancel the marked call if it runs; one that waits for an answer is left to its question."""
        row = self._row_of(choice)
        if key == CANCEL_KEY and row.call.state is CallState.RUNNING and not row.cancelled:
            row.cancelled = True
            self._cancel(row.call.place)

    def can_accept(self, choice: Choice) -> bool:
        return bool(self._row_of(choice).call.output.strip())

    def on_accept(self, choice: Choice) -> Sequence[Effect]:
        """Show the last of what the call has printed so far in the pager."""
        call = self._row_of(choice).call
        return (ShowInPager(safe_format("{call}\n\n{output}", call=_label(call), output=safe(call.output))),)

    def _row_of(self, choice: Choice) -> _Row:
        return next(row for row in self._rows if str(row.call.place) == choice.name)


def _any_runs(calls: Calls) -> bool:
    return any(call.state is CallState.RUNNING for call in calls)


def _label(call: ToolCallView) -> Safe:
    return join(" ", [part for part in (safe_line(call.name), main_argument(call.arguments)) if part])


def _tail(output: str) -> Safe:
    """Return the last rows of what a call has printed."""
    return Safe("\n".join([row for row in safe(output).split("\n") if row.strip()][-_PRINTED:]))


def _state(row: _Row, now: float) -> Safe:
    """Return `3s`, `cancelling`, `cancelled`, `ended` or `waiting`."""
    match row.call.state:
        case CallState.DONE:
            return safe_format("cancelled") if row.cancelled else safe_format("ended")
        case CallState.WAITING:
            return safe_format("waiting")
        case CallState.WRITING | CallState.RUNNING:
            return safe_format("cancelling") if row.cancelled else duration(now - row.call.since)
