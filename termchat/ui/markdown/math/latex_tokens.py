"""Parse LaTeX with pylatexenc into tokens of our own types."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias

_ARGUMENTS = {
    "{": "overleftarrow overrightarrow overleftrightarrow mathring dddot cancel bcancel xcancel underbrace overbrace "
    "underbracket overbracket substack phantom hphantom vphantom label hat widehat tilde widetilde bar vec dot ddot "
    "overline underline check breve acute grave tag boxed pmod "
    "text mathrm textrm textbf textit mathit textsf mathsf texttt mathtt mbox hbox mathbb mathcal mathfrak mathscr "
    "mathbf boldsymbol bm",
    "*{": "operatorname",
    "{{": "overset underset stackrel frac dfrac tfrac cfrac binom dbinom tbinom",
    "[{": "sqrt xrightarrow xleftarrow xRightarrow xLeftarrow xleftrightarrow xmapsto",
}
_WITH_COLUMNS = ("array", "alignat", "alignat*")  # environments with an argument


class UnknownLatexError(ValueError):
    """The formula has a part that cannot be shown."""


@dataclass(frozen=True, slots=True)
class Group:
    """Tokens in braces, or a single token as the argument of a command; `source` is the LaTeX without the braces."""

    tokens: tuple[LatexToken, ...]
    source: str


@dataclass(frozen=True, slots=True)
class MathCommand:
    """A command with its arguments, None for an optional one that is absent; `&` and `~` are commands too."""

    name: str
    arguments: tuple[Group | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment; its own arguments are left out."""

    name: str
    tokens: tuple[LatexToken, ...]


LatexToken: TypeAlias = str | Group | MathCommand | Environment  # a string is one character


def parse_latex(source: str, environments: Iterable[str]) -> tuple[LatexToken, ...]:
    """Return the tokens of a formula without blanks; raises an error of pylatexenc or UnknownLatexError."""
    walker = _latexwalker().LatexWalker(source, latex_context=_context(tuple(environments)), tolerant_parsing=False)
    return _tokens(walker.get_latex_nodes()[0])


def _latexwalker() -> Any:
    return import_module("pylatexenc.latexwalker")


@cache
def _context(environments: tuple[str, ...]) -> Any:
    logging.getLogger("pylatexenc").addHandler(logging.NullHandler())  # it reports errors that are handled here
    specs: Any = import_module("pylatexenc.macrospec")
    context = _latexwalker().get_default_latex_context_db()
    context.add_context_category(
        "termchat",
        prepend=True,
        macros=[specs.MacroSpec(name, spec) for spec, names in _ARGUMENTS.items() for name in names.split()],
        environments=[
            specs.EnvironmentSpec(name, "{" if name in _WITH_COLUMNS else "", is_math_mode=True)
            for name in environments
        ],
    )
    return context


def _tokens(nodes: Iterable[Any]) -> tuple[LatexToken, ...]:
    tokens: list[LatexToken] = []
    for node in nodes:
        match type(node).__name__:
            case "LatexCharsNode":
                tokens += [char for char in str(node.chars) if not char.isspace()]
            case "LatexSpecialsNode":
                signs = str(node.specials_chars)
                tokens += [MathCommand(signs)] if signs in ("~", "&") else list(signs)
            case "LatexGroupNode":
                tokens.append(_group(node))
            case "LatexMacroNode":
                arguments = (node.nodeargd.argnlist or ()) if node.nodeargd else ()
                tokens.append(MathCommand(str(node.macroname), tuple(_group(a) if a else None for a in arguments)))
            case "LatexEnvironmentNode":
                tokens.append(Environment(str(node.environmentname), _tokens(node.nodelist)))
            case name:  # a comment, or dollars inside
                raise UnknownLatexError(name)
    return tuple(tokens)


def _group(node: Any) -> Group:
    source = str(node.latex_verbatim())
    if type(node).__name__ != "LatexGroupNode":
        return Group(_tokens((node,)), source)
    return Group(_tokens(node.nodelist), source[1:-1])
