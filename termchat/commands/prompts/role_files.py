"""Roles: Markdown files in the directory `prompts` of the user's configuration, a system prompt after its front matter.

    ---
    description: Review a change
    model: anthropic/claude-opus-5
    think: high
    tools: read
    variables:
      lang: Python
      depth:
    ---
    You review changes in {{lang}}, {{depth}}.

Front matter is lines `key: value` between two lines `---`, as in Obsidian and Claude Code: a list is `[a, b]` or lines
`- a`, a line that begins with `#` is a comment. A variable without a value has to be given. A role chooses a model,
sampling and tools; it holds no rules and no limits, so it permits nothing that the user has not.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from termchat.config.bounded_read import read_bounded
from termchat.config.setting_types import Value
from termchat.config.settings import SETTINGS
from termchat.config.toml_file import did_you_mean
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.late_dataclass import dataclass

ROLE_SETTINGS = ("model", "think", "speed", "temperature", "top_p", "max_tokens", "stop", "seed", "tools")
_KEYS = ("description", "variables", *ROLE_SETTINGS)
_OF_NOTES = frozenset(("tags", "aliases", "cssclasses", "title", "date", "created", "updated", "author"))
_MAX_BYTES = 1 << 20
_NAME = re.compile(r"[^\W_][\w.-]*")
_LINE = re.compile(r"([A-Za-z_][\w-]*)[ \t]*:(?:[ \t]+(.*))?")
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_FENCE = "---"


@dataclass(frozen=True, slots=True)
class RoleFile:
    """A role as its file describes it.

    settings    setting -> its value, of those that a role may choose
    lines       key -> its line in the file
    defaults    variable -> its value, None for one that has to be given
    """

    name: str
    file: Path
    text: str
    description: str = ""
    settings: Mapping[str, Value] = field(default_factory=dict[str, Value])
    lines: Mapping[str, int] = field(default_factory=dict[str, int])
    defaults: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"])

    def system(self, given: Mapping[str, str]) -> str | Failure:
        """Return the system prompt with its variables filled in, or the failure that names those that are missing."""
        values = {name: given.get(name, default) for name, default in self.defaults.items()}
        if missing := [name for name, value in values.items() if value is None]:
            words = safe_format("The role {name} needs {missing}.", name=safe_line(self.name),
                                missing=safe_line(" and ".join(missing)))  # fmt: skip
            line = " ".join(f"{name}=VALUE" for name in missing)
            hint = safe_format("Add {line} after the name.", line=safe_line(line))
            return Failure(FailureKind.BAD_CONFIG, words, hint)
        return _VARIABLE.sub(lambda found: values[found[1]] or "", self.text)

    def where(self, key: str) -> Safe:
        """Return the place of a key, as `path:line`."""
        return _place(self.file, self.lines.get(key, 1))

    def take_variables(self, words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        """Split words into the values of variables, written as NAME=VALUE, and the rest."""
        return split_variables(words, self.defaults)


def split_variables(words: Sequence[str], names: Container[str]) -> tuple[dict[str, str], list[str]]:
    """Split words into the values of variables, written as NAME=VALUE with one of the names, and the rest."""
    given: dict[str, str] = {}
    rest: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name in names:
            given[name] = value
        else:
            rest.append(word)
    return given, rest


def role_names(folder: Path) -> tuple[str, ...]:
    """Return the names of all roles, in order."""
    try:
        return tuple(sorted(file.stem for file in folder.glob("*.md") if _NAME.fullmatch(file.stem)))
    except OSError:
        return ()


def load_role(folder: Path, name: str) -> RoleFile | Failure:
    """Read the role of a name; a failure names the file and the line, and for an unknown name the closest one."""
    file = folder / f"{name}.md"
    if not _NAME.fullmatch(name):
        return _unknown(folder, name)
    try:
        text = read_bounded(file, _MAX_BYTES, regular=True).decode("utf-8-sig")
    except FileNotFoundError:
        return _unknown(folder, name)
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error_reason(error)
        return Failure(
            FailureKind.BAD_CONFIG,
            safe_format("Cannot read {file}: {why}.", file=shown_path(file), why=safe_line(why)),
        )
    try:
        return _Parser(name, file).role(text.replace("\r\n", "\n").replace("\r", "\n"))
    except _Mistake as mistake:
        return mistake.failure


def valid_role_name(name: str) -> bool:
    """Return True if a file of this name is a role."""
    return _NAME.fullmatch(name) is not None


class _Mistake(Exception):  # noqa: N818 - of the user
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class _Parser:
    """Parses the file of a role. Every method raises _Mistake."""

    def __init__(self, name: str, file: Path) -> None:
        self._name = name
        self._file = file
        self._declared: dict[str, str | None] = {}

    def role(self, text: str) -> RoleFile:
        lines = text.split("\n")
        if lines[0].rstrip() != _FENCE:
            return self._made(text, {}, {})
        end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), None)
        if end is None:
            raise self._mistake(1, safe_format("the front matter has no end"), safe_format("Add a line --- after it."))
        values: dict[str, str | list[str]] = {}
        places: dict[str, int] = {}
        for number, key, value in self._lines(lines[1:end]):
            if key in places:
                raise self._mistake(number, safe_format("{key} is set twice", key=safe_line(key)))
            values[key], places[key] = value, number
        return self._made("\n".join(lines[end + 1 :]), values, places)

    def _lines(self, lines: Sequence[str]) -> Iterator[tuple[int, str, str | list[str]]]:
        """Yield the line number, the key and the value of each entry; keep the variables."""
        for number, line, below in _entries(lines):
            found = _LINE.fullmatch(line)
            if not found:
                raise self._mistake(number, safe_format('is not a line such as "model: openai/gpt-6"'))
            key, value = found[1], (found[2] or "").strip()
            self._known(key, number)
            if key == "variables":
                self._variables(value, number, below)
                yield number, key, ""
            else:
                yield number, key, self._value(key, value, number, below)

    def _value(self, key: str, value: str, number: int, below: Sequence[tuple[int, str]]) -> str | list[str]:
        """Return the value of an entry: the text of its line, or the items of the list below it."""
        if below and not value and all(row.startswith("- ") or row == "-" for _, row in below):
            return [_unquoted(row[1:].strip()) for _, row in below]
        if below:
            raise self._mistake(below[0][0], safe_format("does not belong to {key}", key=safe_line(key)))
        if value.startswith("[") and not value.endswith("]"):
            raise self._mistake(number, safe_format("a list that begins with [ ends with ] on the same line"))
        return _listed(value)

    def _variables(self, value: str, line: int, rows: Sequence[tuple[int, str]]) -> None:
        if value:
            raise self._mistake(line, safe_format("variables takes lines such as lang: Python below it"))
        for number, row in rows:
            found = _LINE.fullmatch(row)
            if not found or "-" in found[1]:
                raise self._mistake(number, safe_format('is not a variable such as "lang: Python"'))
            default = (found[2] or "").strip()
            self._declared[found[1]] = _unquoted(default) if default else None

    def _known(self, key: str, number: int) -> None:
        if key in _KEYS or key in _OF_NOTES:
            return
        if key in SETTINGS:
            words = safe_format("{key} cannot be set by a role", key=safe_line(key))
            raise self._mistake(number, words, safe_format("Set it in config.toml, or with a flag."))
        raise self._mistake(number, safe_format("{key} is not a key", key=safe_line(key)), did_you_mean(key, _KEYS))

    def _made(self, text: str, values: Mapping[str, str | list[str]], places: Mapping[str, int]) -> RoleFile:
        settings: dict[str, Value] = {}
        for key, raw in values.items():
            if key not in ROLE_SETTINGS or raw == "":
                continue
            value = SETTINGS[key].kind.read(raw)
            if value is None:
                words = safe_format(
                    "{key} must be {words}", key=safe_line(key), words=safe_line(SETTINGS[key].kind.words)
                )
                raise self._mistake(places[key], words)
            settings[key] = value
        about = values.get("description", "")
        description = about if isinstance(about, str) else ", ".join(about)
        used = dict[str, "str | None"].fromkeys(found[1] for found in _VARIABLE.finditer(text))
        return RoleFile(self._name, self._file, text.strip(), description, settings, places, {**used, **self._declared})

    def _mistake(self, line: int, words: Safe, hint: Safe = EMPTY) -> _Mistake:
        message = safe_format("{place}: {words}.", place=_place(self._file, line), words=words)
        return _Mistake(Failure(FailureKind.BAD_CONFIG, message, hint))


def _entries(lines: Sequence[str]) -> Iterator[tuple[int, str, list[tuple[int, str]]]]:
    """Yield the entries of front matter: line number, line, and the numbered lines below that belong to it.

    Empty lines and comments are left out.
    """
    at = 0
    while at < len(lines):
        number, line = at + 2, lines[at].rstrip()
        at += 1
        if not line or line.lstrip().startswith("#"):
            continue
        below: list[tuple[int, str]] = []
        while at < len(lines) and (not lines[at].strip() or lines[at].startswith((" ", "\t", "- "))):
            below.append((at + 2, lines[at].strip()))
            at += 1
        yield number, line, [(n, row) for n, row in below if row and not row.startswith("#")]


def _listed(value: str) -> str | list[str]:
    """Return the items of `[a, b]`; any other value as it stands, without its quotation marks."""
    if not (value.startswith("[") and value.endswith("]")):
        return _unquoted(value)
    return [_unquoted(item.strip()) for item in value[1:-1].split(",") if item.strip()]


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _unknown(folder: Path, name: str) -> Failure:
    names = role_names(folder)
    hint = did_you_mean(name, names) if names else EMPTY
    way = (
        safe_format("termchat prompts new {name} begins one.", name=safe_line(name)) if valid_role_name(name) else EMPTY
    )
    words = safe_format("There is no role {name} in {folder}.", name=safe_line(name), folder=shown_path(folder))
    return Failure(FailureKind.BAD_CONFIG, words, Safe(f"{hint} {way}".strip()))


def _place(file: Path, line: int) -> Safe:
    return safe_format("{file}:{line}", file=shown_path(file), line=safe(str(line)))


def shown_path(path: Path) -> Safe:
    """Return a path with `~` for the home directory."""
    with suppress(RuntimeError, ValueError):  # no home directory, or outside of it
        return safe_line(str("~" / path.relative_to(Path.home())))
    return safe_line(str(path))
