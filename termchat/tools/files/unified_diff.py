"""Unified diffs in bounded time and size, for a person to read while an event loop runs beside the thread."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from termchat.late_dataclass import dataclass
from termchat.tools.files.text_lines import common_ends, common_start, count_lines, first_lines, last_lines, split_lines

_COMPARED = 3_000_000  # pairs of lines that are compared exactly
_LINES = 100_000  # lines that are compared at all
_CONTEXT = 3
_ROWS = 5_000  # rows of a diff that is shown whole
_FIRST, _LAST = 300, 100  # rows of each long run of lines in a longer one
_WIDTH = 2_000  # characters of a line that are shown
_BEFORE = 200  # of these before the first difference
_NO_NEWLINE = "\\ No newline at end of file"
_WORDS = {"+": "added", "-": "removed"}

_Opcode = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class TextDiff:
    """The unified diff of two texts.

    text             "" for equal texts; where it leaves out lines, a line that begins with `…` says how many
    added, removed   numbers of lines
    hidden           the number of added and removed lines that are left out
    cut              the number of lines of which only a part is shown
    """

    text: str = ""
    added: int = 0
    removed: int = 0
    hidden: int = 0
    cut: int = 0


@dataclass(frozen=True, slots=True)
class _Run:
    """Lines with the same sign.

    length   the number of lines; of more than `_LINES` only the first and last ones are known
    others   the lines that they replace or that replace them
    """

    sign: str
    lines: Sequence[str]
    length: int
    others: Sequence[str] = ()


class _KnownOpcodes(SequenceMatcher[str]):
    """Groups opcodes that were found in another way."""

    def __init__(self, opcodes: list[_Opcode]) -> None:
        super().__init__(None, "", "")
        self._known = opcodes

    def get_opcodes(self) -> list[_Opcode]:  # pyright: ignore[reportIncompatibleMethodOverride] # wider literals
        return self._known


def diff_texts(old: str | None, new: str, path: str) -> TextDiff:
    """Return the diff of two texts; None is a file that does not exist yet.

    path   relative, or absolute for a file outside the working directory
    """
    if old == new:
        return TextDiff()
    before, after = (path, path) if path.startswith("/") else (f"a/{path}", f"b/{path}")
    head = ["--- /dev/null" if old is None else f"--- {before}", f"+++ {after}"]
    runs = list(_runs(old or "", new))
    rows = _Rows(whole=sum(1 if isinstance(run, str) else run.length for run in runs) <= _ROWS)
    for run in runs:
        rows.add(run)
    shown = rows.shown()
    added, removed = (sum(r.length for r in runs if isinstance(r, _Run) and r.sign == sign) for sign in "+-")
    hidden = added + removed - sum(row[:1] in ("+", "-") for row in shown)
    return TextDiff("\n".join([*head, *shown]) + "\n", added, removed, hidden, rows.cut)


def _runs(old: str, new: str) -> Iterator[str | _Run]:
    """Yield the headers and the runs of lines of a diff."""
    start, end = common_ends(old, new)
    first, last = last_lines(old[:start], _CONTEXT), first_lines(old[len(old) - end :], _CONTEXT)
    base = count_lines(old[:start]) - len(first)
    texts = old[start : len(old) - end], new[start : len(new) - end]
    counts = [count_lines(text) for text in texts]
    around = len(first) + len(last)
    if not any(counts):
        return
    if max(counts) > _LINES:
        yield f"@@ -{_span(base, counts[0] + around)} +{_span(base, counts[1] + around)} @@"
        yield _Run(" ", first, len(first))
        before, after = (_ends(text, count) for text, count in zip(texts, counts, strict=True))
        yield _Run("-", before, counts[0], after)
        yield _Run("+", after, counts[1], before)
        yield _Run(" ", last, len(last))
        return
    before, after = ([*first, *split_lines(text), *last] for text in texts)
    opcodes = list(_opcodes(before, after, len(first), len(last)))
    for group in _KnownOpcodes(opcodes).get_grouped_opcodes(_CONTEXT):
        (_, i, _, k, _), (_, _, j, _, m) = group[0], group[-1]
        yield f"@@ -{_span(base + i, j - i)} +{_span(base + k, m - k)} @@"
        for tag, i, j, k, m in group:
            if tag == "equal":
                yield _Run(" ", before[i:j], j - i)
            else:
                yield _Run("-", before[i:j], j - i, after[k:m])
                yield _Run("+", after[k:m], m - k, before[i:j])


def _ends(text: str, count: int) -> list[str]:
    return split_lines(text) if count <= _ROWS else [*first_lines(text, _FIRST), *last_lines(text, _LAST)]


class _Rows:
    """The rows of a diff. If it is not shown whole, long runs are cut, then its middle."""

    def __init__(self, *, whole: bool) -> None:
        self.cut = 0
        self._whole = whole
        self._rows: list[str] = []

    def add(self, run: str | _Run) -> None:
        if isinstance(run, str):
            self._rows.append(run)
        elif self._whole or run.length <= _FIRST + _LAST + 1 or run.sign == " ":
            self._add(run, 0, len(run.lines))
        else:
            self._add(run, 0, _FIRST)
            self._rows.append(f"… {run.length - _FIRST - _LAST} more {_WORDS[run.sign]} lines")
            self._add(run, len(run.lines) - _LAST, len(run.lines))

    def shown(self) -> list[str]:
        """Return the rows; of more than fit, the first and the last ones."""
        if self._whole or len(self._rows) <= _ROWS:
            return self._rows
        last = _ROWS // 4
        left_out = self._rows[_ROWS - last : -last]
        added, removed = (sum(row[:1] == sign for row in left_out) for sign in "+-")
        words = f"… {added} more added and {removed} more removed lines"
        return [*self._rows[: _ROWS - last], words, *self._rows[-last:]]

    def _add(self, run: _Run, start: int, end: int) -> None:
        for n in range(start, end):
            line = run.lines[n]
            text, has_newline = line.removesuffix("\n"), line.endswith("\n")
            if len(text) > _WIDTH:
                text = _around_difference(text, run.others[n] if n < len(run.others) else "")
                self.cut += 1
            self._rows.append(run.sign + text)
            if not has_newline:
                self._rows.append(_NO_NEWLINE)


def _around_difference(line: str, other: str) -> str:
    """Return the part of a long line in which the difference to another line begins."""
    start = max(0, common_start(line, other) - _BEFORE)
    start = min(start, len(line) - _WIDTH)
    rest = len(line) - start - _WIDTH
    head = f"… {start} characters … " if start else ""
    return head + line[start : start + _WIDTH] + (f" … {rest} more characters" if rest else "")


def _opcodes(before: Sequence[str], after: Sequence[str], first: int, last: int) -> Iterator[_Opcode]:
    """Yield opcodes as `SequenceMatcher` does; `first` and `last` lines at the ends are equal."""
    old, new = before[first : len(before) - last], after[first : len(after) - last]
    if first:
        yield ("equal", 0, first, 0, first)
    for tag, i, j, k, m in _compare(old, new) if len(old) * len(new) <= _COMPARED else _between_anchors(old, new):
        yield (tag, i + first, j + first, k + first, m + first)
    if last:
        yield ("equal", len(before) - last, len(before), len(after) - last, len(after))


def _compare(old: Sequence[str], new: Sequence[str]) -> Iterable[_Opcode]:
    if not old or not new:
        return [("replace", 0, len(old), 0, len(new))] if old or new else []
    return SequenceMatcher(None, old, new).get_opcodes() if len(old) * len(new) <= _COMPARED else _in_step(old, new)


def _between_anchors(old: Sequence[str], new: Sequence[str]) -> Iterator[_Opcode]:
    """Compare what is between the lines that are in each text once, and in the same order."""
    at, to, same = 0, 0, 0  # the next lines, and the number of equal lines before them
    for i, k in (*_anchors(old, new), (len(old), len(new))):
        if same and (i, k) != (at, to):
            yield ("equal", at - same, at, to - same, to)
            same = 0
        for tag, a, b, c, d in _compare(old[at:i], new[to:k]):
            yield (tag, at + a, at + b, to + c, to + d)
        at, to, same = i + 1, k + 1, same + 1
    if same > 1:
        yield ("equal", len(old) - same + 1, len(old), len(new) - same + 1, len(new))


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return the numbers of the lines that are in each text once: the longest sequence in the same order."""
    once = [{line for line, count in Counter(lines).items() if count == 1} for lines in (old, new)]
    places = {line: k for k, line in enumerate(new) if line in once[1]}
    ends: list[int] = []  # the last line of the best sequence of each length
    best: list[tuple[int, int, int]] = []  # a line of both, and the one before it in `best`
    at: list[int] = []
    for i, line in enumerate(old):
        if line in once[0] and line in places:
            k = places[line]
            length = bisect_left(ends, k)
            before = at[length - 1] if length else -1
            ends[length : length + 1] = [k]
            at[length : length + 1] = [len(best)]
            best.append((i, k, before))
    found: list[tuple[int, int]] = []
    step = at[-1] if at else -1
    while step >= 0:
        i, k, step = best[step]
        found.append((i, k))
    return found[::-1]


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


def _span(start: int, count: int) -> str:
    return f"{start + 1 if count else start},{count}"
