"""Candidates for the last word of a termchat command line, from the table of commands and the user's values."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from termchat.cli.shell.completion_values import CompletionValues

    Pair = tuple[str, str]


class Candidates:
    """The result of a completion.

    values   (value, description) pairs; a value has no control character
    files    the shell completes a file as well
    told     the descriptions tell the values apart, as the titles of chats do
    """

    def __init__(self, values: Iterable[Pair] = (), *, files: bool = False, told: bool = False) -> None:
        unique = {value: _one_line(about) for value, about in reversed([*values]) if value.isprintable()}
        self.values = [*reversed(unique.items())]
        self.files = files
        self.told = told


def find_candidates(
    words: Sequence[str], word: str, table: Mapping[str, Any], values: CompletionValues
) -> Candidates:  # fmt: skip
    """Return the candidates for `word` after the other words of the line, without the name of the program."""
    line = _Line(words, table["commands"])
    if line.pending:
        return _of_kind(*line.pending, word, values)
    if not line.plain and word.startswith("--") and "=" in word:
        name, _, value = word.partition("=")
        option = line.option(name)
        if option is None or not option[2]:
            return Candidates()
        kind = "path" if option[2] == "file" else option[2]  # a shell completes no file after the =
        found = _of_kind(kind, option[3], value, values)
        return Candidates(((f"{name}={other}", about) for other, about in found.values), told=found.told)
    if not line.plain and word.startswith("-"):
        return Candidates((name, option[1]) for option, name in line.unused() if name.startswith(word))
    commands = [(name, about) for name, about in line.commands.items() if name.startswith(word)]
    argument = line.argument
    if argument is None:
        return Candidates(commands, files=not commands and not line.path)
    found = _of_kind(*argument, word, values)
    return Candidates([*commands, *found.values], files=found.files, told=found.told and not commands)


def _of_kind(kind: str, choices: Sequence[str], word: str, values: CompletionValues) -> Candidates:
    if kind == "file":
        return Candidates(files=True)
    if choices:
        return Candidates((choice, "") for choice in choices if choice.startswith(word))
    return Candidates(values.complete(kind, word), told=kind == "chat")


class _Line:
    """The words before the last one: the command, the options used, and the place that the last word fills."""

    def __init__(self, words: Sequence[str], commands: Mapping[str, Any]) -> None:
        self.path, rest = _command(words, commands)
        node = commands[self.path]
        self._options: list[Any] = node["options"]
        self._used: set[str] = set()
        self.pending: tuple[str, Sequence[str]] | None = None  # the option whose value the last word is
        self.plain = False  # after --
        given = 0
        for word in rest:
            if self.pending:
                self.pending = None
            elif not self.plain and word == "--":
                self.plain = True
            elif not self.plain and word.startswith("-") and len(word) > 1:
                self._take(word)
            else:
                given += 1
        self.commands: Mapping[str, str] = {}
        if not given and not self._used and not self.plain:
            self.commands = node["commands"]
        arguments = node["arguments"]
        last = arguments[-1] if arguments and node["repeated"] else None
        at = arguments[given] if given < len(arguments) else last
        self.argument: tuple[str, Sequence[str]] | None = (at[0], at[1]) if at and at[0] != "text" else None

    def option(self, name: str) -> Any:
        """Return the row of an option, None for an unknown one."""
        return next((option for option in self._options if name in option[0]), None)

    def unused(self) -> Iterable[tuple[Any, str]]:
        """Yield the options that may follow, with each of their names."""
        for option in self._options:
            if option[4] or self._used.isdisjoint(option[0]):
                yield from ((option, name) for name in option[0])

    def _take(self, word: str) -> None:
        name, equals, _ = word.partition("=")
        option = self.option(name)
        self._used.add(name)
        if option and option[2] and not equals:
            self.pending = (option[2], option[3])


def _command(words: Sequence[str], commands: Mapping[str, Any]) -> tuple[str, Sequence[str]]:
    """Return the path of the command that a line begins with, and the words after it."""
    if not words or words[0] not in commands[""]["commands"]:
        return "", words
    path = words[0]
    if len(words) > 1 and words[1] in commands[path]["commands"]:
        return f"{path} {words[1]}", words[2:]
    return path, words[1:]


def _one_line(text: str) -> str:
    """Show control characters as `core.sanitize` does, which this call does not import."""
    return "".join(c if c.isprintable() else chr(0x2400 + ord(c)) if c < " " else "\ufffd" for c in text)
