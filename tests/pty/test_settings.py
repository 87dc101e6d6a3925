"""Test settings, themes, copying and prompt search in the program with the guide `demo/tour` as its model."""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path

from tests.pty.harness import Terminal

COMMAND = (sys.executable, "-m", "termchat", "-m", "demo/tour")
NORD, SOLARIZED = "136;192;208", "42;161;152"  # RGB of the accent color of each theme


def program(home: Path, text: str = '# mine\ntheme = "nord"\n', *, plain: bool = False, **env: str) -> Terminal:
    file = home / ".config" / "termchat" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    given = {"HOME": str(home), "TERMCHAT_DEMO_SPEED": "0", "COLORTERM": "truecolor", "SSH_TTY": "/dev/pts/0", **env}
    return Terminal((*COMMAND, "--plain") if plain else COMMAND, env=given, rows=40)


def test_set_takes_effect_at_once_and_save_writes_config(tmp_path: Path) -> None:
    with program(tmp_path) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/set think hard\r")
        terminal.shows("think must be one of off, minimal, low, medium, high, xhigh, max")
        terminal.send("/think high\r")
        terminal.shows("think = high · in this chat")
        terminal.send("/set usage off\r")
        terminal.shows("usage = off · until you exit")
        terminal.send("hello\r")
        terminal.until(lambda: "built-in guide" in terminal.text and "Ask anything" in terminal.text)
        assert " out · " not in terminal.text
        terminal.send("/set enter newline --save\r")
        terminal.shows("enter = newline · saved in")
        terminal.shows("Enter breaks the line now, and Alt-Enter sends.")
        terminal.shows("Ask anything · Alt-Enter sends · / commands · ? keys")
        terminal.send("one\rtwo")
        terminal.shows("❯ one\n  two")
        terminal.send("\x1b\r")
        terminal.shows("— the guide")
        assert (tmp_path / ".config/termchat/config.toml").read_text() == (
            '# mine\ntheme = "nord"\nenter = "newline"\n'
        )


def test_resumed_chat_restores_think_setting(tmp_path: Path) -> None:
    with program(tmp_path) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/think high\r")
        terminal.shows("think = high")
        terminal.send("hello\r")
        terminal.until(lambda: "built-in guide" in terminal.text and "Ask anything" in terminal.text)
        terminal.quits()
    with program(tmp_path) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/open hello\r")
        terminal.prints("— resumed")
        terminal.send("/set think\r")
        terminal.shows("think = high  (this chat)")


def test_theme_list_previews_selection_and_enter_applies_it(tmp_path: Path) -> None:
    with program(tmp_path) as terminal:
        terminal.shows("Ask anything")
        assert NORD.encode() in terminal.output
        for end, kept in (("\x1b", NORD), ("\r", SOLARIZED)):
            terminal.send("/theme\r")
            terminal.shows("❯ nord  dark · current")
            terminal.shows("Title text strong")
            seen = len(terminal.output)
            terminal.send("\x1b[B")
            terminal.shows("❯ solarized-dark")
            terminal.until(lambda seen=seen: SOLARIZED.encode() in terminal.output[seen:])
            terminal.send(end)
            terminal.shows("❯ Ask anything")
            terminal.settled()
            seen = len(terminal.output)
            terminal.send("\x0c")
            terminal.until(lambda kept=kept, seen=seen: kept.encode() in terminal.output[seen:])
        terminal.shows("theme = solarized-dark · until you exit · /set theme --save saves it")
        assert (tmp_path / ".config/termchat/config.toml").read_text() == '# mine\ntheme = "nord"\n'


def test_copy_over_ssh_uses_osc_52(tmp_path: Path) -> None:
    with program(tmp_path) as terminal:
        terminal.shows("Ask anything")
        terminal.send("show markdown\r")
        terminal.until(lambda: "The end." in terminal.text and "Ask anything" in terminal.text)
        terminal.send("/copy 1\r")
        terminal.shows("(code block 1) · through the terminal")
        terminal.until(lambda: re.search(rb"\x1b\]52;c;[A-Za-z0-9+/=]*\x07", terminal.output) is not None)
        sent = re.search(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", terminal.output)
        assert sent
        assert base64.b64decode(sent[1]).startswith(b"def greet")
        assert "52;c;" not in terminal.text


def test_ctrl_r_finds_prompt_of_earlier_run_by_letters(tmp_path: Path) -> None:
    with program(tmp_path) as terminal:
        terminal.shows("Ask anything")
        for text in ("which models are there", "how do I copy"):
            terminal.send(f"{text}\r")
            terminal.shows(f"❯ {text}")
            terminal.until(lambda text=text: " out · " in terminal.text.rpartition(f"❯ {text}")[2])
        terminal.quits()
    with program(tmp_path) as terminal:
        terminal.shows("Ask anything")
        terminal.send("a draft")
        terminal.shows("❯ a draft")
        # the prompts of earlier runs load in the background
        terminal.until(lambda: terminal.send("\x12") or "which models are there  just now" in terminal.text)
        terminal.send("\x1b")
        terminal.until(lambda: "❯ a draft" in terminal.lines)
        terminal.send("\x12")
        terminal.shows("❯ how do I copy")
        terminal.send("wmt")
        terminal.shows("❯ which models are there")
        terminal.send("\r")
        terminal.until(lambda: "History" not in terminal.text and "❯ which models are there" in terminal.lines)


def test_plain_set_theme_and_copy_write_no_escape_sequence(tmp_path: Path) -> None:
    with program(tmp_path, plain=True, TERM="dumb", TMPDIR=str(tmp_path)) as terminal:
        terminal.shows("type /login")
        terminal.send("/set usage off\r")
        terminal.shows("usage = off · until you exit")
        terminal.send("/theme\r")
        terminal.shows("Type a number and press Enter")
        terminal.send("1\r")
        terminal.shows("theme = auto · until you exit")
        terminal.send("hello\r")
        terminal.shows("built-in guide")
        terminal.send("/copy\r")
        terminal.shows("No clipboard is available; saved to")
        assert b"\x1b" not in terminal.output
        assert list(tmp_path.glob("termchat-*.md"))
