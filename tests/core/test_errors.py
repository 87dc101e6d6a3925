"""Exit codes of outcomes and failures."""

from __future__ import annotations

import pytest

from termchat.core.errors import Failure, FailureKind, error_reason, exit_code, outcome_of
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.sanitize import safe_format

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
    FailureKind.TIMEOUT: 6,
    FailureKind.NO_KEY: 77,
    FailureKind.AUTH: 77,
    FailureKind.PERMISSION: 77,
    FailureKind.CONTENT_FILTER: 4,
    FailureKind.RATE_LIMITED: 75,
    FailureKind.OVERLOADED: 75,
    FailureKind.CUT: 5,
    FailureKind.BUDGET: 7,
}


def test_exit_code_is_0_for_complete_reply_only() -> None:
    assert {outcome: exit_code(outcome) for outcome in Outcome} == ENDS


def test_exit_code_of_failure_follows_its_kind() -> None:
    failures = {kind: Failure(kind, safe_format("x")) for kind in FailureKind}
    codes = {kind: exit_code(outcome_of(failure), failure) for kind, failure in failures.items()}
    assert {kind: code for kind, code in codes.items() if code != ExitCode.ERROR} == FAILURES


@pytest.mark.parametrize("code", list(ExitCode))
def test_exit_codes_are_all_documented(code: ExitCode) -> None:
    assert code.description


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(2, "No such file or directory", "a"), "no such file or directory"),
        (OSError(0, "it is the input"), "it is the input"),
        (OSError("Cannot open /home/Ann/B.md"), "cannot open /home/Ann/B.md"),
        (ValueError("embedded null byte"), "embedded null byte"),
        (ValueError("stat: embedded null character in path"), "embedded null byte"),
        (OSError(5, "Input\x1b[2J\nerror"), "input␛[2J error"),
        (OSError(), ""),
    ],
)
def test_error_reason_stands_in_a_sentence_and_keeps_names(error: Exception, reason: str) -> None:
    assert error_reason(error) == reason
