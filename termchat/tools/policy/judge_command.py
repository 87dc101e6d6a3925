"""Judge a shell command by rules: allow an argv pipeline, ask, deny or refuse."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from termchat.tools.policy.command_risks import (
    carries,
    denies,
    denies_text,
    is_dangerous,
    is_dangerous_text,
    runs_others,
    writes,
)
from termchat.tools.policy.command_rules import (
    CommandScope,
    HarmlessUse,
    OtherUse,
    find_command,
    harmless_use,
    known_names,
)
from termchat.tools.policy.command_text import check_text
from termchat.tools.policy.guarded_paths import is_guarded
from termchat.tools.policy.places import Place, locate
from termchat.tools.policy.programs import Unresolved, resolve_program
from termchat.tools.policy.rules import EFFECTS, Rule, Rules, allowed, asked, denied, first_rule, parse_rule
from termchat.tools.policy.shell_syntax import Unparsed, parse_pipeline
from termchat.tools.policy.verdicts import CommandVerdict, Ruling

_QUOTED = re.compile(r"'[^']*'|\\.", re.DOTALL)  # what a shell takes as it is
_DOUBLE_QUOTED = re.compile(r'"[^"]*"', re.DOTALL)
_EXPANSION = re.compile(r"[$`]")
_OPERATOR = re.compile(r"[;&|<>()\n]")
_ASSIGNMENT = re.compile(r"\w+\+?=")
_MAX_OFFER = 200  # characters of a rule that a person can still read


@dataclass(frozen=True, slots=True)
class _Call:
    """Rules and surroundings of a command that is judged."""

    tool: str
    rules: Rules
    path: str
    around: CommandScope


@dataclass(frozen=True, slots=True)
class _Runs:
    """One command of a pipeline that a rule allows."""

    argv: tuple[str, ...]
    rule: Rule
    environment: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class _Asks:
    """One command of a pipeline that no rule allows; `offer` is the subject of the rule that would."""

    reason: str
    offer: str = ""


async def judge_command(
    text: str,
    rules: Rules,
    *,
    cwd: Path,
    path: str,
    tool: str = "run_shell",
    private: Sequence[Path] = (),
) -> CommandVerdict:
    """Judge a command for a shell.

    path      PATH of the user's shell, to find programs
    tool      the tool that the rules name
    private   paths that belong to termchat
    """
    if not text.strip():
        return CommandVerdict(Ruling.REFUSE, "The command is empty.")
    if problem := check_text(text):
        return CommandVerdict(Ruling.REFUSE, problem)
    parsed = await parse_pipeline(text)
    call = _Call(tool, rules, path, CommandScope(cwd, tuple(private)))
    if isinstance(parsed, Unparsed):
        return await asyncio.to_thread(_judge_text, text, parsed.reason, call)
    return await asyncio.to_thread(_judge_pipeline, parsed.commands, call)


def allow_problem(rule: Rule) -> str:
    """Return the sentence that says why a rule about commands can allow nothing, "" if it can."""
    words = _subject(rule.subject)
    if not words:
        return f"{rule} allows nothing: name a command, for example {rule.tool}(git log)."
    if words in known_names():
        return ""
    if problem := _not_one_command(rule, "allows"):
        return problem
    if any(character in words[0] for character in "*?"):
        return f"{rule} allows nothing: a rule about a command has no wildcards; name it: {rule.tool}(git log)."
    known = find_command(words)
    if known and isinstance(harmless_use(known, words, CommandScope(Path("/"), ())), HarmlessUse):
        return ""
    if reason := _never_by_rule(words):
        return f"{rule} allows nothing: {reason[0].lower()}{reason[1:]}"
    if any(character in rule.subject for character in "*?"):
        return f"{rule} allows only exactly these words: a rule about a command has no wildcards."
    return ""


def command_problem(rule: Rule, answer: str) -> str:
    """Return the sentence that says why a rule about commands has no effect, "" if it has one.

    answer   the list of the rule: allow, ask or deny
    """
    if answer == "allow":
        return allow_problem(rule)
    effect = EFFECTS[answer]
    if any(character in rule.subject.split(" ")[0] for character in "*?"):
        return f"{rule} {effect} nothing: a rule about a command has no wildcards; {rule.tool} {effect} every command."
    return _not_one_command(rule, effect)


def _not_one_command(rule: Rule, effect: str) -> str:
    """Return the sentence about a subject that a shell would not read as the words of one command, "" if it would."""
    one = f"{rule} {effect} nothing: a rule names one command"
    plain = _QUOTED.sub("", rule.subject)
    if found := _OPERATOR.search(_DOUBLE_QUOTED.sub("", plain)):
        return f"{one}, without {found[0]}; write a rule for each command."
    if effect != "allows":
        return ""
    if found := _EXPANSION.search(plain):
        return f"{one} as it runs, without {found[0]}."
    return f"{one}, without variables before it." if _ASSIGNMENT.match(rule.subject) else ""


def _judge_text(text: str, reason: str, call: _Call) -> CommandVerdict:
    def matches(subject: str) -> bool:
        return denies_text(subject, text)

    dangerous = is_dangerous_text(text, call.around.cwd)
    if rule := first_rule(call.rules.deny, call.tool, matches):
        return CommandVerdict(Ruling.DENY, denied(rule), dangerous=dangerous)
    return CommandVerdict(Ruling.ASK, f"The command has {reason}, so no rule can allow it.", dangerous=dangerous)


def _judge_pipeline(commands: tuple[tuple[str, ...], ...], call: _Call) -> CommandVerdict:
    uses = [_use(argv, call.around) for argv in commands]

    def matches(subject: str) -> bool:
        return any(
            denies(subject, argv, look_through=carries(argv) and not isinstance(use, HarmlessUse))
            for argv, use in zip(commands, uses, strict=True)
        )

    dangerous = is_dangerous(commands, call.around.cwd)
    if rule := first_rule(call.rules.deny, call.tool, matches):
        return CommandVerdict(Ruling.DENY, denied(rule), dangerous=dangerous)
    if rule := first_rule(call.rules.ask, call.tool, matches):
        return CommandVerdict(Ruling.ASK, asked(rule), dangerous=dangerous)
    outcomes = [_judge_argv(argv, use, call) for argv, use in zip(commands, uses, strict=True)]
    asking = [outcome for outcome in outcomes if isinstance(outcome, _Asks)]
    if asking:
        return _question(asking, call.tool, dangerous)
    running = [outcome for outcome in outcomes if isinstance(outcome, _Runs)]
    return CommandVerdict(
        Ruling.ALLOW,
        allowed(running[0].rule) if len(running) == 1 else "Rules allow each of its commands.",
        dangerous=dangerous,
        pipeline=tuple(run.argv for run in running),
        environment={name: value for run in running for name, value in run.environment.items()},
    )


def _question(asking: Sequence[_Asks], tool: str, dangerous: bool) -> CommandVerdict:
    offers = () if dangerous else tuple(dict.fromkeys(_offer(tool, outcome.offer) for outcome in asking))
    offers = () if "" in offers else offers
    return CommandVerdict(
        Ruling.ASK, asking[0].reason, offers[0] if len(offers) == 1 else "", dangerous=dangerous, offers=offers
    )


def _offer(tool: str, subject: str) -> str:
    """Return the rule about a subject, "" if it would not mean the same when it is read again."""
    rule = Rule(tool, subject)
    text = str(rule)
    is_plain = subject and text.isprintable() and len(text) <= _MAX_OFFER
    return text if is_plain and parse_rule(text) == rule and not allow_problem(rule) else ""


def _use(argv: tuple[str, ...], around: CommandScope) -> HarmlessUse | OtherUse | None:
    """Return the use of a known command, None for another command."""
    known = find_command(argv)
    return None if known is None else harmless_use(known, argv, around)


def _judge_argv(argv: tuple[str, ...], use: HarmlessUse | OtherUse | None, call: _Call) -> _Runs | _Asks:
    if use is None and (reason := _never_by_rule(argv)):
        return _Asks(reason)
    program = resolve_program(argv[0], call.path, call.around.cwd)
    if isinstance(program, Unresolved):
        return _Asks(program.reason)
    if use is None and runs_others(os.path.realpath(program)):
        return _Asks(f"{program} is another name of a program that runs others, so no rule can allow it.")
    known = find_command(argv)
    if isinstance(use, HarmlessUse) and known:
        rule = _first_allowed(call, known.words) or _first_allowed(call, argv)
        if rule:
            return _Runs((str(program), *use.arguments), rule, use.environment)
        name = " ".join(known.words)
        return _Asks(f"No rule allows {name}.", name)
    if guarded := next((word for word in argv[1:] if writes(argv) and _is_guarded(word, call.around.cwd)), ""):
        return _Asks(f"{guarded} acts later, so writing to it always asks.")
    if secret := next((word for word in argv[1:] if _is_secret(word, call.around)), ""):
        return _Asks(f"{secret} {Place.SECRET.value}.")
    if argv not in known_names() and (rule := _first_allowed(call, argv)):
        return _Runs((str(program), *argv[1:]), rule)
    exact = shlex.join(argv)
    if isinstance(use, OtherUse):
        return _Asks(use.reason, exact if use.exact and argv not in known_names() else "")
    return _Asks(f"No rule allows exactly {exact}.", exact)


def _never_by_rule(argv: Sequence[str]) -> str:
    """Return the reason why no rule allows a command that is not known, "" if one may."""
    if runs_others(argv[0]):
        return f"{argv[0]} runs other programs or changes the shell, so no rule can allow it."
    if carries(argv) and argv[0] != "find":
        return f"{' '.join(argv[:2])} may run other programs, so no rule can allow it."
    return ""


def _first_allowed(call: _Call, words: Sequence[str]) -> Rule | None:
    return next((r for r in call.rules.allow if r.tool == call.tool and _subject(r.subject) == tuple(words)), None)


def _subject(subject: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(subject))
    except ValueError:
        return ()


def _is_guarded(word: str, cwd: Path) -> bool:
    """Return True if a word, or the value in it, names a file that acts later."""
    located = (locate(part, cwd) for part in (word, word.partition("=")[2]) if part)
    return any(is_guarded(path) for place in located for path in (place.given, place.real))


def _is_secret(word: str, around: CommandScope) -> bool:
    """Return True if a word, or the value in it, names a secret place or a file of termchat."""
    for part in {word, word.partition("=")[2], word.partition(":")[2], word.lstrip("@<"), word[2:]}:
        try:
            if part and locate(part, around.cwd, around.private).place in (Place.SECRET, Place.PRIVATE):
                return True
        except (OSError, ValueError):
            return True
    return False
