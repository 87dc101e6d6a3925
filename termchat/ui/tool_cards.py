"""Tool calls on screen: a live row while they run, a card afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.blocks import ToolCard
from termchat.ui.phrases import duration
from termchat.ui.text.fit import text_width, truncate, truncate_middle
from termchat.ui.text.line import Line, styled_line
from termchat.ui.text.row import Segment
from termchat.ui.turn_state import CallState, ToolCallView

_ROWS = 4
_LIVE_ROWS = 4


def card_lines(card: ToolCard, columns: int) -> tuple[Line, ...]:
    """Return the card of a finished call: a headline, and the first rows of the result."""
    failed = card.result.is_error
    text = card.result.text
    rows = [row for row in safe(text).split("\n") if row.strip()]
    tail = EMPTY if card.seconds is None else safe_format(" · {t}", t=duration(card.seconds))
    if failed:
        tail = Safe(tail + " · " + truncate(safe_line(rows[0]) if rows else safe_format("failed"), columns // 2))
        rows = rows[1:]
    sign = Segment(
        safe_format("✗ ") if failed else safe_format("● "), (TextRole.ERROR if failed else TextRole.SUCCESS,)
    )
    name = Segment(safe_line(card.call.name), (TextRole.STRONG,))
    room = columns - 4 - text_width(name.text) - text_width(tail)
    argument = truncate_middle(main_argument(card.call.arguments), max(8, room))
    head = (sign, name, Segment(Safe(f" {argument}" if argument else ""), ()), Segment(tail, (TextRole.DIM,)))
    return (head, *_preview(rows, card.number, columns))


def _preview(rows: list[str], number: int, columns: int) -> tuple[Line, ...]:
    if not rows:
        return ()
    shown = [styled_line(Safe("    " + truncate(safe_line(row), columns - 6)), TextRole.DIM) for row in rows[:_ROWS]]
    if (more := len(rows) - _ROWS) > 0:
        words = safe_format("    … {n} more lines · /tool {k}", n=safe(str(more)), k=safe(str(number)))
        shown.append(styled_line(words, TextRole.DIM))
    return tuple(shown)


def live_rows(calls: tuple[ToolCallView, ...], now: float, columns: int, spinner: str) -> tuple[Line, ...]:
    """Return a row for each unfinished call, up to four, and the number of further ones."""
    running = [call for call in calls if call.state is not CallState.DONE]
    rows = [_live(call, now, columns, spinner) for call in running[:_LIVE_ROWS]]
    if len(running) > _LIVE_ROWS:
        rows.append(styled_line(safe_format("+{n} more", n=safe(str(len(running) - _LIVE_ROWS))), TextRole.DIM))
    return tuple(rows)


def _live(call: ToolCallView, now: float, columns: int, spinner: str) -> Line:
    name = safe_line(call.name) or safe_format("a tool")
    what = duration(now - call.since) if call.state is CallState.RUNNING else safe_format("writing arguments…")
    room = max(8, columns - text_width(name) - text_width(what) - 6)
    argument = truncate_middle(main_argument(call.arguments), room)
    return (
        Segment(Safe(f"{spinner} "), (TextRole.ACCENT,)),
        Segment(name, (TextRole.STRONG,)),
        Segment(Safe(f" {argument}" if argument else ""), ()),
        Segment(Safe(f"  {what}"), (TextRole.DIM,)),
    )


def main_argument(arguments: str) -> Safe:
    """Return the most telling argument of complete or partial JSON: the first string, else the first value."""
    try:
        parsed: Any = json.loads(arguments)
    except ValueError:
        return _partial_argument(arguments)
    if not isinstance(parsed, Mapping) or not parsed:
        return EMPTY
    values = list(cast("Mapping[str, Any]", parsed).values())
    first = next((value for value in values if isinstance(value, str) and value), values[0])
    return safe_line(first if isinstance(first, str) else json.dumps(first, ensure_ascii=False))


def _partial_argument(arguments: str) -> Safe:
    """Return the received part of the first string in an unfinished object."""
    _, colon, rest = arguments.partition(":")
    rest = rest.lstrip()
    if not colon or not rest.startswith('"'):
        return EMPTY
    return safe_line(rest[1:].split('"', 1)[0].replace("\\n", " "))
