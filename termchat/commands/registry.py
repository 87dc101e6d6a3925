"""Slash commands: decorated functions, found by name or alias, completed as they are typed.

A command takes what it may know (`Context`) and the words behind its name, and returns effects: it acts on no
screen and waits for nobody. A family of commands is a module with a `Family`; `builtin` joins them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeAlias

from termchat.commands.keyboard_layouts import latin
from termchat.config.runtime import Preferences
from termchat.core.chat_store import Providers, Session
from termchat.core.effects import Candidate, Candidates, Effect, Say
from termchat.core.sanitize import EMPTY, Safe, safe, safe_line, say
from termchat.core.style import TextRole

Effects: TypeAlias = Sequence[Effect]
Run: TypeAlias = "Callable[[Context, str], Effects]"
Complete: TypeAlias = "Callable[[Context, str], Candidates]"


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command.

    argument   how its argument is written in help: "MODEL", "[MODEL]", or "" when it takes none
    harmless   it may run while a reply streams
    more       further lines of help
    """

    name: str
    help: Safe
    run: Run
    aliases: tuple[str, ...] = ()
    argument: str = ""
    harmless: bool = False
    more: Safe = EMPTY
    complete: Complete | None = None

    @property
    def needs_argument(self) -> bool:
        return bool(self.argument) and not self.argument.startswith("[")

    @property
    def usage(self) -> Safe:
        """`/retry [MODEL]`."""
        return safe(f"/{self.name} {self.argument}".strip())


@dataclass(frozen=True, slots=True)
class Context:
    """What a command may know; it changes nothing in it.

    keys   there are keys and menus, not only lines that are entered
    """

    session: Session
    providers: Providers
    registry: Registry
    preferences: Preferences | None = None
    keys: bool = True


@dataclass(frozen=True, slots=True)
class Item:
    """A row of the `/` menu: the input once it is taken, what is shown, and whether Enter may run it at once."""

    text: str
    label: Safe
    detail: Safe = EMPTY
    ready: bool = True


@dataclass(slots=True)
class Family:
    """The commands of one module."""

    commands: list[Command] = field(default_factory=list[Command])

    def command(
        self,
        name: str,
        help_: Safe,
        *,
        aliases: tuple[str, ...] = (),
        argument: str = "",
        harmless: bool = False,
        more: Safe = EMPTY,
        complete: Complete | None = None,
    ) -> Callable[[Run], Run]:
        """Declare the function below as a command."""

        def declare(run: Run) -> Run:
            self.commands.append(Command(name, help_, run, aliases, argument, harmless, more, complete))
            return run

        return declare


class Registry:
    """All commands, the earlier ones winning where names meet."""

    def __init__(self, families: Iterable[Family] = ()) -> None:
        self.commands: list[Command] = []
        self._names: dict[str, Command] = {}
        for family in families:
            self.extend(family.commands)

    def extend(self, commands: Iterable[Command]) -> None:
        """More commands, from a family or from elsewhere; a name that is taken stays with its owner."""
        for command in commands:
            if command.name in self._names:
                continue
            self.commands.append(command)
            for name in (command.name, *command.aliases):
                self._names.setdefault(name, command)

    def find(self, name: str) -> Command | None:
        return self._names.get(name.lower())

    def run(self, context: Context, text: str) -> Effects:
        """Run what was typed, `/name argument`; an unknown name gets the nearest known one named."""
        name, argument = split(text)
        command = self.find(name)
        if command is None:
            return (Say(self.unknown(name), TextRole.ERROR),)
        if command.needs_argument and not argument:
            return (Say(say("{usage} wants its argument.", usage=command.usage), TextRole.ERROR),)
        return command.run(context, argument)

    def unknown(self, name: str) -> Safe:
        near = get_close_matches(name.lower(), self._names, n=1, cutoff=0.5)
        words = say("No command /{name}.", name=safe_line(name))
        if near:
            return Safe(words + say(" Did you mean /{near}?", near=safe(self._names[near[0]].name)))
        return Safe(words + say(" Type / for all commands, // to send a message that begins with a slash."))

    def menu(self, context: Context, text: str) -> Sequence[Item]:
        """The rows of the menu for what stands in the input, best first; none when it is no command."""
        if not is_command(text) or "\n" in text:
            return ()
        name, space, prefix = normal(text)[1:].partition(" ")
        if not space:
            ranked = [(rank, c) for c in self.commands if (rank := _rank(c, name.lower())) is not None]
            return tuple(_item(command) for _, command in sorted(ranked, key=_key))
        command = self.find(name)
        if command is None or command.complete is None:
            return ()
        found = matching(command.complete(context, prefix.lstrip()), prefix.strip())
        return tuple(Item(f"/{name} {c.text}", safe_line(c.text), c.detail) for c in found)


def is_command(text: str) -> bool:
    """Whether what stands in the input is a command; `//` begins a message that begins with a slash."""
    begin = normal(text[:2])
    return begin.startswith("/") and not begin.startswith("//")


def normal(text: str) -> str:
    """The same text with the command at its beginning as it was meant: the slash plain, the letters Latin."""
    text = "/" + text[1:] if text.startswith("／") else text
    word, blank, rest = text.partition(" ")
    return latin(word) + blank + rest if text.startswith("/") else text


def message_of(text: str) -> str:
    """The message that was typed: `//text` is `/text`."""
    return text[1:] if normal(text[:1]) + normal(text[1:2]) == "//" else text


def split(text: str) -> tuple[str, str]:
    """`/name  argument` as its name and its argument."""
    name, _, argument = normal(text)[1:].partition(" ")
    return name.strip(), argument.strip()


def matching(candidates: Candidates, typed: str) -> Candidates:
    """The candidates that match what was typed, best first: beginning, beginning of a part, letters in order."""
    if not typed:
        return candidates
    scored = [(score, c) for c in candidates if (score := _score(c.text.lower(), typed.lower())) is not None]
    return [candidate for _, candidate in sorted(scored, key=lambda pair: pair[0])]


def _score(text: str, typed: str) -> int | None:
    if text.startswith(typed):
        return 0
    if any(part.startswith(typed) for part in text.split("/")):
        return 1
    if typed in text:
        return 2
    return 3 if _in_order(text, typed) else None


def _rank(command: Command, typed: str) -> int | None:
    if command.name == typed or typed in command.aliases:
        return 0
    if command.name.startswith(typed):
        return 1
    if any(alias.startswith(typed) for alias in command.aliases):
        return 2
    if _in_order(command.name, typed):
        return 3
    return 4 if len(typed) > 2 and typed in command.help.lower() else None


def _key(ranked: tuple[int, Command]) -> int:
    return ranked[0]


def _in_order(text: str, typed: str) -> bool:
    letters = iter(text)
    return all(letter in letters for letter in typed)


def _item(command: Command) -> Item:
    aliases = f" (/{', /'.join(command.aliases)})" if command.aliases else ""
    text = f"/{command.name} " if command.needs_argument else f"/{command.name}"
    return Item(text, command.usage, Safe(command.help + safe(aliases)), not command.needs_argument)


def candidates(texts: Iterable[tuple[str, Safe]]) -> Candidates:
    """Pairs of a text and what it is, as candidates."""
    return [Candidate(text, detail) for text, detail in texts]
