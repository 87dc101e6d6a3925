"""Names of keys as people write them: `alt-r`, `f2`, `ctrl-x ctrl-e`.

A key is accepted only if terminals report it apart from every other key; another name of the same key is that key:
Ctrl-I is Tab, Shift-Enter is Ctrl-J.
"""

from __future__ import annotations

import re

from termchat.core.sanitize import EMPTY, Safe, join, safe, safe_format, safe_line
from termchat.late_dataclass import dataclass

_MODIFIERS = {"ctrl": "ctrl", "control": "ctrl", "c": "ctrl", "alt": "alt", "meta": "alt", "option": "alt",
              "opt": "alt", "m": "alt", "a": "alt", "shift": "shift", "s": "shift"}  # fmt: skip
_MODIFIER = re.compile(r"([a-z]+)[-+](?=.)", re.DOTALL)
_SYNONYMS = {
    "return": "enter", "escape": "esc", "backspace": "bksp", "bs": "bksp", "del": "delete", "ins": "insert",
    "page-up": "pageup", "pgup": "pageup", "page-down": "pagedown", "pgdn": "pagedown", "spacebar": "space",
    "arrow-up": "up", "arrow-down": "down", "arrow-left": "left", "arrow-right": "right", "backtab": "shift-tab",
}  # fmt: skip
_MOVES = ("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete")
_FUNCTIONS = tuple(f"f{n}" for n in range(1, 25))
_NAMES = ("enter", "tab", "esc", "space", "bksp", *_MOVES, *_FUNCTIONS)
_LABELS = {"pageup": "PgUp", "pagedown": "PgDn", "insert": "Ins", "delete": "Del"}
_SPECIAL = {
    ("", "enter"): ("c-m",), ("alt", "enter"): ("escape", "c-m"), ("ctrl", "j"): ("c-j",),
    ("", "tab"): ("c-i",), ("shift", "tab"): ("s-tab",), ("", "esc"): ("escape",),
    ("ctrl", "space"): ("c-@",), ("alt", "space"): ("escape", " "), ("alt", "bksp"): ("escape", "c-h"),
    ("ctrl", "\\"): ("c-\\",), ("ctrl", "]"): ("c-]",), ("ctrl", "^"): ("c-^",), ("ctrl", "_"): ("c-_",),
}  # fmt: skip
_SAME = {
    ("ctrl", "i"): ("", "tab"), ("ctrl", "m"): ("", "enter"), ("ctrl", "["): ("", "esc"),
    ("ctrl", "@"): ("ctrl", "space"), ("ctrl", "/"): ("ctrl", "_"), ("ctrl", "-"): ("ctrl", "_"),
    ("shift", "enter"): ("ctrl", "j"), ("ctrl", "enter"): ("ctrl", "j"),
}  # fmt: skip
_INTRODUCERS = {"[", "O"}  # after Esc, the beginning of the sequences of other keys


class KeyNameError(ValueError):
    """A name that is no key, or a key that terminals do not report; `hint` is the way on."""

    def __init__(self, problem: Safe, hint: Safe = EMPTY) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


@dataclass(frozen=True, slots=True)
class KeySequence:
    """Keys that are pressed one after another, mostly a single one.

    strokes   prompt_toolkit's names for each press: `("escape", "m")` is Alt-M
    label     the keys as people write them: `Ctrl-X Ctrl-E`
    """

    strokes: tuple[tuple[str, ...], ...]
    label: Safe

    @property
    def keys(self) -> tuple[str, ...]:
        """Return prompt_toolkit's names of all keys."""
        return tuple(key for stroke in self.strokes for key in stroke)

    def begins(self, other: KeySequence) -> bool:
        """Return True if the other sequence begins with this one, or is this one."""
        return other.strokes[: len(self.strokes)] == self.strokes


def parse_keys(text: str, *, text_keys: str = "") -> KeySequence:
    """Read one key, or several with blanks between them; upper and lower case are the same.

    text_keys   characters that may be a key by themselves
    Raises KeyNameError.
    """
    words = text.lower().split()
    if not words:
        raise KeyNameError(safe_format("has an empty name of a key"))
    strokes = [_stroke(word, first=n == 0, text_keys=text_keys) for n, word in enumerate(words)]
    if len(strokes) > 1 and strokes[0][0] == ("escape",):
        raise KeyNameError(
            safe_format("cannot begin with Esc, which acts at once"),
            safe_format("Alt and a key is written alt-r, for example."),
        )
    return KeySequence(tuple(keys for keys, _ in strokes), join(" ", [label for _, label in strokes]))


