"""Full text: normalised text for the index, queries, and snippets.

The tokenizer of SQLite treats a run of letters as one word, which fails for scripts written without spaces. For those
each character is indexed as one word, and a longer word is searched as a phrase, so that a word of two characters is
found in the middle of a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from termchat.core.messages import File, Image, Message, Part, Reasoning, Search, Text, ToolCall, ToolResult
from termchat.core.sanitize import repair_surrogates
from termchat.late_dataclass import dataclass

# Han, kana, bopomofo, Hangul, Thai, Lao, Khmer, Burmese (https://www.unicode.org/charts/)
_UNSPACED_SCRIPTS = (
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3041-\u312f\u3131-\u318e\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f"
    "\U00020000-\U0003ffff]"
)
_TERM = re.compile(r'"([^"]*)"?|([^\s"]+)')
_AROUND = 60  # characters of a snippet before the hit
_LENGTH = 160
_SLICE = 10_000  # characters that are normalised at a time
_LOOK_IN = 200_000  # characters of a message that are searched for a snippet


@dataclass(frozen=True, slots=True)
class Query:
    """A query in the syntax of FTS5, and the pieces to highlight."""

    match: str
    highlights: tuple[str, ...]

    @property
    def is_phrase(self) -> bool:
        """True for a single phrase of several words."""
        return len(self.highlights) == 1 and len(to_fts_text(self.highlights[0]).split()) > 1


def searchable_text(message: Message) -> str:
    """Return the text of a message, tool output included."""
    return "\n".join(found for part in message.parts if (found := _of(part)))


def to_fts_text(text: str) -> str:
    """Normalise a text for the index."""
    return "".join(_fts_slices(text))


def to_fts_utf8(text: str) -> bytes:
    """Normalise a text for the index, as UTF-8: no string but the text itself is as long as the text."""
    return b"".join([part.encode() for part in _fts_slices(text)])


def _fts_slices(text: str) -> Iterator[str]:
    text = text.replace("\0", " ")  # SQLite ends a text at NUL
    if text.isascii():
        yield text
        return
    for at in range(0, len(text), _SLICE):  # each match is an object
        yield _is_unspaced().sub(r" \g<0> ", text[at : at + _SLICE])


def parse_query(typed: str) -> Query | None:
    """Parse typed words into a query: all words must occur, the last may be a prefix; "quoted words" are a phrase.

    A word that ends in * is a prefix, too. None when there is no word.
    """
    typed = repair_surrogates(typed).replace("\0", " ")
    terms = [(quoted, False) if quoted else (bare.rstrip("*"), bare.endswith("*")) for quoted, bare in _terms(typed)]
    terms = [(term, more) for term, more in terms if any(map(str.isalnum, term))]
    if not terms:
        return None
    if not typed.endswith(('"', " ")):
        terms[-1] = (terms[-1][0], True)
    phrases = (f'"{to_fts_text(term)}"{"*" if more and term[-1].isalnum() else ""}' for term, more in terms)
    return Query(" AND ".join(phrases), tuple(_folded(term) for term, _ in terms))


def snippet(text: str, pieces: tuple[str, ...]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return the text around a hit on one line, and the spans of the pieces in that text."""
    looked_in = text[:_LOOK_IN]
    found = re.search("|".join(map(re.escape, pieces)), _folded(looked_in)) if pieces else None
    begin = max(0, found.start() - _AROUND) if found else 0
    cut = " ".join(looked_in[begin : begin + 2 * _LENGTH].split())[:_LENGTH]
    before = "…" if begin else ""
    after = "…" if len(text) > begin + 2 * _LENGTH or len(cut) == _LENGTH else ""
    shown = f"{before}{cut}{after}"
    folded = _folded(shown)
    marks = {hit.span() for piece in pieces for hit in re.finditer(re.escape(piece), folded)}
    return shown, tuple(sorted(marks))


@cache
def _is_unspaced() -> re.Pattern[str]:
    """Return the pattern of unspaced scripts; it is slow to compile, hence compiled on first use."""
    return re.compile(_UNSPACED_SCRIPTS)


def _terms(typed: str) -> list[tuple[str, str]]:
    return [(found[1] or "", found[2] or "") for found in _TERM.finditer(typed)]


def _folded(text: str) -> str:
    """Return the text in lower case without accents, character by character, so that offsets stay the same."""
    if text.isascii():
        return text.lower()
    return "".join(map(_fold, text))


def _fold(char: str) -> str:
    return char.lower()[:1] if char.isascii() else unicodedata.normalize("NFD", char)[0].lower()[:1]


def _of(part: Part) -> str:
    match part:
        case Text() | Reasoning():
            return part.text
        case Search():
            return " ".join(part.queries)
        case ToolCall():
            return f"{part.name} {part.arguments}"
        case ToolResult():
            return part.text
        case File() | Image():
            return part.name
        case _:
            return ""
