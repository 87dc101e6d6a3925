"""The parts of a formula, and the spaces between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias


class AtomKind(Enum):
    """The class of an atom; as in TeX, it decides the space around the atom."""

    ORDINARY = auto()
    FUNCTION = auto()  # sin, log, lim
    LARGE = auto()  # sums and integrals
    BINARY = auto()
    RELATION = auto()
    OPEN = auto()
    CLOSE = auto()
    PUNCTUATION = auto()
    SPACE = auto()


@dataclass(frozen=True, slots=True)
class Atom:
    """A symbol, name or text; `limits` is True if its scripts belong above and below it."""

    text: str
    kind: AtomKind = AtomKind.ORDINARY
    limits: bool = False


@dataclass(frozen=True, slots=True)
class Sequent:
    """Parts beside each other."""

    parts: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Fraction:
    """A fraction; a binomial coefficient has no `bar`."""

    above: Node
    below: Node
    bar: bool = True


@dataclass(frozen=True, slots=True)
class Scripts:
    """A base with a subscript, a superscript or both."""

    base: Node
    below: Node | None = None
    above: Node | None = None


@dataclass(frozen=True, slots=True)
class Root:
    """A root; `index` is "" for a square root."""

    body: Node
    index: str = ""


@dataclass(frozen=True, slots=True)
class Fenced:
    """A part between delimiters, each a character or "" for none."""

    opener: str
    body: Node
    closer: str


class GridKind(Enum):
    """The alignment of the columns of a grid."""

    CENTRED = auto()  # matrices
    LEFT = auto()  # cases
    ALIGNED = auto()  # equations: right and left in turn


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of cells: a matrix, cases or aligned equations."""

    rows: tuple[tuple[Node, ...], ...]
    kind: GridKind


Node: TypeAlias = Atom | Sequent | Fraction | Scripts | Root | Fenced | Grid

BLANK = Atom(" ", AtomKind.SPACE)
_K = AtomKind
_NO_OPERAND = frozenset({_K.BINARY, _K.RELATION, _K.OPEN, _K.PUNCTUATION, _K.FUNCTION, _K.LARGE})
_SPACED = frozenset({_K.BINARY, _K.RELATION})
_OPERAND = frozenset({_K.ORDINARY, _K.FUNCTION, _K.LARGE})


def kind_of(node: Node) -> AtomKind:
    """Return the class of a part; scripts have that of their base."""
    match node:
        case Atom():
            return node.kind
        case Scripts():
            return kind_of(node.base)
        case _:
            return AtomKind.ORDINARY


def spaced(parts: Sequence[Node], *, tight: bool = False) -> Iterator[Node]:
    """Yield the parts with blanks between them; `tight` is for scripts, which have blanks only where text needs them.

    A sign without an operand before it, as in `-x`, is ordinary.
    """
    before: AtomKind | None = None
    text = ""
    for part in parts:
        group = isinstance(part.base if isinstance(part, Scripts) else part, Fenced)
        kind = AtomKind.OPEN if group else kind_of(part)
        if kind is AtomKind.BINARY and (before is None or before in _NO_OPERAND):
            kind = AtomKind.ORDINARY
        thousands = text == "," and isinstance(part, Atom) and part.text[:1].isdigit() and len(part.text) == 3
        if before is not None and not thousands and _blank(before, kind, tight):
            yield BLANK
        yield part
        before = AtomKind.CLOSE if group else kind
        text = part.text if isinstance(part, Atom) else ""


def _blank(before: AtomKind, after: AtomKind, tight: bool) -> bool:
    """Return True if a blank belongs between parts of the two classes."""
    if AtomKind.SPACE in (before, after):
        return False
    if AtomKind.FUNCTION in (before, after) and before in (*_OPERAND, AtomKind.CLOSE) and after in _OPERAND:
        return True
    if tight:
        return False
    if before in _SPACED or after in _SPACED:
        return before is not AtomKind.OPEN and after not in (AtomKind.CLOSE, AtomKind.PUNCTUATION)
    if before is AtomKind.PUNCTUATION:
        return after is not AtomKind.CLOSE
    return before is AtomKind.LARGE and after in _OPERAND
