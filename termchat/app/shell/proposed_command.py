"""The command of a model as text for a command line: bounded, without control characters, look-alikes named.

A model may be wrong or led astray by what it read. Its command is shown, never run; what cannot be seen must not be in
it, and a character that looks like another is named.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import Safe, safe, safe_format, safe_line
from termchat.late_dataclass import dataclass

_MAX_CHARACTERS = 4000
_MAX_LINES = 40
_NAMED = 4  # look-alikes
_REPLACEMENT = "\ufffd"
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters and signs without a shape
_LIKE_ASCII = frozenset("“”‘’‚‛„‟′″´ˈ–—−‐‑‒―∕⁄∶∗⧸ǀ∣ꓸ‹›")  # signs that NFKC does not turn into ASCII
# Letters of other scripts with the shape of a Latin one (the table of confusables in UTS #39 has all).
_LIKE_LATIN = frozenset("аеорсухѕіјһӏԁԛԝвкмнтгАВЕКМНОРСТХУІЈЅαοργνιικυΑΒΕΖΗΙΚΜΝΟΡΤΥΧօոսցհɡıᴏᴠᴡᴢⅼ")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class ProposedCommand:
    """A command for a command line; `warnings` name what a person could overlook in it."""

    command: Safe
    warnings: tuple[Safe, ...] = ()


def proposed_command(text: str) -> ProposedCommand | Failure:
    """Make the text of a model a command, or return the failure of one that is empty or too long."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    if len(lines) == 1:
        lines = [lines[0].strip().removeprefix("$ ")]
    command = safe("\n".join(lines).strip())
    if not command:
        return Failure(FailureKind.NOT_FOUND, safe_format("The model proposed an empty command."))
    if len(command) > _MAX_CHARACTERS or len(lines) > _MAX_LINES:
        words = safe_format("The model proposed a command of {n} lines, too long for a command line.",
                            n=safe_line(str(len(lines))))  # fmt: skip
        return Failure(FailureKind.NOT_FOUND, words)
    hidden = sorted({c for c in command if _is_invisible(c)})
    shown = Safe("".join(_REPLACEMENT if c in hidden else c for c in command))
    warnings = [safe_format("Not visible, shown as \ufffd: {names}.", names=_names(hidden))] if hidden else []
    if command != "\n".join(lines).strip():
        warnings.append(safe_format("The command had control characters; they are shown as symbols."))
    if alike := [*dict.fromkeys(_look_alikes(shown))]:
        warnings.append(safe_format("Look twice: {names}.", names=_names(alike)))
    return ProposedCommand(shown, tuple(warnings))


def _is_invisible(c: str) -> bool:
    category = unicodedata.category(c)
    is_selector = "\ufe00" <= c <= "\ufe0f" or "\U000e0000" <= c <= "\U000e01ef"
    return category == "Cf" or (category == "Zs" and c != " ") or c in _BLANK or is_selector


def _look_alikes(command: str) -> Iterator[str]:
    """Yield the characters that look like ASCII: signs, and letters in a word that is Latin or looks so."""
    if command.isascii():
        return
    for word in _WORD.findall(command):
        others = [c for c in word if not c.isascii()]
        is_latin = len(others) < len(word) or all(c in _LIKE_LATIN for c in word)
        yield from (c for c in others if _is_wide_ascii(c) or (is_latin and c in _LIKE_LATIN))
    yield from (c for c in command if c in _LIKE_ASCII or (not c.isalnum() and _is_wide_ascii(c)))


def _is_wide_ascii(c: str) -> bool:
    return not c.isascii() and c != _REPLACEMENT and unicodedata.normalize("NFKC", c).strip(" ").isascii()


def _names(characters: list[str]) -> Safe:
    named = [f"{c if c.isprintable() else _REPLACEMENT} is U+{ord(c):04X} {unicodedata.name(c, 'without a name')}"
             for c in characters[:_NAMED]]  # fmt: skip
    more = len(characters) - len(named)
    return safe_line(", ".join([*named, *([f"and {more} more"] if more > 0 else [])]))
