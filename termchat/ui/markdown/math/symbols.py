"""Symbols of LaTeX as Unicode: names from pylatexenc, some it lacks, classes, accents and scripts."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from termchat.ui.markdown.math.formula_tree import Atom, AtomKind

_MISSING = {
    "ast": "*", "colon": ":", "ne": "≠", "implies": "⟹", "impliedby": "⟸", "iff": "⟺", "gets": "←", "land": "∧",
    "lor": "∨", "neg": "¬", "Re": "ℜ", "Im": "ℑ", "triangle": "△", "checkmark": "✓", "coloneqq": "≔", "models": "⊨",
    "degree": "°", "prime": "′", "mid": "∣", "dotsc": "…", "dotsb": "⋯", "dotsm": "⋯", "dotsi": "⋯", "owns": "∋",
    "lbrace": "{", "rbrace": "}", "lbrack": "[", "rbrack": "]", "vert": "|", "Vert": "‖", "|": "‖", "{": "{", "}": "}",
    "lvert": "|", "rvert": "|", "lVert": "‖", "rVert": "‖", "%": "%", "$": "$", "#": "#", "&": "&", "_": "_",
    "Longleftrightarrow": "⟺", "leadsto": "⇝", "blacksquare": "■", "qed": "∎", "lt": "<", "gt": ">", "bot": "⊥",
}  # fmt: skip
_FUNCTIONS_TEXT = """
arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max min Pr
sec sin sinh sup tan tanh argmax argmin bmod mod
"""
_FUNCTIONS = frozenset(_FUNCTIONS_TEXT.split())
_LIMITS = frozenset(["det", "gcd", "inf", "lim", "liminf", "limsup", "max", "min", "Pr", "sup", "argmax", "argmin"])
_BINARY = frozenset("+-−±∓×÷·∗*⋆∘∙•∩∪⊎⊓⊔∨∧⊕⊖⊗⊘⊙∖≀⨿⋅")
_LARGE = frozenset("∑∏∐∫∬∭∮⋃⋂⨆⋁⋀⨁⨂⨀⨄")
_INTEGRALS = frozenset("∫∬∭∮")
_ORDINARY = frozenset("∂∇∞∀∃∄¬√∅∆∠°′″△◻□■∎⊤ℓ")
_OPEN, _CLOSE = frozenset("([{⟨⌊⌈"), frozenset(")]}⟩⌋⌉")

ACCENTS: Mapping[str, str] = {
    "hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303", "bar": "\u0304", "vec": "\u20d7",
    "dot": "\u0307", "ddot": "\u0308", "overline": "\u0305", "underline": "\u0332", "check": "\u030c",
    "breve": "\u0306", "acute": "\u0301", "grave": "\u0300", "mathring": "\u030a", "dddot": "\u20db",
    "overrightarrow": "\u20d7", "overleftarrow": "\u20d6", "overleftrightarrow": "\u20e1", "cancel": "\u0338",
    "bcancel": "\u0338", "xcancel": "\u0338",
}  # fmt: skip
# Accents that may cover several characters, and the names of others above more than one character.
LINES = frozenset({"overline", "underline", "bar", "cancel", "bcancel", "xcancel"})
LETTERS = frozenset({"overrightarrow", "overleftarrow", "overleftrightarrow"})
NAMES: Mapping[str, str] = {"widehat": "hat", "hat": "hat", "widetilde": "tilde", "tilde": "tilde", "vec": "vec"}
BRACES: Mapping[str, str] = {"underbrace": "⏟", "overbrace": "⏞", "underbracket": "⎵", "overbracket": "⎴"}
# A relation below a label, such as `\overset{?}{=}`, that is one sign.
LABELLED: Mapping[tuple[str, str], str] = {
    ("def", "="): "≝", ("?", "="): "≟", ("△", "="): "≜", ("Δ", "="): "≜", ("∘", "="): "≗", ("m", "="): "≞",
    ("⋆", "="): "≛",
}  # fmt: skip

_ABOVE = dict(
    zip(
        "0123456789+−-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWαβγδεθφχ′″°*∘⊤",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵅᵝᵞᵟᵋᶿᵠᵡ′″°*°ᵀ",
        strict=True,
    )
)
_BELOW = dict(zip("0123456789+−-=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True))


def superscript(text: str) -> str:
    """Return the text as Unicode superscripts, "" if a character has none."""
    return _mapped(text, _ABOVE)


def subscript(text: str) -> str:
    """Return the text as Unicode subscripts, "" if a character has none."""
    return _mapped(text, _BELOW)


def _mapped(text: str, table: Mapping[str, str]) -> str:
    return "".join(table[char] for char in text) if all(char in table for char in text) else ""


def symbol(name: str) -> Atom | None:
    """Return the symbol or function of a command without arguments, None for an unknown one."""
    if name in _FUNCTIONS:
        return Atom(name, AtomKind.FUNCTION, limits=name in _LIMITS)
    text = _MISSING.get(name) or _named().get(name, "")
    return atom(text) if text else None


def atom(char: str) -> Atom:
    """Return the atom of a character, classified as TeX does."""
    kind = _kind(char)
    return Atom("−" if char == "-" else char, kind, limits=kind is AtomKind.LARGE and char not in _INTEGRALS)


def is_function(name: str) -> bool:
    """Return True for the name of a function that is set upright, such as `log`."""
    return name in _FUNCTIONS


def styled(command: str, text: str) -> str:
    """Return letters and digits in an alphabet such as that of `\\mathbb`; others stay as they are."""
    return str(_latex2text().LatexNodes2Text(math_mode="text").latex_to_text(f"\\{command}{{{text}}}"))


def _latex2text() -> Any:
    return import_module("pylatexenc.latex2text")


def _kind(char: str) -> AtomKind:
    for kind, chars in _KINDS.items():
        if char in chars:
            return kind
    if char in "=<>:∣" or (len(char) == 1 and (unicodedata.category(char) == "Sm" or "←" <= char <= "⇿")):
        return AtomKind.RELATION
    return AtomKind.ORDINARY


_KINDS = {
    AtomKind.BINARY: _BINARY,
    AtomKind.LARGE: _LARGE,
    AtomKind.ORDINARY: _ORDINARY | frozenset("|‖/~"),
    AtomKind.OPEN: _OPEN,
    AtomKind.CLOSE: _CLOSE,
    AtomKind.PUNCTUATION: frozenset(",;，；、"),
}


@cache
def _named() -> Mapping[str, str]:
    """Return the symbols that pylatexenc writes for commands without arguments."""
    names: dict[str, str] = {}
    for spec in _latex2text().get_default_latex_context_db().iter_macro_specs():
        text = getattr(spec, "simplify_repl", None)
        if isinstance(text, str) and len(text) == 1 and not text.isascii():
            names[str(spec.macroname)] = text
    return names
