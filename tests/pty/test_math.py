"""Test formulas on the screen, and the setting that turns them off."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.pty.harness import Terminal


def test_formula_is_unicode_until_setting_math_is_false(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "TERMCHAT_DEMO_SPEED": "0"}
    with Terminal((sys.executable, "-m", "termchat", "-m", "demo/tour"), env=env, rows=60) as terminal:
        terminal.shows("Ask anything")
        terminal.send("show markdown\r")
        terminal.shows("x = ──────")
        terminal.shows("e^(iπ) + 1 = 0")
        terminal.shows("tour · ~")
        terminal.send("/set math false\r")
        terminal.shows("math = false")
        terminal.send("show markdown\r")
        terminal.shows("$e^{i\\pi} + 1 = 0$")
        terminal.shows("\\frac{-b \\pm")
        terminal.send("/exit\r")
        assert terminal.leaves() == 0
