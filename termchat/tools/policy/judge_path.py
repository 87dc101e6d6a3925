"""Judge a file by rules: read inside the working directory at once, ask for the rest, never read secrets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from termchat.core.approval import ToolEffect
from termchat.tools.policy.command_text import check_text
from termchat.tools.policy.guarded_paths import is_guarded
from termchat.tools.policy.places import Located, Place, locate
from termchat.tools.policy.rules import Rule, Rules, allowed, asked, denied, first_rule, parse_rule
from termchat.tools.policy.verdicts import PathVerdict, Ruling
from termchat.tools.protected_paths import home_of, is_protected


def judge_path(
    tool: str,
    effect: ToolEffect,
    path: str,
    rules: Rules,
    *,
    cwd: Path,
    private: Sequence[Path] = (),
) -> PathVerdict:
    """Judge the use of a file or folder.

    effect    READ, or any other for a change
    path      relative to `cwd`, absolute, or below `~`
    private   the configuration and data of termchat
    """
    if problem := check_text(path) if path.strip() else "The path is empty.":
        return PathVerdict(Ruling.REFUSE, problem)
    try:
        located = locate(path, cwd, private)
    except (OSError, ValueError):
        return PathVerdict(Ruling.REFUSE, f"{path} cannot be resolved.")
    answer, reason = _answer(tool, effect, located, rules, cwd)
    is_open = answer is Ruling.ASK and not _matching(rules.ask, tool, located, cwd, broad=True)
    offer = _offer(tool, located, cwd) if is_open and not _always_asks(effect, located) else ""
    dangerous = effect is not ToolEffect.READ and (located.place is not Place.INSIDE or _always_asks(effect, located))
    protected = effect is not ToolEffect.READ and _is_protected(located)
    return PathVerdict(answer, reason, "" if dangerous else offer, dangerous, protected, located.real)


def path_allow_problem(rule: Rule, effect: ToolEffect, *, cwd: Path, private: Sequence[Path] = ()) -> str:
    """Return the sentence that says why a rule about files can allow nothing, "" if it can."""
    if not rule.subject:
        return ""
    nothing = f"{rule} allows nothing"
    try:
        if _pattern_names(rule.subject, cwd, may_leave=False) is None:
            return f"{nothing}: the path leads out of the working directory. Write it from / on."
        if "*" in rule.subject:
            return ""
        located = locate(rule.subject, cwd, private)
    except (OSError, ValueError):
        return f"{nothing}: {rule.subject} cannot be resolved."
    if effect is ToolEffect.READ and located.place in (Place.SECRET, Place.PRIVATE):
        return f"{nothing}: {rule.subject} {located.place.value}; tools do not read it."
    if _always_asks(effect, located):
        return f"{nothing}: {rule.subject} {_guard(located)}, so writing to it always asks."
    return ""


def matches_path(pattern: str, located: Located, cwd: Path, *, broad: bool) -> bool:
    """Return True if the subject of a rule is about a path.

    `*` stands for characters of one name, `**` for any number of names; a pattern is relative to `cwd` or absolute.

    broad   for rules that deny or ask: the path as given or resolved, and everything below a matched folder
    """
    names = _pattern_names(pattern, cwd, may_leave=broad)
    if names is None:
        return False
    paths = (located.given, located.real) if broad else (located.real,)
    tail = ("**",) if broad else ()
    return any(_matches([*names, *tail], path.parts) for path in paths) or (
        broad and _matches([*_given_names(pattern, cwd), *tail], located.given.parts)
    )


def _answer(tool: str, effect: ToolEffect, located: Located, rules: Rules, cwd: Path) -> tuple[Ruling, str]:
    reading = effect is ToolEffect.READ
    if rule := _matching(rules.deny, tool, located, cwd, broad=True):
        return Ruling.DENY, denied(rule)
    if reading and located.place in (Place.SECRET, Place.PRIVATE):
        return Ruling.DENY, f"{located.given} {located.place.value}; tools do not read it."
    if rule := _matching(rules.ask, tool, located, cwd, broad=True):
        return Ruling.ASK, asked(rule)
    if _always_asks(effect, located):
        return Ruling.ASK, f"{located.given} {_guard(located)}, so writing to it always asks."
    if rule := _matching(rules.allow, tool, located, cwd, broad=False):
        return Ruling.ALLOW, allowed(rule)
    if reading and located.place is Place.INSIDE:
        return Ruling.ALLOW, f"{located.given} {Place.INSIDE.value}."
    if located.place is Place.INSIDE:
        return Ruling.ASK, "No rule allows to write it."
    return Ruling.ASK, f"{located.real} {located.place.value}."


def _matching(rules: Sequence[Rule], tool: str, located: Located, cwd: Path, *, broad: bool) -> Rule | None:
    def matches(subject: str) -> bool:
        return matches_path(subject, located, cwd, broad=broad)

    found = first_rule(rules, tool, matches)
    if found and not found.subject and not broad and located.place is not Place.INSIDE:
        others = [rule for rule in rules if rule.subject]  # `write_file` alone allows nothing outside
        return first_rule(others, tool, matches)
    return found


def _always_asks(effect: ToolEffect, located: Located) -> bool:
    return effect is not ToolEffect.READ and bool(_guard(located))


def _guard(located: Located) -> str:
    """Return why writing to a path always asks, as the rest of a sentence, "" if it does not."""
    if located.place is Place.PRIVATE:
        return located.place.value
    later = "acts later" if any(is_guarded(path) for path in (located.given, located.real)) else ""
    secret = located.place.value if located.place is Place.SECRET and not (later and _in_git(located)) else ""
    return " and ".join(reason for reason in (later, secret) if reason)


def _in_git(located: Located) -> bool:
    return any(".git" in (name.lower() for name in path.parts) for path in (located.given, located.real))


def _is_protected(located: Located) -> bool:
    if located.place in (Place.SECRET, Place.PRIVATE):
        return True
    home = home_of(os.environ)
    return any(is_protected(path, home) for path in (located.given, located.real))


def _offer(tool: str, located: Located, cwd: Path) -> str:
    """Return the rule about exactly this path, "" if it would not mean the same when it is read again."""
    root = Path(os.path.realpath(cwd))
    real = located.real
    subject = str(real.relative_to(root) if real.is_relative_to(root) else real)
    rule = Rule(tool, subject)
    same = parse_rule(str(rule)) == rule and not subject.startswith("~") and str(rule).isprintable()
    return str(rule) if same and "*" not in subject else ""


def _given_names(pattern: str, cwd: Path) -> list[str]:
    return list(Path(os.path.normpath(cwd / os.path.expanduser(pattern))).parts)


def _pattern_names(pattern: str, cwd: Path, *, may_leave: bool) -> list[str] | None:
    """Return the names of an absolute pattern, its folders before the first wildcard without symlinks.

    None for a relative pattern that a symlink or `..` leads out of the working directory, unless it may.
    """
    given = os.path.expanduser(pattern)
    names = [name for name in given.split("/") if name not in ("", ".")]
    first = next((n for n, name in enumerate(names) if "*" in name), len(names))
    if ".." in names[first:]:
        return None
    root = os.path.realpath(cwd)
    start = "/" if given.startswith("/") else root
    real = Path(os.path.realpath(os.path.join(start, *names[:first])))
    if start == root and not may_leave and not real.is_relative_to(root):
        return None
    return [*real.parts, *names[first:]]


def _matches(pattern: Sequence[str], names: Sequence[str]) -> bool:
    """Match names by a pattern, one row of a table for each name of the pattern."""
    reached = [True, *(False for _ in names)]
    for wanted in pattern:
        if wanted == "**":
            first = reached.index(True) if True in reached else len(reached)
            reached = [at >= first for at in range(len(reached))]
        else:
            reached = [False, *(reached[at] and _matches_name(wanted, name) for at, name in enumerate(names))]
    return reached[-1]


def _matches_name(wanted: str, name: str) -> bool:
    """Match one name; only `*` is special."""
    first, *rest = wanted.split("*")
    if not rest:
        return wanted == name
    if not name.startswith(first):
        return False
    at = len(first)
    *middle, last = rest
    for part in middle:
        at = name.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return name.endswith(last) and len(name) - len(last) >= at
