"""`termchat serve` as a process: its first line, its options, its stop, the ledger."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import httpx2
import pytest
import trustme

from tests.cli.conftest import Program
from tests.gateway import Reply, Stall, Text

TOKEN = "a-token-of-twenty-ch"


@contextmanager
def serving(program: Program, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], str, str]]:
    """Run the server; its process, address and token."""
    process = program.start("serve", "--port", "0", "-m", "xopenai/m", *arguments)
    try:
        assert process.stdout
        address, _, token = process.stdout.readline().decode().strip().partition("/#")
        yield process, address, token
    finally:
        process.kill()
        process.communicate()


def test_serve_with_certificate_speaks_tls_only(program: Program) -> None:
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(program.cwd / "cert.pem")
    made.private_key_pem.write_to_path(program.cwd / "key.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with serving(program, "--tls-cert", "cert.pem", "--tls-key", "key.pem") as (_, address, _):
        assert address.startswith("https://127.0.0.1:")
        assert httpx2.get(f"{address}/health", verify=context, trust_env=False, timeout=30).json() == {"status": "ok"}
        with pytest.raises(httpx2.HTTPError):
            httpx2.get(f"http{address[5:]}/health", trust_env=False, timeout=30)


def token_file(program: Program, text: str = TOKEN, mode: int = 0o600) -> str:
    file = program.cwd / "token"
    file.write_text(f"{text}\n")
    file.chmod(mode)
    return str(file)


def test_serve_stopped_by_signal_ends_streams_with_their_outcome(program: Program) -> None:
    program.gateway.reply(Reply(Text("half"), Stall()))
    body = {"message": "hi"}
    with serving(program, "--token-file", token_file(program)) as (process, address, token):
        assert token == TOKEN
        with (
            httpx2.Client(trust_env=False, timeout=20, headers={"x-api-key": token}) as client,
            client.stream("POST", f"{address}/api/chat/stream", json=body) as response,
        ):
            lines = (line for line in response.iter_lines() if line.startswith("data: "))
            assert json.loads(next(lines)[6:])["content"] == "half"
            os.kill(process.pid, signal.SIGTERM)
            end = json.loads(next(lines)[6:])
        assert (end["done"], end["outcome"], end["usage"]["estimated"]) == (True, "cancelled", True)
        assert "shuts down" in end["error"]
        assert process.wait(20) == 0
    usage = program.run("usage", "--json")
    assert [row["requests"] for row in json.loads(usage.out)] == [1]


ENDS = {
    "/v1/chat/completions": ({"messages": [{"role": "user", "content": "hi"}]}, '"code":"server_shutdown"'),
    "/v1/responses": ({"input": "hi"}, "event: response.failed"),
    "/v1/messages": ({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}, "event: error"),
}


def test_serve_stopped_by_signal_ends_streams_of_all_dialects_as_errors(program: Program) -> None:
    program.gateway.reply(*(Reply(Text("half"), Stall()) for _ in ENDS))
    with serving(program) as (process, address, token), ExitStack() as stack:
        client = stack.enter_context(httpx2.Client(trust_env=False, timeout=20, headers={"x-api-key": token}))
        streams: dict[str, Iterator[str]] = {}
        for path, (body, _) in ENDS.items():
            response = stack.enter_context(client.stream("POST", address + path, json={**body, "stream": True}))
            streams[path] = response.iter_lines()
            assert any("half" in line for line in streams[path])
        os.kill(process.pid, signal.SIGTERM)
        for path, lines in streams.items():
            rest = "\n".join(lines)
            assert ENDS[path][1] in rest
            assert "the server shuts down" in rest and "[DONE]" not in rest and "message_stop" not in rest
        assert process.wait(20) == 0


def test_serve_second_signal_ends_it_while_client_reads_nothing(program: Program) -> None:
    program.gateway.reply(Reply(Text(*("word " * 20_000 for _ in range(200)))))
    body = json.dumps({"message": "hi"}).encode()
    with serving(program) as (process, address, token):
        place = ("127.0.0.1", int(address.rpartition(":")[2]))
        head = f"POST /api/chat/stream HTTP/1.1\r\nhost: localhost\r\nx-api-key: {token}\r\n"
        with socket.create_connection(place, 20) as sock:
            sock.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            assert sock.recv(20)
            _wait(lambda: program.gateway.requests[-1].sent > 10 << 20)  # the buffers are full
            os.kill(process.pid, signal.SIGTERM)
            _wait(lambda: not listens(place))  # it has seen the first signal
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(20) == 128 + signal.SIGTERM
        assert process.stderr
        assert process.stderr.read() == b""


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)  # until the next look


def listens(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, 1).close()
    except OSError:
        return False
    return True


def test_serve_without_token_file_makes_new_token_at_each_start(program: Program) -> None:
    tokens = set[str]()
    for _ in range(2):
        with serving(program) as (_, address, token):
            assert httpx2.get(f"{address}/health", trust_env=False, timeout=30).status_code == 200
            tokens.add(token)
    assert len(tokens) == 2 and min(map(len, tokens)) >= 40


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "--insecure"),
        (["--host", "0.0.0.0", "--token-file", "FILE"], "without encryption"),
        (["--tls-cert", "x.pem"], "belong together"),
        (["--tls-cert", "x.pem", "--tls-key", "x.pem"], "Cannot use x.pem"),
        (["--token-file", "gone"], "Cannot read gone"),
        (["--token-file", "SHARED"], "chmod 600"),
        (["--token-file", "SHORT"], "at least 16"),
        (["--host", "nosuch.invalid", "--insecure"], "Cannot listen on nosuch.invalid"),
        (["--host", "127.0.0.1", "--port", "PORT"], "--port 0 picks a free one"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_serve_that_cannot_begin_says_why(
    program: Program,
    arguments: list[str],
    words: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from termchat.cli import run_command_line

    monkeypatch.chdir(program.cwd)
    files = {"FILE": (TOKEN, 0o600), "SHARED": (TOKEN, 0o644), "SHORT": ("short", 0o600)}
    given = [token_file(program, *files[word]) if word in files else word for word in arguments]
    given = [str(program.gateway.port) if word == "PORT" else word for word in given]
    assert run_command_line(["serve", "--port", "0", *given], program.env) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert words in err
