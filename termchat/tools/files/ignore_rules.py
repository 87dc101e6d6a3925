"""Rules of `.gitignore` files and globs, matched by the package pathspec.

Both come from outside, and pathspec matches by regular expressions: a pattern with many wildcards takes exponential
time, so it is left out.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from termchat.tools.files.folder import READ, Folder

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

GITIGNORE = ".gitignore"
_FILE_BYTES = 200_000
_RULES = 3_000  # rules of one file
_STARS = 3  # wildcards in one component, and `**` in one pattern
_SET_OPERATION = re.compile(r"\[.*(--|&&|~~|\|\||\[)")
_BRACES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line of a `.gitignore`. `ignore` is False for `!`, `below` is True for `folder/**`."""

    pattern: Any
    ignore: bool
    below: bool

    def matches(self, path: str) -> bool:
        """Return True if the rule names the path itself; a directory above it was asked for earlier."""
        found = self.pattern.match_file(path)
        if found is None or (self.below and found.match.end() == len(path)):
            return False
        folder = found.match.groupdict().get("ps_d")  # pathspec's mark of the slash behind a matched directory
        return folder is None or found.match.end("ps_d") == len(path)


@dataclass(frozen=True, slots=True)
class _RuleSet:
    """The rules of one file, and an expression that matches whatever any of them matches, None for none."""

    rules: tuple[_Rule, ...]
    any: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The rules that hold in a directory; those of inner directories come last and win.

    rules   (number of components of the directory of the `.gitignore`, its rules)
    """

    rules: tuple[tuple[int, _RuleSet], ...] = ()

    def entered(self, folder: Folder, depth: int, name: str = GITIGNORE) -> IgnoreRules:
        """Return the rules inside an open directory of `depth` components: its own `.gitignore` joins."""
        own = _read_rules(folder, name)
        return IgnoreRules((*self.rules, (depth, _RuleSet(own, _any_of(own))))) if own else self

    def ignores(self, parts: tuple[str, ...], *, is_folder: bool) -> bool:
        """Return True for an ignored path in a directory that is not; its components begin at the root of the walk."""
        for depth, rules in reversed(self.rules):
            path = "/".join(parts[depth:]) + ("/" if is_folder else "")
            if rules.any and not rules.any.search(path):
                continue
            for rule in reversed(rules.rules):
                if rule.matches(path):
                    return rule.ignore
        return False


def _any_of(rules: tuple[_Rule, ...]) -> re.Pattern[str] | None:
    """Return one expression for all rules: most paths match none, and are asked once instead of once a rule."""
    texts = (str(rule.pattern.regex.pattern).replace("(?P<ps_d>", "(?:") for rule in rules)
    try:
        return re.compile("|".join(f"(?:{text})" for text in texts))
    except (re.error, OverflowError):
        return None


def _read_rules(folder: Folder, name: str) -> tuple[_Rule, ...]:
    try:
        about = folder.stat(name)
        if not stat.S_ISREG(about.st_mode):
            return ()
        with open(folder.open(name, READ), "rb") as file:
            raw = file.read(_FILE_BYTES)
    except OSError:  # none, or a symlink
        return ()
    lines = raw.decode("utf-8", "surrogateescape").splitlines()
    return tuple(rule for line in lines[:_RULES] if is_cheap(line) for rule in _compile(line))


def _compile(line: str) -> Iterator[_Rule]:
    from pathspec import GitIgnoreSpec

    try:
        patterns = GitIgnoreSpec.from_lines([line]).patterns
    except (ValueError, re.error):  # git ignores such a line
        return
    for pattern in patterns:
        if pattern.include is not None:
            yield _Rule(pattern, pattern.include, line.rstrip().endswith("/**"))


def is_cheap(pattern: str) -> bool:
    """Return True for a pattern that matches any path in little time."""
    if _SET_OPERATION.search(pattern):  # the module re warns of them, on the terminal
        return False
    if len(pattern) > 1_000 or pattern.count("**") > _STARS:
        return False
    return all(part == "**" or len(re.findall(r"\*+", part)) <= _STARS for part in pattern.split("/"))


class Glob:
    """A glob for paths, as in `.gitignore`: `*.py` at any depth, `src/**/*.ts`, `*.{c,h}`, `!*.min.js`."""

    def __init__(self, pattern: str) -> None:
        """Raises ValueError with the reason for a pattern that cannot be used."""
        from pathspec import GitIgnoreSpec

        lines = _expand(pattern)
        if not all(map(is_cheap, lines)):
            raise ValueError("too many wildcards, or an unusual set in brackets")
        if all(line.startswith("!") for line in lines):
            lines = ["*", *lines]
        try:
            self._spec: GitIgnoreSpec = GitIgnoreSpec.from_lines(lines)
        except re.error as error:
            raise ValueError(str(error)) from error

    def matches(self, path: str) -> bool:
        """Return True for a matching file, relative to the directory of the search."""
        return self._spec.match_file(path)


def _expand(pattern: str) -> list[str]:
    """Expand braces: `*.{c,h}` is `*.c` and `*.h`. Raises ValueError for too many."""
    found = [pattern]
    while any(_BRACES.search(each) for each in found):
        found = [
            each[: m.start()] + choice + each[m.end() :] if m else each
            for each in found
            for m in [_BRACES.search(each)]
            for choice in (m.group(1).split(",") if m else [""])
        ]
        if len(found) > 100:
            raise ValueError("too many alternatives")
    return found
