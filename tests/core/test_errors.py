"""Exit codes of outcomes and failures."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from termchat.core.errors import Failure, FailureKind, error_reason, exit_code, install_command, outcome_of
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
        (OSError(5, "Input\x1b[2J\nerror"), "input␛[2J error"),
        (OSError(), ""),
    ],
)
def test_error_reason_stands_in_a_sentence_and_keeps_names(error: Exception, reason: str) -> None:
    assert error_reason(error) == reason


def test_install_command_names_interpreter_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/home/me/my venv/bin/python")
    words = shlex.split(install_command("serve"))
    assert words[:4] == ["/home/me/my venv/bin/python", "-m", "pip", "install"]
    assert words[-1].endswith("[serve]")


@pytest.mark.parametrize(
    ("record", "named"),
    [
        ('{"url": "file://PLACE", "dir_info": {"editable": true}}', ["-e", "PLACE[mcp,serve]"]),
        ('{"url": "file://PLACE", "dir_info": {}}', ["PLACE[mcp,serve]"]),
        ('{"url": "file://PLACE/gone", "dir_info": {}}', ["termchat[mcp,serve]"]),
        ('{"url": "https://example.com/t.whl", "archive_info": {}}', ["termchat[mcp,serve]"]),
        ("no JSON", ["termchat[mcp,serve]"]),
        (None, ["termchat[mcp,serve]"]),
    ],
)
def test_install_command_names_where_termchat_came_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record: str | None, named: list[str]
) -> None:
    place = tmp_path / "a checkout"
    info = tmp_path / "site" / "termchat-1.0.dist-info"
    for folder in (place, info):
        folder.mkdir(parents=True)
    (place / "pyproject.toml").touch()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: termchat\nVersion: 1.0\n")
    if record is not None:
        (info / "direct_url.json").write_text(record.replace("PLACE", str(place).replace(" ", "%20")))
    install_command("serve")  # imports what it needs
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    words = shlex.split(install_command("mcp,serve"))
    assert words[5:] == [word.replace("PLACE", str(place)) for word in named]


def test_install_command_without_pip_is_that_of_uv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", "/home/me/my tools/bin/python")
    install_command("serve")  # imports what it needs
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    words = shlex.split(install_command("serve"))
    assert words == ["uv", "pip", "install", "--python", "/home/me/my tools/bin/python", "termchat[serve]"]
