"""Work beside the chat: several models at once, side questions, and forks that run in the background."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from termchat.config.settings import ReasoningView
from termchat.core.approval import Decline
from termchat.core.effects import Adopt, AskAside, Compare, Effect, ForkAside, Print
from termchat.core.errors import Failure
from termchat.core.events import ApprovalAsked, TurnEnded
from termchat.core.messages import Message
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import EMPTY, Safe, excerpt, join, safe, safe_format, safe_line
from termchat.core.session import Comparison, Session, Turn
from termchat.core.style import TextRole
from termchat.ui.blocks import Block, StaticLines
from termchat.ui.phrases import usage_line
from termchat.ui.text.line import Line, styled_line

if TYPE_CHECKING:  # loaded at the first use, not before the first paint
    from termchat.ui.compare.comparison_view import ComparisonView
    from termchat.ui.compare.side_reply import SideReply

_TITLE = 60  # columns of the title of a fork
_LABEL = 24  # columns of a question in a live row


class SideScreen(Protocol):
    """The front end, as work beside the chat needs it."""

    @property
    def replying(self) -> bool:
        """Return True while a reply of the chat is being shown: what ends meanwhile is shown after it."""
        ...

    @property
    def reasoning(self) -> ReasoningView: ...

    def asked(self, message: Message) -> None:
        """Show a question that several models answer."""

    def show_whole(self, blocks: Sequence[Block]) -> None:
        """Show a whole reply, its code blocks numbered from 1."""

    def report(self, words: Safe) -> None:
        """Say at once that something has ended, where that does not touch the scrollback."""

    def changed(self) -> None:
        """Redraw the live rows."""


class SideWork:
    """Runs the turns beside the chat. One comparison runs at a time; side questions and forks run beside all else.

    screen   shows them; set before the first effect
    main     the turn of the chat that runs, None without one
    """

    screen: SideScreen

    def __init__(self, session: Session) -> None:
        self._session = session
        self.main: Turn | None = None
        self._comparison: Comparison | None = None
        self._view: ComparisonView | None = None
        self._questions: dict[str, tuple[Turn, SideReply]] = {}  # by the id of the turn
        self._forks: dict[str, tuple[Turn, SideReply]] = {}
        self._held: list[tuple[Block, ...]] = []

    @property
    def comparing(self) -> bool:
        """Return True while several models reply."""
        return self._comparison is not None

    @property
    def asking(self) -> bool:
        """Return True while a side question is being answered."""
        return bool(self._questions)

    @property
    def active(self) -> bool:
        """Return True if there are live rows."""
        return self.comparing or bool(self._questions or self._forks or self._held)

    def stop_comparison(self) -> None:
        """Stop all models of the comparison."""
        if self._comparison and self._view:
            self._view.stopping()
            self._comparison.cancel()
            self.screen.changed()

    def stop_questions(self) -> None:
        """Stop all side questions."""
        for turn, reply in self._questions.values():
            reply.stopping()
            turn.cancel()
        self.screen.changed()

    def close(self) -> None:
        """Stop everything; the tasks that run it end soon."""
        self.stop_comparison()
        for turn, reply in (*self._questions.values(), *self._forks.values()):
            reply.stopping()
            turn.cancel()

    def turn_ended(self) -> None:
        """Show what has ended while a reply of the chat was being shown."""
        held, self._held = self._held, []
        for blocks in held:
            self.screen.show_whole(blocks)

    def status(self, stop: Safe) -> Safe:
        """Return the status line of a comparison, EMPTY without one; `stop` is the key that stops it."""
        return self._view.status(stop) if self._view else EMPTY

    def rows(self, columns: int, rows: int, glyph: str, *, signs: bool = True) -> list[Line]:
        """Return the live rows, at most `rows`."""
        now = monotonic()
        beside = [reply for _, reply in (*self._questions.values(), *self._forks.values())]
        lines = [reply.row(now, columns, glyph, signs=signs) for reply in beside[: max(1, rows // 2)]]
        if self._held:
            number = safe(str(len(self._held)))
            words = safe_format("{n} ready, shown after this reply", n=number)
            lines.append(styled_line(safe_format("  {words}", words=words), TextRole.DIM))
        if self._view:
            lines += self._view.rows(now, columns, max(1, rows - len(lines)), glyph, signs=signs)
        return lines[:rows]

    async def compare(self, effect: Compare) -> Sequence[Effect]:
        """Let several models answer a question, and show each reply as it ends; return the table of all."""
        from termchat.ui.compare.comparison_view import ComparisonView

        session = self._session
        question = effect.question
        if effect.message:
            self.screen.asked(effect.message)
            question = session.add(effect.message, session.conversation.head)
        assert question, "a comparison needs a question"
        comparison = self._comparison = session.compare(question, effect.models, effect.efforts)
        view = self._view = ComparisonView(comparison.offers, monotonic(), self.screen.reasoning)
        self.screen.changed()
        try:
            async with aclosing(comparison.events()) as events:
                async for n, event in events:
                    if blocks := view.update(n, event, monotonic()):
                        self.screen.show_whole(blocks)
        finally:
            self._comparison = self._view = None
            self.screen.changed()
        return view.results()

    async def ask(self, effect: AskAside) -> None:
        """Answer a side question, with the text so far of a reply that is being received."""
        from termchat.ui.compare.side_reply import SideReply

        words = effect.question.subject
        turn = self._session.ask_aside(effect.question, effect.model, self.main)
        model = effect.model or self._session.model
        label = safe_format('btw "{words}"', words=excerpt(words, _LABEL))
        reply = SideReply(label, model, monotonic(), self.screen.reasoning)
        self._questions[turn.id] = (turn, reply)
        before = len(self._session.offers)
        try:
            await self._follow(turn, reply)
        finally:
            del self._questions[turn.id]
            self.screen.changed()
        heading = safe_format("btw · {words}", words=safe(words))
        offered = self._session.offers[before:]
        step = safe_format("/adopt {n} keeps it", n=safe(str(offered[-1].number))) if offered else EMPTY
        resume = safe_format("ask again for the rest")
        lines = [styled_line(row, TextRole.ACCENT) for row in map(Safe, heading.split("\n"))]
        shown = list(reply.blocks(lines, resume))
        if reply.ended and reply.ended.has_content:
            spent = join(" · ", [usage_line(reply.ended), safe_format("not in the chat"), *([step] if step else [])])
            shown.append(StaticLines((styled_line(spent, TextRole.DIM),)))
        self._deliver(tuple(shown))

    async def fork(self, effect: ForkAside) -> Sequence[Print]:
        """Ask a question in a copy of the chat; return the effects that say so when the copy cannot be made."""
        from termchat.ui.compare.side_reply import SideReply

        words = excerpt(effect.question.subject, _TITLE)
        other = await self._session.fork_aside(effect.model, words)
        if isinstance(other, Failure):
            hint = (Print(other.hint),) if other.hint else ()
            return (Print(other.message, TextRole.ERROR), *hint)
        node = other.add(effect.question, other.conversation.head)
        turn = other.send(node)
        label = safe_format('fork "{words}"', words=excerpt(effect.question.subject, _LABEL))
        reply = SideReply(label, effect.model, monotonic(), self.screen.reasoning)
        self._forks[turn.id] = (turn, reply)
        try:
            await self._follow(turn, reply)
        finally:
            del self._forks[turn.id]
            chat, store = other.chat_id, self._session.chat_store
            await other.close()
            self.screen.changed()
        if reply.ended:
            name = await store.short_id(chat) if store and chat else ""
            self._deliver((StaticLines((_fork_line(words, effect.model, reply.ended, name),)),))
        return ()

    async def _follow(self, turn: Turn, reply: SideReply) -> None:
        """Apply the events of a turn. Nobody answers its questions about tool calls: they are declined."""
        async with aclosing(turn.events()) as events:
            async for event in events:
                if isinstance(event, ApprovalAsked):
                    turn.answer(event.request, Decline("This chat runs in the background, so no one can be asked."))
                reply.update(event, monotonic())
                if isinstance(event, TurnEnded):
                    self.screen.changed()

    def _deliver(self, blocks: tuple[Block, ...]) -> None:
        """Show a whole reply, now or after the reply of the chat that is being shown."""
        if self.screen.replying:
            self._held.append(blocks)
            self.screen.report(safe_format("Ready; shown after this reply."))
        else:
            self.screen.show_whole(blocks)


def _fork_line(words: Safe, model: ModelRef, ended: TurnEnded, chat: str) -> Line:
    """`● fork "compare with Rust" · complete · gpt-6 · 1.2k in · 310 out · 12s · /open 7f3a`."""
    from termchat.ui.compare.side_reply import outcome_word

    complete = ended.outcome is Outcome.COMPLETE
    parts = [
        safe_format('{mark} fork "{words}"', mark=Safe("●" if complete else "■"), words=words),
        outcome_word(ended.outcome),
        usage_line(ended) if ended.has_content else safe_line(str(model)),
        *([ended.failure.message] if ended.failure else []),
        *([safe_format("/open {chat} goes there", chat=safe_line(chat))] if chat else []),
    ]
    return styled_line(join(" · ", parts), TextRole.SUCCESS if complete else TextRole.WARNING)


def adopt_effects(session: Session, effect: Adopt) -> Sequence[Effect]:
    """Make an offered reply a part of the chat; return the effects that say where the chat is now."""
    offer = next((offer for offer in session.offers if offer.number == effect.number), None)
    if offer is None or not (offer.node or offer.messages):
        return (Print(safe_format("There is no reply {n}.", n=safe(str(effect.number))), TextRole.ERROR),)
    at_head = session.adopt(offer.number)
    number, model = safe(str(offer.number)), safe_line(str(offer.model))
    if not at_head:
        words = safe_format("Reply {n} is kept as a branch where it was asked; /tree goes there.", n=number)
        return (Print(words),)
    words = safe_format("→ after reply {n} by {model}", n=number, model=model)
    if offer.model == session.model:
        return (Print(words),)
    rest = safe_format("the next question goes to {model}", model=safe_line(str(session.model)))
    return (Print(join(" · ", (words, rest))),)
