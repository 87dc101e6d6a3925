"""The last command of a shell is found on the screen that tmux keeps."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.app.shell.last_command import LastCommand, find_last_command, last_command, question
from termchat.core.errors import Failure
from termchat.core.sanitize import safe

PROMPTS = (
    ("$ ", "$ "),
    ("user@host:~/a$ ", "user@host:~/other/place$ "),
    ("❯ ", "❯ "),
    ("➜  proj git:(main) ✗ ", "➜  proj git:(other) ✗ "),
    ("(venv) me@box work % ", "(venv) me@box proj % "),
    ("root@1f2e:/# ", "root@1f2e:/srv# "),
    ("[14:02:11] ~/x > ", "[14:03:59] ~/y > "),
)


@pytest.mark.parametrize(("before", "after"), PROMPTS)
def test_command_is_found_by_the_shape_of_its_prompt(before: str, after: str) -> None:
    screen = f"{before}ls\na b\n{before}make  test\ncc -o x\nerror: no x\n\n{after}termchat wtf\n\n\n"
    assert find_last_command(screen) == LastCommand(safe("make  test"), safe("cc -o x\nerror: no x"))


@pytest.mark.parametrize(
    ("screen", "expected"),
    [
        ("$ make\nbad\n$ \n$ termchat wtf", ("make", "bad")),
        ("$ make\nbad\n$ termchat wtf\nBecause.\n$ termchat wtf -m gpt why", ("make", "bad")),
        ("$ true\n$ wtf", ("true", "")),
        ("$ make        14:02\nbad\n$ .venv/bin/termchat wtf    14:03", ("make", "bad")),
        ("~/a main\n❯ make\nbad\n~/a main\n❯ termchat wtf", ("make", "bad")),
        ("$ echo '$ x'\n$ x\n$ termchat wtf", ("x", "")),
        ("$ termchat wtf", None),
        ("output without a prompt\n$ termchat wtf", None),
        ("", None),
        ("termchat wtf", None),
    ],
)
def test_find_last_command_returns_command_and_output(screen: str, expected: tuple[str, str] | None) -> None:
    found = find_last_command(screen)
    assert (found and (found.command, found.output)) == expected


@given(
    st.sampled_from(PROMPTS),
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=30), max_size=6),
)
def test_output_between_two_prompts_is_never_taken_for_a_command(prompts: tuple[str, str], rows: list[str]) -> None:
    before, after = prompts
    rows = [f"| {row}" for row in rows]
    screen = "\n".join([f"{before}first", "x", f"{before}second", *rows, f"{after}termchat wtf"])
    found = find_last_command(screen)
    assert found
    assert found.command == "second"
    assert found.output == safe("\n".join(row.rstrip() for row in rows))


def test_question_fences_output_that_has_fences() -> None:
    asked = question(LastCommand(safe("cat a.md"), safe("```py\nx\n```")))
    assert "````\n```py\nx\n```\n````" in asked
    assert "What does it mean?" in asked
    assert question(LastCommand(safe("true"), safe("")), "why?").endswith("It printed nothing.\n\nwhy?")


def test_question_cuts_the_middle_of_a_long_output() -> None:
    asked = question(LastCommand(safe("x"), safe("\n".join(f"row {n}" for n in range(30_000)))))
    assert len(asked) < 70_000
    assert "row 0\n" in asked
    assert "row 29999\n" in asked
    assert "characters left out" in asked


def test_shell_outside_of_tmux_gets_a_sentence_and_a_way_on() -> None:
    failure = last_command({})
    assert isinstance(failure, Failure)
    assert "does not run in tmux" in failure.message
    assert "2>&1 | termchat" in failure.hint


def test_tmux_that_is_gone_gets_a_sentence(tmp_path: Path) -> None:
    env = {"TMUX": f"{tmp_path}/nowhere,1,0", "TMUX_PANE": "%0", "PATH": os.environ["PATH"]}
    failure = last_command(env)
    assert isinstance(failure, Failure)
    assert "tmux does not answer" in failure.message


@pytest.fixture
def socket() -> Iterator[str]:
    name = f"termchat-{uuid4().hex[:8]}"
    yield name
    subprocess.run(["tmux", "-L", name, "kill-server"], capture_output=True, check=False)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")
def test_last_command_reads_the_pane_of_a_real_shell(socket: str) -> None:
    def tmux(*arguments: str) -> str:
        done = subprocess.run(["tmux", "-L", socket, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def until_screen_ends(text: str) -> None:
        end = time.monotonic() + 60
        while not (screen := tmux("capture-pane", "-p").rstrip()).endswith(text):
            assert time.monotonic() < end, screen
            time.sleep(0.02)  # poll interval; tmux offers no event to wait for

    shell = "env LC_ALL=C PS1='me@box:\\w$ ' bash --norc --noprofile"
    tmux("-f", "/dev/null", "new-session", "-d", "-x", "60", "-y", "20", shell)
    until_screen_ends("$")
    tmux("send-keys", "cd /; echo one; ls /no/such/$((40+2)) # a long command that is wrapped at the edge", "Enter")
    # Keys before the prompt would be echoed twice: by the terminal, without a prompt, and by the shell.
    until_screen_ends("No such file or directory\nme@box:/$")
    tmux("send-keys", "-l", "termchat wtf")
    until_screen_ends("\nme@box:/$ termchat wtf")
    env = {
        "TMUX": f"{tmux('display-message', '-p', '#{socket_path}').strip()},1,0",
        "TMUX_PANE": tmux("display-message", "-p", "#{pane_id}").strip(),
        "PATH": os.environ["PATH"],
    }
    found = last_command(env)
    assert isinstance(found, LastCommand)
    assert found.command.startswith("cd /; echo one; ls /no/such/$((40+2)) # a long command")
    assert (found.output or "").split("\n")[0] == "one"
    assert "/no/such/42" in (found.output or "")
