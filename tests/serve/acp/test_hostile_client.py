"""Input that no editor sends: the agent answers or ignores each message, and goes on in silence."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from termchat.core.events import (
    Event,
    MessageDone,
    ReasoningDelta,
    StepStarted,
    Streamed,
    TextBecameReasoning,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from termchat.core.messages import Message, Role
from termchat.core.sanitize import repair_surrogates
from termchat.core.usage import Usage
from termchat.serve.acp.turn_updates import TurnUpdates
from tests.cli.conftest import PATIENCE, Program
from tests.fork_server import ProgramProcess

LONG_NAME = b'{"name":"%s","command":"x","args":[],"env":[]}' % (b"n" * 40)
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": 99}}
MESSAGES: list[tuple[bytes, int | None]] = [  # a line, and the code of the error that answers it, None for none
    (b"garbage", -32700),
    (b"{", -32700),
    (b"\xff\xfe", -32700),
    (b"[" * 100_000, -32700),
    (b"1" * 5_000, -32700),
    (b"[]", -32600),
    (b'[{"jsonrpc":"2.0","id":1,"method":"session/list"}]', -32600),
    (b"null", -32600),
    (b"{}", -32600),
    (b'{"id":{},"method":"session/list"}', -32600),
    (b'{"id":true,"method":"session/list"}', -32600),
    (b'{"id":5,"method":7}', -32600),
    (b'{"id":5,"method":"session/list","params":[1]}', -32600),
    (b'{"id":5,"error":"text"}', -32600),
    (b'{"id":5,"method":"initialize","params":{"protocolVersion":"one"}}', -32602),
    (b'{"id":5,"method":"nosuch"}', -32601),
    (b'{"id":5,"method":"_vendor/thing","params":{}}', -32601),
    (b'{"id":5,"method":"session/fork","params":{"cwd":"/","sessionId":"a","mcpServers":[]}}', -32601),
    (b'{"id":5,"method":"session/new","params":{}}', -32602),
    (b'{"id":5,"method":"session/new","params":{"cwd":"relative","mcpServers":[]}}', -32602),
    (b'{"id":5,"method":"session/new","params":{"cwd":"/nosuch\\u001b[2J","mcpServers":[]}}', -32602),
    (b'{"id":5,"method":"session/new","params":{"cwd":"/\\u0000","mcpServers":[]}}', -32602),
    (b'{"id":5,"method":"session/new","params":{"cwd":"/%s","mcpServers":[]}}' % (b"a" * 5_000), -32602),
    (b'{"id":5,"method":"session/new","params":{"cwd":"/","mcpServers":[%s]}}' % b",".join([LONG_NAME] * 5), None),
    (b'{"id":5,"method":"session/list","params":{"cursor":"garbage:1:2"}}', -32602),
    (b'{"id":5,"method":"session/list","params":{"cursor":"0x1.8p+9999:1"}}', -32602),
    (b'{"id":5,"method":"session/list","params":{"cwd":"/","cursor":"1e999:9"}}', -32602),
    (b'{"id":5,"method":"session/list","params":{"cwd":"\\udfff"}}', None),
    (b'{"id":5,"method":"session/load","params":{"cwd":"/","sessionId":"../../x","mcpServers":[]}}', -32002),
    (b'{"id":5,"method":"session/load","params":{"cwd":"/","sessionId":"\\ud800","mcpServers":[]}}', -32002),
    (b'{"id":5,"method":"session/prompt","params":{"sessionId":"x","prompt":[]}}', -32002),
    (b'{"id":5,"method":"session/set_mode","params":{"sessionId":"x","modeId":"all"}}', -32002),
    (b'{"id":5,"method":"session/set_model","params":{"sessionId":"x","modelId":"m"}}', -32002),
    (b'{"id":5,"method":"session/set_model","params":{}}', -32602),
    (b'{"id":5,"method":"authenticate","params":{"methodId":"x","_meta":{"self":1}}}', None),
    (b'{"method":"session/cancel","params":{"sessionId":"x"}}', None),
    (b'{"method":"nosuch/notification"}', None),
    (b'{"method":"$/cancel_request","params":{"requestId":5}}', None),
    (b'{"id":5,"method":"$/nosuch","params":{}}', -32601),
    (b'{"id":77,"result":{}}', None),
    (b'{"id":78,"result":{},"params":[1]}', None),
    (b'{"id":"a","error":{"code":"x"}}', None),
    (b"", None),
]


@contextmanager
def agent(program: Program) -> Iterator[subprocess.Popen[bytes]]:
    process = ProgramProcess(
        program.command("acp", "-m", "xopenai/m"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=program.env, cwd=program.cwd,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_message_that_is_not_valid_is_refused_and_agent_goes_on(program: Program) -> None:
    last = {"jsonrpc": "2.0", "id": "last", "method": "session/list", "params": {}}
    lines = [json.dumps(HELLO).encode(), *(line for line, _ in MESSAGES), json.dumps(last).encode()]
    with agent(program) as process:
        out, err = process.communicate(b"\n".join(lines), timeout=PATIENCE)
    answers: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert answers[0]["result"]["protocolVersion"] == 1
    codes = sorted(answer["error"]["code"] for answer in answers if "error" in answer)
    assert codes == sorted(code for _, code in MESSAGES if code)
    assert any(answer.get("id") == "last" and answer["result"] == {"sessions": []} for answer in answers)
    assert "\x1b" not in out.decode() and b"Traceback" not in out
    assert err == b"" and process.returncode == 0


LOUD = """
import io, os, sys
from termchat.cli import run_command_line

