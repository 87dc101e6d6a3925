"""Read LaTeX into a tree; a formula with anything unknown is not read at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from termchat.ui.markdown.math import symbols
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
)
from termchat.ui.markdown.math.latex_tokens import (
    Environment,
    Group,
    LatexToken,
    MathCommand,
    UnknownLatexError,
    parse_latex,
)
from termchat.ui.markdown.math.linear import linear

_SPACES = {",": " ", ":": " ", ";": " ", ">": " ", " ": " ", "~": " ", "quad": "  ", "qquad": "    ", "enspace": " "}
_IGNORED_TEXT = """
! displaystyle textstyle scriptstyle limits nolimits nonumber notag label big Big bigg Bigg bigl Bigl biggl Biggl bigr
Bigr biggr Biggr bigm Bigm biggm Biggm mathstrut strut hfill hline middle
"""
_IGNORED = frozenset(_IGNORED_TEXT.split())
_TEXTS = ("text", "mathrm", "textrm", "textbf", "textit", "mathit", "textsf", "mathsf", "texttt", "mathtt", "mbox")
_ALPHABETS = ("mathbb", "mathcal", "mathfrak", "mathscr", "mathbf", "boldsymbol", "bm")
_ARROWS = {
    "xrightarrow": "─→", "xleftarrow": "←─", "xRightarrow": "═⇒", "xLeftarrow": "⇐═", "xleftrightarrow": "←→",
    "xmapsto": "├→",
}  # fmt: skip
_GRIDS: Mapping[str, tuple[GridKind, str, str]] = {
    "matrix": (GridKind.CENTRED, "", ""),
    "smallmatrix": (GridKind.CENTRED, "", ""),
    "array": (GridKind.CENTRED, "", ""),
    "pmatrix": (GridKind.CENTRED, "(", ")"),
    "bmatrix": (GridKind.CENTRED, "[", "]"),
    "Bmatrix": (GridKind.CENTRED, "{", "}"),
    "vmatrix": (GridKind.CENTRED, "|", "|"),
    "Vmatrix": (GridKind.CENTRED, "‖", "‖"),
    "cases": (GridKind.LEFT, "{", ""),
    "dcases": (GridKind.LEFT, "{", ""),
    "rcases": (GridKind.LEFT, "", "}"),
    **{
        name + star: (GridKind.ALIGNED, "", "")
        for name in ("aligned", "align", "split", "gather", "gathered", "equation", "alignat", "multline", "eqnarray")
        for star in ("", "*")
    },
}


def read_formula(source: str) -> Node | None:
    """Return the tree of a formula without its delimiters, None if it must be shown as written."""
    try:
        grid = _grid(parse_latex(source, _GRIDS))
    except Exception:  # a parser of others reads untrusted text, and the formula can be shown as written
        return None
    return grid.rows[0][0] if len(grid.rows) == len(grid.rows[0]) == 1 else grid


def _grid(tokens: Sequence[LatexToken], kind: GridKind = GridKind.ALIGNED) -> Grid:
    """Return the cells between `&` and `\\\\`."""
    rows: list[list[Node]] = [[]]
    cell: list[LatexToken] = []
    for piece in tokens:
        match piece:
            case MathCommand("&"):
                rows[-1].append(_sequent(cell))
                cell = []
            case MathCommand("\\" | "newline" | "cr"):
                rows[-1].append(_sequent(cell))
                rows.append([])
                cell = []
            case _:
                cell.append(piece)
    if cell or rows[-1] or len(rows) == 1:
        rows[-1].append(_sequent(cell))
    return Grid(tuple(tuple(row) for row in rows if row), kind)


def _sequent(tokens: Sequence[LatexToken]) -> Node:
    parts = _Reader(tokens).parts()
    return parts[0] if len(parts) == 1 else Sequent(tuple(_paired(parts)))


def _paired(parts: Sequence[Node]) -> list[Node]:
    """Join delimiters and all between them, so that both grow with it and a script applies to the whole."""
    open_: list[int] = []
    found: list[Node] = []
    for part in parts:
        base = part.base if isinstance(part, Scripts) else part
        if isinstance(base, Atom) and base.kind is AtomKind.CLOSE and open_:
            at = open_.pop()
            opener = found[at]
            assert isinstance(opener, Atom)
            fenced: Node = Fenced(opener.text, Sequent(tuple(found[at + 1 :])), base.text)
            part = Scripts(fenced, part.below, part.above) if isinstance(part, Scripts) else fenced
            found = found[:at]
        elif isinstance(part, Atom) and part.kind is AtomKind.OPEN:
            open_.append(len(found))
        found.append(part)
    return found


class _Reader:
    """Reads the tokens of one cell or group."""

    def __init__(self, tokens: Sequence[LatexToken]) -> None:
        self._tokens = tuple(tokens)
        self._at = 0

    def parts(self, until: str = "") -> list[Node]:
        """Return the parts up to the command `until`, or to the end."""
        parts: list[Node] = []
        while self._at < len(self._tokens):
            piece = self._next()
            match piece:
                case MathCommand(name) if name == until:
                    return parts
                case "^" | "_" | "'":
                    parts.append(self._scripts(parts.pop() if parts else Sequent(), piece))
                case str() if piece.isdigit():
                    parts.append(self._number(piece))
                case _:
                    parts += self._node(piece)
        if until:
            raise UnknownLatexError(until)
        return parts

    def _next(self) -> LatexToken:
        if self._at >= len(self._tokens):
            raise UnknownLatexError("end")
        self._at += 1
        return self._tokens[self._at - 1]

    def _digit(self, at: int) -> bool:
        piece = self._tokens[at] if at < len(self._tokens) else ""
        return isinstance(piece, str) and piece.isdigit()

    def _number(self, digits: str) -> Atom:
        while self._digit(self._at) or (self._digit(self._at + 1) and self._tokens[self._at : self._at + 1] == (".",)):
            digits += str(self._next())
        return Atom(digits)

    def _scripts(self, base: Node, sign: str) -> Node:
        below = base.below if isinstance(base, Scripts) else None
        above = base.above if isinstance(base, Scripts) else None
        base = base.base if isinstance(base, Scripts) else base
        script = self._primes() if sign == "'" else self._argument()
        if sign == "_":
            if below:
                raise UnknownLatexError(sign)
            return Scripts(base, script, above)
        if above is None:
            return Scripts(base, below, script)
        before = above.parts if isinstance(above, Sequent) else (above,)
        if any(not (isinstance(part, Atom) and part.text.startswith("′")) for part in before):
            raise UnknownLatexError(sign)
        return Scripts(base, below, Sequent((*before, script)))

    def _primes(self) -> Atom:
        """Read the primes after the first one."""
        start = self._at
        while self._tokens[self._at : self._at + 1] == ("'",):
            self._at += 1
        return Atom("′" * (1 + self._at - start))

    def _argument(self) -> Node:
        parts = self._node(self._next())
        return parts[0] if len(parts) == 1 else Sequent(tuple(parts))

    def _node(self, piece: LatexToken) -> list[Node]:
        match piece:
            case str():
                if piece in '&%#$\\{}"`':
                    raise UnknownLatexError(piece)
                return [symbols.atom(piece)]
            case Group():
                return [_sequent(piece.tokens)]
            case MathCommand():
                return self._command(piece)
            case Environment():
                return [_environment(piece)]

    def _command(self, command: MathCommand) -> list[Node]:
        name = command.name
        if name in _SPACES:
            return [Atom(_SPACES[name], AtomKind.SPACE) if _SPACES[name] != " " else BLANK]
        if name in _IGNORED:
            return []
        if name == "left":
            opener = self._delimiter()
            body = Sequent(tuple(_paired(self.parts("right"))))
            return [Fenced(opener, body, self._delimiter())]
        if name in _COMMANDS:
            return [_COMMANDS[name](command)]
        found = symbols.symbol(name)
        if found is None or command.arguments:
            raise UnknownLatexError(name)
        return [found]

    def _delimiter(self) -> str:
        piece = self._next()
        if isinstance(piece, str):
            return "" if piece == "." else piece
        found = symbols.symbol(piece.name) if isinstance(piece, MathCommand) else None
        if found is None or len(found.text) != 1:
            raise UnknownLatexError("delimiter")
        return found.text


def _last(command: MathCommand) -> Group:
    last = command.arguments[-1]
    if last is None:
        raise UnknownLatexError(command.name)
    return last


def _content(command: MathCommand) -> Node:
    return _sequent(_last(command).tokens)


def _text(command: MathCommand) -> Node:
    text = _last(command).source
    if command.name.startswith("math") and set(text) & set("_^\\"):
        return _content(command)
    for escaped, sign in ((r"\ ", " "), (r"\,", " "), ("~", " "), (r"\%", "%"), (r"\_", "_"), (r"\&", "&")):
        text = text.replace(escaped, sign)
    if set(text) & set("\\{}$^"):
        raise UnknownLatexError(text)
    text = " ".join(f"|{text}|".split())[1:-1]
    function = command.name == "operatorname" or symbols.is_function(text)
    return Atom(text, AtomKind.FUNCTION if function else AtomKind.ORDINARY, limits=function and "arg" in text)


def _alphabet(command: MathCommand) -> Node:
    text = _last(command).source.strip()
    if not (text.isascii() and text.isalnum()):
        return _content(command)
    return Atom(symbols.styled("mathbf" if command.name in ("boldsymbol", "bm") else command.name, text))


def _accent(command: MathCommand) -> Node:
    name, text = command.name, linear(_content(command))
    sign = symbols.ACCENTS[name]
    if len(text) == 1 or name in symbols.LINES or (name in symbols.LETTERS and text.isalnum()):
        return Atom("".join(char + sign for char in text))
    if name in symbols.NAMES and text:
        return Atom(f"{symbols.NAMES[name]}({text})")
    raise UnknownLatexError(name)


def _brace(command: MathCommand) -> Node:
    """Read a brace below or above a part; the label, its script, follows the command."""
    return Atom(f"{symbols.BRACES[command.name]}({linear(_content(command))})", limits=True)


def _label(command: MathCommand) -> Node:
    """Read a label above or below a base, which keeps its class: `\\overset{?}{=}` is a relation."""
    first, base = command.arguments
    if first is None or base is None:
        raise UnknownLatexError(command.name)
    script, body = _sequent(first.tokens), _sequent(base.tokens)
    text = linear(body)
    if command.name != "underset" and (sign := symbols.LABELLED.get((linear(script, tight=True), text))):
        return Atom(sign, AtomKind.RELATION)
    kind = kind_of(body)
    whole = Atom(text if len(text) == 1 or kind is not AtomKind.ORDINARY else f"({text})", kind, limits=True)
    return Scripts(whole, script) if command.name == "underset" else Scripts(whole, None, script)


def _stack(command: MathCommand) -> Node:
    """Read the lines of a `\\substack` as a list."""
    rows = _grid(_last(command).tokens).rows
    return Atom(", ".join(filter(None, (linear(cell, tight=True).strip() for row in rows for cell in row))))


def _phantom(command: MathCommand) -> Node:
    return Sequent() if command.name == "vphantom" else Atom(" " * len(linear(_content(command))), AtomKind.SPACE)


def _fraction(command: MathCommand) -> Node:
    above, below = command.arguments
    if above is None or below is None:
        raise UnknownLatexError(command.name)
    fraction = Fraction(_sequent(above.tokens), _sequent(below.tokens), bar="binom" not in command.name)
    return fraction if fraction.bar else Fenced("(", fraction, ")")


def _root(command: MathCommand) -> Node:
    index = command.arguments[0]
    degree = linear(_sequent(index.tokens)) if index else ""
    if degree and not symbols.superscript(degree):
        raise UnknownLatexError(degree)
    return Root(_content(command), "" if degree == "2" else degree)


def _arrow(command: MathCommand) -> Node:
    left, right = _ARROWS[command.name]
    return Atom(f"{left}{linear(_content(command), tight=True)}{right}", AtomKind.RELATION)


def _labelled(command: MathCommand) -> Node:
    label = linear(_content(command))
    return Atom(f"  (mod {label})" if command.name == "pmod" else f"    ({label})", AtomKind.SPACE)


def _environment(environment: Environment) -> Node:
    found = _GRIDS.get(environment.name)
    if found is None:
        raise UnknownLatexError(environment.name)
    kind, opener, closer = found
    grid = _grid(environment.tokens, kind)
    return Fenced(opener, grid, closer) if opener or closer else grid


_COMMANDS: Mapping[str, Callable[[MathCommand], Node]] = {
    **dict.fromkeys((*_TEXTS, "hbox", "operatorname"), _text),
    **dict.fromkeys(_ALPHABETS, _alphabet),
    **dict.fromkeys(symbols.ACCENTS, _accent),
    **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac", "binom", "dbinom", "tbinom"), _fraction),
    **dict.fromkeys(_ARROWS, _arrow),
    **dict.fromkeys(symbols.BRACES, _brace),
    **dict.fromkeys(("overset", "underset", "stackrel"), _label),
    **dict.fromkeys(("phantom", "hphantom", "vphantom"), _phantom),
    "substack": _stack,
    **dict.fromkeys(("tag", "pmod"), _labelled),
    "sqrt": _root,
    "boxed": _content,
}
