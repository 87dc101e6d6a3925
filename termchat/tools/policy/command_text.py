"""Refuse a command whose text is not what it seems: control, invisible and look-alike characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from unicodedata import category, normalize

MAX_TEXT = 100_000  # characters; Linux passes at most 128 KiB in one argument

_INVISIBLE = frozenset(map(chr, [0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x2800, 0x3164, 0xFFA0])) | frozenset(
    map(chr, [*range(0x180B, 0x1810), *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000)])
)
_JOINERS = "\u200c\u200d"
_SELECTORS = frozenset(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
_KEYCAP = "\u20e3"

# Letters of other scripts that are drawn like ASCII (the confusables of Unicode Technical Standard 39);
# compatibility forms such as full-width letters follow from NFKC.
_ALIKE = dict(
    zip(
        "аеорсухіјѕһԁԛԝѵӏкмтвнгпАВЕЅІЈКМНОРСТУХԌԚԜ" "αονιρτυκχγωΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" "ɑɡıʟɪᴄᴏᴠᴡᴢꜱ" "օսցհոԼՕՍ" "∕⁄‐‑‒–—−․",
        "aeopcyxijshdqwvlkmtbhrnABESIJKMHOPCTYXGQW" "aovipTuKxywABEZHIKMNOPTYX" "agiLIcovwzs" "oughnLOU" "//------.",
        strict=True,
    )
)  # fmt: skip
_STARTS = "|;&({\n"
_KEYWORDS = frozenset({"!", "if", "then", "elif", "else", "while", "until", "do", "time"})  # a command follows
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")


def check_text(text: str) -> str:
    """Return the sentence that refuses a text, "" for a text that is what it seems."""
    if len(text) > MAX_TEXT:
        return f"The text has more than {MAX_TEXT} characters; write it to a file and use the file."
    for at, character in enumerate(text):
        if not _is_honest(text, at, character):
            return f"The text has {_name(character)} at position {at + 1}; write it without that character."
    for word in _command_words(text):
        if not word.isascii() and any(_looks_ascii(name) for name in word.split("/")):
            return f"The command {word!r} has letters that only look like ASCII; write its name in ASCII."
    return ""


def _is_honest(text: str, at: int, character: str) -> bool:
    """Return True for a character that is seen, and is what it seems."""
    if "\x20" <= character <= "\x7e" or character in "\n\t":
        return True
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if character in _JOINERS:  # in Persian, in Indian scripts, in emoji
        return bool(before and after) and not before.isascii() and not after.isascii()
    if character in _SELECTORS:
        return bool(before) and (after == _KEYCAP or (not before.isascii() and category(before)[0] in "SLPM"))
    if character in _INVISIBLE or (ord(character) & 0xFFFE) == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF:
        return False
    return category(character) not in ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp")


def _name(character: str) -> str:
    known = {"\0": "a NUL character", "\r": "a carriage return", "\x1b": "an escape character"}
    kinds = {"Zs": "an unusual space", "Cc": "a control character"}
    kind = kinds.get(category(character), "an invisible character")
    return known.get(character) or f"{kind} (U+{ord(character):04X})"


def _looks_ascii(name: str) -> bool:
    """Return True for a name that is not ASCII but drawn like a name in ASCII."""
    drawn = "".join(_ALIKE.get(character, character) for character in normalize("NFKC", name))
    return not name.isascii() and drawn.isascii()


def _command_words(text: str) -> Iterator[str]:
    """Yield the words at which a shell may begin a command, without quotes and backslashes."""
    word, begins = "", True
    for mark, character in (*_marks(text), (_Mark.COMMAND, "")):
        if mark is _Mark.LETTER:
            word += character
            continue
        if begins and word and word not in _KEYWORDS and not _ASSIGNMENT.match(word):
            yield word
            begins = False
        begins = begins or mark is _Mark.COMMAND
        word = ""


class _Mark(Enum):
    """The part of a character: of a word, between words, or before a command."""

    LETTER = auto()
    SPACE = auto()
    COMMAND = auto()


def _marks(text: str) -> Iterator[tuple[_Mark, str]]:
    """Yield the part that each character plays in a command line, and the character if it belongs to a word.

    It is a rough reading: a substitution ends the quote it stands in, and the lines of a here document are one command.
    """
    quote, here_document = "", False
    characters = iter(enumerate(text))
    for at, character in characters:
        if character == "\\" and quote != "'":
            yield _Mark.LETTER, next(characters, (0, ""))[1]
        elif quote != "'" and (character == "`" or text.startswith("$(", at)):
            quote = ""
            yield _Mark.COMMAND, ""
        elif quote or character in "'\"":
            if quote and character != quote:
                yield _Mark.LETTER, character
            else:
                quote = "" if quote else character
        elif character in _STARTS and not (here_document and character == "\n"):
            yield _Mark.COMMAND, ""
        elif character in " \t\n<>)":
            here_document = here_document or text.startswith("<<", at)
            yield _Mark.SPACE, ""
        else:
            yield _Mark.LETTER, character
