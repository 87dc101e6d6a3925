"""REPL: one prompt_toolkit Application for the whole session."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from prompt_toolkit.enums import EditingMode
from prompt_toolkit.key_binding import KeyBindings, KeyPress
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import Layout, Window

from termchat.config.keys.key_bindings import Action
from termchat.core.effects import ChangeSetting, Effect, PreviewTheme, ShowInPager
from termchat.core.errors import Failure, internal_error
from termchat.core.events import TurnEnded
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import Safe, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.chat_effects import resume_banner
from termchat.ui.frontend import FrontendContext
from termchat.ui.markdown.preload import warm_renderer
from termchat.ui.phrases import internal_error_line
from termchat.ui.repl.actions import Actions
from termchat.ui.repl.approval_answers import ApprovalAnswers
from termchat.ui.repl.chat_summary import ChatSummary
from termchat.ui.repl.effects import EffectRunner
from termchat.ui.repl.external_programs import ExternalPrograms
from termchat.ui.repl.input.prompt_toolkit_keys import make_bindings, quick_escape
from termchat.ui.repl.input.saved_history import SavedHistory
from termchat.ui.repl.key_table import bound_actions
from termchat.ui.repl.live_settings import SettingsApplier
from termchat.ui.repl.panels.content import LiveContent
from termchat.ui.repl.panels.history_picker import HistoryPicker
from termchat.ui.repl.panels.layout import LiveLayout
from termchat.ui.repl.panels.style import DEPTHS
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.repl.widgets import Widgets, build_widgets
from termchat.ui.stderr import QuietHandler
from termchat.ui.terminal.capture_output import captured_output
from termchat.ui.terminal.key_hold import HoldingKeyProcessor
from termchat.ui.terminal.keyboard import Keyboard
from termchat.ui.terminal.notify import Notifier
from termchat.ui.terminal.output import make_output
from termchat.ui.terminal.queries import TerminalQueries
from termchat.ui.terminal.renderer import LiveApplication, reflow_of
from termchat.ui.terminal.screen import Screen
from termchat.ui.text.ascii import to_ascii
from termchat.ui.text.line import styled_line
from termchat.ui.text.palette import Palette
from termchat.ui.tools.approval_card import request_title
from termchat.ui.turn_end import ContextOffer

_log = logging.getLogger("termchat")


async def run_repl(context: FrontendContext) -> int:
    """Run the REPL until the user leaves; return the exit code. The terminal is restored however the REPL ends."""
    return await Repl(context).run()


class Repl:
    """Creates the parts of the REPL, connects them, and runs the application."""

    def __init__(self, context: FrontendContext) -> None:
        self.context = context
        self._early = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self.output = make_output(sys.__stdout__ or sys.stdout, context.env)
        self.keyboard = Keyboard(sys.__stdin__ or sys.stdin, self._deliver, self._answered)
        self.app = self._build_application()
        self.screen = Screen(self.app)
        self.widgets = self._build_widgets()
        self.saved_history = SavedHistory(context.session, self.widgets.editor, context.registry.is_private)
        self.summary = ChatSummary(context.session)
        self._context_offer = ContextOffer(context.session, context.providers)
        self.turns = TurnRunner(context, self.widgets, self.refresh, self._ended, self._asked)
        self.terminal = TerminalQueries(self.screen, context.tty, context.env, self._build_notifier(), self._background)
        self.programs = ExternalPrograms(self.screen, context, self.widgets, self.terminal.reapply)
        self.settings = SettingsApplier(context, self.widgets, self.turns, self.refresh)
        self.effects = EffectRunner(context, self.widgets, self.turns, self)
        self.actions = Actions(context, self.widgets, self.turns, self.effects, self._build_answers())
        self.live = self._build_layout()
        self.app.key_bindings = self._build_bindings()

    def _build_application(self) -> LiveApplication:
        look = self.context.look
        app = LiveApplication(
            self.output,
            Palette(self.context.theme, look.depth),
            reflow=reflow_of(self.context.env),
            layout=Layout(Window()),  # the layout needs the screen, which needs the application
            input=self.keyboard,
            color_depth=DEPTHS[look.depth],
            erase_when_done=True,
            mouse_support=False,
            terminal_size_polling_interval=None,
            editing_mode=EditingMode.VI if look.vi else EditingMode.EMACS,
        )
        self.keys = app.key_processor = HoldingKeyProcessor(app.key_processor)
        self.keys.before_key_press += self._key_pressed
        quick_escape(app)
        return app

    def _build_widgets(self) -> Widgets:
        widgets = build_widgets(self.context, self.screen, self.refresh, self._typed, self._answer, self._type)
        self.keys.sift = widgets.late.sift
        return widgets

    def _build_answers(self) -> ApprovalAnswers:
        return ApprovalAnswers(self.widgets.approval, self.turns, self.programs, self.widgets.toast.say)

    def _answer(self, letter: str) -> None:
        self.actions.approvals.answer(letter)

    def _type(self, letter: str) -> None:
        self.widgets.editor.buffer.insert_text(letter)

    def _build_notifier(self) -> Notifier:
        look, env = self.context.look, self.context.env
        sequences = env.get("TERM") not in ("dumb", "linux")
        return Notifier(
            look.notify,
            env,
            self.screen.write_control,
            self._show_complaint,
            sequences=sequences,
            long_turn=look.timings.long_turn,
        )

    def _build_layout(self) -> LiveLayout:
        content = LiveContent(self.context, self.widgets, self.turns, self.summary)
        live = LiveLayout(content.source(), self.widgets.style)
        self.app.layout = live.layout
        return live

    def _build_bindings(self) -> KeyBindings:
        actions = bound_actions(self.actions) | self._terminal_actions()
        return make_bindings(
            self.context.look.keys,
            {action: self._focusing(run) for action, run in actions.items()},
            self.widgets,
            lambda: not self.app.layout.has_focus(self.live.input),
            vi=self.context.look.vi,
        )

    def _terminal_actions(self) -> dict[Action, Callable[[], None]]:
        history = HistoryPicker(self.saved_history, self.widgets, self.context.session.location.directory)
        return {
            Action.REASONING: self._reasoning,
            Action.HISTORY: history.open,
            Action.EDITOR: self.programs.edit,
            Action.SUSPEND: self.programs.suspend,
            Action.REDRAW: self.screen.repaint,
        }

    def _reasoning(self) -> None:
        """Switch to the next reasoning style; without a running turn, show the last reasoning in the pager."""
        view = self.turns.view
        if view.busy:
            style = self.turns.next_reasoning_view()
            if self.context.preferences:
                self.context.preferences.change("reasoning", style)  # so that /set shows the current style
            self.widgets.toast.say(safe_format("reasoning: {style}", style=Safe(style)))
        elif thought := self.summary.thought:
            self.programs.page(safe(thought))
        else:
            self.widgets.toast.say(safe_format("No reasoning to read yet."))

    def _background(self, kind: str) -> None:
        """Switch to the theme for the background that the terminal reports."""
        if self.settings.background_detected(kind):
            self.screen.repaint()

    def _ended(self, ended: TurnEnded, seconds: float) -> None:
        words = safe_format("{model}: {outcome}", model=safe_line(ended.model.model), outcome=Safe(ended.outcome))
        self.terminal.ended(words, seconds)
        if offer := self._context_offer.after_turn():
            self.widgets.transcript.lines([styled_line(offer, TextRole.WARNING)])

    def _asked(self) -> None:
        """Ring or notify: a tool call waits for an answer."""
        request = self.widgets.approval.request
        if request:
            self.terminal.asked(request_title(request))

    async def run(self) -> int:
        """Take the terminal, run until the user leaves, and restore the terminal; return the exit code."""
        self._loop = loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.leave, 128 + number)
        loop.add_signal_handler(signal.SIGQUIT, self._quit)
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        loop.add_signal_handler(signal.SIGCONT, self._continued)
        loop.add_signal_handler(signal.SIGTSTP, self.programs.stopped)
        loop.set_exception_handler(self._bug)
        if not _log.handlers:
            _log.addHandler(QuietHandler())
        typed = self.context.typeahead
        if tty := self.context.tty:
            self.app.takes_row = tty.close_early_prompt()
            typed, tty.typed, tty.touched = tty.typed, "", True
        self._early = typed
        try:
            with captured_output(lambda words: loop.call_soon_threadsafe(self._show_output, words) and None):
                return await self.app.run_async(pre_run=self._begin, set_exception_handler=False, handle_sigint=False)
        except EOFError:
            return int(ExitCode.SIGHUP)
        finally:
            loop.remove_signal_handler(signal.SIGINT)  # from here on, Ctrl-C ends the program at once
            try:
                await self.turns.close()
                await self.effects.close()
                self.terminal.finish()
            finally:
                if self.context.tty:
                    self.context.tty.restore()

    def leave(self, code: int) -> None:
        """End the program; a running turn is stopped and saved."""
        if self.app.is_running and not self.app.is_done:
            self.app.exit(result=code)

    def _quit(self) -> None:
        """Leave on SIGQUIT, unless Ctrl-\\ was typed in the program that has the terminal."""
        if not self.programs.is_lent_out:
            self.leave(128 + signal.SIGQUIT)

    def _interrupted(self) -> None:
        """Act on SIGINT as on Ctrl-C, unless that was typed in the program that has the terminal."""
        if not self.programs.is_lent_out:
            self._deliver((KeyPress(Keys.SIGINT),))

    def _begin(self) -> None:
        """Continue the start after the first paint."""
        asyncio.get_running_loop().call_soon(self._painted)

    def _continued(self) -> None:
        """Restore the modes and the screen after SIGCONT: another program may have changed the terminal."""
        if self.context.tty and not self.programs.is_lent_out:
            self.context.tty.reapply_modes()
            self.app.output.enable_bracketed_paste()
            self.terminal.reapply(still_set=True)
            self.screen.repaint()

    def _painted(self) -> None:
        if self.context.tty:
            self.context.tty.save_modes()
        self.terminal.start()
        self.terminal.title(self._title())
        if self.context.notes:
            self.widgets.transcript.lines([styled_line(words, TextRole.DIM) for words in self.context.notes])
        if self.context.resumed:  # before the early keys: they may send a question, which is shown on its own
            self.effects.perform(resume_banner(self.context.session, self.context.resumed))
        if self._early:
            self._deliver(self.keyboard.parse_keys(self._early))
        self.context.notices.subscribe(self._show_failure)
        self.app.create_background_task(self._preload())

    async def _preload(self) -> None:
        try:
            await self.effects.offer.look()
            await self.context.preload_store()
            await self.saved_history.begin(self.context.resumed.draft if self.context.resumed else "")
            self.refresh()
            await self.context.preload_sdk()
            await asyncio.to_thread(warm_renderer)
        except Exception:
            _log.exception("the preload failed")

    def _show_failure(self, failure: Failure) -> None:
        """Show a failure outside of a turn, for example a full disk."""
        hint = [styled_line(failure.hint, TextRole.DIM)] if failure.hint else []
        self.widgets.transcript.lines([styled_line(failure.message, TextRole.WARNING), *hint])

    def _deliver(self, keys: Sequence[object]) -> None:
        self.app.key_processor.feed_multiple(list(keys))  # type: ignore[arg-type]
        self.app.key_processor.process_keys()

    def _answered(self, reply: str) -> None:
        self.terminal.reply(reply)

    def refresh(self, *, ticked: bool = False) -> None:
        """Redraw the live region, the title and the progress mark; if time only `ticked`, just what has changed."""
        self.actions.calls.follow()
        self._focus()
        self.terminal.title(self._title())
        self.terminal.working(self.turns.busy)
        if not (ticked and self.live.redraw(self.app)):
            self.app.invalidate()

    def page(self, effect: ShowInPager) -> None:
        """Show a long text in the pager."""
        self.programs.page(effect.text)

    def hold_keys(self) -> None:
        """Keep all further keys until `release_keys`."""
        self.keys.hold()

    def release_keys(self) -> None:
        """Process the keys that were kept."""
        self.keys.release()

    def apply_setting(self, effect: ChangeSetting | PreviewTheme) -> Sequence[Effect]:
        """Change a setting; return the effects that report the result."""
        return self.settings.apply(effect)

    def write_control(self, sequence: str) -> None:
        """Send a control sequence to the terminal."""
        self.screen.write_control(sequence)

    def _title(self) -> Safe:
        topic = self.summary.topic
        words = safe_format("termchat: {topic}", topic=topic) if topic else safe_format("termchat")
        return to_ascii(
            safe_format("● {words}", words=words) if self.turns.busy else words, signs=self.context.look.signs
        )

    def _focusing(self, run: Callable[[], None]) -> Callable[[], None]:
        """Wrap an action so that it moves the focus at once: the next key may be in the same read."""

        def act() -> None:
            run()
            self._focus()

        return act

    def _focus(self) -> None:
        wanted = self.live.answer if self.widgets.approval.is_writing else self.live.input
        wanted = self.live.form if self.widgets.form.is_open else wanted
        wanted = self.live.filter if self.widgets.picker.is_open else wanted
        if not self.app.layout.has_focus(wanted):
            self.app.layout.focus(wanted)
            self.app.vi_state.input_mode = InputMode.INSERT

    def _key_pressed(self, _: object) -> None:
        """End the short message: it hides the status line, which the user acts on."""
        self.widgets.toast.clear()
        self.actions.key_pressed()

    def _typed(self) -> None:
        self.widgets.key_help.close()
        self.widgets.approval.text_typed()
        self.widgets.menu.update(self.widgets.editor.text_with_marks)
        self.saved_history.typed()

    def _bug(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Report an unexpected exception in two lines; the chat continues."""
        error = context.get("exception") or RuntimeError(str(context.get("message")))
        failure = internal_error(error)
        self.context.session.note_failure(failure)
        more = self.turns.view.step_labels.more
        lines = (internal_error_line(failure, more), TextRole.ERROR), (failure.hint, TextRole.DIM)
        with suppress(Exception):  # a bug in drawing must not be drawn for ever
            self.widgets.transcript.lines([styled_line(words, role) for words, role in lines])

    def _show_complaint(self, words: Safe) -> None:
        """Show a message for five seconds; called from another thread."""
        if self._loop:
            self._loop.call_soon_threadsafe(self.widgets.toast.say, words, 5.0)

    def _show_output(self, words: Safe) -> None:
        with suppress(Exception):  # the report of an error would be shown here, too
            self.widgets.transcript.lines([styled_line(words, TextRole.DIM)], gap=False)
