"""The pages of the guide in two languages, and a search for the section that answers a question.

The search weighs terms and their synonyms by their rarity and place with fixed weights, so the same question always
finds the same section.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from enum import StrEnum

from termchat.late_dataclass import dataclass
from termchat.providers.demo.vocabulary import chinese_words, vocabulary

_TITLE, _KEYWORDS, _CODE, _PAGE, _BODY = 4.0, 3.0, 2.5, 2.0, 1.0  # weight of a term by its place
_WHOLE_TITLE = 1.0  # bonus for a question with all terms of the title, less for some of them
_TABLE = 0.5  # factor for a page generated from declarations
_QUESTIONS = "questions"  # the page with short answers to common questions
_SHORT_ANSWER = 1.4  # factor for that page
_NAMED = 10.0  # bonus for a section whose title is the question
_UNKNOWN_CJK = 0.25  # factor for the rarity of an unknown pair of CJK characters, which is often no word
_SYNONYM = 0.8  # factor for a term found by a synonym or by a word spelled like it
_LIGHT = 0.3  # factor for the rarity of a light word, and of a part of a known name
_ALIKE, _SHORTEST_MISSPELLED = 0.82, 5  # similarity, and characters, of a word that may be misspelled
_IN_PASSING = 0.9  # factor for the coverage of a term that only the body has
_MOST_ROWS = 6  # of a table, in an answer to a question about some of them
# A question about one name: the reference pages answer it, not the common questions.
_REFERENCE = re.compile(
    r"(?:the )?(?:settings?|option|variable|key|provider|subcommand|command|exit code|alias) "
    r"(?:termchat )?[^\s?？]+[?？]?$"
    r"|(?:设置|选项|变量|按键|服务商|子命令|命令|退出码) ?[\w/.-]+|/[a-z]+[?？]?$|-{1,2}[a-z][a-z-]*[?？]?$",
    re.IGNORECASE | re.ASCII,
)
_KEYWORDS_COMMENT = re.compile(r"<!--\s*also:(.*?)-->\s*", re.DOTALL)
_SEE = re.compile(r"(?:\b[Ss]ee|见) ?(\*[^*]+\*)")
_SAMPLE_PROMPT = re.compile(r'(termchat\b[^"]*)"[^"]*"')  # in an example: its words are not about termchat
_CODE_SPAN = re.compile(r"`([^`\n]+)`")


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

    @property
    def references(self) -> list[str]:
        """The titles in italics that the text names after "See"."""
        return [title for names in _SEE.findall(self.text) for title in re.findall(r"\*([^*]+)\*", names)]


@dataclass(frozen=True, slots=True)
class GuidePage:
    """A page of the guide. A `table` page is generated from declarations, and ranks lower in a search."""

    name: str
    title: str
    language: Language
    sections: tuple[Section, ...]
    table: bool = False

    def around(self, section: Section) -> list[Section]:
        """Return the other sections of the page, the nearest first."""
        at = self.sections.index(section)
        others = sorted((abs(n - at), n) for n in range(len(self.sections)) if n != at)
        return [self.sections[n] for _, n in others]


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


def answer_of(section: Section, question: str) -> str:
    """Return the text of a section without the rows of its tables that a question does not ask for.

    A question that names the section gets all of it.
    """
    terms = vocabulary().terms(question)
    if terms and terms == vocabulary().terms(section.title):
        return section.text
    kept: list[str] = []
    for block in re.split(r"\n{2,}", section.text):
        shown = _matching_rows(block, terms) if block.startswith("|") else block
        if shown:
            kept.append(shown)
        elif kept and kept[-1].endswith((":", "：")):
            kept.pop()  # it introduced the table
    return "\n\n".join(kept) or section.text


def _matching_rows(table: str, terms: set[str]) -> str:
    """Return the rows of a table with the rarest of the terms as a list, "" if there is none; names come first."""
    _, _, *rows = table.split("\n")
    for part in (0, None):  # the first cell, then the whole row
        found = [vocabulary().indexed(row if part is None else _cells(row)[part]) & terms for row in rows]
        counts = Counter(term for each in found for term in each)
        if counts:
            rare = {term for term, count in counts.items() if count == min(counts.values())}
            wanted = [row for row, each in zip(rows, found, strict=True) if each & rare]
            return "\n".join(_list_item(row) for row in wanted[:_MOST_ROWS])
    return ""


def _cells(row: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def _list_item(row: str) -> str:
    name, *rest = [cell for cell in _cells(row) if cell]
    return f"- {name}: " + " · ".join(rest) if rest else f"- {name}"


class GuideIndex:
    """A search index of all sections of a language."""

    def __init__(self, pages: Iterable[GuidePage], language: Language) -> None:
        sections = [(p, s) for p in pages if p.language is language for s in p.sections]
        self._keywords = chinese_words(section.keywords for _, section in sections)
        self._entries = [_entry(page, section, self._keywords) for page, section in sections]
        counts = Counter(term for entry in self._entries for term in entry.weights)
        self._rarity = {term: math.log(1 + len(self._entries) / n) for term, n in counts.items()}
        self._max_rarity = math.log(1 + len(self._entries))
        self._spellings = [term for term in self._rarity if term.isascii() and term.isalpha()]

    def search(self, question: str) -> list[SearchResult]:
        """Return the sections with any term of the question, the best first."""
        terms = {term: self._alternatives(term) for term in sorted(vocabulary().terms(question, self._keywords))}
        short = 1.0 if _REFERENCE.match(question.strip()) else _SHORT_ANSWER
        light = vocabulary().light if short > 1 else frozenset[str]()
        light |= {part for term in terms if term in self._rarity for part in re.split(r"[._'-]", term) if part != term}
        light |= {term for term in terms if len(term) == 1 and term not in vocabulary().synonyms}
        rarity = {term: self._rarity_of(term, others, term in light) for term, others in terms.items()}
        found = [_score(entry, terms, rarity, short) for entry in self._entries] if any(rarity.values()) else []
        name = _bare(question)
        found = [replace(f, score=f.score + _NAMED) if _bare(f.section.title) == name else f for f in found]
        return sorted((f for f in found if f.score), key=lambda f: -f.score)

    def _alternatives(self, term: str) -> frozenset[str]:
        """Return the synonyms of a term; for an unknown word, the word of the guide that is spelled most like it."""
        synonyms = vocabulary().synonyms.get(term, frozenset())
        if synonyms or term in self._rarity or len(term) < _SHORTEST_MISSPELLED or not term.isalpha():
            return synonyms
        return frozenset(get_close_matches(term, self._spellings, 1, _ALIKE))

    def _rarity_of(self, term: str, others: frozenset[str], light: bool) -> float:
        """Return the rarity of a term: the least of its own and those of its alternatives, less if it is light."""
        known = [self._rarity[word] for word in (term, *others) if word in self._rarity]
        unknown = self._max_rarity * (_UNKNOWN_CJK if term[0] > "\u3000" else 1.0)
        return min(known, default=unknown) * (_LIGHT if light else 1.0)


def _score(
    entry: _Entry, terms: Mapping[str, frozenset[str]], rarity: Mapping[str, float], short: float
) -> SearchResult:
    weights = {term: _weight(entry, term, others) for term, others in terms.items()}
    known = [term for term, weight in weights.items() if weight]
    total = sum(rarity.values())
    score = sum(rarity[term] * weights[term] for term in known) / total
    named = {*known, *(word for term in known for word in terms[term])}
    if entry.title:
        score += _WHOLE_TITLE * len(entry.title & named) / len(entry.title)
    common = entry.page.name == _QUESTIONS
    score *= _TABLE if entry.page.table else (short if short > 1 else _TABLE) if common else 1.0
    covered = sum(rarity[term] * (_IN_PASSING if weights[term] <= _BODY else 1.0) for term in known)
    return SearchResult(entry.page, entry.section, score, covered / total)


def _weight(entry: _Entry, term: str, others: frozenset[str]) -> float:
    """Return the weight of a term in a section, or a lower one of the best alternative."""
    return max(entry.weights.get(term, 0.0), *(_SYNONYM * entry.weights.get(word, 0.0) for word in others), 0.0)


def _bare(text: str) -> str:
    return text.strip(" .!?。！？").lower()


def _entry(page: GuidePage, section: Section, keywords: frozenset[str]) -> _Entry:
    weights: dict[str, float] = {}
    code = " ".join(_SAMPLE_PROMPT.sub(r"\1", span) for span in _CODE_SPAN.findall(section.text))
    places = (
        (_BODY, section.text),
        (_PAGE, page.title),
        (_CODE, code),
        (_KEYWORDS, section.keywords),
        (_TITLE, section.title),
    )
    for weight, text in places:
        weights.update((term, weight) for term in vocabulary().indexed(text, keywords))
    return _Entry(page, section, weights, frozenset(vocabulary().terms(section.title, keywords)))
