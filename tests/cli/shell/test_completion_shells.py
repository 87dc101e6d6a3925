"""Completion by Tab in real shells."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell.shells import HOSTILE, home_with_values, need, started

# Typed, then Tab; the completed line. A blank at the end shows that the value is complete.
LINES = [
    ("termchat -m qui", "termchat -m quick"),
    ("termchat -m box/ti", "termchat -m box/tiny-1"),
    ("termchat -m quick:hi", "termchat -m quick:high"),
    ("termchat --chat 7f", "termchat --chat 7f3a"),
    ("termchat -r rev", "termchat -r review"),
    ("termchat --set think=hi", "termchat --set think=high"),
    ("termchat --set top", "termchat --set top_p="),
    ("termchat --theme=dar", "termchat --theme=dark"),
    ("termchat --max-ro", "termchat --max-rounds"),
    ("termchat comple", "termchat completion"),
    ("termchat chats rest", "termchat chats restore"),
    ("termchat prompts show rev", "termchat prompts show review"),
]
# Words that are completed to a hostile value, and that value as an argument.
WORDS = [
    ("--chat \\$", "--chat", HOSTILE),
    ("-m box/b", "-m", "box/bad$(touch pwned)"),
    ("-f no", "-f", "notes $(touch pwned).md"),
]
SHOWS = {
    "bash": "show() { printf '<%s>' \"$@\"; echo; }; complete -F _termchat_complete show",
    "zsh": "show() { printf '<%s>' \"$@\"; echo; }; compdef _termchat show",
    "fish": "function show; printf '<%s>' $argv; echo; end; complete -c show -w termchat",
}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_tab_completes_each_kind_of_word_as_one_argument(shell: str, tmp_path: Path) -> None:
    need(shell)
    with started(shell, home_with_values(tmp_path)) as terminal:
        for typed, completed in LINES:
            terminal.send(f"{typed}\t")
            terminal.until(lambda completed=completed: terminal.row == completed)
            terminal.cleared()
        terminal.run(SHOWS[shell])
        terminal.cleared()
        for typed, option, value in WORDS:
            terminal.send(f"show {typed}\t")
            terminal.until(lambda typed=typed: len(terminal.row) > len(f"show {typed}") + 5)
            terminal.send("\r")
            terminal.shows(f"<{option}><{value}>")
            terminal.cleared()
    assert not [*tmp_path.rglob("pwned")]
