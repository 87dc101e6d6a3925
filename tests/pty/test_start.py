"""The first moments of a chat: keys are taken before the program is imported, and never lost."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

# Starts termchat, but imports nothing of the application until the file GATE exists.
GATED = """
import os, sys, time
class Gate:
    def find_spec(self, name, path=None, target=None):
        if name == "termchat.app":
            while not os.path.exists(os.environ["GATE"]):
                time.sleep(0.01)  # a slow import, until the test ends it
sys.meta_path.insert(0, Gate())
from termchat.__main__ import main
main()
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "GATE": str(tmp_path / "gate"), "XDG_DATA_HOME": str(tmp_path / "data")}


def open_gate(env: dict[str, str]) -> None:
    Path(env["GATE"]).write_text("")


@pytest.mark.parametrize("arguments", [(), ("-m", "demo/tour"), ("-c",), ("--model=demo/tour", "--no-save", "-q")])
def test_keys_are_echoed_during_import_whatever_the_flags(env: dict[str, str], arguments: tuple[str, ...]) -> None:
    with Terminal((sys.executable, "-c", GATED, *arguments), env=env) as terminal:
        terminal.until(lambda: terminal.lines[0] == "❯")
        terminal.send("hello 你")
        terminal.until(lambda: terminal.lines[0] == "❯ hello 你")
        open_gate(env)
        terminal.shows("? keys")
        terminal.shows("❯ hello 你")


def test_text_typed_for_plain_mode_is_kept(env: dict[str, str]) -> None:
    with Terminal((sys.executable, "-c", GATED, "-m", "demo/tour", "--plain"), env=env, before="what is ") as terminal:
        open_gate(env)
        terminal.shows("what is")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("-m", "demo/tour", "--max-tokens", "many"), "--max-tokens"),
        (("--chat", "no such chat"), "no such chat"),
        (("--continue-cut", "often"), "--continue-cut"),
        (("--plain", "--think", "hard"), "--think"),
    ],
)
def test_text_typed_before_a_usage_error_is_shown(env: dict[str, str], arguments: tuple[str, ...], error: str) -> None:
    with Terminal((sys.executable, "-c", GATED, *arguments), env=env, before="my long ") as terminal:
        if "--plain" not in arguments:
            terminal.until(lambda: "❯ my long" in terminal.text)
        terminal.send("question")
        open_gate(env)
        terminal.leaves()
        assert terminal.code == 2
        assert error in terminal.text
        assert "Not sent: my long question" in terminal.text
        assert terminal.tty() == terminal.initial


def test_lines_typed_before_a_usage_error_are_shown_as_lines(env: dict[str, str]) -> None:
    arguments = ("--chat", "no such chat")
    with Terminal((sys.executable, "-c", GATED, *arguments), env=env, before="  def f():\n    return 1\n") as terminal:
        open_gate(env)
        terminal.leaves()
        assert terminal.text.rstrip().endswith("termchat: Not sent:\n  def f():\n    return 1")
