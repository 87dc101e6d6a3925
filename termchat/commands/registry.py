"""Slash commands: decorated functions, found by name or alias, with completion.

A command takes a `CommandContext` and the text after its name, and returns effects. It neither draws nor waits. Each
module declares its commands in a `CommandGroup` named `group`; `builtin` collects them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from termchat.commands.keyboard_layouts import latin_keys
from termchat.config.keys.key_bindings import DEFAULT_KEYS, Action, KeyMap
from termchat.config.runtime import RuntimeSettings
from termchat.core.effects import Candidates, Choice, Effect, Print
from termchat.core.numbers import whole_number
from termchat.core.provider import Providers
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.core.session import Session
from termchat.core.style import TextRole

Effects: TypeAlias = Sequence[Effect]
Run: TypeAlias = "Callable[[CommandContext, str], Effects]"
Complete: TypeAlias = "Callable[[CommandContext, str], Candidates]"
Takes: TypeAlias = "Callable[[CommandContext, str], bool]"
SAVE = "--save"  # of commands whose change can also go to the config file


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command.

    argument             placeholder in help: "MODEL", "[MODEL]" when optional, "" without an argument
    allowed_while_busy   True when the command may run while a reply streams
    details              further help, shown by /help COMMAND
    complete             completes the argument
    takes                returns True for an argument that means something as it is typed, although a longer one that
                         begins with it may be completed: Enter then takes what is typed, Tab completes
    private              True when an input that begins with the command is never saved, as draft or in the history
    """

    name: str
    help: Safe
    run: Run
    aliases: tuple[str, ...] = ()
    argument: str = ""
    allowed_while_busy: bool = False
    details: Safe = EMPTY
    complete: Complete | None = None
    takes: Takes | None = None
    private: bool = False

    @property
    def needs_argument(self) -> bool:
        return bool(self.argument) and not self.argument.startswith("[")

    @property
    def usage(self) -> Safe:
        """The command line in help, such as `/retry [MODEL]`."""
        return safe(f"/{self.name} {self.argument}".strip())


@dataclass(frozen=True, slots=True)
class CommandContext:
    """The state a command may read but not change.

    keys      True in a front end with keys and menus, False on a dumb terminal
    key_map   the keys of all actions
    """

    session: Session
    providers: Providers
    registry: CommandRegistry
    preferences: RuntimeSettings | None = None
    keys: bool = True
    key_map: KeyMap = DEFAULT_KEYS

    @property
    def stop_key(self) -> Safe:
        """The key that stops a reply."""
        return self.key_map.label(Action.ESCAPE) if self.keys else safe("Ctrl-C")


@dataclass(frozen=True, slots=True)
class MenuItem:
    """A row of the menu. `text` becomes the input on accept; `runnable` lets Enter run it at once.

    cursor   the offset of the cursor after a completion inside the text, None for a command
    by_tab   Tab accepts it, Enter only if the user chose it
    """

    text: str
    label: Safe
    detail: Safe = EMPTY
    runnable: bool = True
    cursor: int | None = None
    by_tab: bool = False


@dataclass(slots=True)
class CommandGroup:
    """The commands of one module."""

    commands: list[Command] = field(default_factory=list[Command])

    def command(
        self,
        name: str,
        help_: Safe,
        *,
        aliases: tuple[str, ...] = (),
        argument: str = "",
        allowed_while_busy: bool = False,
        details: Safe = EMPTY,
        complete: Complete | None = None,
        takes: Takes | None = None,
        private: bool = False,
    ) -> Callable[[Run], Run]:
        """Return a decorator that adds a function as a command; the parameters are the fields of `Command`."""

        def declare(run: Run) -> Run:
            self.commands.append(
                Command(name, help_, run, aliases, argument, allowed_while_busy, details, complete, takes, private)
            )
            return run

        return declare


