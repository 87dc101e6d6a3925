"""Question about a tool call: what would run, its beginning and its end in sight."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.core.approval import ApprovalRequest, PreviewKind, ToolEffect, mark_blanks
from termchat.core.sanitize import EMPTY, Safe, join, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.text.fit import fitting_head, text_width, wrap
from termchat.ui.text.line import Line, styled_line
from termchat.ui.text.row import Segment

_VERBS = {
    ToolEffect.READ: safe_format("wants to read"),
    ToolEffect.WRITE: safe_format("wants to write"),
    ToolEffect.RUN: safe_format("wants to run"),
    ToolEffect.NETWORK: safe_format("wants to use the network"),
}
_HEAD, _TAIL = 300, 100  # lines of a longer preview that are laid out


def request_title(request: ApprovalRequest) -> Safe:
    """Return `run_shell wants to run`, or the title of a question of another kind."""
    if request.title:
        return safe_line(request.title)
    return safe_format("{name} {verb}", name=safe_line(request.call.name), verb=_VERBS[request.effect])


def shown_first(shown: ApprovalRequest | None, waiting: Sequence[ApprovalRequest]) -> tuple[ApprovalRequest, ...]:
    """Return the waiting questions with the one on screen first: no other may take its place before the answer."""
    if shown is None or not any(request is shown for request in waiting):
        return tuple(waiting)
    return (shown, *(request for request in waiting if request is not shown))


def runs_with_others(request: ApprovalRequest) -> bool:
    """Return True if one answer may approve the call together with others: it asks for nothing but to run it."""
    return not request.title and not request.only_person


def common_facts(requests: Sequence[ApprovalRequest]) -> tuple[str, ...]:
    """Return the facts and reasons that hold for all of the calls."""
    first, *others = (_about(request) for request in requests)
    return tuple(fact for fact in first if all(fact in about for about in others))


def own_facts(request: ApprovalRequest, common: Sequence[str]) -> tuple[str, ...]:
    """Return the facts and the reason of a call that do not hold for all of them."""
    return tuple(fact for fact in _about(request) if fact not in common)


def _about(request: ApprovalRequest) -> tuple[str, ...]:
    return (*request.facts, *([request.reason] if request.reason else []))


class RequestPreview:
    """The preview of a question, laid out once for each width."""

    def __init__(self, request: ApprovalRequest) -> None:
        self.request = request
        self._columns: int | None = None
        self._rows: list[Line] = []
        self._cut = 0

    def rows(self, columns: int) -> Sequence[Line]:
        """Return the rows; of a very long text only the first and last ones."""
        if columns != self._columns:
            self._columns = columns
            self._rows, self._cut = _preview_rows(self.request, columns)
        return self._rows

    def fits(self, columns: int, rows: int) -> bool:
        """Return True if all of the preview is shown in so many rows."""
        return len(self.rows(columns)) <= rows and not self._cut

    def lines(
        self,
        columns: int,
        rows: int,
        *,
        place: Safe = EMPTY,
        more: Safe = EMPTY,
        facts: Sequence[Line] | None = None,
    ) -> tuple[Line, ...]:
        """Return the title, up to `rows` rows of the preview, and the facts.

        A preview that is cut keeps its last row, and tells how many rows are hidden; of one row it only tells.

        place   `1 of 2`, at the end of the title
        more    the way to see the whole, behind the number of hidden rows
        facts   the rows of the facts, None for all of them and the reason
        """
        request = self.request
        title = request_title(request)
        room = columns - text_width(title) - text_width(place) - 2
        below = fact_lines(request, columns) if facts is None else facts
        head = (
            Segment(title, (TextRole.WARNING, TextRole.STRONG)),
            Segment(Safe(" " * max(2, room)), ()),
            Segment(place, (TextRole.DIM,)),
        )
        return (head, *self._shown(columns - 2, rows, more), *below)

    def _shown(self, columns: int, rows: int, more: Safe) -> Sequence[Line]:
        laid_out, cut = self.rows(columns), self._cut
        if cut and rows > len(laid_out):
            laid_out, cut = _preview_rows(self.request, columns, whole=True)
        if len(laid_out) <= rows and not cut:
            return laid_out
        tail = max(1, (rows - 1) // 3) if rows > 1 else 0
        first = rows - 1 - tail
        hidden = len(laid_out) + cut - first - tail
        words = safe_format("  … {n} more rows{more}", n=safe(str(hidden)), more=more)
        return [*laid_out[:first], styled_line(words, TextRole.WARNING), *laid_out[len(laid_out) - tail :]]


def fact_lines(request: ApprovalRequest, columns: int, *, brief: bool = False) -> list[Line]:
    """Return the facts and the reason below a preview.

    brief   without the reason, and the last facts first: they tell of the sandbox and the network
    """
    facts = [safe_line(fact) for fact in (reversed(request.facts) if brief else request.facts)]
    why = "" if brief else request.reason
    about = [*([join(" · ", facts)] if facts else []), *([safe_line(why)] if why else [])]
    return [row for words in about for row in wrap(styled_line(Safe(f"  {words}"), TextRole.DIM), columns - 1)]


def _preview_rows(request: ApprovalRequest, columns: int, *, whole: bool = False) -> tuple[list[Line], int]:
    """Return the rows of a preview, wrapped at the edge, and the number of lines left out in its middle."""
    text = request.preview.rstrip("\n")
    if request.kind is PreviewKind.COMMAND:
        text = mark_blanks(text)
    texts = text.split("\n")
    cut = 0 if whole else max(0, len(texts) - _HEAD - _TAIL)
    if cut:
        texts = [*texts[:_HEAD], *texts[-_TAIL:]]
    sign = "  $ " if request.kind is PreviewKind.COMMAND else "  "
    rows: list[Line] = []
    for number, line in enumerate(texts):
        words = Safe((sign if number == 0 else " " * len(sign)) + safe_line(line))
        rows += _hard_wrapped(words, _role(request.kind, line), columns)
    return rows, cut


def _hard_wrapped(text: Safe, role: TextRole, columns: int) -> list[Line]:
    """Wrap a row at the edge: what stands at the end of a long command must be seen."""
    rows: list[Line] = []
    columns = max(1, columns)  # a window may be narrower than the margins of the panel
    indent, at = "", 0
    while at < len(text):
        piece = text[at : at + 4 * columns]  # a row, unless most of its characters have no width
        head = fitting_head(piece, max(1, columns - len(indent))) or piece[0]
        rows.append(styled_line(Safe(indent + head), role))
        indent, at = "    " if columns > 8 else "", at + len(head)
    return rows or [styled_line(text, role)]


def _role(kind: PreviewKind, text: str) -> TextRole:
    if kind is PreviewKind.COMMAND:
        return TextRole.CODE
    if kind is PreviewKind.DIFF:
        return {"+": TextRole.INSERTED, "-": TextRole.DELETED, "@": TextRole.DIM}.get(text[:1], TextRole.TEXT)
    return TextRole.TEXT
