"""Replace a passage of a text: found exactly, or else the error that helps to write it right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from difflib import SequenceMatcher

from termchat.tools.files.text_file import TextForm
from termchat.tools.files.text_lines import split_lines
from termchat.tools.registry import ToolError

_SECONDS = 0.5  # for the search of similar lines
_SIMILAR = 0.6
_WIDTH = 200  # characters of a quoted line
_NUMBERS = 10  # lines named in an error


def edit_text(text: str, form: TextForm, old: str, new: str, *, replace_all: bool) -> str | ToolError:
    """Replace `old` by `new`. In a file with CRLF, both may be written with LF.

    Returns the new text, or a ToolError if `old` is not found, or is found twice without `replace_all`.
    """
    if not old:
        return ToolError("old is empty; to create a file, use write_file")
    if old == new:
        return ToolError("old and new are the same")
    if old not in text and "\r" not in old and (windows := old.replace("\n", "\r\n")) in text:
        old, new = windows, new if "\r\n" in new else new.replace("\n", "\r\n")
    elif "\n" not in old:
        new = form.with_newlines(new)
    count = text.count(old)
    if count == 0:
        return ToolError("old is not in the file" + _hint(text, old))
    if count > 1 and not replace_all:
        numbers = list(_line_numbers(text, old))
        shown = ", ".join(map(str, numbers[:_NUMBERS])) + (", ..." if count > _NUMBERS else "")
        return ToolError(f"old is in the file {count} times, in lines {shown}; add lines around it, or use replace_all")
    return text.replace(old, new)


def _line_numbers(text: str, old: str) -> Iterator[int]:
    """Yield the numbers of the first lines in which `old` begins, a few more than are shown."""
    position, line, start = -len(old), 1, 0
    for _ in range(_NUMBERS + 1):
        position = text.find(old, position + len(old))
        if position < 0:
            return
        line += text.count("\n", start, position)
        start = position
        yield line


def _hint(text: str, old: str) -> str:
    """Return the passage that was probably meant, with line numbers."""
    lines, wanted = split_lines(text), [line.strip() for line in split_lines(old)]
    while wanted and not wanted[0]:
        wanted.pop(0)
    if not wanted:
        return ""
    stripped = [line.strip() for line in lines]
    for number, line in enumerate(stripped):
        if line == wanted[0] and stripped[number : number + len(wanted)] == wanted:
            return "; these lines differ from it in white space only:\n" + _quote(lines, number, len(wanted))
    best = _most_similar(stripped, wanted[0])
    if best is None:
        return "; no line is similar to its first one"
    return "; the closest lines are:\n" + _quote(lines, best, len(wanted))


def _most_similar(lines: list[str], wanted: str) -> int | None:
    matcher = SequenceMatcher(None, "", wanted[:_WIDTH])
    best, found = _SIMILAR, None
    deadline = time.monotonic() + _SECONDS
    for number, line in enumerate(lines):
        if time.monotonic() > deadline:
            break
        matcher.set_seq1(line[:_WIDTH])
        if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and (ratio := matcher.ratio()) > best:
            best, found = ratio, number
    return found


def _quote(lines: list[str], start: int, count: int) -> str:
    shown = lines[start : start + min(count, _NUMBERS)]
    rows = (f"{number}: {line.rstrip()[:_WIDTH]}" for number, line in enumerate(shown, start + 1))
    return "\n".join(rows)
