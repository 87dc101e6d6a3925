"""Write a formula on one line; brackets replace what two dimensions would show."""

from __future__ import annotations

import re

from termchat.ui.markdown.math.formula_tree import (
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
from termchat.ui.markdown.math.symbols import subscript, superscript

# A denominator that needs no brackets: a differential, a call of a function, a word of CJK.
_FACTOR = re.compile(r"[d∂∆Δ][^\W\d_][⁰¹²³⁴-⁹]*|\w\([^()]*\)|[\u3400-\u9fff]+")
_BINDING = (AtomKind.ORDINARY, AtomKind.CLOSE, AtomKind.FUNCTION, AtomKind.LARGE)
_ROOTS = {"": "√", "3": "∛", "4": "∜"}


def linear(node: Node, *, tight: bool = False) -> str:
    """Return a part of a formula as one line; `tight` is for scripts, which have few blanks."""
    match node:
        case Atom():
            return node.text
        case Sequent():
            return "".join(_beside(node.parts, tight))
        case Fraction():
            above, below = linear(node.above, tight=tight), linear(node.below, tight=tight)
            if not node.bar:
                return f"{above} choose {below}"
            return f"{above if _product(node.above) else _bracketed(above)}/{_factor(node.below, below)}"
        case Scripts():
            return _scripts(node, tight)
        case Root():
            sign = _ROOTS.get(node.index, superscript(node.index) + "√")
            body = linear(node.body, tight=tight)
            return sign + (body if len(body) == 1 or body.isdigit() else _bracketed(body))
        case Fenced():
            return node.opener + linear(node.body, tight=tight) + node.closer
        case Grid():
            return "; ".join(linear_rows(node))


def linear_rows(node: Node) -> tuple[str, ...]:
    """Return the rows of a grid, each as one line; any other part is one row."""
    if not isinstance(node, Grid):
        text = linear(node).strip()
        return (text,) if text else ()
    between = {GridKind.ALIGNED: " ", GridKind.CENTRED: " ", GridKind.LEFT: "  "}[node.kind]
    rows = (between.join(text for cell in row if (text := linear(cell).strip())) for row in node.rows)
    return tuple(row for row in rows if row)


def _beside(parts: tuple[Node, ...], tight: bool) -> list[str]:
    texts: list[str] = []
    row = list(spaced(parts, tight=tight))
    for at, part in enumerate(row):
        text = linear(part, tight=tight)
        if isinstance(part, Fraction) and (_binds(row, at - 1) or _binds(row, at + 1)):
            text = _bracketed(text)
        texts.append(text + " " * (ends_in_bare_script(text) and _binds(row, at + 1)))
    return texts


def ends_in_bare_script(text: str) -> bool:
    """Return True for a text such as `x_θ`, which a factor after it would seem to continue."""
    return text[-2:-1] in ("_", "^")


def _binds(row: list[Node], at: int) -> bool:
    """Return True if the part at an index is a factor, which would change the meaning of `a/b` beside it."""
    return 0 <= at < len(row) and kind_of(row[at]) in _BINDING


def _scripts(node: Scripts, tight: bool) -> str:
    base = linear(node.base, tight=tight)
    if isinstance(node.base, (Fraction, Sequent, Grid)) and len(base) > 1:
        base = _bracketed(base)
    for script, sign in ((node.below, "_"), (node.above, "^")):
        if script is None:
            continue
        text = linear(script, tight=True)
        small = superscript(text) if sign == "^" else subscript(text)
        base += small or sign + (text if len(text) == 1 else _bracketed(text))
    return base


def _product(node: Node) -> bool:
    """Return True if the numerator is a product, which needs no brackets."""
    if not isinstance(node, Sequent):
        return not isinstance(node, (Fraction, Grid))
    return len(list(spaced(node.parts))) == len(node.parts) and not any(isinstance(p, Fraction) for p in node.parts)


def _factor(node: Node, text: str) -> str:
    single = isinstance(node, (Atom, Fenced, Root, Scripts))
    return text if single or _FACTOR.fullmatch(text) else _bracketed(text)


def _bracketed(text: str) -> str:
    return f"({text})"
