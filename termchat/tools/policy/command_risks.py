"""Risks of a command: programs that run others, words that a rule denies, and harm for which no rule is offered."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from termchat.tools.policy.command_rules import command_table

_VERSION = re.compile(r"(?:[-.]?\d[\d.]*[a-z]?)?(?:\.exe|\.cmd|\.bat)?$")
_WORD = re.compile(r"[^\s\"'`;|&<>(){}\[\]$=,!\\]+")
_SEGMENT = re.compile(r"\|\||&&|\|&|[;&|\n(){}`]")
_REDIRECTION = re.compile(r"\d*&?>{1,2}[|&]?\s*([^\s;&|<>()]+)")
_ASSIGNMENT = re.compile(r"\w+\+?=\S*")
_KEYWORDS = frozenset({"!", "then", "do", "else", "elif", "if", "while", "until", "time"})
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3}))")
_DANGER_CHARACTERS = 10_000  # of a text, and
_DANGER_WORDS = 20  # of a wrapper, that are looked at
_HARMLESS_TARGETS = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"})


def program_name(word: str) -> str:
    """Return the name of the program that a word calls, without its folder and in lower case."""
    return os.path.basename(word).lower()


def runs_others(name: str) -> bool:
    """Return True for a program that runs other programs or a text: a shell, an interpreter, a wrapper and the like."""
    base = program_name(name)
    return base in _never() or _VERSION.sub("", base) in _never()


def denies(subject: str, argv: Sequence[str], *, look_through: bool) -> bool:
    """Return True if a rule that denies is about an argv.

    subject        the command and words of the rule, which may stand anywhere in the argv
    look_through   the command may be any word, not only the first
    """
    command, *rest = _subject_words(subject) or [""]
    words = [word for part in argv[1:] for word in (part, *_WORD.findall(part))]
    names = {program_name(argv[0])}
    if look_through or runs_others(argv[0]):
        names |= {program_name(word) for word in words}
    return _names(names, command) and all(_has_word(words, word) for word in rest)


def denies_text(subject: str, text: str) -> bool:
    """Return True if the words of a rule that denies stand in a text that could not be parsed."""
    command, *rest = _subject_words(subject) or [""]
    words = _loose_words(text)
    return _names({program_name(word) for word in words}, command) and all(_has_word(words, word) for word in rest)


def carries(argv: Sequence[str]) -> bool:
    """Return True for a command of which some option runs another command."""
    return program_name(argv[0]) in _names_of("never", "carriers")


def writes(argv: Sequence[str]) -> bool:
    """Return True for a command that writes to its operands."""
    return program_name(argv[0]) in _names_of("writing", "names")


def is_dangerous(commands: Sequence[Sequence[str]], cwd: Path) -> bool:
    """Return True for a pipeline that may destroy something or write outside the working directory."""
    names = [program_name(argv[0]) for argv in commands]
    fetching = _names_of("writing", "fetching")
    fetched = next((n for n, name in enumerate(names) if name in fetching), len(names))
    if any(runs_others(name) for name in names[fetched + 1 :]):
        return True
    return any(_is_dangerous(argv, cwd) for argv in commands)


def is_dangerous_text(text: str, cwd: Path) -> bool:
    """Return True for a text that could not be parsed if it seems dangerous; this only colours the question."""
    plain = _unquoted(text[:_DANGER_CHARACTERS])
    if any(_is_outside(target, cwd) for target in _REDIRECTION.findall(plain)):
        return True
    commands = [argv for segment in _SEGMENT.split(plain) if (argv := _command(segment.split()))]
    return is_dangerous(commands, cwd)


def _command(words: Sequence[str]) -> Sequence[str]:
    at = next((n for n, w in enumerate(words) if w not in _KEYWORDS and not _ASSIGNMENT.fullmatch(w)), len(words))
    return words[at:]


def _is_dangerous(argv: Sequence[str], cwd: Path) -> bool:
    name = program_name(argv[0])
    if _is_harmful(argv):
        return True
    if writes(argv) and any(_is_outside(w, cwd) for w in argv[1:]):
        return True
    if not runs_others(name):
        return False
    for at, word in enumerate(argv[1 : _DANGER_WORDS + 1], 1):
        if " " in word:
            harm = is_dangerous_text(word, cwd)
        elif runs_others(word):  # its own words come next in this loop
            harm = _is_harmful(argv[at:])
        else:
            harm = _is_dangerous(argv[at:], cwd)
        if harm:
            return True
    return False


def _is_harmful(argv: Sequence[str]) -> bool:
    """Return True for a command with the marks of a row of `[[dangerous]]`."""
    rest = argv[1:]
    for subcommand, row in _harmful().get(program_name(argv[0]), ()):
        marks = [key for key in ("flags", "long", "prefixes", "words") if key in row]
        if (not subcommand or subcommand in rest) and (not marks or any(_has_mark(row, key, rest) for key in marks)):
            return True
    return False


@cache
def _harmful() -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Return the rows by the name of the program, each with its subcommand."""
    rows: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for row in command_table("dangerous"):
        command, _, subcommand = row["names"].partition(" ")
        names = ((command, subcommand),) if command == "git" else ((name, "") for name in row["names"].split())
        for name, word in names:
            rows.setdefault(name, []).append((word, row))
    return rows


