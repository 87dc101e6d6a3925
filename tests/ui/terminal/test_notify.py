"""Test notifications at the end of a turn: conditions, sequences, commands and the setting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from termchat.config.setting_types import ChoiceOrCommandType, command_of
from termchat.core.sanitize import Safe, safe_format
from termchat.ui.terminal.capabilities import supports_progress
from termchat.ui.terminal.notify import BELL, Notifier, notification, run_detached

WORDS = safe_format("gpt-5.2: complete")


@pytest.mark.parametrize(
    ("focused", "seconds", "expected"),
    [(True, 3600, False), (False, 9.9, False), (False, 10, True), (None, 29.9, False), (None, 30, True)],
)
def test_notifier_rings_after_long_turn_without_focus(focused: bool | None, seconds: float, expected: bool) -> None:
    sent: list[str] = []
    Notifier("auto", {}, sent.append, lambda words: None).ended(WORDS, seconds, focused=focused)
    assert sent == ([BELL] if expected else [])


@pytest.mark.parametrize(
    ("setting", "sequences", "expected"),
    [
        ("auto", True, ["\x1b]99;;gpt-5.2: complete\x1b\\"]),
        ("auto", False, [BELL]),
        ("bell", True, [BELL]),
        ("off", True, []),
    ],
)
def test_notifier_setting_selects_bell_sequence_or_nothing(setting: str, sequences: bool, expected: list[str]) -> None:
    sent: list[str] = []
    env = {"KITTY_WINDOW_ID": "1"}
    Notifier(setting, env, sent.append, lambda words: None, sequences=sequences).ended(WORDS, 60, focused=False)
    assert sent == expected


@pytest.mark.parametrize(
    ("env", "begin"),
    [
        ({"KITTY_WINDOW_ID": "1"}, "\x1b]99;;"),
        ({"TERM_PROGRAM": "iTerm.app"}, "\x1b]9;"),
        ({"TERM_PROGRAM": "tmux", "TMUX": "x", "LC_TERMINAL": "iTerm2"}, "\x1bPtmux;\x1b\x1b]9;"),
        ({"TERM_PROGRAM": "ghostty"}, "\x1b]9;"),
        ({"TERM": "foot"}, "\x1b]777;notify;"),
        ({"VTE_VERSION": "7600"}, "\x1b]777;notify;"),
        ({"VTE_VERSION": "7600", "STY": "x"}, BELL),
        ({"TERM": "xterm-256color"}, BELL),
    ],
)
def test_notification_sequence_depends_on_terminal(env: Mapping[str, str], begin: str) -> None:
    assert notification(WORDS, env).startswith(begin)


@pytest.mark.parametrize(
    ("env", "shows"),
    [
        ({"WT_SESSION": "x"}, True),
        ({"WT_SESSION": "x", "TMUX": "x"}, False),
        ({"TERM_PROGRAM": "ghostty"}, True),
        ({"TERM_PROGRAM": "WezTerm", "TERM_PROGRAM_VERSION": "20240203-110809-5046fc22"}, False),
        ({"TERM_PROGRAM": "iTerm.app", "TERM_PROGRAM_VERSION": "3.5.1"}, False),
        ({"TERM_PROGRAM": "iTerm.app", "TERM_PROGRAM_VERSION": "3.6.6"}, True),
        ({"VTE_VERSION": "7600"}, False),
        ({"TERM": "xterm"}, False),
    ],
)
def test_supports_progress_depends_on_terminal_and_version(env: Mapping[str, str], shows: bool) -> None:
    assert supports_progress(env) is shows


def test_notify_command_gets_message_without_shell(tmp_path: Path) -> None:
    script, out = tmp_path / "notify", tmp_path / "out"
    script.write_text(f'#!/bin/sh\nfor word; do echo "[$word]"; done > {out}.new; mv {out}.new {out}\n')
    script.chmod(0o755)
    setting = f"cmd {script} 'two words' $(touch {tmp_path}/no) ;"
    Notifier(setting, {}, lambda _: None, lambda _: None).ended(Safe("$(reboot); `x`"), 60, focused=False)
    _wait(out.exists)
    assert out.read_text().splitlines() == [
        "[two words]", "[$(touch]", f"[{tmp_path}/no)]", "[;]", "[$(reboot); `x`]"
    ]  # fmt: skip
    assert not (tmp_path / "no").exists()


def test_notify_command_missing_is_reported() -> None:
    complaints: list[str] = []
    run_detached(["/no/such/thing", "words"], complaints.append)
    _wait(lambda: bool(complaints))
    assert complaints == ["notify: cannot run /no/such/thing: no such file or directory."]


@pytest.mark.parametrize(
    ("raw", "value"),
    [("bell", "bell"), (False, "off"), ("cmd notify-send -a x", "cmd notify-send -a x"), ("cmd", None),
     ("cmd 'open", None), ("notify-send", None), (3, None)],
)  # fmt: skip
def test_notify_setting_accepts_choice_or_command_only(raw: object, value: str | None) -> None:
    assert ChoiceOrCommandType(("auto", "bell", "off")).read(raw) == value


def test_command_of_splits_quoted_words() -> None:
    assert command_of("cmd a 'b c' d") == ["a", "b c", "d"]
    assert command_of("auto") == []


def _wait(done: Callable[[], bool]) -> None:
    """Wait up to 10 s until `done` is true."""
    looked = threading.Event()
    for _ in range(1000):
        if done():
            return
        looked.wait(0.01)
    raise AssertionError("not done in 10 s")
