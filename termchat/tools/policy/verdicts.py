"""The verdicts of rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum, auto
from pathlib import Path

from termchat.late_dataclass import dataclass


class Ruling(Enum):
    """The answer to a call: run it, ask a person, deny it by a rule, or refuse it because nobody could judge it."""

    ALLOW = auto()
    ASK = auto()
    DENY = auto()
    REFUSE = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a call.

    reason      one sentence; for DENY and REFUSE it is meant for the model too
    offer       the rule that allows such calls from now on, "" when no rule may be offered
    dangerous   the call may destroy something; no rule is offered
    protected   the call writes what other programs obey later or what holds secrets: only a person can allow it
    """

    answer: Ruling
    reason: str
    offer: str = ""
    dangerous: bool = False
    protected: bool = False


@dataclass(frozen=True, slots=True)
class PathVerdict(Verdict):
    """The verdict on a file. `path` is the absolute path without symlinks: open this one, not the given text."""

    path: Path = Path()


@dataclass(frozen=True, slots=True)
class CommandVerdict(Verdict):
    """The verdict on a shell command.

    pipeline      for ALLOW the argv of each process, its program as an absolute path: run this without a shell
    environment   variables to add for `pipeline`; the variables GIT_* of the user must be removed first
    offers        the rules that together allow the command; `offer` is the only one of them, "" if there are several
    """

    pipeline: tuple[tuple[str, ...], ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    offers: tuple[str, ...] = ()
