"""Performs effects: what a slash command asked for is done here, on the real screen and the real session."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol, assert_never

from termchat.commands.registry import CommandContext
from termchat.core.effects import (
    ChangeSetting,
    Choice,
    Choose,
    Copy,
    Effect,
    Export,
    Fork,
    Incognito,
    Kept,
    ListChats,
    ListModels,
    MoveHead,
    NewChat,
    OpenChat,
    PreviewTheme,
    Print,
    PrintTable,
    Quit,
    Rename,
    Send,
    ShowInPager,
    ShowMessage,
    UseModel,
)
from termchat.core.errors import ProviderError
from termchat.core.models import ModelInfo, ModelRef
from termchat.core.sanitize import EMPTY, Safe, join, safe_format, safe_line
from termchat.core.session import Session
from termchat.core.style import TextRole
from termchat.ui import chat_effects
from termchat.ui.frontend import FrontendContext
from termchat.ui.phrases import count
from termchat.ui.repl.panels.chat_picker import ChatPicker
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.repl.widgets import Widgets
from termchat.ui.terminal.clipboard import copied
from termchat.ui.text.line import Line, lines_of, styled_line
from termchat.ui.text.table import table_lines


class Application(Protocol):
    """The running REPL, as the effects of commands need it."""

    def refresh(self) -> None:
        """Redraw the live region."""

    def leave(self, code: int) -> None:
        """End the program with an exit code."""

    def page(self, text: Safe) -> None:
        """Show a long text in the pager."""

    def apply_setting(self, effect: ChangeSetting | PreviewTheme) -> Sequence[Effect]:
        """Change a setting; return the effects that report the result."""
        ...

    def write_control(self, sequence: str) -> None:
        """Send a control sequence to the terminal."""


class EffectRunner:
    """Performs effects on the screen and the session, and runs the commands that return them."""

    def __init__(self, context: FrontendContext, widgets: Widgets, turns: TurnRunner, app: Application) -> None:
        self._commands = CommandContext(context.session, context.providers, context.registry, context.preferences)
        self._turns = turns
        self._providers = context.providers
        self._env = context.env
        self._transcript = widgets.transcript
        self._editor = widgets.editor
        self._picker = widgets.picker
        self._toast = widgets.toast
        self._app = app
        self._chats = ChatPicker(turns.session, widgets.picker, self._start, app.refresh)
        self._previous: ModelRef | None = None
        self._usable: frozenset[str] = frozenset()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def session(self) -> Session:
        return self._turns.session

    def run_command(self, line: str) -> None:
        """Run a slash command with its arguments, such as `/retry`."""
        self.perform(self._commands.registry.run(self._commands, line))

    def perform(self, effects: Sequence[Effect]) -> None:
        """Perform effects in order."""
        said: list[Line] = []
        for effect in effects:
            if isinstance(effect, Print):
                said += lines_of(effect.words, effect.role)
            elif isinstance(effect, PrintTable):
                said += table_lines(effect, self._transcript.columns)
            else:
                if said and isinstance(effect, ShowMessage):
                    self._transcript.lines(said)
                    said = []
                self._do(effect)
        if said:
            self._transcript.lines(said)

    def last_model(self) -> None:
        """Back to the model before the one in use."""
        if self._previous:
            self.use_model(self._previous)

    def use_model(self, model: ModelRef) -> None:
        """Switch to a model and name it in the transcript."""
        self.perform(_use_model_effects(model))

    def _do(  # noqa: C901, one case an effect
        self,
        effect: Choose | ListModels | Send | MoveHead | UseModel | NewChat | ShowInPager | ShowMessage | Quit | Kept
        | ChangeSetting | PreviewTheme | Copy,
    ) -> None:  # fmt: skip
        match effect:
            case Choose():
                self._pick(effect)
            case ListModels(query):
                self._list_models(query)
            case Send():
                self._send(effect)
            case MoveHead(node, restore):
                self.session.move_head(node)
                if restore:
                    self._editor.restore(restore)
            case UseModel(model):
                self._previous, _ = self.session.model, self.session.switch_model(model)
            case NewChat():
                self.session.new()
            case ShowInPager(text):
                self._app.page(text)
            case ShowMessage(text, question):
                self._turns.replay(text, question=question)
            case Quit(code):
                self._app.leave(code)
            case ListChats(query) if self.session.library:
                self._chats.open(self.session.library, query)
            case ListChats() | OpenChat() | Rename() | Fork() | Export() | Incognito():
                self._start(self._keep(effect))
            case ChangeSetting() | PreviewTheme():
                self.perform(self._app.apply_setting(effect))
            case Copy():
                self._start(self._copy(effect))
            case _:
                assert_never(effect)

    def _pick(self, pick: Choose) -> None:
        self._picker.open(
            pick.title,
            pick.choices,
            at=pick.at,
            marked=lambda choice: self.perform(choice.on_highlight),
            left=lambda: self.perform(pick.on_cancel),
        )

    def _send(self, effect: Send) -> None:
        if effect.message is None and effect.parent is not None:
            self._turns.resend(effect.parent, effect.model)
        elif effect.message is not None:
            self._turns.send(effect.message.text, effect.message.text)

    def _list_models(self, query: str) -> None:
        """The picker opens at once with what is known; what the providers list joins when it comes."""
        self._usable = frozenset(self._providers.usable_providers())
        current = self.session.model
        known = [current, *(ref for ref in self._providers.known_models() if ref != current)]
        self._picker.open(
            safe_format("Model"), [self._choice(ref) for ref in known], query, safe_format("asking the providers…")
        )
        self._start(self._listed())

    async def _keep(self, effect: Kept) -> None:
        """The library answers in its own time; the input goes on meanwhile."""
        self.perform(await chat_effects.run_chat_effect(self.session, effect))
        self._app.refresh()

    async def _copy(self, effect: Copy) -> None:
        """Copy to the clipboard; report success in the status line, anything longer in the transcript."""
        result = await copied(effect.text, effect.what, self._env, self._app.write_control)
        if result.done:
            self._toast.say(result.words)
        else:
            self._transcript.lines([styled_line(result.words, TextRole.DIM)])

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listed(self) -> None:
        names = list(self._providers.usable_providers())
        answers = await asyncio.gather(*(self._providers.models(name) for name in names), return_exceptions=True)
        found: list[ModelInfo] = []
        silent: list[Safe] = []
        for name, answer in zip(names, answers, strict=True):
            if isinstance(answer, ProviderError):
                silent.append(safe_line(name))
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found += answer
        note = safe_format("type to filter · no list from {names}", names=join(", ", silent)) if silent else EMPTY
        self._picker.extend([self._choice(info.ref, info) for info in found], note)
        self._app.refresh()

    def _choice(self, ref: ModelRef, info: ModelInfo | None = None) -> Choice:
        parts = [safe_line(info.title)] if info and info.title and info.title != ref.model else []
        if info and info.context:
            parts.append(count(info.context))
        if ref.provider not in self._usable:
            parts.append(safe_format("not set up"))
        if ref == self.session.model:
            parts.append(safe_format("current"))
        label = safe_line(str(ref))
        return Choice(label, join(" · ", parts), _use_model_effects(ref))


def _use_model_effects(model: ModelRef) -> tuple[Effect, ...]:
    return (UseModel(model), Print(safe_format("→ {model}", model=safe_line(str(model)))))
