"""Question about a tool call: what would run, shown whole or with the number of hidden rows."""

from __future__ import annotations

from termchat.core.approval import ApprovalRequest, PreviewKind, ToolEffect
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


def request_title(request: ApprovalRequest) -> Safe:
    """Return `run_shell wants to run`, or the title of a question of another kind."""
    if request.title:
        return safe_line(request.title)
    return safe_format("{name} {verb}", name=safe_line(request.call.name), verb=_VERBS[request.effect])


def request_lines(
    request: ApprovalRequest, columns: int, rows: int, *, place: Safe = EMPTY, more: Safe = EMPTY
) -> tuple[Line, ...]:
    """Return the title, up to `rows` rows of the preview, and the facts.

    place   `1 of 2`, at the end of the title
    more    the way to see the whole, behind the number of hidden rows
    """
    title = request_title(request)
    room = columns - text_width(title) - text_width(place) - 2
    head = (
        Segment(title, (TextRole.WARNING, TextRole.STRONG)),
        Segment(Safe(" " * max(2, room)), ()),
        Segment(place, (TextRole.DIM,)),
    )
    preview = preview_rows(request, columns - 2)
    shown = preview[:rows] if len(preview) <= rows else preview[: max(1, rows - 1)]
    if hidden := len(preview) - len(shown):
        words = safe_format("  … {n} more rows{more}", n=safe(str(hidden)), more=more)
        shown = [*shown, styled_line(words, TextRole.WARNING)]
    facts = [safe_line(fact) for fact in request.facts]
    about = [*([join(" · ", facts)] if facts else []), *([safe_line(request.reason)] if request.reason else [])]
    below = [row for words in about for row in wrap(styled_line(Safe(f"  {words}"), TextRole.DIM), columns - 1)]
    return (head, *shown, *below)


def preview_rows(request: ApprovalRequest, columns: int) -> list[Line]:
    """Return all rows of the preview, wrapped, so that no end is hidden; each row of a diff in its colour."""
    rows: list[Line] = []
    sign = "  $ " if request.kind is PreviewKind.COMMAND else "  "
    for number, text in enumerate(safe(request.preview).rstrip("\n").split("\n")):
        words = safe_line(text)
        line = styled_line(Safe((sign if number == 0 else " " * len(sign)) + words), _role(request.kind, text))
        rows += [line] if text_width(words) <= columns - len(sign) else _hard_wrapped(line, columns)
    return rows


def _hard_wrapped(line: Line, columns: int) -> list[Line]:
    """Wrap a row at the edge: what stands at the end of a long command must be seen."""
    text, roles = line[0].text, line[0].roles
    rows: list[Line] = []
    while text:
        head = fitting_head(text, columns) or text[:1]
        rows.append((Segment(Safe(head), roles),))
        text = Safe(text[len(head) :])
        if text:
            text = Safe(f"    {text}")
    return rows


def _role(kind: PreviewKind, text: str) -> TextRole:
    if kind is PreviewKind.COMMAND:
        return TextRole.CODE
    if kind is PreviewKind.DIFF:
        return {"+": TextRole.INSERTED, "-": TextRole.DELETED, "@": TextRole.DIM}.get(text[:1], TextRole.TEXT)
    return TextRole.TEXT
