"""Effects of slash commands in plain lines: lists are numbered, nothing is marked or previewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, assert_never

from termchat.commands.model import use_model_effects
from termchat.commands.registry import CommandContext, rank_choices
from termchat.config.settings import ReasoningView
from termchat.core.effects import (
    Adopt,
    AskAside,
    Attach,
    ChangeSetting,
    Choice,
    Choose,
    Compare,
    Copy,
    Diagnose,
    EditRule,
    Effect,
    Export,
    Fork,
    ForkAside,
    Incognito,
    ListChats,
    ListModels,
    LogIn,
    LogOut,
    MoveHead,
    NewChat,
    OpenChat,
    PreviewTheme,
    Print,
    PrintEffect,
    PrintTable,
    PrintTree,
    Quit,
    Rename,
    RunCommand,
    SaveText,
    Send,
    SetLabel,
    SetupEffect,
    ShowBudget,
    ShowInPager,
    ShowMessages,
    UseModel,
    UsePrompt,
    UseSettings,
)
from termchat.core.messages import Message, attachment_name
from termchat.core.sanitize import Safe, excerpt, join, safe, safe_format, safe_line
from termchat.core.session import Turn
from termchat.core.style import Theme
from termchat.ui import chat_effects
from termchat.ui.chat_effects import configured, message_line, saved_transcript, switch_effects
from termchat.ui.frontend import FrontendContext
from termchat.ui.model_choices import ModelChoices, without_list
from termchat.ui.plain.side_replies import PlainSideRunner
from termchat.ui.plain.writer import PlainWriter
from termchat.ui.terminal.capabilities import background
from termchat.ui.terminal.clipboard import copied
from termchat.ui.text.line import Line, lines_of, styled_line
from termchat.ui.text.print_effects import printed_lines
from termchat.ui.turn_state import ViewState


class PlainChat(Protocol):
    """The plain front end, as the effects of commands need it."""

    view: ViewState

    async def send(self, question: Message | None, node: str, turn: Turn) -> None: ...
    async def set_up(self, effect: SetupEffect) -> Sequence[Effect]: ...
    def keep(self, message: Message | None) -> None: ...
    def leave(self, code: int) -> None: ...
    async def attach(self, effect: Attach) -> None: ...


class PlainEffectRunner:
    """Performs effects; the choices of the last list wait for their number until something else is entered."""

    def __init__(self, context: FrontendContext, writer: PlainWriter, chat: PlainChat) -> None:
        self._context = context
        self._session = context.session
        self._commands = CommandContext(
            context.session, context.providers, context.registry, context.preferences, keys=False
        )
        self._writer = writer
        self._chat = chat
        self.side = PlainSideRunner(context.session, writer, chat, context.look.timings)
        self._choices: Sequence[Choice] = ()

    def offers(self, text: str) -> bool:
        """Return True if this line is a number of the last list."""
        if self._choices and text.strip().isascii() and text.strip().isdigit():
            return True
        self._choices = ()
        return False

    async def choose(self, number: int) -> None:
        """Accept the choice with this number."""
        if 1 <= number <= len(self._choices):
            choices, self._choices = self._choices, ()
            await self.perform(choices[number - 1].effects)
        else:
            self._writer.aside(safe_format("Enter a number from 1 to {n}.", n=safe(str(len(self._choices)))))

    async def command(self, text: str) -> None:
        await self.perform(self._context.registry.run(self._commands, text))

    async def use_closest(self) -> None:
        """Switch to the most similar model if the last one was not found."""
        last = self._chat.view.last
        closest = last.failure.suggestions if last and last.failure else ()
        if last and closest and self._session.model == last.model:
            await self.perform(use_model_effects(closest[0]))

    async def perform(self, effects: Sequence[Effect]) -> None:
        """Perform effects in order."""
        lines: list[Line] = []
        for effect in effects:
            if isinstance(effect, PrintEffect):
                lines += printed_lines(effect, self._writer.columns, signs=self._writer.signs)
            else:
                if lines:
                    self._writer.lines(lines)
                    lines = []
                await self._do(effect)
        if prefill := next((e.prefill for e in effects if isinstance(e, MoveHead) and e.prefill), None):
            lines.append(styled_line(_resend_words(prefill)))
        if model := next((e.model for e in effects if isinstance(e, UseModel)), None):
            for cost in await switch_effects(self._session, self._context.providers, model):
                lines += printed_lines(cost, self._writer.columns)
        if lines:
            self._writer.lines(lines)

    async def _do(self, effect: Effect) -> None:  # noqa: C901, one case an effect
        match effect:
            case Print() | PrintTable() | PrintTree():
                pass  # printed together in `perform`
            case Choose(title, choices):
                self._offer(title, choices)
            case ChangeSetting():
                await self.perform(self._configured(effect))
            case PreviewTheme():
                pass  # nothing is marked here
            case Copy(text, what):
                self._writer.aside((await copied(text, what, self._context.env, None)).words)
            case ListModels(query):
                await self._list_models(query)
            case Send():
                await self._send(effect)
            case RunCommand(line, waits):
                if waits:
                    self._writer.aside(safe_format("Complete it: {line}…", line=safe_line(line)))
                else:
                    await self.command(line)
            case MoveHead(node, prefill):
                self._session.move_head(node)
                self._chat.keep(prefill)
            case UseModel(model, think):
                self._session.switch_model(model, think)
            case NewChat():
                self._session.new()
            case ShowInPager(text=text):
                self._writer.lines(lines_of(text))
            case ShowMessages(messages):
                self._replay(messages)
            case Quit(code):
                self._chat.leave(code)
            case LogIn() | LogOut() | Diagnose():
                await self.perform(await self._chat.set_up(effect))
            case Attach():
                await self._chat.attach(effect)
            case Compare() | AskAside() | ForkAside() | Adopt():
                await self.perform(await self.side.run(effect))
            case Incognito(off):
                (self._session.save_again if off else self._session.incognito)()
            case (
                ListChats()
                | OpenChat()
                | Rename()
                | Fork()
                | Export()
                | EditRule()
                | UsePrompt()
                | UseSettings()
                | SaveText()
                | SetLabel()
                | ShowBudget()
            ):
                await self.perform(await chat_effects.run_chat_effect(self._session, effect))
            case _:
                assert_never(effect)

    def _configured(self, effect: ChangeSetting) -> Sequence[Effect]:
        done, reported = configured(self._context.preferences, effect)
        if done and self._context.preferences:
            settings = self._context.preferences.settings
            reasoning = append_only(settings.reasoning)
            self._chat.view = replace(self._chat.view, usage_line=settings.usage, reasoning=reasoning)
            self._writer.math = settings.math
            theme = self._context.preferences.theme(background=background(self._context.env))
            if isinstance(theme, Theme):
                self._writer.set_theme(theme)
        return reported

    async def _send(self, effect: Send) -> None:
        node = self._session.add(effect.message, effect.parent) if effect.message else effect.parent
        if node is None:
            return
        before = self._session.conversation.head
        self._session.move_head(node)
        away = self._chat.view.away
        turn = self._session.send(node, effect.model, think=effect.think, wait_for_host=away)
        await self._chat.send(effect.message, node, turn)
        last = self._chat.view.last
        if last and not last.has_content and not effect.message:
            self._session.move_head(before)

    def _replay(self, messages: Sequence[Message]) -> None:
        for shown in saved_transcript(messages, self._session.conversation, self._chat.view):
            if isinstance(shown, Message):
                self._writer.restart_code_numbers()
                self._writer.prompt()
                self._writer.input_entered(message_line(shown))
            else:
                self._writer.show((shown,))

    async def _list_models(self, query: str) -> None:
        models = ModelChoices(self._session, self._context.providers)
        await models.load(_ignore)
        self._offer(safe_format("Model"), rank_choices(models.rows(), query), models.footer())
        if failed := without_list(models.unlisted):
            self._writer.aside(failed)

    def _offer(self, title: Safe, choices: Sequence[Choice], footer: Sequence[Line] = ()) -> None:
        """Print the instruction below the list: the rows above may have left the screen."""
        self._choices = choices
        width = len(str(len(choices)))
        rows: list[Line] = [styled_line(safe_format("{title}:", title=title))]
        for number, choice in enumerate(choices, 1):
            rows.append(styled_line(Safe(f"  {number:>{width}}  {choice.label}  {choice.detail}".rstrip())))
        self._writer.lines(
            [*rows, *footer, styled_line(safe_format("Type a number and press Enter; anything else cancels."))]
        )


def append_only(shown: ReasoningView) -> ReasoningView:
    """Return the reasoning view that changes no shown row: all of it, or one line after it."""
    return shown if shown is ReasoningView.FULL else ReasoningView.LINE


def _resend_words(message: Message) -> Safe:
    """`An empty line resends "look" with cat.png; anything else replaces it.`"""
    names = join(", ", [safe_line(attachment_name(part)) for part in message.attachments])
    text = safe_format('"{text}"', text=excerpt(message.words, 40)) if message.words.strip() else names
    if message.words.strip() and names:
        text = safe_format("{text} with {names}", text=text, names=names)
    return safe_format("An empty line resends {text}; anything else replaces it.", text=text)


def _ignore() -> None:
    """The rows are printed once they have all facts."""