class LoudInput(io.BufferedReader):
    def readline(self, size=-1):
        print("noise")
        os.write(1, b"noise of a library")
        return super().readline(size)

sys.stdin = io.TextIOWrapper(LoudInput(io.FileIO(0)))
sys.exit(run_command_line(["acp"], os.environ))
"""


def test_printed_text_goes_to_standard_error_and_not_into_protocol(program: Program) -> None:
    command = [sys.executable, "-c", LOUD]
    env = {**program.env, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, input=json.dumps(HELLO).encode(), capture_output=True, env=env, timeout=PATIENCE)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [1]
    assert b"noise of a library" in done.stderr and b"noise\n" in done.stderr


def test_missing_package_is_told_with_exit_code_2(
    program: Program, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from termchat.cli import run_command_line

    monkeypatch.setitem(sys.modules, "acp", None)
    assert run_command_line(["acp"], program.env) == 2
    assert "[acp]'" in capfd.readouterr().err


_PIECES = st.lists(
    st.one_of(
        st.builds(
            lambda i, t, p: TextDelta(i, t, provisional=p), st.integers(0, 2), st.text(max_size=4), st.booleans()
        ),
        st.builds(ReasoningDelta, st.integers(3, 4), st.text(max_size=4)),
        st.builds(TextBecameReasoning, st.just(2)),
        st.builds(lambda i: ToolCallDelta(i, "id", "name", "{}", complete=True), st.integers(5, 6)),
        st.builds(lambda: UsageDelta(Usage(1, 2))),
    ),
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(st.lists(_PIECES, min_size=1, max_size=3))
def test_text_chunks_of_any_turn_are_its_exact_reply(steps: list[list[Any]]) -> None:
    updates, told, expected = TurnUpdates(Path("/")), "", ""
    for number, deltas in enumerate(steps, 1):
        held: dict[int, str] = {}
        events: list[Event] = [StepStarted("t", number), *(Streamed("t", delta) for delta in deltas)]
        events.append(MessageDone("t", "n", None, Message(Role.ASSISTANT, ())))
        for event in events:
            for update in updates.read(event):
                told += update.content.text if update.session_update == "agent_message_chunk" else ""
        for delta in deltas:
            match delta:
                case TextDelta():
                    held[delta.index] = held.get(delta.index, "") + delta.text
                    if not delta.provisional:
                        expected += held.pop(delta.index)
                case TextBecameReasoning():
                    held.pop(delta.index, None)
                case ToolCallDelta():
                    expected += "".join(held.values())
                    held = {}
                case _:
                    pass
        expected += "".join(held.values())
    assert told == repair_surrogates(expected)
