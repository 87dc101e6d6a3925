"""Performs effects: what a slash command asked for is done here, on the real screen and the real session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, assert_never

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
from termchat.core.provider import Providers
from termchat.core.sanitize import EMPTY, Safe, join, safe_format, safe_line
from termchat.core.session import Session
from termchat.ui import chat_effects
from termchat.ui.phrases import count
from termchat.ui.repl.input.editor import InputEditor
from termchat.ui.repl.panels.chat_picker import ChatPicker
from termchat.ui.repl.panels.picker import Picker
from termchat.ui.repl.transcript import Transcript
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.text.line import Line, lines_of
from termchat.ui.text.table import table_lines


class EffectRunner:
    """The hands of the commands.

    page    shows a long text
    leave   ends the program
    fit     makes a change of the settings, and tells what is to be said of it
    copy    puts a text into the clipboard
    """

    def __init__(
        self,
        talk: TurnRunner,
        providers: Providers,
        painter: Transcript,
        draft: InputEditor,
        picker: Picker,
        changed: Callable[[], None],
        page: Callable[[Safe], None],
        leave: Callable[[int], None],
        fit: Callable[[ChangeSetting | PreviewTheme], Sequence[Effect]],
        copy: Callable[[Copy], Coroutine[Any, Any, None]],
    ) -> None:
        self._talk = talk
        self._providers = providers
        self._painter = painter
        self._draft = draft
        self._picker = picker
        self._changed = changed
        self._page = page
        self._leave = leave
        self._fit = fit
        self._copy = copy
        self._shelf = ChatPicker(talk.session, picker, self._start, changed)
        self._previous: ModelRef | None = None
        self._usable: frozenset[str] = frozenset()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def session(self) -> Session:
        return self._talk.session

    def perform(self, effects: Sequence[Effect], columns: int) -> None:
        """Do everything, in order."""
        said: list[Line] = []
        for effect in effects:
            if isinstance(effect, Print):
                said += lines_of(effect.words, effect.role)
            elif isinstance(effect, PrintTable):
                said += table_lines(effect, columns)
            else:
                if said and isinstance(effect, ShowMessage):
                    self._painter.lines(said)
                    said = []
                self._do(effect)
        if said:
            self._painter.lines(said)

    def last_model(self) -> None:
        """Back to the model before the one in use."""
        if self._previous:
            self.perform(
                (UseModel(self._previous), Print(safe_format("→ {model}", model=safe_line(str(self._previous))))), 80
            )

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
                    self._draft.restore(restore)
            case UseModel(model):
                self._previous, _ = self.session.model, self.session.switch_model(model)
            case NewChat():
                self.session.new()
            case ShowInPager(text):
                self._page(text)
            case ShowMessage(text, question):
                self._talk.replay(text, question=question)
            case Quit(code):
                self._leave(code)
            case ListChats(query) if self.session.library:
                self._shelf.open(self.session.library, query)
            case ListChats() | OpenChat() | Rename() | Fork() | Export() | Incognito():
                self._start(self._keep(effect))
            case ChangeSetting() | PreviewTheme():
                self.perform(self._fit(effect), self._painter.columns)
            case Copy():
                self._start(self._copy(effect))
            case _:
                assert_never(effect)

    def _pick(self, pick: Choose) -> None:
        columns = self._painter.columns
        self._picker.open(
            pick.title,
            pick.choices,
            at=pick.at,
            marked=lambda choice: self.perform(choice.on_highlight, columns),
            left=lambda: self.perform(pick.on_cancel, columns),
        )

    def _send(self, effect: Send) -> None:
        if effect.message is None and effect.parent is not None:
            self._talk.resend(effect.parent, effect.model)
        elif effect.message is not None:
            self._talk.send(effect.message.text, effect.message.text)

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
        self.perform(await chat_effects.run_chat_effect(self.session, effect), self._painter.columns)
        self._changed()

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
        self._changed()

    def _choice(self, ref: ModelRef, info: ModelInfo | None = None) -> Choice:
        parts = [safe_line(info.title)] if info and info.title and info.title != ref.model else []
        if info and info.context:
            parts.append(count(info.context))
        if ref.provider not in self._usable:
            parts.append(safe_format("not set up"))
        if ref == self.session.model:
            parts.append(safe_format("current"))
        label = safe_line(str(ref))
        effects: tuple[Effect, ...] = (UseModel(ref), Print(safe_format("→ {model}", model=label)))
        return Choice(label, join(" · ", parts), effects)
