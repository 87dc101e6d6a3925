"""Tool calls on screen: a live row while they run, a card afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from termchat.core.messages import ToolStatus, call_mark, main_argument, shown_text
from termchat.core.sanitize import EMPTY, Safe, counted, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.blocks import ToolCard
from termchat.ui.phrases import duration
from termchat.ui.text.fit import fitting_head, text_width, truncate, truncate_middle, wrapped_text
from termchat.ui.text.line import Line, styled_line
from termchat.ui.text.row import Segment
from termchat.ui.tools.call_views import Calls, CallState, ToolCallView

_ROWS = 4
_LIVE_ROWS = 4


def card_lines(card: ToolCard, columns: int) -> tuple[Line, ...]:
    """Return the card of a finished call: a headline, and the first or last rows of the result."""
    result = card.result
    rows = [row for row in safe(shown_text(result)).split("\n") if row.strip()]
    argument, reason = main_argument(result.edited or card.call.arguments), EMPTY
    tail = (
        EMPTY
        if card.seconds is None or result.status is ToolStatus.DECLINED
        else safe_format(" · {t}", t=duration(card.seconds))
    )
    if result.edited:
        tail = Safe(tail + safe_format(" · edited"))
    if result.status:
        tail = Safe(tail + safe_format(" · {end}", end=Safe(result.status.value)))
    elif result.is_error:
        why = _reason(rows, card)
        beside = text_width(card.call.name) + text_width(argument) + text_width(tail) + 7
        long = text_width(why) > max(columns // 2, columns - beside)
        tail = safe_format("{tail} · {why}", tail=tail, why=safe_format("failed") if long else why)
        reason, rows = (why if long else EMPTY), rows[1:]
    role = TextRole.ERROR if result.is_error and not result.status else _ROLES[result.status]
    name = Segment(safe_line(card.call.name), (TextRole.STRONG,))
    room = columns - 4 - text_width(name.text) - text_width(tail)
    argument = truncate_middle(argument, max(8, room))
    head = (
        Segment(Safe(f"{call_mark(result)} "), (role,)),
        name,
        Segment(Safe(f" {argument}" if argument else ""), ()),
        Segment(tail, (TextRole.DIM,)),
    )
    return (head, *_reason_rows(reason, card, columns), *_preview(rows, card, columns))


_ROLES = {
    ToolStatus.RAN: TextRole.SUCCESS,
    ToolStatus.FAILED: TextRole.ERROR,
    ToolStatus.DECLINED: TextRole.DIM,
    ToolStatus.CANCELLED: TextRole.DIM,
    ToolStatus.TIMED_OUT: TextRole.WARNING,
}


def _reason(rows: list[str], card: ToolCard) -> Safe:
    """Return the reason of an error, without the name of the tool, which stands before it."""
    return safe_line(rows[0].removeprefix(f"{card.call.name}: ")) if rows else safe_format("failed")


def _reason_rows(reason: Safe, card: ToolCard, columns: int) -> list[Line]:
    """Return the rows of a reason that is too long for the headline: four at most, and the command that shows all."""
    beginning = Safe(reason[: (_ROWS + 1) * columns])
    words = wrapped_text(beginning, columns - 6).split("\n") if reason else []
    rows = [part for row in words for part in _broken(Safe(row), columns - 6)]
    shown = [styled_line(Safe(f"    {row}"), TextRole.DIM) for row in rows[:_ROWS]]
    if len(rows) > _ROWS or len(beginning) < len(reason):
        more = safe_format("    … more · /tool {k}", k=safe(str(card.number)))
        shown.append(styled_line(more, TextRole.DIM))
    return shown


def _broken(row: Safe, columns: int) -> Iterator[Safe]:
    """Yield a row in parts that fit: a path is one long word."""
    while row:
        part = fitting_head(row, columns) or row[0]
        yield Safe(part)
        row = Safe(row[len(part) :])


def _more(card: ToolCard, rows: int, *, earlier: bool) -> Line:
    """Return the row that counts what a card leaves out: `… 6 more lines · /tool 3`."""
    left_out = counted(rows, "earlier line" if earlier else "more line")
    words = safe_format("    … {lines} · /tool {k}", lines=left_out, k=safe(str(card.number)))
    return styled_line(words, TextRole.DIM)


def _preview(rows: list[str], card: ToolCard, columns: int) -> tuple[Line, ...]:
    """Return four rows of a result: the last ones of a program's output, else the first ones."""
    if not rows:
        return ()
    more = len(rows) - _ROWS
    ends = card.call.name in _ENDS_MATTER
    shown = [
        styled_line(Safe("    " + truncate(safe_line(row), columns - 6)), TextRole.DIM)
        for row in (rows[-_ROWS:] if ends else rows[:_ROWS])
    ]
    if more > 0:
        shown.insert(0 if ends else len(shown), _more(card, more, earlier=ends))
    return tuple(shown)


_ENDS_MATTER = ("run_shell",)  # tools whose last lines tell most


def live_rows(calls: Calls, now: float, columns: int, spinner: str) -> tuple[Line, ...]:
    """Return a row for each unfinished call, up to four, and the number of further ones.

    A call that runs alone also shows the last lines it has printed.
    """
    running = [call for call in calls if call.state is not CallState.DONE]
    rows = [_live(call, now, columns, spinner) for call in running[:_LIVE_ROWS]]
    if len(running) > _LIVE_ROWS:
        rows.append(styled_line(safe_format("+{n} more", n=safe(str(len(running) - _LIVE_ROWS))), TextRole.DIM))
    if len(running) == 1 and running[0].output:
        printed = [row for row in safe(running[0].output).split("\n") if row.strip()][-(_LIVE_ROWS - 1) :]
        rows += [styled_line(Safe("    " + truncate(safe_line(row), columns - 6)), TextRole.DIM) for row in printed]
    return tuple(rows)


def _live(call: ToolCallView, now: float, columns: int, spinner: str) -> Line:
    name = safe_line(call.name) or safe_format("a tool")
    match call.state:
        case CallState.WRITING:
            what = safe_format("writing arguments…")
        case CallState.WAITING:
            what = safe_format("waiting for your answer") if columns >= 60 else safe_format("waiting")
        case CallState.RUNNING | CallState.DONE:
            what = duration(now - call.since)
    room = max(8, columns - text_width(name) - text_width(what) - 6)
    argument = truncate_middle(main_argument(call.arguments), room)
    return (
        Segment(Safe(f"{spinner} "), (TextRole.ACCENT,)),
        Segment(name, (TextRole.STRONG,)),
        Segment(Safe(f" {argument}" if argument else ""), ()),
        Segment(Safe(f"  {what}"), (TextRole.DIM,)),
    )
