"""One-shot run: one prompt, one reply, as a Unix filter."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from decimal import Decimal
from typing import assert_never

from termchat.core.approval import Decline
from termchat.core.errors import Failure, FailureKind, error_reason, exit_code
from termchat.core.events import (
    ApprovalAnswered,
    ApprovalAsked,
    Event,
    MessageDone,
    Notice,
    ProviderNotice,
    Retrying,
    SearchDelta,
    StepCounted,
    StepStarted,
    Streamed,
    TextBecameReasoning,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from termchat.core.messages import Citation, Message, Role, Text, ToolCall, ToolStatus, unique_citations, user_message
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.sanitize import safe_format
from termchat.core.session import Session, Turn
from termchat.core.usage import Usage
from termchat.ui.oneshot.call_lines import CANNOT_ASK, finished_line, unasked_line
from termchat.ui.oneshot.formats import Format, RunEnd
from termchat.ui.oneshot.formats.held import HeldFormat
from termchat.ui.oneshot.stop_signals import PATIENCE, Stop, stopped_by_signals
from termchat.ui.phrases import outcome_line, retrying_line, searched_line, usage_line
from termchat.ui.stderr import Stderr

Check = Callable[[str], Failure | None]
_REPAIR = (
    "Your reply does not conform to the required JSON Schema. {reason}\n"
    "Reply again with the corrected JSON only, without any other text."
)


async def run_turn(
    session: Session,
    message: Message,
    out: Format,
    notes: Stderr,
    again: int = 0,
    check: Check = lambda reply: None,
    repairs: int = 0,
    deadline: float | None = None,
) -> ExitCode:
    """Send a message, write the reply to `out` and everything else to standard error; return the exit code.

    again      how many times an incomplete reply (cut off, stalled, or at its limit) is continued
    check      returns the failure of a complete reply, None if it is valid
    repairs    how many more requests an invalid reply may cost; then only the last reply is written, at the end
    deadline   the time of the monotonic clock at which the run is stopped, None for no limit
    """
    may_continue = again > 0
    run = _Run(session, HeldFormat(out) if repairs else out, notes, deadline)
    at = session.add(message, session.conversation.head)
    while True:
        continues = await run.turn(at, may_continue=again > 0)
        if continues:
            again -= 1
            head = session.conversation.head
            assert head is not None, "a reply that continues was recorded"
            at = head
            continue
        failure = check(run.reply()) if run.code is ExitCode.COMPLETE else None
        if failure and repairs:
            repairs -= 1
            run.drop(failure)
            at = session.add(user_message(_REPAIR.format(reason=failure.message)), session.conversation.head)
            continue
        if failure:
            run.fail(failure)
        if run.is_cut and not may_continue:
            notes.note(safe_format("--continue-cut 1 asks for the rest of such a reply."))
        return await run.finish()


class _Run:
    """The turns of one run, and what they add up to."""

    def __init__(self, session: Session, out: Format, notes: Stderr, deadline: float | None) -> None:
        self.code = ExitCode.COMPLETE
        self._session = session
        self._out = out
        self._notes = notes
        self._deadline = deadline
        self._ended: TurnEnded | None = None
        self._failure: Failure | None = None
        self._denied: dict[str, ToolCall] = {}
        self._usage, self._cost = Usage(), Decimal(0)
        self._priced = True
        self._broken = False  # the output takes no more
        self._stopped = False
        self._first = True

    @property
    def is_cut(self) -> bool:
        """True if the last reply can be continued."""
        return self._ended is not None and _can_continue(self._ended)

    async def turn(self, at: str, *, may_continue: bool) -> bool:
        """Answer a node; return True if the reply is to be continued without a visible break."""
        turn = self._session.send(at)
        ended: TurnEnded | None = None
        with stopped_by_signals(turn, self._deadline) as stop:
            try:
                ended = await self._show_all(turn, stop, may_continue=may_continue)
                self._count(ended)
                if stop.code is None and may_continue and _can_continue(ended):
                    return True
                await self._out.close()
            except BrokenPipeError:
                self._break(ExitCode.SIGPIPE)
                return False
            except OSError as error:
                self._unwritable(error)
                return False
            except asyncio.CancelledError:
                if not stop.abandoned or stop.code is None:
                    raise
                task = asyncio.current_task()
                if task:
                    task.uncancel()
                self._break(stop.code)
        self._settle(ended, stop.code)
        return False

    async def _show_all(self, turn: Turn, stop: Stop, *, may_continue: bool) -> TurnEnded:
        """Show the events of a turn, decline its questions, and return its end."""
        ended: TurnEnded | None = None
        unasked: list[ToolCall] = []  # declined because a script cannot ask; reported with the question
        async with aclosing(turn.events()) as events:
            async for event in events:
                if isinstance(event, ApprovalAsked):
                    unasked.append(event.request.call)
                    turn.answer(event.request, Decline(CANNOT_ASK))
                if isinstance(event, TurnEnded):
                    ended = event
                joins = may_continue and _can_continue(event)
                told = isinstance(event, ToolFinished) and event.call in unasked
                await self._show(event, joins=joins, quietly=joins or told or stop.code is ExitCode.STALLED)
        assert ended is not None
        return ended

    def _settle(self, ended: TurnEnded | None, stopped_by: ExitCode | None) -> None:
        """Set the exit code and the failure; `ended` is None if the turn was abandoned."""
        self._stopped = stopped_by is not None
        if not self._broken:
            assert ended is not None
            self.code = stopped_by or exit_code(ended.outcome, ended.failure)
            self._failure = ended.failure
        if stopped_by is ExitCode.STALLED:
            self._fail_late()
        if self._denied and self.code is ExitCode.COMPLETE:
            self.code = ExitCode.DENIED

    async def _show(self, event: Event, *, joins: bool, quietly: bool) -> None:
        out, notes = self._out, self._notes
        if not joins:
            await out.show(event)
        if isinstance(event, Streamed) and isinstance(event.delta, SearchDelta):
            await _searched(event.delta, out, notes)
        if isinstance(event, Streamed) and isinstance(event.delta, TextBecameReasoning):
            await _withdraw(out, notes)
        if not joins and isinstance(event, TurnEnded):
            await _cite(_cited(self._session), out, notes)
        if call := _denied_call(event):
            self._denied[call.id] = call
        _report(event, notes, joins=joins, quietly=quietly)

    def reply(self) -> str:
        """Return the text of the reply, joined from its continuations."""
        texts: list[str] = []
        for node in reversed(self._session.conversation.path()):
            if node.message.role is not Role.ASSISTANT:
                break
            texts.insert(0, node.message.text)
        return "".join(texts)

    def drop(self, failure: Failure) -> None:
        """Drop an invalid reply, for another request."""
        words = safe_format("{what} Asking again.", what=failure.message)
        self._notes.note(words)
        if isinstance(self._out, HeldFormat):
            self._out.drop(words)

    def fail(self, failure: Failure, code: ExitCode = ExitCode.ERROR) -> None:
        """Report why a run fails whose turn has ended well."""
        self._notes.failure(failure)
        self._failure, self.code = failure, code

    async def finish(self) -> ExitCode:
        """End the output; return the exit code."""
        if self._broken:
            return self.code
        cost = self._cost if self._priced else None
        chat, denied = self._session.chat_id, tuple(self._denied.values())
        end = RunEnd(self.code, self._ended, self._failure, self._usage, cost, chat, denied)
        try:
            async with asyncio.timeout(self._patience()):
                failure = await self._out.finish(end)
        except BrokenPipeError:
            return ExitCode.SIGPIPE
        except TimeoutError:  # nobody reads the end of a stopped run
            return self.code if self._stopped else ExitCode.STALLED
        except OSError as error:
            self._unwritable(error)
            return self.code
        if failure and self.code is ExitCode.COMPLETE:
            self.fail(failure)
        return self.code

    def _patience(self) -> float | None:
        """Return the seconds that the reader of the output has for its end, None without a limit."""
        if self._stopped:
            return PATIENCE
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic()) + PATIENCE

    def _count(self, ended: TurnEnded) -> None:
        self._ended = ended
        self._usage = ended.usage if self._first else self._usage + ended.usage
        self._first = False
        if ended.cost is None:
            self._priced = self._priced and not ended.has_content and not ended.usage.input
        else:
            self._cost += ended.cost

    def _break(self, code: ExitCode) -> None:
        self._broken, self.code = True, code

    def _unwritable(self, error: OSError) -> None:
        self._notes.failure(unwritable(error))
        self._break(ExitCode.ERROR)

    def _fail_late(self) -> None:
        words = safe_format("The reply was not complete in time (--timeout).")
        self.fail(Failure(FailureKind.TIMEOUT, words), ExitCode.STALLED)


def unwritable(error: OSError) -> Failure:
    """Return the failure of an output that takes no more."""
    why = error_reason(error)
    return Failure(FailureKind.STORAGE, safe_format("Cannot write the reply: {why}.", why=why))


def _cited(session: Session) -> tuple[Citation, ...]:
    """Return the sources of all replies since the question."""
    path = session.conversation.path()
    asked = max((n for n, node in enumerate(path) if node.message.role is Role.USER), default=0)
    return unique_citations(part for node in path[asked:] for part in node.message.parts if isinstance(part, Text))


def _denied_call(event: Event) -> ToolCall | None:
    """Return the call of a question that a script cannot answer, and one that was denied."""
    match event:
        case ToolFinished(call=call, result=result) if result.status is ToolStatus.DECLINED:
            return call
        case ApprovalAsked(request=request):
            return request.call
        case _:
            return None


async def _withdraw(out: Format, notes: Stderr) -> None:
    """Take back text that was reasoning, or say that it is reasoning."""
    words = safe_format("The text above is reasoning, not the answer.")
    if not await out.withdraw() and not await out.inline_note(words):
        notes.inline_note(words)


async def _searched(delta: SearchDelta, out: Format, notes: Stderr) -> None:
    """Report the query of a web search of the provider, as soon as it is known."""
    if notes.quiet or not delta.queries:
        return
    words = searched_line(delta.queries)
    if not await out.inline_note(words):
        notes.inline_note(words)


async def _cite(sources: tuple[Citation, ...], out: Format, notes: Stderr) -> None:
    """Write the sources below a rendered reply; for raw text, to standard error."""
    if sources and not notes.quiet and not await out.cite(sources):
        from termchat.ui.text.citations import source_lines
        from termchat.ui.text.line import plain_text

        notes.rows(plain_text(line) for line in source_lines(sources, hyperlinks=False))


def _can_continue(event: Event) -> bool:
    """Return True if the ended reply can be continued."""
    match event:
        case MessageDone(message=message):
            return message.can_continue and message.outcome is not Outcome.CANCELLED and bool(message.text)
        case TurnEnded():
            return event.outcome.can_continue and event.outcome is not Outcome.CANCELLED and event.has_content
        case _:
            return False


def _report(event: Event, notes: Stderr, *, joins: bool, quietly: bool) -> None:
    match event:
        case TurnEnded() if joins:
            notes.inline_note(safe_format("{how}; continuing.", how=outcome_line(event)))
        case Streamed(delta=Retrying() as retry):
            notes.note(retrying_line(retry))
        case Streamed(delta=ProviderNotice(words=words)) | Notice(words=words):
            notes.note(words)
        case ApprovalAsked():
            notes.note(unasked_line(event.request))
        case ToolFinished() if not quietly:
            notes.note(finished_line(event))
        case TurnEnded() if not quietly:
            _end(event, notes)
        case (
            TurnStarted()
            | StepStarted()
            | Streamed()
            | StepCounted()
            | ToolStarted()
            | ApprovalAnswered()
            | ToolProgress()
            | ToolFinished()
            | MessageDone()
            | TurnEnded()
        ):
            pass
        case _:
            assert_never(event)


def _end(ended: TurnEnded, notes: Stderr) -> None:
    if ended.failure:
        notes.failure(ended.failure)
    if ended.outcome is not Outcome.COMPLETE and (words := outcome_line(ended)):
        notes.note(words)
    if notes.usage and ended.has_content:
        notes.note(usage_line(ended, full=notes.full))
