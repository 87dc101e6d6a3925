"""One-shots need nothing that only POSIX has."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import PATIENCE, PROTOCOLS, Done, Program
from tests.gateway import Call, Reply, Stall, Text
from tests.pty.harness import Terminal


def _run(program: Program, *arguments: str, stdin: bytes | None = None) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.without_posix", *arguments],
        input=stdin if stdin is not None else b"", capture_output=True, cwd=Path(__file__).parents[2],
        env={**program.env, "PYTHONPATH": str(Path(__file__).parents[2])}, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr.decode())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_oneshot_without_posix_prints_and_saves_reply(program: Program, protocol: str, tmp_path: Path) -> None:
    program.gateway.reply(Reply(Text("x" * 200_000)))
    (tmp_path / "notes.md").write_text("some notes")
    done = _run(program, "-m", f"x{protocol}/any", "-f", str(tmp_path / "notes.md"), "hello", stdin=b"from a pipe")
    assert (done.code, done.out, done.err) == (0, b"x" * 200_000, "")
    listed = _run(program, "chats")
    assert (listed.code, listed.err) == (0, "")
    assert b"hello" in listed.out


def test_prompt_without_arguments_and_posix_is_answered(program: Program) -> None:
    program.env["TERMCHAT_MODEL"] = "xopenai/any"
    program.gateway.reply(Reply.text("ok"))
    done = _run(program, stdin=b"what is this?")
    assert (done.code, done.out, done.err) == (0, b"ok", "")


def test_tool_without_posix_reads_file(program: Program) -> None:
    program.gateway.reply(Reply(Call("read_file", {"path": "README.md"})), Reply.text("read"))
    done = _run(program, "-m", "xopenai/any", "--tools", "read", "read it")
    assert (done.code, done.out) == (0, b"read")
    assert "● read_file" in done.err


def test_stdin_timeout_without_posix_ends_the_wait(program: Program) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.without_posix", "-m", "xopenai/any", "--stdin-timeout", "0.2", "hello"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=program.env,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stderr
    assert b"silent for 0.2 s" in process.stderr.read()
    assert process.wait(PATIENCE) == 2
    process.communicate()


def test_ctrl_c_without_posix_keeps_received_text(program: Program) -> None:
    program.gateway.reply(Reply(Text("so far"), Stall()))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.without_posix", "-m", "xopenai/any", "hello"], env=program.env,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.read(6) == b"so far"
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 130
    assert b"Traceback" not in process.communicate()[1]


def test_chat_without_posix_terminal_is_declined_with_next_step(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "tests.cli.without_posix")
    with Terminal(command, env={"HOME": str(tmp_path)}) as terminal:
        assert terminal.leaves() == 2
    assert "WSL" in terminal.text
    assert "Traceback" not in terminal.text
