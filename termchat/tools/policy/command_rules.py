"""Known commands: the uses of a command that a rule about its name allows. The commands are data: `commands.toml`."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, assert_never

from termchat.tools.builtin.secret_places import secret_globs
from termchat.tools.policy.places import Place, locate

_FILE = Path(__file__).with_name("commands.toml")
_NUMBER = re.compile(r"-\d+")
_SPECIAL = re.compile(r"[]\\*?{}!\[]")  # in a glob of ripgrep
_CONFIGURATION_BYTES = 1_000_000


class OperandKind(StrEnum):
    """The kind of words that a command takes besides its options."""

    NONE = "none"
    ANYTHING = "anything"
    TEXT = "text"
    PATHS = "paths"
    FILES = "files"
    PATTERN = "pattern"
    FORMAT = "format"
    REVISIONS = "revisions"


@dataclass(frozen=True, slots=True)
class KnownCommand:
    """A row of `commands.toml`, which explains the fields."""

    words: tuple[str, ...]
    operands: OperandKind
    flags: str
    values: str
    options: frozenset[str]
    settings: frozenset[str]
    number: bool
    at_most: int
    no_pattern: frozenset[str]
    requires: frozenset[str]
    insert: tuple[str, ...]
    hide_secrets: bool


@dataclass(frozen=True, slots=True)
class CommandScope:
    """The working directory, and paths in it that belong to termchat."""

    cwd: Path
    private: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class HarmlessUse:
    """The arguments that run a harmless use of a known command, without its program, and variables for it."""

    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class OtherUse:
    """The reason why a use is not one that a rule about the name allows, as a sentence.

    exact   a rule about exactly this argv may be offered
    """

    reason: str
    exact: bool = False


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a use: options seen, operands, and the index of `--` or the end."""

    options: frozenset[str]
    operands: tuple[str, ...]
    end: int


def find_command(argv: Sequence[str]) -> KnownCommand | None:
    """Return the known command that an argv begins with."""
    at = _subcommand(argv)
    return _commands().get((argv[0], *argv[at : at + 1]) if at else (argv[0],))


def known_names() -> frozenset[tuple[str, ...]]:
    """Return the names of the known commands."""
    return frozenset(_commands())


def harmless_use(known: KnownCommand, argv: Sequence[str], around: CommandScope) -> HarmlessUse | OtherUse:
    """Return the arguments that run an argv of a known command, or the reason why no rule about its name allows it."""
    name = " ".join(known.words)
    arguments = tuple(argv[_subcommand(argv) + 1 :])
    words = _split(known, arguments, around)
    if isinstance(words, OtherUse):
        return words
    if known.requires and not known.requires & words.options:
        return OtherUse(f"{name} without {' or '.join(sorted(known.requires))} may change something.")
    if problem := _operands_problem(known, words, around):
        return problem
    if known.operands in _READS and (problem := _place_problem(".", around)):
        return problem
    hidden = tuple(f"--iglob=!{glob}" for glob in _hidden(around)) if known.hide_secrets else ()
    rest = (*known.insert, *arguments[: words.end], *hidden, *arguments[words.end :])
    if argv[0] != "git":
        return HarmlessUse(rest)
    git = _table()["git"]
    if problem := _git_problem(git, arguments, around.cwd):
        return problem
    return HarmlessUse((*git["before"], known.words[1], *rest), dict(git["variables"]))


def _hidden(around: CommandScope) -> list[str]:
    """Return globs of what a recursive search leaves out."""
    root = Path(os.path.realpath(around.cwd))
    own = (Path(os.path.realpath(path)) for path in around.private)
    inside = (str(path.relative_to(root)) for path in own if path.is_relative_to(root))
    return [*secret_globs(), *("/" + _SPECIAL.sub(r"\\\g<0>", path) for path in inside)]


_READS = (OperandKind.PATHS, OperandKind.FILES, OperandKind.PATTERN, OperandKind.REVISIONS)


def _subcommand(argv: Sequence[str]) -> int:
    """Return the index of the word that belongs to the name: 0, or that of git's subcommand."""
    if argv[0] != "git":
        return 0
    flags = _table()["git"]["flags"].split()
    return next((n for n, word in enumerate(argv) if n and word not in flags), 1)


def _split(known: KnownCommand, arguments: Sequence[str], around: CommandScope) -> _Words | OtherUse:
    if known.operands is OperandKind.ANYTHING:
        return _Words(frozenset(), tuple(arguments), len(arguments))
    options: set[str] = set()
    operands: list[str] = []
    at = 0
    while at < len(arguments) and arguments[at] != "--":
        word = arguments[at]
        at += 1
        if word == "-" or not word.startswith("-"):
            operands.append(word)
            continue
        taken = _option(known, word, options)
        if taken is None:
            return OtherUse(f"{' '.join(known.words)} has an option that no rule about its name allows: {word}")
        if taken:
            if problem := _value_problem(word, arguments[at : at + 1], around):
                return problem
            at += 1
    behind = arguments[at + 1 :]
    if any(word.startswith("-") for word in behind):
        return OtherUse("An operand begins with a dash.")
    return _Words(frozenset(options), (*operands, *behind), at)


