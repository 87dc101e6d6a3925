"""The built-in guide as values: pages with sections in two languages, and the search that finds the right one.

The search is a fixed table of weights over plain terms (Latin words, pairs of CJK characters), so the same
question always finds the same section.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

_TITLE, _CODE, _PAGE, _BODY = 3.0, 2.5, 2.0, 1.0  # what a term weighs by where it stands
_ALSO = re.compile(r"<!--\s*also:(.*?)-->\s*", re.DOTALL)
_WORD = re.compile(r"[a-z0-9]+(?:[._'-][a-z0-9]+)*|[\u3400-\u9fff]+")
_CODE_SPAN = re.compile(r"`([^`\n]+)`")
_IDLE = frozenset(
    ["a", "about", "all", "am", "an", "and", "any", "are", "as", "at", "be", "but", "by", "can", "could", "did", "do", "does", "for", "from", "get", "give", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "just", "know", "let", "like", "make", "may", "me", "mean", "my", "need", "of", "on", "one", "or", "please", "show", "so", "some", "tell", "than", "that", "the", "their", "them", "then", "there", "these", "they", "thing", "this", "to", "up", "us", "use", "used", "want", "was", "we", "what", "what's", "when", "where", "which", "who", "why", "will", "with", "work", "would", "you", "your", "termchat", "什么", "怎么", "如何", "么样", "怎样", "可以", "能不", "不能", "一下", "这个", "那个", "哪些", "哪里", "为什", "请问", "是什", "意思", "使用", "我想", "想要", "告诉", "诉我", "的是", "了吗", "有没", "没有"]
)


class Language(StrEnum):
    """A language the guide is written in."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page that answers one question; `also` are words that lead to it and are not shown."""

    title: str
    text: str
    also: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the guide."""

    name: str
    title: str
    language: Language
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A section that answers a question. `covered` is how much of the question it knows, from 0 to 1."""

    page: Page
    section: Section
    score: float
    covered: float


def language_of(text: str) -> Language:
    """The language a text is written in: Chinese as soon as there is one Chinese character."""
    return Language.ZH if re.search(r"[\u3400-\u9fff]", text) else Language.EN


def parse_page(name: str, language: Language, markdown: str) -> Page:
    """A page from its Markdown: `#` is its title, each `##` begins a section, `<!-- also: -->` leads to one."""
    head, *rest = re.split(r"^## ", markdown, flags=re.MULTILINE)
    title = head.strip().partition("\n")[0].removeprefix("# ").strip()
    return Page(name, title, language, tuple(_section(text) for text in rest))


def table_page(name: str, title: str, language: Language, rows: Sequence[tuple[str, str]]) -> Page:
    """A page made from declarations: one section with a row for each name and what it is."""
    lines = "\n".join(f"- `{name}`: {words}" for name, words in rows)
    return Page(name, title, language, (Section(title, lines),))


def _section(text: str) -> Section:
    title, _, body = text.partition("\n")
    also = " ".join(found[1].strip() for found in _ALSO.finditer(body))
    return Section(title.strip(), _ALSO.sub("", body).strip(), also)


class Index:
    """All sections of a language, ready to be asked."""

    def __init__(self, pages: Iterable[Page], language: Language) -> None:
        self._entries = [(p, s, _weights(p, s)) for p in pages if p.language is language for s in p.sections]
        counts = Counter(term for _, _, weights in self._entries for term in weights)
        self._rarity = {term: math.log(1 + len(self._entries) / n) for term, n in counts.items()}
        self._rarest = math.log(1 + len(self._entries))

    def find(self, question: str) -> list[Found]:
        """The sections that know anything of the question, the best first."""
        asked = terms(question)
        total = sum(self._rarity.get(term, self._rarest) for term in asked)
        found = [self._scored(entry, asked, total) for entry in self._entries] if total else []
        return sorted((f for f in found if f.score), key=lambda f: -f.score)

    def _scored(self, entry: tuple[Page, Section, dict[str, float]], asked: set[str], total: float) -> Found:
        page, section, weights = entry
        known = [(self._rarity[term], weights[term]) for term in asked if term in weights]
        score = sum(rarity * weight for rarity, weight in known)
        return Found(page, section, score / total, sum(rarity for rarity, _ in known) / total)


def terms(text: str) -> set[str]:
    """What is looked for: Latin words without their endings, names with signs also in parts, pairs of characters."""
    found: set[str] = set()
    for word in _WORD.findall(text.lower()):
        if word[0] > "\u3000":
            found.update(word[i : i + 2] for i in range(max(1, len(word) - 1)))
        else:
            found.update(_stem(part) for part in (word, *re.split(r"[._'-]", word)) if part not in _IDLE)
    return found - _IDLE - {""}


def _stem(word: str) -> str:
    """A word without the commonest English endings; numbers and names stay."""
    for ending in ("ing", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and word.isalpha() and not word.endswith("ss"):
            return word[: -len(ending)].rstrip("e") + ("y" if ending == "ies" else "")
    return word.rstrip("e") if len(word) > 3 and word.isalpha() else word


def _weights(page: Page, section: Section) -> dict[str, float]:
    weights: dict[str, float] = {}
    code = " ".join(_CODE_SPAN.findall(section.text))
    for weight, text in (
        (_BODY, section.text),
        (_PAGE, page.title),
        (_CODE, code),
        (_TITLE, section.title + " " + section.also),
    ):
        weights.update((term, weight) for term in terms(text))
    return weights