def _has_mark(row: dict[str, Any], key: str, words: Sequence[str]) -> bool:
    if key == "flags":
        return any(set(word[1:]) & set(row["flags"]) for word in words if re.fullmatch(r"-[A-Za-z]+", word))
    marks = row[key].split()
    if key == "words":
        return bool(set(marks) & set(words))
    if key == "prefixes":
        return any(word.startswith(tuple(marks)) for word in words)
    # a long option may be abbreviated
    return any(mark.startswith(word.partition("=")[0]) for word in words if len(word) > 3 for mark in marks)


def _is_outside(target: str, cwd: Path) -> bool:
    if target in _HARMLESS_TARGETS or target.startswith("-") or target.isdigit():
        return False
    if target.startswith(("~", "$")):
        return True
    root = os.path.realpath(cwd)
    try:
        return not Path(os.path.realpath(os.path.join(root, target))).is_relative_to(root)
    except (OSError, ValueError):
        return True


def _subject_words(subject: str) -> list[str]:
    return [word.strip("'\"") for word in subject.split()]


def _names(names: Iterable[str], command: str) -> bool:
    wanted = program_name(command)
    return any(wanted in (name, _VERSION.sub("", name)) for name in names)


def _has_word(words: Sequence[str], wanted: str) -> bool:
    """Return True if a word is there; letters of short options may be anywhere: `-rf` is in `-f -r`."""
    if re.fullmatch(r"-[A-Za-z]+", wanted):
        letters = {letter for word in words if re.fullmatch(r"-[A-Za-z]+", word) for letter in word[1:]}
        return set(wanted[1:]) <= letters
    return wanted in words


def _loose_words(text: str) -> list[str]:
    """Return every word of a text with and without its quotes and escapes."""
    return [*_WORD.findall(_unquoted(text)), *_WORD.findall(text), *_WORD.findall(_unquoted(_decoded(text)))]


def _unquoted(text: str) -> str:
    return re.sub(r"[\\'\"]", "", re.sub(r"\$(?=['\"])", "", text.replace("\\\n", "")))


def _decoded(text: str) -> str:
    """Return a text with the escapes of `$'…'` decoded."""

    def character(found: re.Match[str]) -> str:
        code = int(found[4], 8) if found[4] else int(found[1] or found[2] or found[3], 16)
        return chr(code) if code <= 0x10FFFF else ""

    return _ESCAPE.sub(character, text)


@cache
def _names_of(table: str, key: str) -> frozenset[str]:
    return frozenset(command_table(table)[key].split())


@cache
def _never() -> frozenset[str]:
    table = command_table("never")
    return frozenset(name for key, names in table.items() if key != "carriers" for name in names.split())
