"""Plain front end: append-only text for dumb terminals and screen readers.

The terminal edits the line; Enter sends it, a backslash at its end continues it. Lines typed during a reply are sent
after it. Lists are numbered, and a number chooses from them. Ctrl-C and Ctrl-D are the only keys with an action, so
every next step is offered as a command.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any

from termchat.commands.compare.shell_line import ShellLine, parse_shell_line
from termchat.commands.registry import is_command, is_sent_to_models, split_command, unescape_slash
from termchat.commands.setup.offer_lines import needs_model, offer_lines
from termchat.core.effects import Attach, Effect, SetupEffect
from termchat.core.errors import ProviderError, internal_error
from termchat.core.events import ApprovalAnswered, ApprovalAsked, Event, Retrying, Streamed, TurnEnded
from termchat.core.messages import Message, Role, user_message
from termchat.core.numbers import whole_number
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line
from termchat.core.session import Turn
from termchat.core.style import TextRole
from termchat.ui import chat_effects
from termchat.ui.compare.shell_words import SHELL_USE
from termchat.ui.frontend import FrontendContext
from termchat.ui.markdown.preload import warm_renderer
from termchat.ui.next_steps import COMMAND_LABELS, end_lines, without_message
from termchat.ui.phrases import internal_error_line, retrying_line
from termchat.ui.plain.approvals import PlainApprovals
from termchat.ui.plain.attachments import PlainAttachments
from termchat.ui.plain.effects import PlainEffectRunner, append_only
from termchat.ui.plain.heartbeat import Heartbeat
from termchat.ui.plain.line_reader import LineReader
from termchat.ui.plain.shell_commands import run_shell_line
from termchat.ui.plain.writer import PlainWriter
from termchat.ui.stderr import QuietHandler
from termchat.ui.terminal.notify import Notifier
from termchat.ui.text.line import styled_line
from termchat.ui.tools.call_views import waiting_requests
from termchat.ui.turn_end import ContextOffer, follow_turn, with_suggestions
from termchat.ui.turn_state import ViewState, turn_sent, update

_log = logging.getLogger("termchat")
_SOON = 0.05  # seconds a stop may take before it is reported
_CLOSING = 2.0  # seconds that running tasks have to end when the program leaves


async def run_plain(context: FrontendContext) -> int:
    """Run the plain front end until the user leaves; return the exit code."""
    return await PlainApp(context).run()


class PlainApp:
    """Reads a line, runs it as a task that Ctrl-C can stop, and reads the next."""

    def __init__(self, context: FrontendContext) -> None:
        self._context = context
        self._session = context.session
        self._timings = context.look.timings
        self._writer = PlainWriter(sys.stdout, context.theme, context.look)
        self.view = ViewState(
            reasoning=append_only(context.look.reasoning), usage_line=context.look.usage, step_labels=COMMAND_LABELS
        )
        self._reader = LineReader(0)
        self._approvals = PlainApprovals(self._writer, self._reader)
        self._effects = PlainEffectRunner(context, self._writer, self)
        self._context_offer = ContextOffer(context.session, context.providers)
        self._notifier = Notifier(
            context.look.notify, context.env, lambda _: self._writer.ring(), self._show_complaint, sequences=False
        )
        self._turn: Turn | None = None
        self._task: asyncio.Task[None] | None = None
        self._abandoned: asyncio.Future[None] | None = None
        self._unanswered: Message | None = None
        self._confirmed = ""
        self._attachments = PlainAttachments(context, self._writer)
        self._interrupted = -1e9
        self._stopped = -1e9
        self._code: asyncio.Future[int] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> int:
        """Run until the user leaves; return the exit code."""
        self._begin()
        assert self._loop
        if not _log.handlers:
            _log.addHandler(QuietHandler())  # /error shows what logging would print into the chat
        assert self._code
        if self._context.resumed:
            resumed = self._context.resumed
            draft = chat_effects.draft_effects(self._session, resumed)
            await self._effects.perform((*chat_effects.resume_banner(self._session, resumed), *draft))
        self._reader.open()
        reading, preloading = self._loop.create_task(self._read()), self._loop.create_task(self._preload())
        await asyncio.wait({reading, self._code}, return_when=asyncio.FIRST_COMPLETED)
        self._reader.close()
        self._loop.remove_signal_handler(signal.SIGINT)  # from here on, Ctrl-C ends the program at once
        await self._ended(reading, preloading)
        if self._context.tty:
            self._context.tty.restore()
        return self._code.result() if self._code.done() else 0

    def leave(self, code: int) -> None:
        """End the program; a running turn is stopped and saved."""
        if self._turn:
            self._turn.cancel()
        if self._code and not self._code.done():
            self._code.set_result(code)

    def keep(self, message: Message | None) -> None:
        """Keep a message that got no answer, with its attachments; an empty line resends it."""
        self._unanswered = message

    async def send(self, question: Message | None, node: str, turn: Turn) -> None:
        """Follow a turn that answers `node` to its end; `question` is kept to be sent again if no answer comes.

        `question`: None for a reply that a command asked for again
        """
        self._turn, self._stopped = turn, -1e9  # a press on an earlier turn is not the first of two on this one
        path = self._session.conversation.path()
        if path and path[-1].message.role is Role.USER:
            self._writer.restart_code_numbers()
        self.view = replace(self.view, calls=len(self._session.conversation.tool_results()))
        self.view = turn_sent(self.view, turn.id, self._session.model, monotonic())
        labels = self.view.step_labels
        if question is None:
            continues = self._session.conversation.nodes[node].message.role is not Role.USER
            self.view = replace(self.view, step_labels=without_message(labels, continues=continues))
        heartbeat = Heartbeat(self._writer.aside, self._timings, spoken=self._context.look.accessible)

        async def show(event: Event) -> None:
            heartbeat.saw(event)
            await self._show(event, question)

        try:
            if failed := await follow_turn(turn, self._session, node, show):
                self._show_failed(failed, question)
        finally:
            heartbeat.stop()
            self.view = replace(self.view, step_labels=labels)
            self._turn = None
            self._approvals.ask(None, ())
            self._writer.done()
        self._effects.side.turn_ended()
        self._notify_ended()
        self._hold_back()

    async def set_up(self, effect: SetupEffect) -> Sequence[Effect]:
        """Run the dialogue of a setup in lines; return the effects that follow."""
        from termchat.commands.setup.run_setup import run_setup
        from termchat.ui.plain.line_dialog import LineDialog
        from termchat.ui.repl.setup.abilities import terminal_checks

        def write(words: Sequence[Safe], role: TextRole) -> None:
            self._writer.lines([styled_line(line, role) for line in words], gap=False)

        dialog = LineDialog(self._reader, write, self._writer.question, self._writer.input_entered)
        size = shutil.get_terminal_size()
        found = terminal_checks(self._context.env, (size.columns, size.lines), None)
        return await run_setup(dialog, self._context.setup, effect, lambda: tuple(found))

    def _begin(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        typed = self._context.typeahead
        if tty := self._context.tty:
            tty.close_early_prompt(sweep=True)
            tty.cooked()
            typed, tty.typed = tty.typed, ""
        self._reader.put(typed)
        self._code = loop.create_future()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            loop.add_signal_handler(number, self.leave, 128 + number)
        if self._context.notes:
            self._writer.lines([styled_line(words) for words in self._context.notes])
        self._context.notices.subscribe(lambda failure: self._writer.notice(failure.message))

    async def _preload(self) -> None:
        if self._context.setup and needs_model(self._session, self._context.providers):
            self._writer.notice(*offer_lines(await self._context.setup.find_local()))
        with suppress(ProviderError):
            await self._context.preload_sdk()
            await asyncio.to_thread(warm_renderer)

    async def _read(self) -> None:
        while self._code and not self._code.done():
            ahead = self._reader.waits
            self._writer.prompt()
            text = await self._reader.next()
            if text is None:
                self._writer.input_entered("")
                self.leave(ExitCode.SIGHUP if self._writer.vanished else 0)
                return
            self._writer.input_entered(text if ahead else None)
            await self._do(self._entered(text))

    async def _entered(self, text: str) -> None:
        if self._effects.offers(text):
            await self._effects.choose(whole_number(text.strip()) or 0)
        elif is_command(text):
            await self._run_command(text)
        elif line := parse_shell_line(text):
            await self._run_shell(line)
        elif text.strip():
            await self._send_text(unescape_slash(text))
        elif message := self._unanswered:
            self._unanswered = None
            if text := self._attachments.asked:
                await self._send_text(text)
                return
            await self._effects.use_closest()
            await self._send_message(message, wait_for_host=self.view.away)

    async def _run_shell(self, line: ShellLine) -> None:
        """Run a command of the user's shell; its output goes with the next message unless it began with `!!`."""
        if not line.command:
            self._writer.aside(SHELL_USE)
        elif part := await run_shell_line(line, self._writer, self._context.env):
            self._attachments.add(part)

    async def _run_command(self, text: str) -> None:
        """Run a command; one that sends a key to the model has to be repeated."""
        command = self._context.registry.find(split_command(text)[0])
        sent = command is not None and is_sent_to_models(command.name) and text != self._confirmed
        if sent and (secret := self._context.find_secret(user_message(text))):
            self._confirmed = text
            self._writer.aside(safe_format("{secret} Repeat it to confirm.", secret=secret))
        else:
            await self._effects.command(text)

    async def attach(self, effect: Attach) -> None:
        """Attach files to the next message, remove an attachment, or list them."""
        await self._attachments.perform(effect)

    async def _send_text(self, text: str) -> None:
        """Send a text with the attachments it mentions and those of /attach, unless something has to be said first."""
        message = await self._attachments.message(text)
        if message is None:
            self._unanswered = user_message(text)
        else:
            await self._send_typed(message)

    async def _send_typed(self, message: Message) -> None:
        """Send a message; one with a key is kept until an empty line sends it."""
        secret = self._context.find_secret(message)
        self._unanswered = message if secret else None
        if secret:
            self._writer.aside(safe_format("{secret} An empty line sends it.", secret=secret))
        else:
            await self._send_message(message)

    async def _send_message(self, message: Message, *, wait_for_host: bool = False) -> None:
        node = self._session.add(message, self._session.conversation.head)
        self._session.move_head(node)
        await self.send(message, node, self._session.send(node, wait_for_host=wait_for_host))

    async def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task until it ends or is abandoned."""
        assert self._loop
        self._task, self._abandoned = self._loop.create_task(work), self._loop.create_future()
        await asyncio.wait({self._task, self._abandoned}, return_when=asyncio.FIRST_COMPLETED)
        done, self._task = self._task, None
        if done.done() and not done.cancelled() and (error := done.exception()):
            failure = internal_error(error)
            self._session.note_failure(failure)
            words = internal_error_line(failure, safe_format("/error details"))
            self._writer.lines([styled_line(words, TextRole.ERROR), styled_line(failure.hint, TextRole.DIM)])

    async def _show(self, event: Event, question: Message | None) -> None:
        if isinstance(event, TurnEnded):
            event = await with_suggestions(event, self._context.providers)
        if isinstance(event, Streamed) and isinstance(event.delta, Retrying) and not self._waits(event.delta):
            self._writer.aside(safe_format("{words} Ctrl-C stops.", words=retrying_line(event.delta)))
        self.view, blocks = update(self.view, event, monotonic())
        self._writer.show(blocks)
        if isinstance(event, ApprovalAsked | ApprovalAnswered | TurnEnded):
            self._approvals.ask(self._turn, waiting_requests(self.view.turn.calls) if self.view.turn else ())
        if isinstance(event, TurnEnded) and not event.has_content:
            self.keep(question)

    def _show_failed(self, ended: TurnEnded, question: Message | None) -> None:
        """Show the end of a turn that could not be shown whole."""
        self.view = replace(self.view, turn=None, last=ended)
        self._writer.lines(end_lines(ended, self.view.step_labels, self.view.usage_line))
        if not ended.has_content:
            self.keep(question)

    def _waits(self, retry: Retrying) -> bool:
        """Return True if the wait for the host has been reported already."""
        seen = self.view.turn.retry if self.view.turn else None
        return not retry.tries and seen is not None and not seen.tries

    def _notify_ended(self) -> None:
        if offer := self._context_offer.after_turn():
            self._writer.aside(offer)
        if (ended := self.view.last) and not self._context.look.accessible:
            words = safe_format("{model}: {outcome}", model=safe_line(ended.model.model), outcome=Safe(ended.outcome))
            self._notifier.ended(words, ended.timing.total, focused=None)

    def _hold_back(self) -> None:
        """After a stop or an error, keep what was typed meanwhile until the user sends it."""
        ended = self.view.last
        waiting = self._reader.take_waiting() if ended and ended.outcome is not Outcome.COMPLETE else []
        if waiting:
            kept = self._unanswered or user_message("")
            words = "\n\n".join((kept.words, *waiting) if kept.words else waiting)
            self._unanswered = user_message(words, *kept.attachments)
            one = safe_format(" as one message") if len(waiting) > 1 else EMPTY
            self._writer.aside(safe_format("Your queued input is kept; an empty line sends it{one}.", one=one))

    def _interrupt(self) -> None:
        """Handle Ctrl-C: stop the turn; on the second press stop waiting for it; twice at the prompt, leave."""
        now = monotonic()
        if self._turn:
            self._writer.interrupted()
            self._stop(self._turn, again=now - self._stopped <= self._timings.second_stop)
            self._stopped = now
        elif self._task:
            self._task.cancel()
            self._writer.aside(safe_format("stopped"))
        elif now - self._interrupted <= self._timings.second_leave:
            self.leave(0)
        else:
            self._interrupted = now
            self._writer.aside(safe_format("Press Ctrl-C again to exit"))
            self._writer.prompt()

    def _stop(self, turn: Turn, *, again: bool) -> None:
        assert self._loop
        if again and self._task and self._abandoned and not self._abandoned.done():
            self._task.cancel()
            self._abandoned.set_result(None)
            self._turn = None
            self._writer.aside(safe_format("■ stopped without waiting for a tool"))
            return
        turn.cancel()
        self._loop.call_later(_SOON, self._stopping, turn)

    def _stopping(self, turn: Turn) -> None:
        if self._turn is turn:
            self._writer.aside(safe_format("stopping…"))

    def _show_complaint(self, words: Safe) -> None:
        if self._loop:
            self._loop.call_soon_threadsafe(self._writer.notice, words)

    async def _ended(self, *tasks: asyncio.Task[None]) -> None:
        """End all tasks, or abandon those that take too long."""
        await self._effects.side.close()
        running = {*tasks, *([self._task] if self._task else [])}
        if self._task:  # a stopped turn needs time to be saved
            await asyncio.wait({self._task}, timeout=_CLOSING)
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=_CLOSING)
