"""Questions about tool calls for the plain front end: a line of its own answers, any other line is queued.

`Y` prints all calls that wait; the next `Y` runs exactly those.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from time import monotonic

from termchat.core.approval import ApprovalRequest, ApprovalScope, Approve, ChangeArguments, Decision, Decline
from termchat.core.sanitize import join, safe, safe_format, safe_line
from termchat.core.session import Turn
from termchat.core.style import TextRole
from termchat.ui.plain.line_reader import LineReader
from termchat.ui.plain.writer import PlainWriter
from termchat.ui.text.line import Line, styled_line
from termchat.ui.tools.approval_card import RequestPreview, runs_with_others, shown_first

_SCOPES = {"y": ApprovalScope.ONCE, "s": ApprovalScope.CHAT, "a": ApprovalScope.SAVED}
_ALL = "Y"
_ALL_ROWS = sys.maxsize  # nothing runs that was not shown whole
_NEW_SECONDS = 0.5  # that a question which follows another one must have been there before a line answers it


class PlainApprovals:
    """Asks one question at a time. Only a line that was typed after the question answers it."""

    def __init__(self, writer: PlainWriter, reader: LineReader) -> None:
        self._writer = writer
        self._reader = reader
        self._turn: Turn | None = None
        self._request: ApprovalRequest | None = None
        self._waiting: tuple[ApprovalRequest, ...] = ()
        self._listed: tuple[ApprovalRequest, ...] = ()  # printed; the next answer is for all of them
        self._approved: tuple[ApprovalRequest, ...] = ()  # from the list; their answers are under way
        self._follows = False  # the question follows another one
        self._asked_at = 0.0

    def ask(self, turn: Turn | None, requests: Sequence[ApprovalRequest]) -> None:
        """Ask the first question that waits, unless it was asked; without one, lines are messages again."""
        self._turn = turn
        self._approved = tuple(request for request in self._approved if _has(requests, request))
        requests = [request for request in requests if not _has(self._approved, request)]
        before, self._waiting = self._listable(), shown_first(self._request, requests)
        request = self._waiting[0] if turn and self._waiting else None
        if not all(_has(requests, listed) for listed in self._listed):
            self._listed = ()
        if request is self._request:
            if not before and self._listable() and not self._listed:
                self._writer.aside(safe_format("Another call waits; Y lists all."))
            return
        self._follows, self._request, self._asked_at = self._request is not None, request, monotonic()
        self._reader.intercept = self._answer if request else None
        if request:
            self._print(request)

    def _print(self, request: ApprovalRequest) -> None:
        number = len(self._waiting)
        place = safe_format("1 of {n}", n=safe(str(number))) if number > 1 else safe("")
        rows = RequestPreview(request).lines(self._writer.columns, _ALL_ROWS, place=place)
        self._writer.lines([*rows, self._answers(request)])

    def _listable(self) -> tuple[ApprovalRequest, ...]:
        """Return the waiting calls that one answer may approve: none unless the one asked about and another are."""
        found = tuple(request for request in self._waiting if runs_with_others(request))
        return found if len(found) > 1 and found[0] is self._request else ()

    def _list(self) -> None:
        """Print every call that waits, whole; the next answer is for them."""
        self._listed = self._listable()
        number = safe(str(len(self._listed)))
        for place, request in enumerate(self._listed, 1):
            words = safe_format("{k} of {n}", k=safe(str(place)), n=number)
            self._writer.lines(RequestPreview(request).lines(self._writer.columns, _ALL_ROWS, place=words))
        words = safe_format("Y runs all {n} once, n goes back to the first, Ctrl-C stops", n=number)
        self._writer.lines([styled_line(words, TextRole.DIM)])
        self._follows, self._asked_at = True, monotonic()

    def _answers(self, request: ApprovalRequest) -> Line:
        rule = safe_line(" and ".join(request.rules))
        words = [safe_format("y sends it" if request.title else "y runs it once")]
        if request.rules:
            words += [
                safe_format("s allows {rule} until you leave this chat", rule=rule),
                safe_format("a always allows it"),
            ]
        if all_calls := self._listable():
            words += [safe_format("Y lists all {n}", n=safe(str(len(all_calls))))]
        words += [safe_format("n REASON declines"), safe_format("e TEXT changes it"), safe_format("Ctrl-C stops")]
        return styled_line(join(", ", words), TextRole.DIM)

    def _answer(self, line: str) -> bool:
        """Take a line as the answer; return False for any other text, which is queued."""
        request, turn = self._request, self._turn
        if request is None or turn is None:
            return False
        if self._listed:
            return self._answer_list(line.strip(), turn, request)
        if line.strip() == _ALL and self._listable():
            self._list()
            return True
        letter, _, rest = line.strip().partition(" ")
        decision = self._decision(request, letter, rest.strip())
        if decision is None:
            answers = ", ".join(["y", *("sa" if request.rules else ""), *(_ALL if self._listable() else ""), "n", "e"])
            words = safe_format("Queued: this is no answer to the question ({answers}).", answers=safe(answers))
            if letter == "e" and not rest:
                words = safe_format("Write e and the new text; this line was queued.")
            elif letter == "e":
                words = safe_format("Queued: the text after e is not a JSON object.")
            self._writer.aside(words)
            return False
        if self._is_new():
            self._writer.aside(safe_format("This question is a new one: read it, then answer again."))
            return True
        turn.answer(request, decision)
        return True

    def _is_new(self) -> bool:
        """Return True if what is asked just took the place of another question."""
        return self._follows and monotonic() - self._asked_at < _NEW_SECONDS

    def _answer_list(self, answer: str, turn: Turn, request: ApprovalRequest) -> bool:
        """Take a line as the answer to the list; return False for any other text, which is queued."""
        if answer not in (_ALL, _ALL.lower(), "n"):
            self._writer.aside(safe_format("Queued: this is no answer to the list (Y, n)."))
            return False
        if answer == "n":
            self._listed, self._follows, self._asked_at = (), True, monotonic()
            self._print(request)
        elif self._is_new():
            self._writer.aside(safe_format("This list is new: read it, then answer again."))
        else:
            self._approved, self._listed = (*self._approved, *self._listed), ()
            self._waiting = tuple(waiting for waiting in self._waiting if not _has(self._approved, waiting))
            for approved in self._approved:
                turn.answer(approved, Approve())
        return True

    def _decision(self, request: ApprovalRequest, letter: str, rest: str) -> Decision | None:
        scope = _SCOPES.get(letter)
        if scope and not rest and (request.rules or scope is ApprovalScope.ONCE):
            return Approve(scope)
        if letter == "n":
            return Decline(rest)
        if letter == "e" and rest:
            return _changed(request, rest)
        return None


def _has(requests: Sequence[ApprovalRequest], wanted: ApprovalRequest) -> bool:
    return any(request is wanted for request in requests)


def _changed(request: ApprovalRequest, text: str) -> ChangeArguments | None:
    """Return the edited call; None if the text is no JSON object where one is needed."""
    try:
        if request.edit_argument:
            arguments = {**json.loads(request.call.arguments or "{}"), request.edit_argument: text}
            return ChangeArguments(json.dumps(arguments, ensure_ascii=False))
        return ChangeArguments(text) if isinstance(json.loads(text), dict) else None
    except ValueError:
        return None
