"""Real shells on a pseudo-terminal, with the scripts of termchat loaded and a home of their own."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from termchat.store.sqlite import db
from tests.pty.harness import ROOT, Terminal

PROMPT = "box>"
_QUOTED_PROMPT = "'bo''x> '"  # as it is typed, so that only the prompt itself reads "box>"
COMMANDS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}
_STARTS = {
    "bash": f"PS1={_QUOTED_PROMPT}; bind 'set bell-style none' 'set enable-bracketed-paste off'",
    "zsh": f"PROMPT={_QUOTED_PROMPT}; unsetopt beep prompt_sp; bindkey -e; autoload -U compinit; compinit -D",
    "fish": f"set -g fish_greeting; function fish_prompt; printf {_QUOTED_PROMPT}; end; "
    "function fish_right_prompt; end; set -g fish_autosuggestion_enabled 0",
}
_LOADS = {
    "bash": 'eval "$(termchat completion bash{flag})"',
    "zsh": 'eval "$(termchat completion zsh{flag})"',
    "fish": "termchat completion fish{flag} | source",
}
HOSTILE = "$(touch pwned); 'x' \"y\""  # the title of a chat


class Shell(Terminal):
    """A shell; `type_until` waits for the row of its prompt."""

    @property
    def row(self) -> str:
        """The last row that begins with the prompt, joined with the rows below it."""
        text = self.text
        return text[text.rindex(PROMPT) + len(PROMPT) :].strip() if PROMPT in text else ""

    def run(self, line: str, key: str = "\r") -> None:
        """Type a line, press a key that ends it, and wait for the next prompt."""
        self.send(line)
        self.until(lambda: self.row == line.strip())
        before = self.text.count(PROMPT)
        if key == "\x03":
            self.settled()  # bash loses its prompt if a signal comes while it reads keys
        self.send(key)
        self.until(lambda: self.row == "" and self.text.count(PROMPT) > before)

    def cleared(self) -> None:
        """Empty the line and the screen."""
        self.send("\x15" * 6 + "\x0c")  # a line of several rows is killed row by row
        self.until(lambda: self.text.strip() == PROMPT)


def need(shell: str) -> None:
    """Skip the test where the shell is not installed."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")


def home_with_values(folder: Path, config: str = "") -> dict[str, str]:
    """Fill a home with a model, an alias, a chat, a role and a file; return the variables of a shell in it."""
    for name in (".config/termchat/prompts", ".cache/termchat", ".local/share/termchat", "bin", "work"):
        (folder / name).mkdir(parents=True)
    (folder / ".config/termchat/config.toml").write_text(f'[aliases]\nquick = "box/tiny-1"\n{config}')
    (folder / ".config/termchat/config.toml").chmod(0o600)
    (folder / ".config/termchat/prompts/review.md").write_text("Review.\n")
    models = [{"id": "tiny-1"}, {"id": "bad$(touch pwned)"}, {"id": "ev\x1b[31mil"}]
    listing = {"box": {"asked": 1, "models": models}}
    (folder / ".cache/termchat/models.json").write_text(json.dumps(listing))
    (folder / "work" / "notes $(touch pwned).md").write_text("x")
    connection = db.open_file(folder / ".local/share/termchat/termchat.db").connection
    rows = [("7f3a" * 4, "Tea kettle"), ("9b1c" * 4, HOSTILE), ("aa0e" * 4, "an \x1b[31m escape")]
    connection.executemany("INSERT INTO chats (id, title, created, updated) VALUES (?, ?, 1, 1)", rows)
    connection.close()
    program = folder / "bin" / "termchat"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m termchat "$@"\n')
    program.chmod(0o755)
    path = f"{folder / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    return {"HOME": str(folder), "PATH": path, "ZDOTDIR": str(folder), "INPUTRC": "/dev/null", "LANG": "C.UTF-8"}


@contextmanager
def started(shell: str, env: dict[str, str], flag: str = "") -> Generator[Shell]:
    """Start a shell in the directory `work` of its home, with the completion script; `flag` adds to it."""
    command = COMMANDS[shell]
    with Shell(command, columns=100, rows=30, env=env) as terminal:
        terminal.send(f"{_STARTS[shell]}; cd ~/work\r")
        terminal.until(lambda: terminal.row == "" and PROMPT in terminal.text)
        terminal.cleared()
        terminal.run(_LOADS[shell].format(flag=flag))
        terminal.cleared()
        yield terminal
