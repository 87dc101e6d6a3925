"""One-shot run: one prompt, one reply, as a Unix filter."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import assert_never

from termchat.core.approval import Decline
from termchat.core.errors import Failure, exit_code
from termchat.core.events import (
    ApprovalAnswered,
    ApprovalAsked,
    Event,
    MessageDone,
    Notice,
    ProviderNotice,
    RequestAccepted,
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
from termchat.core.messages import Citation, Message, Role, Text, ToolCall, ToolStatus, unique_citations
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.sanitize import safe_format, safe_line
from termchat.core.session import Session, Turn
from termchat.ui.oneshot.call_lines import CANNOT_ASK, finished_line, unasked_line
from termchat.ui.oneshot.formats import Format
from termchat.ui.oneshot.stop_signals import stopped_by_signals
from termchat.ui.phrases import outcome_line, retrying_line, searched_line, usage_line
from termchat.ui.stderr import Stderr

Check = Callable[[str], Failure | None]


async def run_turn(
    session: Session,
    message: Message,
    out: Format,
    notes: Stderr,
    again: int = 0,
    check: Check = lambda reply: None,
    accepted: Callable[[], None] = lambda: None,
) -> ExitCode:
    """Send a message, write the reply to `out` and everything else to standard error; return the exit code.

    again      how many times an incomplete reply (cut off, stalled, or at its limit) is continued
    check      returns the failure of a complete reply, None if it is valid
    accepted   is called when the server has accepted a request
    """
    at = session.add(message, session.conversation.head)
    denied = False
    while True:
        code, continues = await _turn(session.send(at), out, notes, again > 0, lambda: _cited(session), accepted)
        denied = denied or code is ExitCode.DENIED
        if not continues:
            code = ExitCode.DENIED if denied and code is ExitCode.COMPLETE else code
            return _checked(session, notes, check) if code is ExitCode.COMPLETE else code
        again -= 1
        head = session.conversation.head
        assert head is not None, "a reply that continues was recorded"
        at = head


def _checked(session: Session, notes: Stderr, check: Check) -> ExitCode:
    """Check a complete reply, joined from its continuations; return the exit code."""
    texts: list[str] = []
    for node in reversed(session.conversation.path()):
        if node.message.role is not Role.ASSISTANT:
            break
        texts.insert(0, node.message.text)
    failure = check("".join(texts))
    if failure is None:
        return ExitCode.COMPLETE
    notes.failure(failure)
    return ExitCode.ERROR


def _cited(session: Session) -> tuple[Citation, ...]:
    """Return the sources of all replies since the question."""
    path = session.conversation.path()
    asked = max((n for n, node in enumerate(path) if node.message.role is Role.USER), default=0)
    return unique_citations(part for node in path[asked:] for part in node.message.parts if isinstance(part, Text))


async def _turn(
    turn: Turn,
    out: Format,
    notes: Stderr,
    may_continue: bool,
    sources: Callable[[], tuple[Citation, ...]],
    accepted: Callable[[], None],
) -> tuple[ExitCode, bool]:
    """Run one turn; return the exit code, and True if its reply is to be continued without a visible break.

    sources    returns the sources of the reply so far
    accepted   is called when the server has accepted a request
    """
    ended: TurnEnded | None = None
    denied = False
    unasked: list[ToolCall] = []  # declined because a script cannot ask; reported with the question
    with stopped_by_signals(turn) as stopped:
        try:
            async with aclosing(turn.events()) as events:
                async for event in events:
                    joins = may_continue and _can_continue(event)
                    if isinstance(event, Streamed) and isinstance(event.delta, RequestAccepted):
                        accepted()
                    if not joins:
                        await out.show(event)
                    if isinstance(event, Streamed) and isinstance(event.delta, SearchDelta):
                        await _searched(event.delta, out, notes)
                    if isinstance(event, Streamed) and isinstance(event.delta, TextBecameReasoning):
                        await _withdraw(out, notes)
                    if not joins and isinstance(event, TurnEnded):
                        await _cite(sources(), out, notes)
                    if isinstance(event, ApprovalAsked):
                        unasked.append(event.request.call)
                        turn.answer(event.request, Decline(CANNOT_ASK))
                    denied = denied or _is_denial(event)
                    told = isinstance(event, ToolFinished) and event.call in unasked
                    _report(event, notes, quietly=joins or told)
                    ended = event if isinstance(event, TurnEnded) else ended
            assert ended is not None
            if stopped() is None and may_continue and _can_continue(ended):
                return (ExitCode.DENIED if denied else ExitCode.COMPLETE), True
            await out.close()
        except BrokenPipeError:
            return ExitCode.SIGPIPE, False
        except OSError as error:
            notes.note(safe_format("Cannot write the reply: {why}.", why=safe_line(error.strerror or str(error))))
            return ExitCode.ERROR, False
    code = stopped() or exit_code(ended.outcome, ended.failure)
    return ExitCode.DENIED if denied and code is ExitCode.COMPLETE else code, False


def _is_denial(event: Event) -> bool:
    """Return True for a question that a script cannot answer, and for the end of a call that was denied."""
    if isinstance(event, ToolFinished):
        return event.result.status is ToolStatus.DECLINED
    return isinstance(event, ApprovalAsked)


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
        from termchat.ui.citations import source_lines
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


def _report(event: Event, notes: Stderr, *, quietly: bool) -> None:
    match event:
        case TurnEnded() if quietly:
            notes.inline_note(safe_format("{how}; continuing.", how=outcome_line(event)))
        case Streamed(delta=Retrying() as retry):
            notes.note(retrying_line(retry))
        case Streamed(delta=ProviderNotice(words=words)) | Notice(words=words):
            notes.note(words)
        case ApprovalAsked():
            notes.note(unasked_line(event.request))
        case ToolFinished() if not quietly:
            notes.note(finished_line(event))
        case TurnEnded():
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
