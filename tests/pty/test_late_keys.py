"""A key for a list that has just closed by itself reaches neither the draft nor the turn."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

CTRL_O, ESC = "\x0f", "\x1b"


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 20)])
@pytest.mark.parametrize("flags", ["patient", "patient vi"])
def test_keys_for_a_list_of_calls_that_has_closed_do_nothing(
    tmp_path: Path, columns: int, rows: int, flags: str
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    env = {"TESTFLAGS": flags, "TESTTOOL": str(gate)}
    with Terminal(columns=columns, rows=rows, env=env) as terminal:
        terminal.shows("Ask anything")
        terminal.send("tool wait\r")
        terminal.shows("running 1 tool")
        terminal.send("draft")
        terminal.shows("❯ draft")
        terminal.send(CTRL_O)
        terminal.shows("x cancels")
        os.close(os.open(gate, os.O_WRONLY))
        terminal.shows("the tool said")
        terminal.until(lambda: "x cancels" not in terminal.text)
        terminal.send("xx")
        terminal.shows("That key came too late")
        terminal.send(ESC)
        terminal.send("z")
        terminal.shows("❯ draftz")
        assert "Esc again clears" not in terminal.text
        assert "xx" not in terminal.text


def test_escape_of_vi_mode_closes_the_menu_and_stays_in_the_text() -> None:
    with Terminal(env={"TESTFLAGS": "vi"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/the")
        terminal.shows("❯ /theme")
        terminal.send(ESC)
        terminal.until(lambda: "change the theme" not in terminal.text)
        terminal.send("x")
        terminal.shows("❯ /thex")
        terminal.send("\x15?")
        terminal.shows("show all keys")
        terminal.send(ESC)
        terminal.until(lambda: "show all keys" not in terminal.text)
        terminal.send("y")
        terminal.shows("❯ y")
