"""How a failure ends a reply, and what a script is told of it."""

from __future__ import annotations

import pytest

from termchat.core.errors import Failure, Kind, exit_code, outcome_of
from termchat.core.outcomes import Exit, Outcome
from termchat.core.sanitize import say

ENDS = {
    Outcome.COMPLETE: 0,
    Outcome.LENGTH: 3,
    Outcome.FILTERED: 4,
    Outcome.REFUSED: 4,
    Outcome.CUT: 5,
    Outcome.STALLED: 6,
    Outcome.BUDGET: 7,
    Outcome.LIMIT: 8,
    Outcome.CANCELLED: 130,
    Outcome.FAILED: 1,
}
# Every other kind is 1.
FAILURES = {
    Kind.TIMEOUT: 6,
    Kind.NO_KEY: 77,
    Kind.AUTH: 77,
    Kind.PERMISSION: 77,
    Kind.CONTENT_FILTER: 4,
    Kind.RATE_LIMITED: 75,
    Kind.OVERLOADED: 75,
    Kind.CUT: 5,
}


def test_every_outcome_has_its_code_and_only_a_complete_reply_is_0() -> None:
    assert {outcome: exit_code(outcome) for outcome in Outcome} == ENDS


def test_every_kind_of_failure_has_its_code() -> None:
    failures = {kind: Failure(kind, say("x")) for kind in Kind}
    codes = {kind: exit_code(outcome_of(failure), failure) for kind, failure in failures.items()}
    assert {kind: code for kind, code in codes.items() if code != Exit.ERROR} == FAILURES


@pytest.mark.parametrize("code", list(Exit))
def test_every_exit_code_is_explained(code: Exit) -> None:
    assert code.words
