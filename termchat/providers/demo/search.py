"""The pages of the guide in two languages, and a search for the section that answers a question.

The search weighs terms (Latin words, pairs of CJK characters) by their rarity and place with fixed weights, so the same
question always finds the same section.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

_TITLE, _KEYWORDS, _CODE, _PAGE, _BODY = 4.0, 3.0, 2.5, 2.0, 1.0  # weight of a term by its place
_WHOLE_TITLE = 1.0  # bonus for a question with all terms of the title, less for some of them
_TABLE = 0.5  # factor for a page generated from declarations
_KEYWORDS_COMMENT = re.compile(r"<!--\s*also:(.*?)-->\s*", re.DOTALL)
_WORD = re.compile(r"[a-z0-9]+(?:[._'-][a-z0-9]+)*|[\u3400-\u9fff]+")
_COMMAND = re.compile(r"(?<![\w/.])/[a-z]+")
_CODE_SPAN = re.compile(r"`([^`\n]+)`")
# Stop words.
_STOP_WORDS_TEXT = """
a about all am an and any are as at be but by can could did do does for from get give has have how i if in into is it
its just know let like make many may me mean much my need of on one or please set show so some tell than that the their
them then there these they thing this to up us use used want was we what what's when where which who why will with work
would you your termchat
"""
_STOP_WORDS = frozenset(_STOP_WORDS_TEXT.split())
_STOP_CJK = re.compile(
    "怎么办|怎么样|怎么|怎样|如何|什么|可以|能不能|能否|请问|一下|哪里|哪些|为什么|告诉我|我想|想要|有没有|请|吗|呢|吧|啊|的|了|我|是"
)


class Language(StrEnum):
    """A language of the guide."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a page, in Markdown; `keywords` are searched but not shown."""

    title: str
    text: str
    keywords: str = ""


@dataclass(frozen=True, slots=True)
class GuidePage:
    """A page of the guide. A `table` page is generated from declarations, and ranks lower in a search."""

    name: str
    title: str
    language: Language
    sections: tuple[Section, ...]
    table: bool = False


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A section found for a question.

    score      relevance, from 0; a good answer has more than 1
    coverage   share of the question's terms in the section, weighted by rarity, from 0 to 1
    """

    page: GuidePage
    section: Section
    score: float
    coverage: float


def language_of(text: str) -> Language:
    """Return Chinese for a text with at least one Chinese character, else English."""
    return Language.ZH if re.search(r"[\u3400-\u9fff]", text) else Language.EN


def parse_page(name: str, language: Language, markdown: str) -> GuidePage:
    """Parse a page: `#` is its title, `##` begins a section, `<!-- also: -->` contains the keywords of a section."""
    head, *rest = re.split(r"^## ", markdown, flags=re.MULTILINE)
    title = head.strip().partition("\n")[0].removeprefix("# ").strip()
    return GuidePage(name, title, language, tuple(_section(text) for text in rest))


def table_page(name: str, title: str, language: Language, rows: Sequence[tuple[str, str]]) -> GuidePage:
    """Return a page with one section, a list of (name, description) rows."""
    lines = "\n".join(f"- `{name}`: {words}" for name, words in rows)
    return GuidePage(name, title, language, (Section(title, lines),), table=True)


def _section(text: str) -> Section:
    title, _, body = text.partition("\n")
    keywords = " ".join(found[1].strip() for found in _KEYWORDS_COMMENT.finditer(body))
    return Section(title.strip(), _KEYWORDS_COMMENT.sub("", body).strip(), keywords)


@dataclass(frozen=True, slots=True)
class _Entry:
    """An indexed section: the weight of each of its terms, and the terms of its title."""

    page: GuidePage
    section: Section
    weights: dict[str, float]
    title: frozenset[str]


class GuideIndex:
    """A search index of all sections of a language."""

    def __init__(self, pages: Iterable[GuidePage], language: Language) -> None:
        self._entries = [_entry(p, s) for p in pages if p.language is language for s in p.sections]
        counts = Counter(term for entry in self._entries for term in entry.weights)
        self._rarity = {term: math.log(1 + len(self._entries) / n) for term, n in counts.items()}
        self._max_rarity = math.log(1 + len(self._entries))

    def search(self, question: str) -> list[SearchResult]:
        """Return the sections with any term of the question, the best first."""
        terms = tokenize(question)
        total = sum(self._rarity.get(term, self._max_rarity) for term in terms)
        found = [self._score(entry, terms, total) for entry in self._entries] if total else []
        return sorted((f for f in found if f.score), key=lambda f: -f.score)

    def _score(self, entry: _Entry, terms: set[str], total: float) -> SearchResult:
        known = [(self._rarity[term], entry.weights[term]) for term in sorted(terms) if term in entry.weights]
        score = sum(rarity * weight for rarity, weight in known) / total
        if entry.title:
            score += _WHOLE_TITLE * len(entry.title & terms) / len(entry.title)
        score *= _TABLE if entry.page.table else 1.0
        return SearchResult(entry.page, entry.section, score, sum(rarity for rarity, _ in known) / total)


def tokenize(text: str) -> set[str]:
    """Return the search terms of a text.

    Terms are stems of Latin words, the parts of names with punctuation, commands with their slash, and pairs of CJK
    characters. Stop words are left out.
    """
    found = set(_COMMAND.findall(text.lower()))
    for word in _WORD.findall(text.lower()):
        if word[0] > "\u3000":
            found.update(pair for run in _STOP_CJK.split(word) for pair in _pairs(run))
        else:
            found.update(_stem(part) for part in {word, *re.split(r"[._'-]", word)} if part and part not in _STOP_WORDS)
    return found


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(max(1, len(run) - 1))] if run else []


def _stem(word: str) -> str:
    """Remove the most common English endings from a word. Words with other characters than letters stay."""
    if not word.isalpha() or len(word) < 4:
        return word
    for ending in ("ing", "ies", "ed", "es", "s"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 3 and not word.endswith("ss"):
            doubled = ending in ("ing", "ed") and len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "ls"
            return (stem[:-1] if doubled else stem.rstrip("e")) + ("y" if ending == "ies" else "")
    return word.rstrip("e")


def _entry(page: GuidePage, section: Section) -> _Entry:
    weights: dict[str, float] = {}
    code = " ".join(_CODE_SPAN.findall(section.text))
    places = (
        (_BODY, section.text),
        (_PAGE, page.title),
        (_CODE, code),
        (_KEYWORDS, section.keywords),
        (_TITLE, section.title),
    )
    for weight, text in places:
        weights.update((term, weight) for term in tokenize(text))
    return _Entry(page, section, weights, frozenset(tokenize(section.title)))
