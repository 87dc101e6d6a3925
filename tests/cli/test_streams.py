"""Standard streams, files and the working directory as scripts leave them: closed, full, endless, removed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import PATIENCE, Program
from tests.gateway import Reply, Text

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def shell(program: Program, script: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a bash script in which `termchat` is the program."""
    start = f'termchat() {{ "{sys.executable}" -m termchat "$@"; }}\n'
    path = {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        ["bash", "-c", start + script], env={**program.env, **path, **env}, cwd=program.cwd, capture_output=True,
        timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["config", "--version", "--help", "themes"])
@pytest.mark.parametrize(("sink", "why"), [(">&-", "bad file descriptor"), (">/dev/full", "no space left")])
def test_output_that_cannot_be_written_is_an_error(program: Program, command: str, sink: str, why: str) -> None:
    program.gateway.always(Reply.text("hello"))
    done = shell(program, f"termchat {command} {sink}")
    assert done.returncode == 1
    assert why in done.stderr.decode().lower()
    assert b"Traceback" not in done.stderr


def test_closed_reader_ends_listing_with_sigpipe_code(program: Program) -> None:
    done = shell(program, "{ sleep 0; termchat config; echo $? >&2; } | true")
    assert done.stderr.split()[-1] == b"141"


def test_all_streams_closed_write_nothing_into_database(program: Program) -> None:
    program.gateway.always(Reply.text("hello"))
    shell(program, "termchat -m xopenai/any hi <&- >&- 2>&-")
    assert program.run("chats", "--json").code == 0


@pytest.mark.parametrize("flags", [(), ("--no-tools",), ("--plain",)])
def test_removed_working_directory_is_no_failure(program: Program, flags: tuple[str, ...]) -> None:
    program.gateway.always(Reply.text("fine"))
    done = shell(program, f"mkdir gone; cd gone; rmdir ../gone; termchat -m xopenai/any {' '.join(flags)} hi")
    assert (done.returncode, done.stdout) == (0, b"fine"), done.stderr.decode()


@pytest.mark.parametrize(
    ("prepare", "why"),
    [("", "no such file"), ("mkdir here", "directory"), ("mkdir -p here; echo text > here/r", "exists")],
)
def test_recording_that_cannot_be_written_is_refused_before_the_request(
    program: Program, prepare: str, why: str
) -> None:
    file = {"no such file": "none/r", "directory": "here", "exists": "here/r"}[why]
    done = shell(program, f"{prepare}\ntermchat -m xopenai/any --record {file} hi; cat here/r 2>/dev/null")
    assert why in done.stderr.decode().lower()
    assert b"Traceback" not in done.stderr
    assert program.gateway.requests == []
    assert why != "exists" or done.stdout == b"text\n"


