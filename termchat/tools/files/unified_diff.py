"""Unified diffs in bounded time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

_COMPARED = 3_000_000  # pairs of lines that are compared exactly
_CONTEXT = 3
_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")
_NO_NEWLINE = "\\ No newline at end of file"

_Opcode = tuple[str, int, int, int, int]


class _KnownOpcodes(SequenceMatcher[str]):
    """Groups opcodes that were found in another way."""

    def __init__(self, opcodes: list[_Opcode]) -> None:
        super().__init__(None, "", "")
        self._known = opcodes

    def get_opcodes(self) -> list[_Opcode]:  # pyright: ignore[reportIncompatibleMethodOverride] # wider literals
        return self._known


def diff_texts(old: str | None, new: str, path: str) -> str:
    """Return the unified diff of two texts, "" for equal ones; None is a file that does not exist yet."""
    if old == new:
        return ""
    before, after = split_lines(old or ""), split_lines(new)
    lines = ["--- /dev/null" if old is None else f"--- a/{path}", f"+++ b/{path}"]
    if not before and not after:  # a new, empty file
        return "\n".join(lines) + "\n"
    for group in _KnownOpcodes(_opcodes(before, after)).get_grouped_opcodes(_CONTEXT):
        first, last = group[0], group[-1]
        lines.append(f"@@ -{_span(first[1], last[2])} +{_span(first[3], last[4])} @@")
        for tag, i, j, k, m in group:
            if tag == "equal":
                lines += _rows(" ", before[i:j])
            else:
                lines += [*_rows("-", before[i:j]), *_rows("+", after[k:m])]
    return "\n".join(lines) + "\n"


def split_lines(text: str) -> list[str]:
    """Split a text after each LF, and only there."""
    return _LINE.findall(text)


def count_changes(diff: str) -> tuple[int, int]:
    """Return the numbers of added and removed lines of a diff."""
    rows = diff.split("\n")[2:]
    return sum(row.startswith("+") for row in rows), sum(row.startswith("-") for row in rows)


def _opcodes(before: Sequence[str], after: Sequence[str]) -> list[_Opcode]:
    """Return opcodes as `SequenceMatcher` does; equal ends are split off, and what is too long is compared in step."""
    shorter = min(len(before), len(after))
    start = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    end = next((n for n in range(shorter - start) if before[-1 - n] != after[-1 - n]), shorter - start)
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    if len(old) * len(new) <= _COMPARED:
        middle: list[_Opcode] = [*SequenceMatcher(None, old, new).get_opcodes()]
    else:
        middle = list(_in_step(old, new))
    found: list[_Opcode] = [("equal", 0, start, 0, start)] if start else []
    found += [(tag, i + start, j + start, k + start, m + start) for tag, i, j, k, m in middle]
    if end:
        found.append(("equal", len(before) - end, len(before), len(after) - end, len(after)))
    return found


def _in_step(old: Sequence[str], new: Sequence[str]) -> Iterator[_Opcode]:
    """Compare line by line if the lengths are equal; else all is replaced."""
    if len(old) != len(new):
        yield ("replace", 0, len(old), 0, len(new))
        return
    start = 0
    for end in range(1, len(old) + 1):
        same = old[start] == new[start]
        if end == len(old) or (old[end] == new[end]) != same:
            yield ("equal" if same else "replace", start, end, start, end)
            start = end


def _rows(sign: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield sign + line.removesuffix("\n")
        if not line.endswith("\n"):
            yield _NO_NEWLINE


def _span(start: int, end: int) -> str:
    return f"{start + 1 if end > start else start},{end - start}"