class CommandRegistry:
    """All commands. For duplicate names, the first one wins."""

    def __init__(self, groups: Iterable[CommandGroup] = ()) -> None:
        self.commands: list[Command] = []
        self._names: dict[str, Command] = {}
        self._sources: list[Callable[[], Iterable[Command]]] = []
        for group in groups:
            self.extend(group.commands)

    def extend(self, commands: Iterable[Command]) -> None:
        """Add commands; one whose name is taken is ignored."""
        for command in commands:
            if command.name in self._names:
                continue
            self.commands.append(command)
            for name in (command.name, *command.aliases):
                self._names.setdefault(name, command)

    def follow(self, source: Callable[[], Iterable[Command]]) -> None:
        """Add the commands of a source whenever it has new ones, such as the prompts of MCP servers."""
        self._sources.append(source)

    def _refresh(self) -> None:
        for source in self._sources:
            self.extend(source())

    def find(self, name: str) -> Command | None:
        """Return the command of a name or alias, in any case."""
        self._refresh()
        return self._names.get(name.lower())

    def is_private(self, text: str) -> bool:
        """Return True if the input begins with a command after which nothing is saved."""
        words = normalise(text).split(maxsplit=1) if is_command(text) else []
        command = self.find(words[0][1:]) if words else None
        return command is not None and command.private

    def run(self, context: CommandContext, text: str) -> Effects:
        """Run `/name argument`. For an unknown name, print the most similar command."""
        name, argument = split_command(text)
        command = self.find(name)
        if command is None:
            return (Print(self.unknown(name), TextRole.ERROR),)
        if command.needs_argument and not argument:
            return (
                Print(
                    safe_format(
                        "/{name} needs an argument: {argument}",
                        name=safe(command.name),
                        argument=safe(command.argument),
                    ),
                    TextRole.ERROR,
                ),
            )
        return command.run(context, argument)

    def unknown(self, name: str) -> Safe:
        """Return the error message for an unknown command."""
        from difflib import get_close_matches  # for errors only

        near = get_close_matches(name.lower(), self._names, n=1, cutoff=0.6)
        words = safe_format("No command /{name}.", name=safe_line(name))
        if near:
            return Safe(words + safe_format(" Did you mean /{near}?", near=safe(self._names[near[0]].name)))
        return Safe(words + safe_format(" Type / for all commands, // to send a message that begins with a slash."))

    def menu(self, context: CommandContext, text: str) -> Sequence[MenuItem]:
        """Return the rows of the `/` menu for the input `text`, best first; none when it is not a command."""
        if not is_command(text) or "\n" in text:
            return ()
        self._refresh()
        name, space, prefix = normalise(text)[1:].partition(" ")
        if not space:
            ranked = [(rank, c) for c in self.commands if (rank := _rank(c, name.lower())) is not None]
            return tuple(_item(command) for _, command in sorted(ranked, key=_key))
        command = self.find(name)
        if command is None or command.complete is None:
            return ()
        typed = prefix.strip()
        found = rank_matches(command.complete(context, prefix.lstrip()), typed)
        as_typed = bool(typed) and command.takes is not None and command.takes(context, typed)
        return tuple(
            MenuItem(
                f"/{name} {c.text}",
                safe_line(c.text),
                c.detail,
                by_tab=c.by_tab or (as_typed and c.text.lower() != typed.lower()),
            )
            for c in found
        )


def is_sent_to_models(name: str) -> bool:
    """Return True if the text after this command may become a system prompt or a question."""
    return name in ("system", "set", "vs", "btw", "fork")


def file_argument(text: str) -> int:
    """Return the offset of the file name in a command that takes one, such as `/open FILE`; 0 for any other text."""
    found = next((begin for begin in ("/attach ", "/open ", "/system @") if text.startswith(begin)), "")
    return 0 if "\n" in text else len(found)


def is_command(text: str) -> bool:
    """Return True if the input is a command. `//` begins a message with a leading slash instead."""
    begin = normalise(text[:2])
    return begin.startswith("/") and not begin.startswith("//")


def normalise(text: str) -> str:
    """Replace a full-width slash, and the letters of an active input method in the command name."""
    text = "/" + text[1:] if text.startswith("／") else text
    word, blank, rest = text.partition(" ")
    return latin_keys(word) + blank + rest if text.startswith("/") else text


def unescape_slash(text: str) -> str:
    """Turn `//text` into the message `/text`."""
    return text[1:] if normalise(text[:1]) + normalise(text[1:2]) == "//" else text


def split_command(text: str) -> tuple[str, str]:
    """Split `/name  argument` into name and argument."""
    name, _, argument = normalise(text)[1:].partition(" ")
    return name.strip(), argument.strip()


