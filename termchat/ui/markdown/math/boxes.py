"""Write a formula in two dimensions: fractions with bars, limits above and below, tall brackets, matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from termchat.ui.markdown.math.formula_tree import (
    BLANK,
    Atom,
    AtomKind,
    Fenced,
    Fraction,
    Grid,
    GridKind,
    Node,
    Root,
    Scripts,
    Sequent,
    kind_of,
    spaced,
)
from termchat.ui.markdown.math.linear import ends_in_bare_script, linear
from termchat.ui.markdown.math.symbols import superscript
from termchat.ui.text.width import WIDTHS

_TALLEST = 24  # rows; a taller formula is written on one line
# Delimiters by height: top, middle, bottom, and the centre of braces.
_TALL = {
    "(": "⎛⎜⎝⎜", ")": "⎞⎟⎠⎟", "[": "⎡⎢⎣⎢", "]": "⎤⎥⎦⎥", "{": "⎧⎪⎩⎨", "}": "⎫⎪⎭⎬", "|": "││││", "‖": "‖‖‖‖",
    "⌊": "⎢⎢⎣⎢", "⌋": "⎥⎥⎦⎥", "⌈": "⎡⎢⎢⎢", "⌉": "⎤⎥⎥⎥", "∣": "││││",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Box:
    """Rows of equal width; `base` is the index of the row on the line of the text."""

    rows: tuple[str, ...]
    base: int = 0

    @property
    def width(self) -> int:
        return WIDTHS.width(self.rows[0])


def fitting_rows(formula: Node, width: int) -> tuple[str, ...]:
    """Return the rows of a formula, empty if one is wider than `width` cells or there are too many."""
    box = _box(formula)
    rows = tuple(row.rstrip() for row in box.rows)
    fits = len(rows) <= _TALLEST and all(WIDTHS.width(row) <= width for row in rows)
    return rows if fits and any(rows) else ()


def _box(node: Node) -> _Box:
    match node:
        case Atom():
            return _Box((node.text,))
        case Sequent():
            return _beside(_with_gaps(list(spaced(node.parts))))
        case Fraction():
            return _fraction(node)
        case Scripts():
            return _scripts(node)
        case Root():
            return _root(node)
        case Fenced():
            return _fenced(node.opener, _box(node.body), node.closer)
        case Grid():
            return _grid(node)


def _with_gaps(parts: Sequence[Node]) -> list[_Box]:
    """Return the boxes of parts, with a blank between a fraction or a bare script and a factor."""
    boxes: list[_Box] = []
    for at, part in enumerate(parts):
        fraction = at and any(isinstance(p, Fraction) for p in (part, parts[at - 1]))
        script = at and kind_of(part) is AtomKind.ORDINARY and ends_in_bare_script(boxes[-1].rows[0])
        if (fraction or script) and BLANK not in (part, parts[at - 1]):
            boxes.append(_Box((" ",)))
        boxes.append(_box(part))
    return boxes


def _beside(boxes: Sequence[_Box]) -> _Box:
    """Join boxes at their base rows."""
    boxes = [box for box in boxes if box.width or len(box.rows) > 1]
    if not boxes:
        return _Box(("",))
    above = max(box.base for box in boxes)
    below = max(len(box.rows) - box.base for box in boxes)
    padded = [_padded(box, above - box.base, below - (len(box.rows) - box.base)) for box in boxes]
    return _Box(tuple("".join(row) for row in zip(*padded, strict=True)), above)


def _padded(box: _Box, above: int, below: int) -> tuple[str, ...]:
    blank = " " * box.width
    return (*[blank] * above, *box.rows, *[blank] * below)


def _aligned(box: _Box, width: int, side: str = "^") -> tuple[str, ...]:
    """Return the rows at a width, aligned to a side: `<`, `>` or `^`."""
    free = width - box.width
    before = {"<": 0, ">": free, "^": free // 2}[side]
    return tuple(" " * before + row + " " * (free - before) for row in box.rows)


def _fraction(node: Fraction) -> _Box:
    above, below = _box(node.above), _box(node.below)
    width = max(above.width, below.width)
    bar = ("─" * (width + 2),) if node.bar else ()
    width += 2 if node.bar else 0
    rows = (*_aligned(above, width), *bar, *_aligned(below, width))
    return _Box(rows, len(above.rows) if node.bar else len(rows) // 2)


def _scripts(node: Scripts) -> _Box:
    base = _box(node.base)
    limits = isinstance(node.base, Atom) and node.base.limits
    scripts = linear(Scripts(Atom(""), node.below, node.above))
    raised = "_^(" if kind_of(node.base) is AtomKind.LARGE else "("
    if not limits and len(base.rows) == 1 and not set(scripts) & set(raised):
        return _Box((linear(node),))
    lower = _script_box(node.below)
    upper = _script_box(node.above)
    if limits:
        width = max(base.width, lower.width if lower else 0, upper.width if upper else 0)
        top = _aligned(upper, width) if upper else ()
        rows = (*top, *_aligned(base, width), *(_aligned(lower, width) if lower else ()))
        return _Box(rows, len(top) + base.base)
    width = max(lower.width if lower else 0, upper.width if upper else 0)
    top = _aligned(upper, width, "<") if upper else ()
    bottom = _aligned(lower, width, "<") if lower else ()
    beside = (*top, *[" " * width] * len(base.rows), *bottom)
    padded = _padded(base, len(top), len(bottom))
    return _Box(tuple(left + right for left, right in zip(padded, beside, strict=True)), len(top) + base.base)


def _script_box(node: Node | None) -> _Box | None:
    """Return the box of a script, which is written on one line."""
    return _Box((linear(node, tight=True),)) if node else None


def _root(node: Root) -> _Box:
    body = _box(node.body)
    if len(body.rows) == 1:
        return _Box((linear(node),))
    sign = superscript(node.index) + "√" if node.index else "√"
    return _beside([_Box((sign,)), _fenced("(", body, ")")])


def _fenced(opener: str, body: _Box, closer: str) -> _Box:
    height = len(body.rows)
    if height == 1:
        return _Box((opener + body.rows[0] + closer,))
    parts = [_delimiter(opener, height, body.base), body, _delimiter(closer, height, body.base)]
    return _beside([part for part in parts if part])


def _delimiter(sign: str, height: int, base: int) -> _Box | None:
    if not sign:
        return None
    if sign not in _TALL:
        return _Box((sign,))
    top, middle, bottom, centre = _TALL[sign]
    rows = [top, *[middle] * (height - 2), bottom]
    if height > 2:
        rows[height // 2] = centre
    elif sign in "{}":
        rows = ["⎰", "⎱"] if sign == "{" else ["⎱", "⎰"]
    return _Box(tuple(rows), base)


def _grid(node: Grid) -> _Box:
    cells = [[_box(cell) for cell in row] for row in node.rows]
    columns = max(len(row) for row in cells)
    filled = [row + [_Box(("",))] * (columns - len(row)) for row in cells]
    widths = [max(row[at].width for row in filled) for at in range(columns)]
    loose = any(len(box.rows) > 1 for row in filled for box in row)
    rows: list[str] = []
    for number, row in enumerate(filled):
        if number and loose:
            rows.append(" " * len(rows[0]))
        rows += _beside(_columns(row, widths, node.kind)).rows
    width = max(WIDTHS.width(row) for row in rows)
    return _Box(tuple(row + " " * (width - WIDTHS.width(row)) for row in rows), len(rows) // 2 if len(cells) > 1 else 0)


def _columns(row: Sequence[_Box], widths: Sequence[int], kind: GridKind) -> list[_Box]:
    """Return the cells of a row at the widths of the columns, with the gaps between them."""
    boxes: list[_Box] = []
    for at, (box, width) in enumerate(zip(row, widths, strict=True)):
        if kind is GridKind.ALIGNED:
            side, gap = "><"[at % 2] if len(row) > 1 else "<", 1 if at % 2 else 3
        else:
            side, gap = "^" if kind is GridKind.CENTRED else "<", 2
        if at:
            boxes.append(_Box((" " * gap,)))
        boxes.append(_Box(_aligned(box, width, side), box.base))
    return boxes
