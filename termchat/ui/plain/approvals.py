"""Questions about tool calls for the plain front end: a line of its own answers, any other line is queued."""

from __future__ import annotations

import json
from collections.abc import Sequence

from termchat.core.approval import ApprovalRequest, ApprovalScope, Approve, ChangeArguments, Decision, Decline
from termchat.core.sanitize import join, safe, safe_format, safe_line
from termchat.core.session import Turn
from termchat.core.style import TextRole
from termchat.ui.plain.line_reader import LineReader
from termchat.ui.plain.writer import PlainWriter
from termchat.ui.text.line import Line, styled_line
from termchat.ui.tools.approval_card import request_lines

_SCOPES = {"y": ApprovalScope.ONCE, "s": ApprovalScope.CHAT, "a": ApprovalScope.SAVED}
_ALL_ROWS = 10_000


class PlainApprovals:
    """Asks one question at a time. Only a line that was typed after the question answers it."""

    def __init__(self, writer: PlainWriter, reader: LineReader) -> None:
        self._writer = writer
        self._reader = reader
        self._turn: Turn | None = None
        self._request: ApprovalRequest | None = None

    def ask(self, turn: Turn | None, requests: Sequence[ApprovalRequest]) -> None:
        """Ask the first question that waits, unless it was asked; without one, lines are messages again."""
        self._turn = turn
        request = requests[0] if turn and requests else None
        if request is self._request:
            return
        self._request = request
        self._reader.intercept = self._answer if request else None
        if request:
            number = len(requests)
            place = safe_format("1 of {n}", n=safe(str(number))) if number > 1 else safe("")
            rows = request_lines(request, self._writer.columns, _ALL_ROWS, place=place)
            self._writer.lines([*rows, self._answers(request)])

    def _answers(self, request: ApprovalRequest) -> Line:
        rule = safe_line(" and ".join(request.rules))
        words = [safe_format("y runs it once")]
        if request.rules:
            words += [
                safe_format("s allows {rule} in this chat", rule=rule),
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
            self._writer.aside(safe_format("Queued: this is no answer to the question (y, n, e)."))
            return False
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
