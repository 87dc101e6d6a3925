"""Pages of a long text: as many lines as one result holds, under a header that tells how to read on."""

from __future__ import annotations

from dataclasses import dataclass

from termchat.tools.files.names import escape_name, show_name
from termchat.tools.registry import ToolError, ToolOutput

GIVEN_BYTES = 48_000  # bytes returned by one call


@dataclass(frozen=True, slots=True)
class LineRange:
    """Lines to return, from 1; `last` 0 for as many as fit."""

    first: int = 1
    last: int = 0

    def error(self) -> ToolError | None:
        """Return the error of an impossible range, None for a possible one."""
        if self.first < 1:
            return ToolError("first_line must be 1 or more")
        if self.last and self.last < self.first:
            return ToolError("last_line must be first_line or more")
        return None


WHOLE = LineRange()


def cut_page(path: str, text: str, lines: LineRange, size: int, reach: int) -> ToolOutput:
    """Return the lines of the range that fit, under a header with their numbers when they are not the whole file.

    size    bytes of the file
    reach   bytes of it that were read
    """
    rows = text.removesuffix("\n").split("\n")
    first, end = lines.first, min(lines.last or len(rows), len(rows))
    if first > len(rows):
        return ToolError(f"{show_name(path)} has {len(rows)} lines" + (" within reach" if size > reach else ""))
    last, room = first - 1, GIVEN_BYTES
    while last < end and (room := room - len(rows[last].encode("utf-8", "replace")) - 1) >= 0:
        last += 1
    if first == 1 and last == len(rows) and size <= reach:
        return text or f"[{escape_name(path)} is empty]"
    if last < first:  # the first line alone does not fit
        start = rows[first - 1].encode("utf-8", "replace")[:GIVEN_BYTES].decode("utf-8", "ignore")
        return _head(path, (first, first, len(rows)), size, reach, "; the line is cut") + start
    return _head(path, (first, last, len(rows)), size, reach) + "\n".join(rows[first - 1 : last])


def _head(path: str, span: tuple[int, int, int], size: int, reach: int, cut: str = "") -> str:
    first, last, count = span
    more = f"; read on with first_line={last + 1}" if last < count else ""
    beyond = "" if size <= reach else f"; only its first {reach} bytes are within reach"
    return f"[{escape_name(path)}: lines {first} to {last} of {count}, {size} bytes in all{cut}{beyond}{more}]\n"