def _stroke(word: str, *, first: bool, text_keys: str) -> tuple[tuple[str, ...], Safe]:
    """Return prompt_toolkit's keys for one press, and its label."""
    modifiers, key = _split(word)
    both = "-".join(modifier for modifier in ("ctrl", "alt", "shift") if modifier in modifiers)
    both, key = _SAME.get((both, key), (both, key))
    label = _label(both, key)
    if keys := _SPECIAL.get((both, key)) or _move(both, key) or _function(both, key):
        return keys, label
    if len(key) == 1 and (keys := _character(both, key)):
        return keys, label
    if key == "space" or (len(key) == 1 and both in ("", "shift")):
        if not both and (key in text_keys or (not first and len(key) == 1)):
            return (key,), Safe(key)
        words = "Add ctrl or alt: ctrl-{key} or alt-{key}." if key.isalpha() else "Add alt: alt-{key}."
        raise KeyNameError(
            safe_format("cannot be {key}: a bare letter is always text", key=label),
            safe_format(words, key=safe_line(key)),
        )
    raise KeyNameError(
        safe_format("cannot be {key}: terminals do not report this key", key=label),
        safe_format("Try alt with a letter, ctrl with a letter, or f1 to f12."),
    )


def _split(word: str) -> tuple[set[str], str]:
    """Split `ctrl-alt-x` into its modifiers and the key."""
    modifiers, rest = set[str](), _SYNONYMS.get(word, word)
    while found := _MODIFIER.match(rest):
        if found[1] not in _MODIFIERS:
            break
        modifiers.add(_MODIFIERS[found[1]])
        rest = rest[found.end() :]
        rest = _SYNONYMS.get(rest, rest)
    if len(rest) != 1 and rest not in _NAMES:
        raise _unknown(word, rest)
    if len(rest) == 1 and not rest.isprintable():
        raise KeyNameError(safe_format("has a control character as a key"))
    return modifiers, rest


def _unknown(word: str, rest: str) -> KeyNameError:
    from difflib import get_close_matches  # imported only for an error

    begun = word[: len(word) - len(rest)] if word.endswith(rest) else ""
    problem = safe_format("has the unknown key {word}", word=safe_line(word[:60]))
    head, dash, last = rest.partition("-")
    if dash and (near := get_close_matches(head, ("ctrl", "alt", "shift"), n=1, cutoff=0.4)):
        return KeyNameError(problem, safe_format("Did you mean {near}?", near=safe_line(f"{begun}{near[0]}-{last}")))
    if near := get_close_matches(rest, (*_NAMES, *_SYNONYMS), n=1, cutoff=0.6):
        return KeyNameError(problem, safe_format("Did you mean {near}?", near=safe_line(begun + near[0])))
    return KeyNameError(problem, safe_format("Keys are written like alt-r, ctrl-x, f2, shift-tab or ctrl-x ctrl-e."))


def _move(both: str, key: str) -> tuple[str, ...] | None:
    """Return the keys for an arrow, Home, Delete and the like."""
    if key not in _MOVES or (both, key) == ("ctrl", "insert"):
        return None
    prefix = {"": "", "ctrl": "c-", "shift": "s-", "ctrl-shift": "c-s-"}.get(both)
    if both == "alt":
        return ("escape", key) if key != "insert" else None
    return (f"{prefix}{key}",) if prefix is not None and (not prefix or key != "insert") else None


def _function(both: str, key: str) -> tuple[str, ...] | None:
    """Return the keys for F1 to F24; with Shift, F1 to F12 are F13 to F24."""
    if key not in _FUNCTIONS:
        return None
    number = int(key[1:])
    if not both:
        return (key,)
    if number > 12 or both not in ("ctrl", "shift"):
        return None
    return (f"c-{key}",) if both == "ctrl" else (f"f{number + 12}",)


def _character(both: str, key: str) -> tuple[str, ...] | None:
    """Return the keys for Ctrl or Alt with a character; None if that is not told from another key."""
    control = both.startswith("ctrl") and "a" <= key <= "z"
    if both == "ctrl" and control and key != "h":
        return (f"c-{key}",)
    if both == "ctrl-alt" and control and key not in "himj":
        return ("escape", f"c-{key}")
    shifted = key.upper() if both == "alt-shift" and key.isalpha() else key if both == "alt" else ""
    return ("escape", shifted) if shifted and shifted not in _INTRODUCERS else None


def _label(both: str, key: str) -> Safe:
    name = _LABELS.get(key, key.upper() if len(key) == 1 else key.capitalize())
    return safe("-".join([*(part.capitalize() for part in both.split("-") if part), name]))
