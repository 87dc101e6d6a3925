"""List of the questions that one answer approves together. What does not fit has to be viewed whole before that."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.core.approval import ApprovalRequest, PreviewKind, mark_blanks
from termchat.core.sanitize import Safe, join, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.repl.panels.approval_answer import ALL, Answer
from termchat.ui.text.fit import truncate, truncate_middle, wrap
from termchat.ui.text.line import Line, styled_line
from termchat.ui.tools.approval_card import RequestPreview, common_facts, own_facts, request_title

_BRIEF = 2000  # characters of a preview that its row is made of, from each end


class ApprovalList:
    """The listed questions: exactly those that waited when the list was opened.

    viewed   the user has seen all of it
    fits     nothing of it is hidden, as it was drawn last
    """

    def __init__(self, requests: Sequence[ApprovalRequest]) -> None:
        self.requests = tuple(requests)
        self.viewed = False
        self._previews = [RequestPreview(request) for request in requests]
        self._common = common_facts(requests)
        self.fits = False  # nothing was drawn yet

    def lines(self, columns: int, room: int) -> Sequence[Line]:
        """Return at most so many rows: every call whole, or a row for each if that is too much."""
        whole = self._whole(columns)
        self.fits = len(whole) <= room and all(p.fits(columns - 4, len(p.rows(columns - 4))) for p in self._previews)
        return whole if self.fits else self._brief(columns, room)

    def _whole(self, columns: int) -> list[Line]:
        rows: list[Line] = []
        for number, preview in enumerate(self._previews, 1):
            request = preview.request
            title = Safe(f"  {number} {request_title(request)}")
            rows += wrap(styled_line(title, TextRole.STRONG), columns - 1)
            rows += [(*styled_line(Safe("  "), TextRole.TEXT), *row) for row in preview.rows(columns - 4)]
            if facts := own_facts(request, self._common):
                rows += _facts(facts, columns, "    ")
        return [*rows, *(_facts(self._common, columns, "  ") if self._common else ())]

    def _brief(self, columns: int, room: int) -> list[Line]:
        """Return the beginning and the end of each call on a row, as many as fit."""
        shown = len(self._previews) if len(self._previews) < room else max(0, room - 1)
        rows = [
            styled_line(
                truncate_middle(Safe(f"  {number} {safe_line(request.call.name)}: {_ends(request)}"), columns - 1),
                TextRole.CODE if request.kind is PreviewKind.COMMAND else TextRole.TEXT,
            )
            for number, request in enumerate(self.requests[:shown], 1)
        ]
        hidden = len(self.requests) - shown
        words = safe_format("  … not all in sight · v shows all")
        if hidden:
            words = safe_format("  … {n} more calls · v shows all", n=safe(str(hidden)))
        return [*rows, styled_line(truncate(words, columns - 1), TextRole.WARNING)]


def list_answers(listed: ApprovalList, *, in_sight: bool) -> list[Answer]:
    """Return the answers for the list; without the approval unless all of it was seen."""
    back = Answer("n", safe_format("no, answer one by one"))
    if not in_sight:
        return [Answer("v", safe_format("view all of it, then answer")), back]
    words = safe_format("run all {n} once", n=safe(str(len(listed.requests))))
    return [Answer(ALL, words), back, Answer("v", safe_format("view all"))]


def _facts(facts: Sequence[str], columns: int, indent: str) -> Sequence[Line]:
    words = join(" · ", [safe_line(fact) for fact in facts])
    return wrap(styled_line(Safe(f"{indent}{words}"), TextRole.DIM), columns - 1)


def _ends(request: ApprovalRequest) -> Safe:
    """Return the preview on one line; of a very long one its beginning and its end."""
    text = request.preview.strip()
    text = text if len(text) <= 2 * _BRIEF else f"{text[:_BRIEF]} … {text[-_BRIEF:]}"
    return safe_line(mark_blanks(text).replace("\n", " "))
