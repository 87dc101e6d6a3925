"""Turns of the session: send questions, follow replies, and queue messages entered meanwhile.

Nothing typed is lost: a question without an answer returns to the input, and a queue waits until it can be sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from time import monotonic

from termchat.config.settings import ReasoningView, UsageLine
from termchat.core.approval import ApprovalRequest, Decision
from termchat.core.conversation import as_typed
from termchat.core.events import Event, MessageDone, Streamed, ToolProgress, TurnEnded
from termchat.core.messages import Message, Role
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.provider import Effort
from termchat.core.sanitize import safe, safe_format
from termchat.core.session import Turn
from termchat.core.style import TextRole
from termchat.ui.chat_effects import saved_transcript
from termchat.ui.compare.side_work import SideWork
from termchat.ui.frontend import FrontendContext
from termchat.ui.next_steps import without_message
from termchat.ui.repl.panels.status import is_stalled
from termchat.ui.repl.transcript import prompt_sign, user_lines
from termchat.ui.repl.widgets import Widgets
from termchat.ui.text.line import styled_line
from termchat.ui.tools.call_views import waiting_requests
from termchat.ui.turn_end import follow_turn, with_suggestions
from termchat.ui.turn_state import Phase, ViewState, change_reasoning_view, turn_sent, turn_stopping, update

_TICK = 1 / 8  # seconds


class AfterTurn(Enum):
    """Next step after the end of the running turn."""

    IDLE = auto()  # send the queue if the reply is complete, else wait for the user
    RETRY = auto()  # ask the same question again
    SEND_QUEUE = auto()  # send the queue even if the reply is not complete


@dataclass(frozen=True, slots=True)
class Question:
    """A message that a turn answers, and the data to undo it.

    node           the message in the conversation
    model, think   the model that answers and its effort; None for the session's own
    raw            the text to return to the input, pastes as marks; None if the message was sent before
    previous_head  the head to return to if `raw` is None and no answer comes
    """

    node: str
    model: ModelRef | None = None
    think: Effort | None = None
    raw: str | None = None
    previous_head: str | None = None


class TurnRunner:
    """Runs the turns of a session, one at a time.

    view           the state of the running turn and of the last one
    queue          messages entered while a turn ran, pastes as marks
    steering       number of queued messages, from the first, that go with the next step of the turn
    restored_text  the message that got no answer and returned to the input, pastes as marks
    side           the turns beside the chat
    """

    def __init__(
        self,
        context: FrontendContext,
        widgets: Widgets,
        changed: Callable[..., None],
        ended: Callable[[TurnEnded, float], None],
        asked: Callable[[], None],
    ) -> None:
        self.session = context.session
        self._providers = context.providers
        self.view = ViewState(reasoning=context.look.reasoning, usage_line=context.look.usage)
        self.queue: list[str] = []
        self.steering = 0
        self.restored_text: str | None = None
        self._merge_queue = context.look.merge_queue
        self._stall = context.look.timings.stall
        self._suggestion: tuple[ModelRef, ModelRef] | None = None
        self._transcript = widgets.transcript
        self._editor = widgets.editor
        self._toast = widgets.toast
        self._approval = widgets.approval
        self._changed = changed
        self._ended = ended
        self._asked = asked
        self._sign = prompt_sign(signs=context.look.signs)
        self._up = context.look.keys.up
        self.side = SideWork(context.session)
        self._turn: Turn | None = None
        self._task: asyncio.Task[None] | None = None
        self._question: Question | None = None
        self._after = AfterTurn.IDLE

    @property
    def busy(self) -> bool:
        return self.view.busy or self.side.comparing

    @property
    def suggested_model(self) -> ModelRef | None:
        """Return the model most similar to the one that was not found; None after another was chosen."""
        closest, before = self._suggestion or (None, None)
        return closest if self.session.model == before and not self.busy else None

    def enqueue(self, raw: str) -> None:
        """Add a message to the queue, pastes as marks; without a running turn, send the queue."""
        self.queue.append(raw)
        if self.busy:
            self._changed()
        else:
            self.send_queue()

    def send(self, *raw: str, wait_for_host: bool = False) -> None:
        """Send inputs, pastes as marks, as one message below the head.

        `wait_for_host`: keep retrying until the host can be reached.
        """
        self._echo(*raw)
        node = self.session.add(self._editor.message(*raw), self.session.conversation.head)
        self._send(Question(node, raw="\n\n".join(raw)), wait_for_host=wait_for_host)

    def resend(self, parent: str, model: ModelRef | None, think: Effort | None = None) -> None:
        """Send an earlier message again, to `model` and with the effort `think` if given; a reply is continued."""
        question = Question(parent, model, think, previous_head=self.session.conversation.head)
        node = self.session.conversation.nodes[parent]
        if node.message.role is Role.USER:
            self._echo(self._editor.draft_of(node.message))
        self._send(question, wait_for_host=self.view.away)

    def replay(self, messages: Sequence[Message]) -> None:
        """Show messages of this chat again."""
        for shown in saved_transcript(messages, self.session.conversation, self.view):
            if isinstance(shown, Message):
                self._echo(self._editor.draft_of(shown))
            else:
                self._transcript.show((shown,))

    def stop(self) -> None:
        """Stop the turn: the screen changes at once, the connection closes later."""
        self.side.stop_comparison()
        if self._turn is None:
            return
        if self._after is AfterTurn.RETRY:
            self._after = AfterTurn.IDLE
        self.view = turn_stopping(self.view, monotonic())
        self._turn.cancel()
        self._approval.acted()
        self._ask()

    def retry_now(self) -> bool:
        """Send the request again: at once if it waits for a retry, after stopping it if it has stalled.

        Return False if neither is the case.
        """
        turn = self.view.turn
        if turn is None or self._turn is None:
            return False
        if turn.phase is Phase.RETRYING:
            self._turn.retry_now()
        elif is_stalled(turn, monotonic(), self._stall):
            self._after = AfterTurn.RETRY
            self.view = turn_stopping(self.view, monotonic(), again=True)
            self._turn.cancel()
            self._changed()
        else:
            return False
        return True

    def answer(self, decision: Decision, listed: ApprovalRequest | None = None) -> None:
        """Answer the question about a tool call that is shown, or one of the list."""
        if self._turn and (request := listed or self._approval.request):
            self._approval.acted()
            self._turn.answer(request, decision)

    def cancel_call(self, place: int) -> None:
        """Cancel one running tool call, by its place in the reply; the turn goes on."""
        if self._turn:
            self._turn.cancel_call(place)

    def abandon(self) -> None:
        """Stop waiting for a turn that is stopping; its further output is not shown."""
        turn = self._turn
        if turn is None or self._task is None or self.view.turn is None or self.view.turn.phase is not Phase.STOPPING:
            return
        self._task.cancel()
        self._transcript.finish()
        words = safe_format("■ stopped without waiting for a tool")
        self._transcript.lines([styled_line(words, TextRole.WARNING)])
        self._finish(turn)

    def send_now(self) -> bool:
        """Send the queue with the results of the running tools; a reply is stopped, and its text is kept."""
        if not self.queue:
            return False
        if not self.view.turn:
            self.send_queue()
        elif self.view.turn.phase in (Phase.CALLING, Phase.RUNNING):
            self._steer(self._batch_size)
        else:
            self.stop()
            self._after = AfterTurn.SEND_QUEUE
        return True

    @property
    def merges_queue(self) -> bool:
        """Return True if the whole queue is sent as one message."""
        return self._merge_queue

    @property
    def _batch_size(self) -> int:
        """Number of queued messages that are sent as one."""
        return len(self.queue) if self._merge_queue else 1

    def _steer(self, number: int) -> None:
        """Send the first queued messages with the next step of the turn; until then they stay in the queue."""
        self.steering = number
        if self._turn:
            self._turn.steer(self._editor.message(*self.queue[:number]) if number else None)
        self._changed()

    def _steered(self, node: str) -> None:
        """Take the sent messages off the queue; they return to the input if the rest of the turn fails."""
        raw = self._next(self.steering)
        before = self._question
        self._question = Question(node, before and before.model, before and before.think, raw="\n\n".join(raw))
        self.steering = 0
        self._echo(*raw)

    def _next(self, number: int) -> list[str]:
        """Take the first queued messages."""
        raw, self.queue = self.queue[:number], self.queue[number:]
        return raw

    def send_queue(self) -> None:
        """Send the queue as one message, its items separated by blank lines, or only its first item.

        Without a queue, or while a turn runs, do nothing.
        """
        if self.busy or not self.queue:
            return
        self.send(*self._next(self._batch_size))

    def next_reasoning_view(self) -> ReasoningView:
        """Switch to the next reasoning view and return it."""
        views = list(ReasoningView)
        shown = views[(views.index(self.view.reasoning) + 1) % len(views)]
        self.show_reasoning(shown)
        return shown

    def show_reasoning(self, shown: ReasoningView) -> None:
        """Show more or less of the reasoning from now on."""
        self.view, blocks = change_reasoning_view(self.view, shown)
        self._transcript.show(blocks)
        self._changed()

    def show_usage_line(self, shown: UsageLine) -> None:
        """Show a short, a full or no line of tokens and cost below each reply."""
        self.view = replace(self.view, usage_line=shown)

    def merge_queue(self, *, merged: bool) -> None:
        """Send the whole queue as one message, or one message a turn."""
        self._merge_queue = merged

    def pop_queued(self) -> str | None:
        """Remove the last queued message and return it, pastes as marks; None without one."""
        if not self.queue:
            return None
        raw = self.queue.pop()
        if self.steering > len(self.queue):
            self._steer(len(self.queue))
        self._changed()
        return raw

    async def close(self) -> None:
        """Stop the turn and wait up to two seconds for its end."""
        self.stop()
        if self._task:
            await asyncio.wait([self._task], timeout=2)
            self._task.cancel()

    def _send(self, question: Question, *, wait_for_host: bool = False) -> None:
        """Start the turn that answers a question."""
        self._question = question
        self._toast.clear()
        if self.session.conversation.nodes[question.node].message.role is Role.USER:
            self._transcript.restart_code_numbers()
        self.restored_text = self._suggestion = None
        self.session.move_head(question.node)
        turn = self._turn = self.side.main = self.session.send(
            question.node, question.model, think=question.think, wait_for_host=wait_for_host
        )
        self.view = replace(self.view, calls=len(self.session.conversation.tool_results()))
        self.view = turn_sent(self.view, turn.id, question.model or self.session.model, monotonic())
        self._changed()
        self._task = asyncio.create_task(self._follow(turn, question.node))
        asyncio.get_running_loop().call_later(_TICK, self._tick, turn)

    def _echo(self, *messages: str) -> None:
        """Print inputs, pastes as marks, that are sent as one message."""
        raw = "\n\n".join(messages)
        self._transcript.restart_code_numbers()
        self._transcript.lines(user_lines(safe(self._editor.pastes.shown(raw)), self._sign), after=True, whole=True)
        if len(messages) > 1:
            words = safe_format("{n} queued messages, sent as one (/set queue one)", n=safe(str(len(messages))))
            self._transcript.lines([styled_line(words, TextRole.DIM)], after=True)

    def _tick(self, turn: Turn) -> None:
        """Redraw the spinner and the clocks while a turn runs."""
        if self._turn is turn:
            self._changed(ticked=True)
            asyncio.get_running_loop().call_later(_TICK, self._tick, turn)

    async def _follow(self, turn: Turn, question: str) -> None:
        failed: TurnEnded | None = None
        try:
            failed = await follow_turn(turn, self.session, question, self._show)
        finally:
            if self._turn is turn:
                if failed:
                    self.view = replace(self.view, turn=None, last=failed)
                    self._transcript.show_failed(failed, self.view.step_labels, self.view.usage_line)
                self._finish(turn)

    async def _show(self, event: Event) -> None:
        """Show one event of the running turn."""
        if isinstance(event, TurnEnded):
            event = await with_suggestions(event, self._providers)
        if isinstance(event, MessageDone) and event.message.role is Role.USER:
            self._steered(event.node)
        labels = self.view.step_labels
        if isinstance(event, TurnEnded) and (asked := self._question) and asked.raw is None:
            author = self.session.conversation.nodes[asked.node].message.role
            self.view = replace(self.view, step_labels=without_message(labels, continues=author is not Role.USER))
        self.view, blocks = update(self.view, event, monotonic())
        self.view = replace(self.view, step_labels=labels)
        self._transcript.show(blocks)
        if not isinstance(event, Streamed | ToolProgress):
            self._ask()

    def _ask(self) -> None:
        """Show the question that waits longest; none once the turn is stopping."""
        turn = self.view.turn
        waiting = waiting_requests(turn.calls) if turn and turn.phase is not Phase.STOPPING else ()
        if self._approval.ask(waiting):
            self._asked()
        self._changed()

    def _restore(self, question: Question) -> None:
        """Return a question that got no answer to the input, or to the history if the input is not empty.

        A question that was sent before stays in the chat, with its first answer.
        """
        if question.raw is None:
            self.session.move_head(question.previous_head)
            return
        text = as_typed(question.raw)
        if self._editor.empty:
            self.restored_text = text
        else:
            self._toast.say(safe_format("The unanswered message is in the history: {up}", up=self._up), 5.0)
        self._editor.restore(text)

    def _finish(self, turn: Turn) -> None:
        """Act on the end of a turn: ask again, send the queue after a complete reply, or wait for the user."""
        with suppress(Exception):  # reported already
            self._transcript.finish()
        self.view = replace(self.view, turn=None)
        self._turn, self.side.main, self.steering = None, None, 0
        self._approval.ask(())
        ended = last if (last := self.view.last) and last.turn_id == turn.id else None
        after, self._after = self._after, AfterTurn.IDLE
        self.side.turn_ended()
        if after is AfterTurn.RETRY and self._question and ended and ended.outcome is Outcome.CANCELLED:
            self._send(self._question)
            return
        if ended and ended.outcome is Outcome.COMPLETE:
            after = AfterTurn.SEND_QUEUE
        if ended and self._question and not ended.has_content:
            self._restore(self._question)
        if ended:
            closest = ended.failure.suggestions if ended.failure else ()
            self._suggestion = (closest[0], self.session.model) if closest else None
            self._ended(ended, ended.timing.total)
        if self.queue and after is AfterTurn.SEND_QUEUE:
            self.send_queue()
            return
        self._changed()
