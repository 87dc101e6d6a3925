"""The words of questions to the guide: search terms, synonyms, stop words and polite words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Container, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from termchat.late_dataclass import dataclass

_COMMAND = re.compile(r"(?<![\w/.])/[a-z]+")
_WORD = re.compile(r"[a-z0-9]+(?:[._'-][a-z0-9]+)*|[\u3400-\u9fff]+")
_CHORD = re.compile(r"\b(ctrl|control|alt|shift)(?: ?\+ ?| )(?=[a-z]\b|enter\b|tab\b)")
_LONGEST = 6  # characters of a Chinese word


@dataclass(frozen=True)
class Vocabulary:
    """The words of both languages.

    stop        words that are no search terms
    greetings   words that are search terms only if the question has no other
    light       terms that say little
    polite      words around a request for a sample reply
    synonyms    the other terms of each term's groups
    phrases     expressions and the word that replaces them
    chinese     Chinese words and stop words, True for a stop word
    """

    stop: frozenset[str]
    greetings: frozenset[str]
    light: frozenset[str]
    polite: frozenset[str]
    synonyms: Mapping[str, frozenset[str]]
    phrases: Mapping[str, str]
    chinese: Mapping[str, bool]

    def terms(self, question: str, keywords: frozenset[str] = frozenset()) -> set[str]:
        """Return the search terms of a question.

        Terms are stems of Latin words, the parts of names with punctuation, commands with their slash, Chinese words,
        and pairs of the Chinese characters between them. `keywords` are more Chinese words.
        """
        text = _CHORD.sub(r"\1-", question.lower().replace("\u2019", "'")).replace("control-", "ctrl-")
        for phrase, word in self.phrases.items():
            text = text.replace(phrase, word)
        found = set(_COMMAND.findall(text))
        for word in _WORD.findall(text):
            found.update(self._chinese(word, keywords) if word[0] > "\u3000" else self._latin(word))
        return found - self.greetings or found

    def indexed(self, text: str, keywords: frozenset[str] = frozenset()) -> set[str]:
        """Return the terms that find a text: those of a question, and all pairs of Chinese characters."""
        runs = re.findall(r"[\u3400-\u9fff]+", text)
        return self.terms(text, keywords) | {pair for run in runs for pair in _pairs(run)}

    def request(self, text: str) -> str:
        """Return a text without polite words and spaces, to compare with the name of a sample reply."""
        if "/" in text:
            return ""  # a command or a path
        words: list[str] = []
        for word in re.findall(r"[a-z0-9']+|[\u3400-\u9fff]+", text.lower()):
            words += self._words(word, self.polite) if word[0] > "\u3000" else [word]
        return "".join(word for word in words if word not in self.polite)

    def _latin(self, word: str) -> set[str]:
        parts = {word, *re.split(r"[._'-]", word)} - {""}
        return set() if word in self.stop else {_stem(part) for part in parts if part not in self.stop}

    def _chinese(self, run: str, keywords: frozenset[str]) -> set[str]:
        found: set[str] = set()
        for word in self._words(run, self.chinese, keywords):
            if self.chinese.get(word):
                continue
            found.update(_pairs(word) if word not in self.synonyms else (word,))
        return found

    def _words(self, run: str, known: Container[str], more: Container[str] = ()) -> list[str]:
        """Divide Chinese text at its longest known words; what is between them stays in one piece."""
        words, start, at = list[str](), 0, 0
        while at < len(run):
            pieces = (run[at : at + n] for n in range(min(_LONGEST, len(run) - at), 0, -1))
            word = next((piece for piece in pieces if piece in known or piece in more), "")
            if word:
                words += [run[start:at], word]
                start = at + len(word)
            at += len(word) or 1
        return [word for word in (*words, run[start:]) if word]


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary from `vocabulary.toml`."""
    data: dict[str, Any] = tomllib.loads((Path(__file__).parent / "vocabulary.toml").read_text("utf-8"))
    english, chinese = data["en"], data["zh"]
    groups = [{_stem(word) for word in line.split()} for line in (*english["groups"], *chinese["groups"])]
    synonyms: dict[str, frozenset[str]] = {}
    for group in groups:
        for term in group:
            synonyms[term] = synonyms.get(term, frozenset()) | group - {term}
    stop = chinese["stop"].split()
    known = dict.fromkeys((w for w in (*synonyms, *chinese["words"].split()) if w[0] > "\u3000"), False)
    return Vocabulary(
        stop=frozenset(english["stop"].split()),
        greetings=frozenset(english["greetings"].split()) | frozenset(chinese["greetings"].split()),
        light=frozenset(_stem(word) for word in english["light"].split()) | frozenset(chinese["light"].split()),
        polite=frozenset(english["polite"].split()) | frozenset(chinese["polite"].split()),
        synonyms=synonyms,
        phrases=english["phrases"] | chinese["phrases"],
        chinese={**known, **dict.fromkeys(stop, True), **dict.fromkeys(chinese["greetings"].split(), False)},
    )


def chinese_words(texts: Iterable[str]) -> frozenset[str]:
    """Return the Chinese words in keyword lists separated by spaces, without those that contain a known word."""
    known = vocabulary().chinese
    words = {word for text in texts for word in text.split() if re.fullmatch(r"[\u3400-\u9fff]{2,6}", word)}
    return frozenset(word for word in words if not any(part in known for part in _parts(word)))


def _parts(word: str) -> list[str]:
    """Return the parts that divide a word: those of two characters or more, in a longer word also single ones."""
    shortest = 1 if len(word) > 2 else 2
    return [word[i:j] for i in range(len(word)) for j in range(i + shortest, len(word) + 1)]


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(max(1, len(run) - 1))] if run else []


@lru_cache(4096)
def _stem(word: str) -> str:
    """Remove the most common English endings from a word. Words with other characters than letters stay."""
    if not (word.isascii() and word.isalpha()) or len(word) < 4:
        return word
    for ending in ("ing", "ies", "ed", "es", "s"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 3 and not word.endswith("ss"):
            doubled = ending in ("ing", "ed") and len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "ls"
            return (stem[:-1] if doubled else stem.rstrip("e")) + ("y" if ending == "ies" else "")
    return word.rstrip("e")
