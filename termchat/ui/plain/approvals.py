"""Questions about tool calls for the plain front end: a line of its own answers, any other line is queued."""

from __future__ import annotations

import json
from collections.abc import Sequence
from time import monotonic

from termchat.core.approval import ApprovalRequest, ApprovalScope, Approve, ChangeArguments, Decision, Decline
from termchat.core.sanitize import join, safe, safe_format, safe_line
from termchat.core.session import Turn
from termchat.core.style import TextRole
from termchat.ui.plain.line_reader import LineReader
from termchat.ui.plain.writer import PlainWriter
from termchat.ui.text.line import Line, styled_line
from termchat.ui.tools.approval_card import RequestPreview, shown_first

_SCOPES = {"y": ApprovalScope.ONCE, "s": ApprovalScope.CHAT, "a": ApprovalScope.SAVED}
_ALL_ROWS = 10_000
_NEW_SECONDS = 0.5  # that a question which follows another one must have been there before a line answers it


class PlainApprovals:
    """Asks one question at a time. Only a line that was typed after the question answers it."""

    def __init__(self, writer: PlainWriter, reader: LineReader) -> None:
        self._writer = writer
        self._reader = reader
        self._turn: Turn | None = None
        self._request: ApprovalRequest | None = None
        self._follows = False  # the question follows another one
        self._asked_at = 0.0

    def ask(self, turn: Turn | None, requests: Sequence[ApprovalRequest]) -> None:
        """Ask the first question that waits, unless it was asked; without one, lines are messages again."""
        self._turn = turn
        waiting = shown_first(self._request, requests)
        request = waiting[0] if turn and waiting else None
        if request is self._request:
            return
        self._follows, self._request, self._asked_at = self._request is not None, request, monotonic()
        self._reader.intercept = self._answer if request else None
        if request:
            number = len(requests)
            place = safe_format("1 of {n}", n=safe(str(number))) if number > 1 else safe("")
            rows = RequestPreview(request).lines(self._writer.columns, _ALL_ROWS, place=place)
            self._writer.lines([*rows, self._answers(request)])

    def _answers(self, request: ApprovalRequest) -> Line:
        rule = safe_line(" and ".join(request.rules))
        words = [safe_format("y sends it" if request.title else "y runs it once")]
        if request.rules:
            words += [
                safe_format("s allows {rule} until you leave this chat", rule=rule),
                safe_format("a always allows it"),
            ]
        words += [safe_format("n REASON declines"), safe_format("e TEXT changes it"), safe_format("Ctrl-C stops")]
        return styled_line(join(", ", words), TextRole.DIM)

    def _answer(self, line: str) -> bool:
        """Take a line as the answer; return False for any other text, which is queued."""
        request, turn = self._request, self._turn
        if request is None or turn is None:
            return False
        letter, _, rest = line.strip().partition(" ")
        decision = self._decision(request, letter, rest.strip())
        if decision is None:
            answers = "y, s, a, n, e" if request.rules else "y, n, e"
            words = safe_format("Queued: this is no answer to the question ({answers}).", answers=safe(answers))
            if letter == "e" and not rest:
                words = safe_format("Write e and the new text; this line was queued.")
            elif letter == "e":
                words = safe_format("Queued: the text after e is not a JSON object.")
            self._writer.aside(words)
            return False
        if self._follows and monotonic() - self._asked_at < _NEW_SECONDS:
            self._writer.aside(safe_format("This question is a new one: read it, then answer again."))
            return True
        turn.answer(request, decision)
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


def _changed(request: ApprovalRequest, text: str) -> ChangeArguments | None:
    """Return the edited call; None if the text is no JSON object where one is needed."""
    try:
        if request.edit_argument:
            arguments = {**json.loads(request.call.arguments or "{}"), request.edit_argument: text}
            return ChangeArguments(json.dumps(arguments, ensure_ascii=False))
        return ChangeArguments(text) if isinstance(json.loads(text), dict) else None
    except ValueError:
        return None