def _option(known: KnownCommand, word: str, seen: set[str]) -> bool | None:
    """Return True if a known option takes the next word as its value, None for an unknown option."""
    name, equals, _ = word.partition("=")
    if word.startswith("--") or word in known.options | known.settings:
        seen.add(name)
        if name in known.options:
            return False
        return not equals if name in known.settings else None
    if known.number and _NUMBER.fullmatch(word):
        return False
    for n, letter in enumerate(word[1:], 2):
        seen.add(f"-{letter}")
        if letter in known.values:
            return n == len(word)
        if letter not in known.flags:
            return None
    return False


def _value_problem(option: str, value: Sequence[str], around: CommandScope) -> OtherUse | None:
    if not value or (value[0].startswith("-") and not _NUMBER.fullmatch(value[0])):
        return OtherUse(f"The option {option} has no value.")
    return _place_problem(value[0], around)  # in case this version of the command takes it for an operand


def _operands_problem(known: KnownCommand, words: _Words, around: CommandScope) -> OtherUse | None:
    operands = words.operands
    if len(operands) > known.at_most:
        return OtherUse(f"{' '.join(known.words)} with {len(operands)} operands may change something.")
    match known.operands:
        case OperandKind.NONE:
            return OtherUse(f"{' '.join(known.words)} with an operand may change something.") if operands else None
        case OperandKind.ANYTHING | OperandKind.TEXT:
            return None
        case OperandKind.FORMAT:
            other = next((word for word in operands if not word.startswith("+")), None)
            return None if other is None else OtherUse(f"The operand {other} may change something.")
        case OperandKind.PATTERN if not known.no_pattern & words.options:
            paths = operands[1:]
        case OperandKind.PATTERN | OperandKind.PATHS | OperandKind.FILES | OperandKind.REVISIONS:
            paths = operands
        case _ as never:
            assert_never(never)
    problems = (_path_problem(path, known.operands, around) for path in paths)
    return next((problem for problem in problems if problem), None)


def _path_problem(path: str, kind: OperandKind, around: CommandScope) -> OtherUse | None:
    if path == "-":
        return None
    if kind is OperandKind.REVISIONS:
        if path.startswith(":") or any(character in path for character in "*?[\\"):
            return OtherUse(f"{path} may name any file.")
        path = path.partition(":")[2] if ":" in path else path
    if kind is OperandKind.FILES and (around.cwd / path).is_dir():
        return OtherUse(f"{path} is a directory.")
    return _place_problem(path, around)


def _place_problem(path: str, around: CommandScope) -> OtherUse | None:
    if path.startswith("~"):
        path = f"./{path}"  # no shell expands it
    try:
        located = locate(path, around.cwd, around.private)
    except (OSError, ValueError):
        return OtherUse(f"{path} cannot be resolved.")
    if located.place is Place.INSIDE:
        return None
    is_link = located.given.is_relative_to(around.cwd.resolve())  # it may lead elsewhere tomorrow
    return OtherUse(f"{path} {located.place.value}.", exact=located.place is Place.OUTSIDE and not is_link)


def _git_problem(git: dict[str, Any], arguments: Sequence[str], cwd: Path) -> OtherUse | None:
    if any(git["verification"] in word for word in arguments):
        return OtherUse(f"The format {git['verification']} runs another program.")
    patterns = re.compile("|".join(git["configuration"]), re.IGNORECASE)
    for file in _configurations(cwd):
        try:
            with file.open("rb") as opened:
                text = opened.read(_CONFIGURATION_BYTES + 1)
        except FileNotFoundError:
            continue
        except OSError:
            return OtherUse(f"{file} cannot be read.")
        if len(text) > _CONFIGURATION_BYTES or patterns.search(text.decode("utf-8", "replace")):
            return OtherUse(f"{file} may run programs or lead elsewhere.")
    return None


def _configurations(cwd: Path) -> list[Path]:
    """Return the configuration files of the repository around a directory, existing or not."""
    root = cwd.resolve()
    for folder in (root, *root.parents):
        place = folder / ".git"
        if place.is_dir():
            return [place / "config", place / "config.worktree"]
        if place.exists():  # of a worktree or submodule: `gitdir: PATH`
            return _linked(place)
    return []


def _linked(place: Path) -> list[Path]:
    try:
        inner = place.parent / place.read_text("utf-8").removeprefix("gitdir:").strip()
        common = inner / "commondir"
        shared = inner / common.read_text("utf-8").strip() if common.is_file() else inner
    except (OSError, ValueError):
        return [place / "config"]  # cannot be read, so that a person is asked
    return [inner / "config", inner / "config.worktree", shared / "config"]


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def command_table(name: str) -> Any:
    """Return a table of `commands.toml`."""
    return _table()[name]


@cache
def _commands() -> dict[tuple[str, ...], KnownCommand]:
    rows = [_row(row) for row in _table()["command"]]
    return {known.words: known for known in rows}


def _row(row: dict[str, Any]) -> KnownCommand:
    def names(key: str) -> frozenset[str]:
        return frozenset(row.get(key, "").split())

    return KnownCommand(
        tuple(row["name"].split()),
        OperandKind(row["operands"]),
        row.get("flags", ""),
        row.get("values", ""),
        names("long") | names("words"),
        names("settings") | names("word_values"),
        row.get("number", False),
        row.get("at_most", 1_000),
        names("no_pattern"),
        names("requires"),
        tuple(row.get("insert", ())),
        row.get("hide_secrets", False),
    )
