"""Contents of the live region."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from time import monotonic

from prompt_toolkit.application import get_app
from prompt_toolkit.key_binding.vi_state import InputMode

from termchat.config.keys.key_bindings import Action
from termchat.config.paths import tilde_path
from termchat.config.settings import ReasoningView
from termchat.core.models import ModelRef
from termchat.core.sanitize import EMPTY, Safe, join, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.frontend import FrontendContext
from termchat.ui.markdown.plain_text import wrap_line
from termchat.ui.phrases import budget_share
from termchat.ui.repl.chat_summary import ChatSummary
from termchat.ui.repl.panels.approval_panel import LOW_ROWS
from termchat.ui.repl.panels.key_help import key_help_lines
from termchat.ui.repl.panels.layout import LiveRegionSource
from termchat.ui.repl.panels.status import QUIET, StatusInfo, busy_line, fit, idle_line, is_stalled, spinner
from termchat.ui.repl.transcript import prompt_sign
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.repl.widgets import Widgets
from termchat.ui.text.fit import text_width, truncate
from termchat.ui.text.line import Line, styled_line
from termchat.ui.text.row import Row, Segment
from termchat.ui.tools.call_views import CallState
from termchat.ui.tools.tool_cards import live_rows
from termchat.ui.turn_state import TurnState

_THOUGHT_ROWS = 4
_QUEUE_ROWS = 3
_ROWS_BESIDE_QUESTION = 2
_SIDE_ROWS, _ROWS_BESIDE_REPLY = 8, 2
_NARROWEST, _LOWEST = 20, 6
_VI_MODES = {
    InputMode.NAVIGATION: "NORMAL",
    InputMode.REPLACE: "REPLACE",
    InputMode.REPLACE_SINGLE: "REPLACE",
}


class LiveContent:
    """Renders the state of the other objects as the lines of the live region."""

    def __init__(self, context: FrontendContext, widgets: Widgets, turns: TurnRunner, summary: ChatSummary) -> None:
        self._context = context
        self._keys = context.look.keys
        self._editor = widgets.editor
        self._menu = widgets.menu
        self._picker = widgets.picker
        self._toast = widgets.toast
        self._key_help = widgets.key_help
        self._approval = widgets.approval
        self._form = widgets.form
        self._transcript = widgets.transcript
        self._turns = turns
        self._summary = summary
        self._limit: tuple[object, int] = (None, 0)
        self._busy_line: tuple[object, Line] = (None, ())

    @property
    def columns(self) -> int:
        return self._transcript.columns

    @property
    def rows(self) -> int:
        return self._transcript.rows

    def source(self) -> LiveRegionSource:
        """Return the parts of the live region, as functions that render the current state."""
        sign = prompt_sign(signs=self._context.look.signs)
        return LiveRegionSource(
            self._editor,
            rows=lambda: self.rows,
            calls=self._unless_tiny(self.calls),
            queue=self._unless_tiny(self.queue),
            panel=self.panel,
            panel_painted=self._approval.painted,
            menu=self._unless_tiny(self.below_input),
            status=self.status_lines,
            placeholder=self.placeholder,
            prompt=lambda: sign,
            filter=self._picker.filter,
            picking=lambda: self._picker.is_open,
            answer=self._approval.text,
            answer_prompt=self._approval.prompt,
            answering=lambda: self._approval.is_writing,
            form=self._form.text,
            form_prompt=lambda: self._form.prompt(self.columns, self._glyph()),
            filter_prompt=lambda: EMPTY if self._picker.takes_letters else Safe("/ "),
            filter_shown=lambda text: self._picker.shown_filter(text, signs=self._context.look.signs),
            form_shown=lambda text: self._form.shown(text, signs=self._context.look.signs),
            filling=lambda: self._form.is_open,
            spaced=lambda: self._transcript.blank and not self._transcript.replying,
        )

    @property
    def tiny(self) -> bool:
        """Return True if there is only room for the prompt."""
        return self.columns < _NARROWEST or self.rows < _LOWEST

    def placeholder(self) -> Safe:
        """Return the hints for an empty input, as many as fit."""
        keys = self._keys
        stops = EMPTY if self._approval.is_listing else keys.hint(Action.ESCAPE, safe_format("to stop"))
        words = [safe_format("Type to queue"), stops]
        if not self._turns.busy:
            words = [
                safe_format("Ask anything"),
                safe_format("/ commands"),
                keys.hint(Action.KEY_HELP, safe_format("keys")),
            ]
            if not self._context.enter_sends:
                words.insert(1, safe_format("{key} sends", key=self._context.sends))
        elif self._approval.has_focus(empty_input=self._editor.empty):
            words = [safe_format("Answer with a letter"), safe_format("other text is queued")]
        words = [part for part in words if part]
        while words and text_width(join(" · ", words)) > self.columns - 4:
            words.pop()
        return EMPTY if self.tiny else join(" · ", words)

    def status_lines(self) -> Sequence[Line]:
        """Return the status line; on a tiny screen only a toast."""
        return [fit(self.status(), self.columns - 1)] if self._toast.words or not self.tiny else ()

    def status(self) -> Line:
        """Return the line below the input: the toast, the running turn, or the session."""
        turn = self._turns.view.turn
        if self._approval.is_writing and not self._toast.words:
            enter, escape = self._keys.label(Action.ENTER), self._keys.label(Action.ESCAPE)
            words = safe_format("{enter} sends it · {escape} goes back to the answers", enter=enter, escape=escape)
            return styled_line(truncate(words, self.columns - 1), TextRole.DIM)
        if self._toast.words:
            return styled_line(truncate(self._toast.words, self.columns - 1), TextRole.WARNING)
        if turn:
            return self._busy(turn, monotonic())
        if comparing := self._turns.side.status(self._keys.label(Action.ESCAPE)):
            return styled_line(truncate(comparing, self.columns - 1), TextRole.DIM)
        return idle_line(self._facts(), self.columns)

    def calls(self) -> Sequence[Line]:
        """Return the replies beside the chat, and the last rows of the reasoning or the running tools."""
        return [*self._beside(), *self._running()]

    def _beside(self) -> Sequence[Line]:
        """Return the replies beside the chat; while the chat replies, too, fewer of them."""
        side, rows = self._turns.side, _ROWS_BESIDE_REPLY if self._turns.view.busy else _SIDE_ROWS
        if side.comparing and not self._turns.view.busy:
            rows = max(rows, self.rows // 3)
        signs = self._context.look.signs
        return side.rows(self.columns, min(rows, self.rows - 4), self._glyph(), signs=signs) if side.active else ()

    def _running(self) -> Sequence[Line]:
        turn = self._turns.view.turn
        if turn is None:
            return ()
        if turn.thinking and self._turns.view.reasoning is ReasoningView.TAIL:
            return [row.segments for row in self._thought(turn.thinking.tail)]
        if self._picker.takes_letters:
            return ()  # the list has a row for each call
        rows = live_rows(turn.calls, monotonic(), self.columns, self._glyph())
        if self._approval.request is None:
            return rows
        return rows[:_ROWS_BESIDE_QUESTION] if self.rows >= LOW_ROWS else ()

    def panel(self) -> Sequence[Line]:
        """Return the picker, or the question about a tool call."""
        if self._picker.is_open or self._form.is_open:
            self._approval.covered()
        if self._picker.is_open:
            return self._picker.lines(self.columns, self.rows)
        if self._form.is_open:
            return self._form.lines(self.columns, self.rows)
        return self._approval.lines(self.columns, self.rows, empty_input=self._editor.empty)

    def queue(self) -> Sequence[Line]:
        """Return the last queued messages, marking those that go with the next step."""
        queue, sign = self._turns.queue, "⧗" if self._context.look.signs else "-"
        rows: list[Line] = []
        for n in range(max(0, len(queue) - _QUEUE_ROWS), len(queue)):
            words = Safe(f"{sign} {n + 1} {safe_line(self._editor.pastes.shown(queue[n]))}")
            soon = safe_format(" · sent with the next step") if n < self._turns.steering else EMPTY
            if not soon and self._turns.merges_queue and 0 < n == len(queue) - 1:
                soon = safe_format(" · sent as one message")
            soon = soon if self.columns > 2 * text_width(soon) else EMPTY
            words = truncate(words, self.columns - 2 - text_width(soon))
            rows.append(styled_line(Safe(f"{words}{soon}"), TextRole.DIM))
        return rows

    def below_input(self) -> Sequence[Line]:
        """Return the key sheet or the menu."""
        return key_help_lines(self._keys, self.columns) if self._key_help.shown else self._menu.lines(self.columns)

    def _busy(self, turn: TurnState, now: float) -> Line:
        """Return the line of a running turn; its text is rebuilt on a change, at least once a second."""
        queued, begun = len(self._turns.queue), now - turn.started >= QUIET or turn.first is not None
        stall = self._context.look.timings.stall
        second = (int(now - turn.since), is_stalled(turn, now, stall))
        vi, in_list = self._vi_mode(), self._picker.is_open or self._approval.is_listing
        running = sum(call.state is CallState.RUNNING for call in turn.calls)
        moment = (turn.id, turn.phase, turn.retry, second, begun, queued, self.columns, vi, in_list, running)
        if self._busy_line[0] != moment:
            self._busy_line = (
                moment,
                busy_line(turn, now, self.columns, "", queued, stall=stall, vi=vi, keys=self._keys, in_list=in_list),
            )
        words = self._busy_line[1]
        return (Segment(Safe(f"{self._glyph()} "), (TextRole.ACCENT,)), *words[1:]) if begun else words

    def _unless_tiny(self, lines: Callable[[], Sequence[Line]]) -> Callable[[], Sequence[Line]]:
        """Wrap a function so that it returns no lines on a tiny screen."""
        return lambda: () if self.tiny else lines()

    def _facts(self) -> StatusInfo:
        session = self._context.session
        think = session.settings.params.think
        context = self._summary.usage
        tokens = context.input + context.output if context else 0
        costs = [spent.cost for spent in session.totals.values() if spent.cost is not None]
        return StatusInfo(
            session.model,
            self._cwd(),
            tokens,
            self._reads(session.model) if tokens else 0,
            Safe(think.value) if think else EMPTY,
            cost=sum(costs, Decimal(0)),
            budget=budget_share(session.budget),
            queued=len(self._turns.queue),
            topic=self._summary.topic,
            saved=session.is_saved,
            role=safe_line(session.settings.role.name) if session.settings.role else EMPTY,
            vi=self._vi_mode(),
            keys=self._keys,
            sends=self._context.sends,
        )

    def _vi_mode(self) -> Safe:
        """Return the mode of the vi keys, in vi's words."""
        if not self._context.look.vi:
            return EMPTY
        mode = get_app().vi_state.input_mode
        return safe_format("-- {mode} --", mode=safe(_VI_MODES.get(mode, "INSERT")))

    def _reads(self, model: ModelRef) -> int:
        """Return the context size of a model in tokens, looked up once a turn; 0 if unknown."""
        moment = (model, id(self._turns.view.last))
        if self._limit[0] != moment:
            info = self._context.providers.model_info(model)
            self._limit = (moment, (info.context if info else None) or 0)
        return self._limit[1]

    def _cwd(self) -> Safe:
        """Return the working directory with ~ for the home directory."""
        return safe_line(tilde_path(self._context.cwd, self._context.env))

    def _thought(self, tail: str) -> Sequence[Row]:
        rows: list[Row] = []
        for text in safe(tail).strip("\n").split("\n")[-_THOUGHT_ROWS:]:
            rows += wrap_line(text, self.columns - 2)
        return rows[-_THOUGHT_ROWS:]

    def _glyph(self) -> str:
        return spinner(monotonic(), signs=self._context.look.signs, motion=self._context.look.motion)
