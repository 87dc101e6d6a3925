"""The REPL: one Application for the whole session, from the first paint to the last."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from prompt_toolkit.enums import EditingMode

from termchat.commands.registry import CommandContext
from termchat.config.keymap import Action
from termchat.core.errors import Failure
from termchat.core.events import TurnEnded
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import Safe, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.chat_effects import resume_banner
from termchat.ui.frontend import FrontendContext
from termchat.ui.repl.actions import Actions
from termchat.ui.repl.chat_summary import ChatSummary
from termchat.ui.repl.clip import Clip
from termchat.ui.repl.effects import EffectRunner
from termchat.ui.repl.external_programs import ExternalPrograms
from termchat.ui.repl.input.bindings import make_bindings, quick_escape
from termchat.ui.repl.input.completion_menu import CompletionMenu
from termchat.ui.repl.input.editor import InputEditor
from termchat.ui.repl.input.saved_history import SavedHistory
from termchat.ui.repl.live_settings import SettingsApplier
from termchat.ui.repl.panels.content import LiveContent
from termchat.ui.repl.panels.history_picker import HistoryPicker
from termchat.ui.repl.panels.layout import LiveLayout
from termchat.ui.repl.panels.picker import Picker
from termchat.ui.repl.panels.style import DEPTHS, PromptToolkitStyle
from termchat.ui.repl.panels.toast import Toast
from termchat.ui.repl.transcript import Transcript, warm_renderer
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.terminal.capture_output import captured_output
from termchat.ui.terminal.keyboard import Keyboard
from termchat.ui.terminal.notify import Notifier
from termchat.ui.terminal.output import make_output
from termchat.ui.terminal.queries import TerminalQueries
from termchat.ui.terminal.renderer import LiveApplication, reflows
from termchat.ui.terminal.screen import Screen
from termchat.ui.text.ascii import to_ascii
from termchat.ui.text.line import styled_line
from termchat.ui.text.palette import Palette
from termchat.ui.turn_state import ViewState

_log = logging.getLogger("termchat")


async def run_repl(house: FrontendContext) -> int:
    """Run the REPL until the user leaves; return the exit code. The terminal is restored however the REPL ends."""
    return await Repl(house).run()


class Repl:
    """Builds the parts and joins them; each of them knows only what it was given."""

    def __init__(self, house: FrontendContext) -> None:
        self.house = house
        look = house.look
        self.output = make_output(sys.__stdout__ or sys.stdout, house.env)
        self.keyboard = Keyboard(sys.__stdin__ or sys.stdin)
        self.toast = Toast(self._changed)
        self.draft = InputEditor(self._typed)
        self.picker = Picker()
        view = ViewState(think=look.think, usage_line=look.usage)
        self.memory = SavedHistory(house.session, self.draft)
        self.talk = TurnRunner(house.session, house.providers, self.draft, view, self._changed, self._sign)
        self.talk.together = look.merge_queue
        self.context = CommandContext(house.session, house.providers, house.registry, house.preferences)
        self.menu = CompletionMenu(lambda text: house.registry.menu(self.context, text))
        self.gist = ChatSummary(house.session)
        size = self.output.get_size
        self.faces = LiveContent(house, self.talk, self.draft, self.menu, self.picker, self.toast, self.gist, size)
        self.parts = self.faces.parts(lambda: self._sign)
        self.skin = PromptToolkitStyle(house.theme, look.depth, signs=look.signs)
        self.live = LiveLayout(self.parts, self.skin)
        self.app = self._application()
        self.screen = Screen(self.app)
        self.painter = Transcript(
            self.screen,
            Palette(house.theme, look.depth),
            self._given_back,
            hyperlinks=look.hyperlinks,
        )
        self.painter.signs = look.signs
        self.talk.painter = self.painter
        self.parts.spaced = lambda: self.painter.blank and not self.painter.replying
        self.app.resized = self.painter.resized
        notifier = Notifier(
            look.notify,
            house.env,
            self.screen.write_control,
            self._complained,
            sequences=house.env.get("TERM") not in ("dumb", "linux"),
        )
        self.terminal = TerminalQueries(self.screen, house.tty, house.env, notifier, self._background)
        self.lender = ExternalPrograms(
            self.screen, self.draft, house.tty, house.env, self.toast.say, self.terminal.reapply
        )
        self.fitting = SettingsApplier(house, self.talk, self.painter, self.skin, self.picker, self._changed)
        self.recall = HistoryPicker(self.memory, self.draft, self.picker, self.toast, house.session.location.directory)
        self.performer = EffectRunner(
            self.talk,
            house.providers,
            self.painter,
            self.draft,
            self.picker,
            self._changed,
            self.lender.page,
            self.leave,
            self.fitting.do,
            Clip(house.env, self.screen.write_control, self.toast, self.painter).copy,
        )
        self.hands = Actions(
            self.context,
            self.draft,
            self.talk,
            self.menu,
            self.picker,
            self.toast,
            self.painter,
            self.performer,
            self.faces,
            self.leave,
        )
        actions = self.fitting.with_enter_key(
            {**self.hands.actions(), **self._terminal_actions()}, lambda: self.picker.is_open or self.menu.is_open
        )
        actions = {action: self._focusing(run) for action, run in actions.items()}
        self.app.key_bindings = make_bindings(
            actions,
            self.draft.paste,
            self._close_sheet,
            lambda: bool(self.draft.suggestion()),
            vi=look.vi,
        )
        self.talk.ended = self._ended
        self._early = ""
        self._loop: asyncio.AbstractEventLoop | None = None

    def _terminal_actions(self) -> dict[Action, Callable[[], None]]:
        return {
            Action.REASONING: self._reasoning,
            Action.HISTORY: self.recall.open,
            Action.EDITOR: self.lender.edit,
            Action.SUSPEND: self.lender.suspend,
            Action.REDRAW: self.screen.repaint,
        }

    def _reasoning(self) -> None:
        """Ctrl-T: another way of showing reasoning; when nothing runs, the last of it to read."""
        view = self.talk.view
        if view.busy:
            style = self.talk.next_think()
            if self.house.preferences:
                self.house.preferences.change("reasoning", style)  # /set tells what is so
            self.toast.say(safe_format("reasoning: {style}", style=Safe(style)))
        elif thought := self.gist.thought:
            self.lender.page(safe(thought))
        else:
            self.toast.say(safe_format("No reasoning to read yet."))

    def _background(self, kind: str) -> None:
        """The terminal has told its background: a theme made for it, from now on."""
        if self.fitting.background_detected(kind):
            self.screen.repaint()

    def _given_back(self) -> None:
        if not self.talk.restore_question():
            self.toast.say(safe_format("The message that got no answer is in the history: ↑"), 5.0)

    def _ended(self, ended: TurnEnded, seconds: float) -> None:
        words = safe_format("{model}: {outcome}", model=safe_line(ended.model.model), outcome=Safe(ended.outcome))
        self.terminal.ended(words, seconds)

    async def run(self) -> int:
        """Take the terminal, talk, give it back."""
        self._loop = loop = asyncio.get_running_loop()
        for number, code in ((signal.SIGTERM, ExitCode.SIGTERM), (signal.SIGHUP, ExitCode.SIGHUP)):
            loop.add_signal_handler(number, self.leave, int(code))
        loop.add_signal_handler(signal.SIGCONT, self._continued)
        loop.add_signal_handler(signal.SIGTSTP, self.lender.stopped)
        loop.set_exception_handler(self._bug)
        if not _log.handlers:
            _log.addHandler(logging.NullHandler())
        typed = self.house.typeahead
        if tty := self.house.tty:
            self.app.takes_row = tty.close_early_prompt()
            typed, tty.touched = tty.typed, True
        self._early = typed
        try:
            with captured_output(lambda words: loop.call_soon_threadsafe(self._stray, words) and None):
                return await self.app.run_async(pre_run=self._begin, set_exception_handler=False, handle_sigint=False)
        except EOFError:
            return int(ExitCode.SIGHUP)
        finally:
            try:
                await self.talk.close()
                self.terminal.finish()
            finally:
                if self.house.tty:
                    self.house.tty.restore()

    def leave(self, code: int) -> None:
        """End the program; what runs is stopped and kept."""
        if self.app.is_running and not self.app.is_done:
            self.app.exit(result=code)

    def _application(self) -> LiveApplication:
        app = LiveApplication(
            self.output,
            layout=self.live.layout,
            input=self.keyboard,
            color_depth=DEPTHS[self.house.look.depth],
            erase_when_done=True,
            mouse_support=False,
            terminal_size_polling_interval=None,
            editing_mode=EditingMode.VI if self.house.look.vi else EditingMode.EMACS,
        )
        app.renderer.reflows = reflows(self.house.env)
        app.renderer.recalls = bool(self.house.env.get("TMUX"))
        quick_escape(app)
        return app

    def _begin(self) -> None:
        """Once the Application runs, the rest of the beginning comes behind the first paint."""
        self.keyboard.deliver = self._deliver
        self.keyboard.on_reply = self.terminal.reply
        asyncio.get_running_loop().call_soon(self._painted)

    def _continued(self) -> None:
        """Stopped from outside and going on: whoever had the terminal meanwhile has changed it."""
        if self.house.tty and not self.lender.is_lent_out:
            self.house.tty.reapply_modes()
            self.terminal.reapply()
            self.screen.repaint()

    def _painted(self) -> None:
        if self.house.tty:
            self.house.tty.save_modes()
        self.terminal.start()
        self.terminal.title(self._title())
        if self.house.notes:
            self.painter.lines([styled_line(words, TextRole.DIM) for words in self.house.notes])
        if self._early:
            self._deliver(self.keyboard.parse_keys(self._early))
        self.house.bulletin.subscribe(self._told)
        if self.house.resumed:
            self.performer.perform(resume_banner(self.house.session, self.house.resumed), self.faces.columns)
        self.app.create_background_task(self._warm())

    async def _warm(self) -> None:
        try:
            await self.house.preload_store()
            await self.memory.begin(self.house.resumed.draft if self.house.resumed else "")
            self._changed()
            await self.house.preload_sdk()
            await asyncio.to_thread(warm_renderer)
        except Exception:
            _log.exception("what was to be made ready ahead of time was not")

    def _told(self, failure: Failure) -> None:
        """Something the user should know, for example that the disk is full."""
        hint = [styled_line(failure.hint, TextRole.DIM)] if failure.hint else []
        self.painter.lines([styled_line(failure.message, TextRole.WARNING), *hint])

    def _deliver(self, keys: Sequence[object]) -> None:
        self.app.key_processor.feed_multiple(list(keys))  # type: ignore[arg-type]
        self.app.key_processor.process_keys()

    def _changed(self) -> None:
        """Something that is shown has changed."""
        self._focus()
        self.terminal.title(self._title())
        self.terminal.working(self.talk.busy)
        self.app.invalidate()

    def _title(self) -> Safe:
        topic = self.gist.topic
        words = safe_format("termchat: {topic}", topic=topic) if topic else safe_format("termchat")
        return to_ascii(safe_format("● {words}", words=words) if self.talk.busy else words, signs=self.house.look.signs)

    def _focusing(self, run: Callable[[], None]) -> Callable[[], None]:
        """An action that leaves the focus where the next key belongs, which may be in the same read."""

        def act() -> None:
            run()
            self._focus()

        return act

    def _focus(self) -> None:
        wanted = self.live.filter if self.picker.is_open else self.live.input
        if not self.app.layout.has_focus(wanted):
            self.app.layout.focus(wanted)

    def _typed(self) -> None:
        self.faces.sheet = False
        self.menu.update(self.draft.text_with_marks)
        self.memory.typed()

    def _close_sheet(self) -> bool:
        was, self.faces.sheet = self.faces.sheet, False
        return was

    def _bug(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An exception nobody expected: said in a line, and the chat goes on."""
        error = context.get("exception")
        _log.error("a bug of the front end: %s", context.get("message"), exc_info=error)
        name = safe_line(type(error).__name__ if error else str(context.get("message")))
        words = safe_format(
            "termchat made a mistake of its own ({name}); nothing is lost, the chat goes on.", name=name
        )
        self.painter.lines([styled_line(words, TextRole.ERROR)])

    def _complained(self, words: Safe) -> None:
        """From another thread: something to be told for a moment."""
        if self._loop:
            self._loop.call_soon_threadsafe(self.toast.say, words, 5.0)

    def _stray(self, words: Safe) -> None:
        self.painter.lines([styled_line(words, TextRole.DIM)], gap=False)

    @property
    def _sign(self) -> Safe:
        return safe_format("❯ ") if self.house.look.signs else safe_format("> ")