def split_save(argument: str) -> tuple[str, bool]:
    """Split off a trailing --save. Returns the rest, and True if it was there."""
    text = argument.strip()
    saved = text == SAVE or text.endswith(f" {SAVE}")
    return text.removesuffix(SAVE).strip() if saved else text, saved


def typed_number(text: str) -> int:
    """Return the number that was typed, such as that of a message; 0 for any other text."""
    return whole_number(text) or 0


def takes_number(context: CommandContext, argument: str) -> bool:
    """Return True for an argument that ends in a number: it is never the beginning of another one."""
    return argument.rpartition(" ")[2].isdecimal()


def takes_anything(context: CommandContext, argument: str) -> bool:
    """Return True: the argument is any text."""
    return True


def rank_matches(candidates: Candidates, typed: str) -> Candidates:
    """Return the matching candidates, best first: see `match_rank`; those that cannot be used come last."""
    if not typed:
        return sorted(candidates, key=lambda candidate: not candidate.usable)
    before = len(typed) - len(typed.rpartition(" ")[2])  # complete words of several, such as the key of /set
    within = [c for c in candidates if c.text.lower().startswith(typed[:before].lower())] if before else candidates
    if not within:
        before, within = 0, candidates
    last = typed[before:].lower()
    ranked = [(rank, c) for c in within if (rank := match_rank(c.text[before:], last)) is not None]
    found = [c for _, c in sorted(ranked, key=lambda pair: (pair[0] > 0, not pair[1].usable, pair[0]))]
    return [*found, *(c for c in within if c not in found and has_in_order(c.text[before:].lower(), last))]


def rank_choices(choices: Sequence[Choice], typed: str) -> list[Choice]:
    """Return the matching rows of a list, best first: see `match_rank`; those that cannot be used come last."""
    if not typed.strip():
        return sorted(choices, key=lambda choice: not choice.usable)
    found = [(rank, c) for c in choices if (rank := _choice_rank(c, typed)) is not None]
    return [c for _, c in sorted(found, key=lambda pair: (pair[0] > 0, not pair[1].usable, pair[0]))]


def matching_choices(choices: Sequence[Choice], typed: str) -> list[Choice]:
    """Return the matching rows of a list, best first; only those of exactly that name if there are any."""
    found = rank_choices(choices, typed)
    return [choice for choice in found if _choice_rank(choice, typed) == 0] or found


def _choice_rank(choice: Choice, typed: str) -> int | None:
    exact = choice.name and choice.name.lower() == typed.strip().lower()
    return 0 if exact else match_rank(choice.label, typed, choice.detail)


def match_rank(name: str, typed: str, detail: str = "") -> int | None:
    """Return how well a row of a menu or a picker matches the typed text: the less the better, None for no match.

    0 is the exact name, then come its beginning, the beginning of one of its parts, its inside; the description is
    last. The typed words may come in any order.
    """
    name, typed = name.lower(), " ".join(typed.lower().split())
    if name == typed:
        return 0
    if name.startswith(typed):
        return 1
    if any(part.startswith(typed) for part in name.split("/")):
        return 2
    words = typed.split()
    if all(word in name for word in words):
        return 3
    return 4 if all(word in name or word in detail.lower() for word in words) else None


def _rank(command: Command, typed: str) -> int | None:
    if command.name == typed or typed in command.aliases:
        return 0
    if command.name.startswith(typed):
        return 1
    if any(alias.startswith(typed) for alias in command.aliases):
        return 2
    if has_in_order(command.name, typed):
        return 3
    return 4 if len(typed) > 2 and typed in command.help.lower() else None


def _key(ranked: tuple[int, Command]) -> int:
    return ranked[0]


def has_in_order(text: str, letters: str) -> bool:
    """Return True if the letters occur in the text in this order, with anything between them."""
    at = 0
    for letter in letters:
        at = text.find(letter, at) + 1
        if not at:
            return False
    return True


def _item(command: Command) -> MenuItem:
    aliases = f" (/{', /'.join(command.aliases)})" if command.aliases else ""
    text = f"/{command.name} " if command.needs_argument else f"/{command.name}"
    return MenuItem(text, command.usage, Safe(command.help + safe(aliases)), not command.needs_argument)
