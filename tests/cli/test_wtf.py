"""`termchat wtf` in a real shell inside tmux, and outside of it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from uuid import uuid4

import pytest

from tests.cli.conftest import Program
from tests.gateway import Reply


def test_wtf_outside_of_tmux_says_what_to_do(program: Program) -> None:
    done = program.run("wtf")
    assert (done.code, done.out) == (1, b"")
    assert "does not run in tmux" in done.err
    assert 'COMMAND 2>&1 | termchat "what went wrong?"' in done.err
    assert not program.gateway.asked


def test_wtf_help_names_its_arguments(program: Program) -> None:
    done = program.run("wtf", "--help")
    assert done.code == 0
    assert "QUESTION" in done.out.decode()


@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")
def test_wtf_in_tmux_sends_command_and_output(program: Program) -> None:
    program.gateway.reply(Reply.text("It is no file."))
    socket = f"termchat-{uuid4().hex[:8]}"

    def tmux(*arguments: str) -> str:
        done = subprocess.run(["tmux", "-L", socket, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def until(text: str) -> None:
        end = time.monotonic() + 40
        while text not in tmux("capture-pane", "-p"):
            assert time.monotonic() < end, tmux("capture-pane", "-p")
            time.sleep(0.02)  # poll interval; tmux offers no event to wait for

    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in {**program.env, "PS1": "box $ "}.items())
    alias = f'termchat() {{ {shlex.join(program.command())} "$@"; }}'
    shell = f'env -i TMUX="$TMUX" TMUX_PANE="$TMUX_PANE" {variables} TERM=xterm bash --norc --noprofile'
    try:
        tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "40", "-c", str(program.cwd), shell)
        until("box $")
        tmux("send-keys", alias, "Enter", "clear", "Enter")
        tmux("send-keys", "echo 4$((1+1)) is missing", "Enter")
        until("42 is missing\nbox $")  # keys before the prompt would be echoed without it
        tmux("send-keys", "termchat wtf -m xopenai/m", "Enter")
        until("It is no file.")
    finally:
        subprocess.run(["tmux", "-L", socket, "kill-server"], capture_output=True, check=False)
    (request,) = program.gateway.asked
    asked = str(request.body)
    assert "echo 4$((1+1)) is missing" in asked
    assert "42 is missing" in asked
    assert "termchat wtf" not in asked
