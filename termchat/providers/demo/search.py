"""The pages of the guide in two languages, and a search for the section that answers a question.

The search weighs terms (Latin words, pairs of CJK characters) by their rarity and place with fixed weights, so the same
question always finds the same section.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

_TITLE, _KEYWORDS, _CODE, _PAGE, _BODY = 4.0, 3.0, 2.5, 2.0, 1.0  # weight of a term by its place
_WHOLE_TITLE = 1.0  # bonus for a question with all terms of the title, less for some of them
_TABLE = 0.5  # factor for a page generated from declarations
_QUESTIONS = "questions"  # the page with short answers to common questions
_SHORT_ANSWER = 1.4  # factor for that page
_NAMED = 10.0  # bonus for a section whose title is the question
_UNKNOWN_CJK = 0.25  # factor for the rarity of an unknown pair of CJK characters, which is often no word
_MOST_ROWS = 6  # of a table, in an answer to a question about some of them
# A question about one name: the reference pages answer it, not the common questions.
_REFERENCE = re.compile(
    r"(?:the )?(?:settings?|option|variable|key|provider|subcommand|command|exit code|alias) "
    r"(?:termchat )?[^\s?？]+[?？]?$"
    r"|(?:设置|选项|变量|按键|服务商|子命令|命令|退出码) ?[\w/.-]+|/[a-z]+[?？]?$|-{1,2}[a-z][a-z-]*[?？]?$",
    re.IGNORECASE | re.ASCII,
)
_KEYWORDS_COMMENT = re.compile(r"<!--\s*also:(.*?)-->\s*", re.DOTALL)
_WORD = re.compile(r"[a-z0-9]+(?:[._'-][a-z0-9]+)*|[\u3400-\u9fff]+")
_COMMAND = re.compile(r"(?<![\w/.])/[a-z]+")
_SEE = re.compile(r"(?:\b[Ss]ee|见) ?(\*[^*]+\*)")
_CODE_SPAN = re.compile(r"`([^`\n]+)`")
# Stop words.
_STOP_WORDS_TEXT = """
a about all am an and any are as at be but by can could did do does for from get give has have how i if in into is it
its just know let like lot make many may me mean much my need of on one or please set show so some tell than that the
their them then there these they thing this to up us use used want was we were what what's when where which who why
will with work would you your termchat
"""
_STOP_WORDS = frozenset(_STOP_WORDS_TEXT.split())
_STOP_CJK = re.compile(
    "怎么办|怎么样|怎么|怎样|如何|什么|可以|能不能|能否|请问|一下|哪里|哪些|为什么|告诉我|我想|想要|有没有|怎么样|它|你|这个|那个|一点|把|给|请|吗|呢|吧|啊|的|了|我|是"
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
    terms = tokenize(question)
    if terms and terms == tokenize(section.title):
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
        found = [tokenize(row if part is None else _cells(row)[part]) & terms for row in rows]
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
        self._entries = [_entry(p, s) for p in pages if p.language is language for s in p.sections]
        counts = Counter(term for entry in self._entries for term in entry.weights)
        self._rarity = {term: math.log(1 + len(self._entries) / n) for term, n in counts.items()}
        self._max_rarity = math.log(1 + len(self._entries))

    def search(self, question: str) -> list[SearchResult]:
        """Return the sections with any term of the question, the best first."""
        terms = tokenize(question)
        total = sum(self._rarity.get(term, self._unknown(term)) for term in terms)
        short = 1.0 if _REFERENCE.match(question.strip()) else _SHORT_ANSWER
        found = [self._score(entry, terms, total, short) for entry in self._entries] if total else []
        name = _bare(question)
        found = [replace(f, score=f.score + _NAMED) if _bare(f.section.title) == name else f for f in found]
        return sorted((f for f in found if f.score), key=lambda f: -f.score)

    def _unknown(self, term: str) -> float:
        return self._max_rarity * (_UNKNOWN_CJK if term[0] > "\u3000" else 1.0)

    def _score(self, entry: _Entry, terms: set[str], total: float, short: float) -> SearchResult:
        known = [(self._rarity[term], entry.weights[term]) for term in sorted(terms) if term in entry.weights]
        score = sum(rarity * weight for rarity, weight in known) / total
        if entry.title:
            score += _WHOLE_TITLE * len(entry.title & terms) / len(entry.title)
        common = entry.page.name == _QUESTIONS
        score *= _TABLE if entry.page.table else (short if short > 1 else _TABLE) if common else 1.0
        return SearchResult(entry.page, entry.section, score, sum(rarity for rarity, _ in known) / total)


def _bare(text: str) -> str:
    return text.strip(" .!?。！？").lower()


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
