"""No escape sequence from outside reaches a terminal from a command, on either stream; a pipe gets the exact reply."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from dataclasses import dataclass, replace

import httpx2
import pytest

from tests.cli.conftest import PROTOCOLS, Program
from tests.cli.scripts.test_serve import serving
from tests.fork_server import ROOT, ProgramProcess, run_program
from tests.gateway import Call, Citation, ErrorEvent, Reasoning, Reply, Text, fault
from tests.gateway.answers import Answer
from tests.trust.conftest import ALL, ARGUMENT, BAD_CONFIGS
from tests.trust.escapes import INVISIBLE, PAYLOADS, all_payloads, foreign

CHUNKS = Reply(Reasoning(*ALL), Text(*ALL))  # each character is an event of its own
EXACT = ALL.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


@dataclass(frozen=True)
class Sink:
    """A command whose output has the payloads.

    answers   of the server
    exact     standard output is the reply, byte by byte
    raw       standard output has bytes of the reply, or of a file of the user, as they are
    env       a variable and the file or folder that it names
    """

    name: str
    arguments: tuple[str, ...]
    answers: tuple[Answer, ...] = ()
    exact: bool = False
    raw: bool = False
    env: tuple[str, str] | None = None

    def __str__(self) -> str:
        return self.name.encode("ascii", "ignore").decode()


def ask(*arguments: str, protocol: str = "openai") -> tuple[str, ...]:
    return ("-m", f"x{protocol}/any", *arguments)


def of_protocol(protocol: str) -> list[Sink]:
    """Return the sinks of what a server may say in each protocol."""
    question = ask("hi", protocol=protocol)
    tools = ask("--tools", "all", "-v", "hi", protocol=protocol)
    done = Reply.text("done")
    return [
        Sink(f"reply {protocol}", question, (CHUNKS,), exact=True),
        Sink(f"error {protocol}", question, (fault.status(400, message=ALL),)),
        Sink(f"error event {protocol}", question, (Reply(Text("x"), ErrorEvent(message=ALL)),)),
        Sink(f"end {protocol}", question, (Reply(Text("x"), finish=ALL),)),
        Sink(f"call {protocol}", tools, (Reply(Call("run_shell", {"command": ALL, "path": ALL})), done)),
        Sink(f"name of call {protocol}", tools, (Reply(Call(ALL[:60], "{" + ALL)), done)),
    ]


def files_call(tool: str, **arguments: str) -> tuple[Answer, ...]:
    return Reply(Call(tool, arguments)), Reply.text("done")


REPLIES = [
    *(sink for protocol in PROTOCOLS for sink in of_protocol(protocol)),
    Sink("raw reply", ask("--raw", "hi"), (CHUNKS,), exact=True),
    Sink("json", ask("--json", "hi"), (CHUNKS,)),
    Sink("ndjson", ask("--ndjson", "hi"), (CHUNKS,)),
    Sink("code block", ask("-x", "hi"), (Reply(Text(f"~~~\n{ALL}\n~~~\n")),), raw=True),
    Sink("citation", ask("hi", protocol="anthropic"), (Reply(Text("x"), Citation(f"https://e.com/{ALL}", ALL)),)),
    Sink("names of files", ask("--tools", "read", "-v", "hi"), files_call("list_directory", path="names")),
    Sink("text of a file", ask("--tools", "read", "-v", "hi"), files_call("read_file", path="text")),
    Sink(
        "function", ask("--functions", "evil.py", "--tools", "all", "--allow", "evil", "hi"), files_call("evil", x="1")
    ),
    Sink("unknown model", ("-m", "xopenai/m33", "x"), (fault.status(404, message=ALL),)),
    Sink("schema", ask("--schema", "name, age int", "x"), (CHUNKS,), raw=True),
    Sink("dry run", ask("--dry-run", ARGUMENT)),
    Sink("suggest", ("suggest", *ask("x")), (Reply(Text(f"```sh\n{ALL}\n```\n{ALL}")),)),
    Sink("wtf", ("wtf", *ask(ARGUMENT)), (CHUNKS,), exact=True, env=("TERMCHAT_SHELL", "last")),
]
ARGUMENTS = [
    Sink(f"argument {' '.join(words)[:30]}", words)
    for words in (
        (f"--{ARGUMENT}",),
        ("--max-tokens", ARGUMENT, "x"),
        ("--theme", ARGUMENT, "x"),
        ("--set", f"{ARGUMENT}={ARGUMENT}", "x"),
        ("--chat", ARGUMENT, "x"),
        ("-f", ARGUMENT[:200], "x"),
        ("-f", "names/*", "x"),
        ("-r", ARGUMENT, "x"),
        ("-m", ARGUMENT, "x"),
        ("--allow", ARGUMENT, "x"),
        ("--functions", ARGUMENT, "x"),
        ("--schema", ARGUMENT, "x"),
        ("--base-url", f"http://{ARGUMENT}", "-m", "x", "x"),
        ("--key", f"file:{ARGUMENT}", "--base-url", "http://127.0.0.1:1/v1", "-m", "x", "x"),
        ("chats", f"--{ARGUMENT}"),
        ("usage", "--by", ARGUMENT),
        ("replay", ARGUMENT),
        ("replay", "text"),
        ("completion", ARGUMENT),
        ("login", ARGUMENT),
        ("mcp", "test", ARGUMENT),
        ("mcp", "import", "evil.json"),
        ("prompts", "new", ARGUMENT),
        ("serve", "--host", ARGUMENT, "--port", "0"),
        ("batch", ARGUMENT),
        ("batch", *ask("text")),
    )
]
CONFIGS = [
    Sink(f"{' '.join(words)} {folder}", words, env=("XDG_CONFIG_HOME", folder))
    for folder in BAD_CONFIGS
    for words in (("config",), ask("--tools", "read", "hi"))
]
LISTINGS = [
    Sink(" ".join(words), words, raw=words[:2] == ("prompts", "show"))
    for words in (
        ("chats",),
        ("chats", "owned"),
        *(("chats", "export", "--format", form) for form in ("md", "txt", "html", "json")),
        ("chats", "import", "text"),
        ("usage",),
        ("usage", "--by", "chat"),
        ("models", "--fresh"),
        ("models", "--json"),
        ("config",),
        ("doctor",),
        ("doctor", "--json"),
        ("tools", "--functions", "evil.py"),
        ("mcp",),
        ("mcp", "test", "program"),
        ("prompts",),
        ("prompts", "show", "evil"),
        ("themes",),
        ("completion", "--words", "zsh", "chats", "export", ""),
        ("--help",),
    )
]


@pytest.mark.xdist_group("escapes")
@pytest.mark.parametrize("sink", [*REPLIES, *ARGUMENTS, *CONFIGS, *LISTINGS], ids=str)
def test_escape_from_outside_reaches_no_terminal(hostile: Program, sink: Sink) -> None:
    changed = {sink.env[0]: str(hostile.cwd / sink.env[1])} if sink.env else {}
    program = replace(hostile, env={**hostile.env, **changed})
    hostile.gateway.forget()
    hostile.gateway.reply(*sink.answers, *sink.answers)
    shown = on_terminal(program, sink.arguments)
    assert foreign(shown) == []
    done = run_program(program.command(*sink.arguments), env=program.env, cwd=program.cwd)
    assert foreign(done.stderr) == []
    assert hostile.gateway.unused == 0
    assert b"Traceback" not in shown + done.stderr
    if sink.exact:
        assert done.stdout == EXACT
    elif not sink.raw:
        assert foreign(done.stdout) == []


@pytest.mark.xdist_group("escapes")
def test_server_writes_no_escape_from_outside(hostile: Program) -> None:
    with serving(hostile) as (process, address, token):
        for answer in (fault.status(400, message=ALL), Reply(Text("x"), ErrorEvent(message=ALL)), CHUNKS):
            hostile.gateway.forget()
            hostile.gateway.reply(answer)
            asked = {
                "model": "xopenai/any",
                "messages": [{"role": "user", "content": ALL.encode("utf-8", "replace").decode()}],
            }
            for model in ("xopenai/any", ARGUMENT.encode("utf-8", "replace").decode()):
                reply = httpx2.post(
                    f"{address}/v1/chat/completions", json={**asked, "model": model}, timeout=30, trust_env=False,
                    headers={"Authorization": f"Bearer {token}"},
                )  # fmt: skip
                assert b"\x1b" not in reply.content  # JSON escapes it
        process.terminate()
        out, error = process.communicate(timeout=30)
    assert foreign(out or b"") == []
    assert foreign(error) == []


def on_terminal(program: Program, arguments: tuple[str, ...]) -> bytes:
    """Run a command whose standard output and standard error are a terminal; return what it wrote."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = {**program.env, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    with ProgramProcess(
        program.command(*arguments), stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=program.cwd, env=env
    ):
        os.close(theirs)
        output = b""
        while piece := _read(ours):
            output += piece
    os.close(ours)
    return output


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError:  # the last process has closed the terminal
        return b""


def test_check_of_output_finds_each_payload() -> None:
    assert len(PAYLOADS) >= 50
    for name, payload in PAYLOADS.items():
        if name == "csi synchronized":  # termchat writes it itself
            continue
        assert foreign(f"a{payload}b".encode("utf-8", "surrogatepass")), name
    assert foreign(all_payloads().encode("utf-8", "surrogatepass"))
    assert not foreign("".join(INVISIBLE.values()).encode())
    assert not foreign(b"\x1b[1mtext\x1b[0m\r\n\x1b]8;;https://example.com/a\x1b\\a\x1b]8;;\x1b\\")
    assert foreign(b"\x1b]8;;file:///etc/passwd\x1b\\a\x1b]8;;\x1b\\")
    for count in range(1, 200):  # moves of the cursor as long as a wide screen
        assert not foreign(b"\x1b[%dC\x1b[%dD\x1b[%dA\x1b[%dB" % ((count,) * 4))