def test_recording_is_readable_by_its_owner_only(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    assert program.run("-m", "xopenai/any", "--record", "r.sse", "hi").code == 0
    assert (program.cwd / "r.sse").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("script", ["termchat -f /dev/zero hi", "yes | termchat hi"])
def test_endless_input_is_bounded(program: Program, script: str) -> None:
    done = shell(program, script.replace("termchat", "termchat -m xopenai/any"))
    assert done.returncode == 2
    assert b"larger than 32 MB" in done.stderr


@pytest.mark.parametrize("script", ["termchat batch /dev/urandom", "yes | termchat batch"])
def test_endless_lines_that_are_no_rows_end_a_batch(program: Program, script: str) -> None:
    done = shell(program, script.replace("batch", "batch -m xopenai/any"))
    assert done.returncode == 2
    assert b":10: " in done.stderr


def test_merge_refuses_a_pipe_without_waiting(program: Program) -> None:
    done = shell(program, "mkfifo pipe; termchat batch merge pipe")
    assert (done.returncode, b"Cannot read pipe: it is no regular file." in done.stderr) == (2, True)


def test_device_as_standard_input_is_not_read(program: Program) -> None:
    program.gateway.reply(Reply.text("fine"))
    done = shell(program, "termchat -m xopenai/any hi < /dev/zero")
    assert (done.returncode, done.stdout) == (0, b"fine"), done.stderr.decode()


def test_process_substitution_is_attached(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    done = shell(program, "termchat -m xopenai/any -f <(printf 'a'; sleep 0.3; printf 'b') hi")
    assert done.returncode == 0, done.stderr.decode()
    assert "ab" in str(program.gateway.asked[0].body)


@pytest.mark.parametrize(
    ("script", "step"),
    [
        ("mkfifo silent; termchat --stdin-timeout 0.3 -f silent hi", "--stdin-timeout"),
        (
            "mkfifo silent; exec 3<>silent; echo a >&3; termchat --stdin-timeout 0.3 -f silent hi",
            "--stdin-timeout",
        ),
        ("termchat -f /dev/zero hi", "head -c"),
        ("printf '\\377\\376' > latin; termchat -f latin hi", "iconv"),
        ("termchat -f missing hi", "Check the file name after -f."),
    ],
)
def test_attachment_that_cannot_be_read_names_the_step_that_helps(program: Program, script: str, step: str) -> None:
    done = shell(program, script.replace("termchat", "termchat -m xopenai/any"))
    assert done.returncode == 2
    assert step in done.stderr.decode()
    assert ("after -f" in done.stderr.decode()) == ("missing" in script)


@pytest.mark.parametrize(
    ("data", "sent", "said"),
    [
        (b"\x1b[31mred\x1b[0m\n", "\u241b[31mred\u241b[0m", "symbols"),
        (b"a\tb\r\nc\n", "a\\tb\\r\\nc", ""),
        (PNG, "image/png", ""),
    ],
)
def test_standard_input_is_shown_as_it_is(program: Program, data: bytes, sent: str, said: str) -> None:
    program.gateway.reply(Reply.text("ok"))
    done = program.run("-m", "xopenai/any", "look", stdin=data)
    assert done.code == 0, done.err
    assert sent in str(program.gateway.asked[0].body)
    assert said in done.err


@pytest.mark.parametrize("way", ["stdin", "file"])
def test_binary_input_is_named_as_such(program: Program, way: str) -> None:
    (program.cwd / "x.bin").write_bytes(b"ab\0cd")
    arguments = ("look",) if way == "stdin" else ("-f", "x.bin", "look")
    done = program.run("-m", "xopenai/any", *arguments, stdin=b"ab\0cd" if way == "stdin" else None)
    assert done.code == 2
    assert "binary" in done.err


def test_prompt_argument_is_utf8_in_every_locale(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    env = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    assert program.run("-m", "xopenai/any", "grüße 你好", env=env).code == 0
    assert "grüße 你好" in str(program.gateway.asked[0].body)
    assert program.run("config", env=env).code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_key_command_does_not_hold_up_the_exit(program: Program, number: signal.Signals) -> None:
    program.configure('[providers.slow]\nkey = "cmd:touch began; exec sleep 300"\nopenai = "http://127.0.0.1:1/v1"\n')
    running = program.start("-m", "slow/any", "hi")
    deadline = time.monotonic() + PATIENCE
    while not (program.home / "began").exists():
        assert time.monotonic() < deadline
        os.sched_yield()
    began = time.monotonic()
    running.send_signal(number)
    running.communicate(timeout=PATIENCE)
    assert time.monotonic() - began < 10
    assert running.returncode in (130, 143)


def test_disk_that_fills_up_is_told_at_once_and_at_the_end(program: Program) -> None:
    program.gateway.reply(Reply.text("fits"), Reply(Text(*["word " * 100] * 400)))
    done = shell(program, "ask() { termchat -m xopenai/any -p hi; }; ask; ulimit -f 160; ask")
    assert done.stdout.decode() == "fits" + "word " * 40_000
    told = [line for line in done.stderr.decode().splitlines() if "Chats cannot be saved" in line]
    assert 1 <= len(told) <= 2
    assert all(line.startswith("termchat: ") for line in done.stderr.decode().splitlines())
