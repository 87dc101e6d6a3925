"""Effects of slash commands, performed on the screen and the session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Protocol, assert_never

from termchat.commands.model import use_model_effects
from termchat.commands.registry import CommandContext
from termchat.core.effects import (
    Attach,
    ChangeSetting,
    ChatEffect,
    Choice,
    Choose,
    Copy,
    Diagnose,
    Effect,
    Incognito,
    ListChats,
    ListModels,
    LogIn,
    LogOut,
    MoveHead,
    NewChat,
    PreviewTheme,
    PrintEffect,
    Quit,
    RunCommand,
    Send,
    SetupEffect,
    ShowInPager,
    ShowMessages,
    SideEffect,
    UseModel,
)
from termchat.core.models import ModelRef
from termchat.core.sanitize import EMPTY, safe_format, safe_line
from termchat.core.session import Session
from termchat.core.style import TextRole
from termchat.ui import chat_effects
from termchat.ui.frontend import FrontendContext
from termchat.ui.repl.attaching import Attaching
from termchat.ui.repl.panels.chat_picker import ChatSource
from termchat.ui.repl.panels.model_picker import ModelSource
from termchat.ui.repl.panels.picker import PickerSource
from termchat.ui.repl.setup.local_offer import LocalOffer
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.repl.widgets import Widgets
from termchat.ui.terminal.clipboard import copied
from termchat.ui.terminal.queries import TerminalQueries
from termchat.ui.text.line import Line, plain_text, styled_line
from termchat.ui.text.print_effects import printed_lines

if TYPE_CHECKING:
    from termchat.commands.compare.shell_line import ShellLine
    from termchat.ui.repl.external_programs import ExternalPrograms
    from termchat.ui.repl.side_runner import SideRunner
    from termchat.ui.terminal.key_hold import HoldingKeyProcessor

_RECENT = 10  # models looked at for one that can be used
_REPORT = 5.0  # seconds that the status line repeats what is printed during a reply


class Application(Protocol):
    """The running REPL, as the effects of commands need it."""

    def refresh(self) -> None:
        """Redraw the live region."""

    def leave(self, code: int) -> None:
        """End the program with an exit code."""

    def page(self, effect: ShowInPager) -> None:
        """Show a long text in the pager."""

    def apply_setting(self, effect: ChangeSetting | PreviewTheme) -> Sequence[Effect]:
        """Change a setting; return the effects that report the result."""
        ...

    @property
    def programs(self) -> ExternalPrograms:
        """The programs that get the terminal."""
        ...

    def write_control(self, sequence: str) -> None:
        """Send a control sequence to the terminal."""

    @property
    def terminal(self) -> TerminalQueries:
        """The replies of the terminal."""
        ...

    @property
    def keys(self) -> HoldingKeyProcessor:
        """The keys of the user."""
        ...

    def hold_keys(self) -> None:
        """Keep all further keys until `release_keys`."""

    def release_keys(self) -> None:
        """Process the keys that were kept."""


class EffectRunner:
    """Performs effects on the screen and the session, and runs the commands that return them."""

    def __init__(self, context: FrontendContext, widgets: Widgets, turns: TurnRunner, app: Application) -> None:
        self._commands = CommandContext(
            context.session, context.providers, context.registry, context.preferences, key_map=context.look.keys
        )
        self._context = context
        self._turns = turns
        self._providers = context.providers
        self._env = context.env
        self._setup = context.setup
        self.offer = LocalOffer(context, widgets, self.perform)
        self._widgets = widgets
        self._transcript = widgets.transcript
        self._editor = widgets.editor
        self._picker = widgets.picker
        self._toast = widgets.toast
        self._app = app
        self._previous: ModelRef | None = None
        self._side_runner: SideRunner | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.attaching = Attaching(context, widgets, app)

    @property
    def session(self) -> Session:
        return self._turns.session

    def run_command(self, line: str) -> None:
        """Run a slash command with its arguments, such as `/retry`."""
        self.perform(self._commands.registry.run(self._commands, line))

    def perform(self, effects: Sequence[Effect]) -> None:
        """Perform effects in order. While one waits for the disk, the effects after it and all keys wait."""
        lines: list[Line] = []
        during_reply = self._turns.busy
        for n, effect in enumerate(effects):
            if isinstance(effect, PrintEffect):
                lines += printed_lines(effect, self._transcript.columns, signs=self._transcript.signs)
                continue
            if lines and isinstance(effect, ShowMessages):
                self._transcript.lines(lines)
                lines = []
            if isinstance(effect, ListChats) and (store := self.session.chat_store):
                self._picker.open(ChatSource(store, self.session, self._picker, self._start), effect.query)
            elif isinstance(effect, ChatEffect):
                self._app.hold_keys()
                self._start(self._run_chat_effect(effect, effects[n + 1 :]))
                break
            elif isinstance(effect, SideEffect):
                self._side().run(effect)
            elif isinstance(effect, UseModel):
                self._do(effect)
                self._app.hold_keys()
                self._start(self._show_switch_cost(effect.model, effects[n + 1 :]))
                break
            else:
                self._do(effect)
        if lines:
            self._transcript.lines(lines)
            if during_reply:  # the lines are above the unfinished paragraph, perhaps off the screen
                self._toast.say(plain_text(lines[0]), _REPORT)

    async def close(self) -> None:
        """Wait up to two seconds for effects that are not done, such as a copy to the clipboard."""
        self._turns.side.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)

    def accept_choice(self) -> None:
        """Accept the marked row of the picker, once its rows are those for the typed text."""
        if source := self._picker.pending():
            self._app.hold_keys()
            self._start(self._accept_later(source))
        else:
            self.perform(self._picker.accept())

    async def _accept_later(self, source: PickerSource) -> None:
        try:
            await source.settled()
            if self._picker.shows(source):
                self.perform(self._picker.accept())
        finally:
            self._app.release_keys()

    def last_model(self) -> None:
        """Switch to the previous model; at first, to the one used last in any chat."""
        if self._previous:
            self.use_model(self._previous)
        else:
            self._start(self._use_recent_model())

    async def _use_recent_model(self) -> None:
        store, usable = self.session.chat_store, frozenset(self._providers.usable_providers())
        recent = await store.recent_models(_RECENT) if store else ()
        others = [ref for ref in recent if ref != self.session.model and ref.provider in usable]
        if others:
            self.use_model(others[0])
        else:
            self._toast.say(safe_format("No other model has been used yet."))

    def use_model(self, model: ModelRef) -> None:
        """Switch to a model and name it in the transcript."""
        self.perform(use_model_effects(model))

    def _do(  # noqa: C901, one case an effect
        self,
        effect: Choose | RunCommand | ListModels | Send | MoveHead | UseModel | NewChat | Incognito | ShowInPager
        | ShowMessages | Quit | ChangeSetting | PreviewTheme | Copy | Attach | SetupEffect,
    ) -> None:  # fmt: skip
        match effect:
            case Choose():
                self._picker.open(_ChooseSource(effect, self.perform))
            case RunCommand(line, waits):
                if waits:
                    rest = self._editor.text_with_marks
                    self._editor.set_text(f"{line}\n{rest}" if rest else line, len(line))
                else:
                    self.run_command(line)
            case ListModels(query):
                self._list_models(query)
            case Send():
                self._send(effect)
            case MoveHead(node, prefill):
                self.session.move_head(node)
                if prefill:
                    self._editor.restore(self._editor.draft_of(prefill))
                else:  # a question that is in the chat again would be sent twice
                    self._editor.drop_returned({node.message.words for node in self.session.conversation.path()})
            case UseModel(model, think):
                self._previous = self.session.model if model != self.session.model else self._previous
                self.session.switch_model(model, think)
            case NewChat():
                self.session.new()
            case Incognito(off):
                self._editor.drop_returned()  # it belongs to the chat before
                (self.session.save_again if off else self.session.incognito)()
            case ShowInPager():
                self._app.page(effect)
            case ShowMessages(messages):
                self._turns.replay(messages)
            case Quit(code):
                self._app.leave(code)
            case ChangeSetting() | PreviewTheme():
                self.perform(self._app.apply_setting(effect))
            case Copy():
                self._start(self._copy(effect))
            case LogIn() | LogOut() | Diagnose():
                self._app.hold_keys()  # a key that is pasted early must not get into the input
                self._start(self._set_up(effect))
            case Attach():
                self.attaching.perform(effect)
            case _:
                assert_never(effect)

    def _send(self, effect: Send) -> None:
        if effect.message is None and effect.parent is not None:
            self._turns.resend(effect.parent, effect.model, effect.think)
        elif effect.message is not None:
            self._turns.send(self._editor.draft_of(effect.message))

    def _list_models(self, query: str) -> None:
        source = ModelSource(self.session, self._providers, self._commands.preferences)
        self._picker.open(source, query)
        self._start(self._load_models(source))

    async def _load_models(self, source: ModelSource) -> None:
        def changed() -> None:
            self._picker.extended(source)
            self._app.refresh()

        await source.load(changed)

    async def _run_chat_effect(self, effect: ChatEffect, rest: Sequence[Effect]) -> None:
        try:
            self.perform((*await chat_effects.run_chat_effect(self.session, effect), *rest))
        finally:
            self._app.release_keys()

    async def _show_switch_cost(self, model: ModelRef, rest: Sequence[Effect]) -> None:
        """Perform the rest of the effects, then say what the switch costs."""
        try:
            self.perform((*rest, *await chat_effects.switch_effects(self.session, self._providers, model)))
            if self._turns.busy:
                self._toast.say(safe_format("→ {model} from the next message", model=safe_line(str(model))), _REPORT)
        finally:
            self._app.release_keys()

    async def _set_up(self, effect: SetupEffect) -> None:
        """Run the dialogue of a setup; the input keeps its text and gets no key meanwhile."""
        from termchat.commands.setup.run_setup import run_setup
        from termchat.ui.repl.setup.abilities import terminal_checks
        from termchat.ui.repl.setup.setup_dialog import ReplDialog

        size, app = (self._transcript.columns, self._transcript.rows), self._app
        keeps_typing = isinstance(effect, Diagnose) and not effect.full  # it asks for nothing
        with ReplDialog(self._widgets, app.keys, app.refresh, keeps_typing=keeps_typing) as dialog:
            terminal = lambda: tuple(terminal_checks(self._env, size, None))  # noqa: E731 - only /doctor calls it
            following = await run_setup(dialog, self._setup, effect, terminal)
        self.perform(following)

    async def _copy(self, effect: Copy) -> None:
        """Copy to the clipboard; report success in the status line, anything longer in the transcript."""
        result = await copied(effect.text, effect.what, self._env, self._app.write_control)
        if result.done:
            self._toast.say(result.words)
        else:
            self._transcript.lines([styled_line(result.words, TextRole.DIM)])

    def run_shell(self, line: ShellLine) -> None:
        """Run a command of the user in the shell, on the terminal."""
        from termchat.ui.repl.shell_runner import ShellRunner

        ShellRunner(self._context, self._widgets, self._app.programs, self._start).submit(line)

    def _side(self) -> SideRunner:
        """Return what runs the effects beside the chat, made at the first one."""
        if self._side_runner is None:
            from termchat.ui.repl.side_runner import SideRunner

            self._side_runner = SideRunner(self._turns, self._widgets, self._app.refresh, self._start, self.perform)
        return self._side_runner

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine beside the input, and redraw the live region when it ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._app.refresh()


class _ChooseSource(PickerSource):
    """The choices of a `Choose` effect, such as the themes."""

    def __init__(self, effect: Choose, perform: Callable[[Sequence[Effect]], None]) -> None:
        super().__init__(effect.title, effect.choices, start=effect.at)
        self.tab = safe_format("folds") if effect.folded else EMPTY
        self._effect = effect
        self._perform = perform

    def on_highlight(self, choice: Choice) -> None:
        self._perform(choice.on_highlight)

    def on_tab(self, marked: Choice | None) -> None:
        if self._effect.folded:
            folded = self.choices is self._effect.folded
            self.choices = self._effect.choices if folded else self._effect.folded

    def on_cancel(self) -> None:
        self._perform(self._effect.on_cancel)
