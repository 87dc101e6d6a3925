"""Operands of known commands: whatever options stand around them, no allowed command names a secret or outer place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from termchat.tools.policy.command_rules import CommandScope, HarmlessUse, find_command, harmless_use, known_names

_FORBIDDEN = [
    ".env",
    "id_rsa",
    "secret.txt",
    "out/passwd",
    "../x",
    "/etc/passwd",
    "src/../.env",
    "HEAD:.env",
    ".git/config",
    "own/x",
]
_WORDS = st.sampled_from(["notes.txt", "src", "HEAD", "--", "-", "-1", "-n", "5", "-l", "-k", "x"])
_FILES = (
    "cat",
    "head",
    "tail",
    "wc",
    "ls",
    "sort",
    "uniq",
    "cut",
    "nl",
    "stat",
    "du",
    "diff",
    "comm",
    "find",
    "file",
    "sha256sum",
)
_GIT = ("log", "show", "diff", "blame", "status", "ls-files", "rev-parse", "describe")
_COMMANDS = [(name,) for name in _FILES] + [("git", name) for name in _GIT]


def _options(words: tuple[str, ...]) -> st.SearchStrategy[str]:
    known = find_command(words)
    assert known
    short = [f"-{letter}" for letter in known.flags + known.values]
    names = [*sorted(known.options), *sorted(known.settings), *short, *(f"{name}=1" for name in sorted(known.options))]
    return st.sampled_from(names or ["-x"])


@st.composite
def _argvs(draw: st.DrawFn) -> tuple[str, ...]:
    words = draw(st.sampled_from(_COMMANDS))
    rest = draw(st.lists(_options(words) | _WORDS | st.sampled_from(_FORBIDDEN), max_size=5))
    return (*words, *rest)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_argvs())
def test_harmless_use_names_no_secret_or_outer_place(cwd: Path, argv: tuple[str, ...]) -> None:
    known = find_command(argv)
    assert known is not None
    use = harmless_use(known, argv, CommandScope(cwd, (cwd / "own",)))
    if isinstance(use, HarmlessUse):
        assert not set(argv) & ({*_FORBIDDEN} - ({"HEAD:.env"} if argv[0] != "git" else set()))
        assert _is_part(argv[len(known.words) :], use.arguments)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(known_names())), st.text("abcdefghijklmnopqrstuvwxyz-=", min_size=1, max_size=12))
def test_harmless_use_has_listed_options_only(cwd: Path, words: tuple[str, ...], option: str) -> None:
    known = find_command(words)
    assert known is not None
    name = f"--{option}".partition("=")[0]
    use = harmless_use(known, (*words, f"--{option}"), CommandScope(cwd))
    if isinstance(use, HarmlessUse) and words != ("echo",) and name not in ("--", "---"):
        assert name in known.options | known.settings


def _is_part(words: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    """Return True if the words stand in the whole, in this order."""
    rest = iter(whole)
    return all(word in rest for word in words)


@pytest.mark.parametrize("words", sorted(known_names()))
def test_known_command_alone_is_harmless_or_needs_an_option(words: tuple[str, ...], cwd: Path) -> None:
    known = find_command(words)
    assert known is not None
    assert isinstance(harmless_use(known, words, CommandScope(cwd)), HarmlessUse) != bool(known.requires)
