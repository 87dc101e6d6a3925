"""aimock in four protocols, with its chaos flags: a damaged reply is never complete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from termchat.core.errors import exit_code
from termchat.core.events import MessageDone, ToolFinished
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import ExitCode, Outcome
from tests.engine.support import ask, ended, streamed_text
from tests.interop.support import free_port, installed, provider_config, rows, script, serving, session
from tests.providers.support import MODELS, PROTOCOLS

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("aimock"), pytest.mark.timeout(400)]
HELLO = "Good day, wörld 🙂, how do you do on this fine and long day?"
LONG = "This is a reply that has many words and is never heard to its end. " * 20
FIXTURES = {
    "fixtures": [
        {"match": {"userMessage": "hello"}, "response": {"content": HELLO}},
        {"match": {"userMessage": "and on"}, "response": {"content": "And so on."}},
        {"match": {"userMessage": "weather", "hasToolResult": True}, "response": {"content": "It rains in Köln."}},
        {
            "match": {"userMessage": "weather"},
            "response": {"toolCalls": [{"name": "look", "arguments": {"city": "Köln"}}]},
        },
        {"match": {"userMessage": "cut me"}, "response": {"content": LONG}, "truncateAfterChunks": 6, "latency": 20},
        {"match": {"userMessage": "leave me"}, "response": {"content": LONG}, "disconnectAfterMs": 150, "latency": 20},
        {"match": {"userMessage": "too much"}, "response": {"error": {"message": "Slow down."}, "status": 429}},
    ]
}
ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
CHAOS = {
    "drop": ExitCode.ERROR,
    "malformed": ExitCode.ERROR,
    "disconnect": ExitCode.ERROR,
    "ratelimit": ExitCode.TRY_LATER,
}


@contextmanager
def mock(folder: Path, *flags: str) -> Iterator[str]:
    """Run the server with `FIXTURES` and these flags; yield its URL."""
    home = installed("aimock", ("npm", "install", "--prefix", "{}", "--no-audit", "--no-fund", "@copilotkit/aimock"))
    (folder / "fixtures.json").write_text(json.dumps(FIXTURES))
    port = free_port()
    command = [str(home / "node_modules" / ".bin" / "llmock"), "-p", str(port), "-f", str(folder / "fixtures.json")]
    with serving([*command, "--strict", *flags], port, "/health", folder / "log") as url:
        yield url


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mock(tmp_path_factory.mktemp("aimock")) as url:
        yield url


def model(protocol: ApiProtocol) -> ModelRef:
    return ModelRef(protocol.value, MODELS[protocol])


@ALL
async def test_aimock_two_turns_with_tool_call_complete(server: str, protocol: ApiProtocol) -> None:
    async with session(model(protocol), provider_config(server, protocol)) as chat:
        events = await ask(chat, "hello")
        assert (ended(events).outcome, streamed_text(events)) == (Outcome.COMPLETE, HELLO)
        events = await ask(chat, "what is the weather?")
        assert ended(events).outcome is Outcome.COMPLETE
        (finished,) = [event for event in events if isinstance(event, ToolFinished)]
        assert (finished.call.name, finished.result.text) == ("look", "rain in Köln")
        assert streamed_text(events) == "It rains in Köln."


async def test_chat_through_all_protocols_and_back_completes(server: str) -> None:
    async with session(model(PROTOCOLS[0]), *(provider_config(server, protocol) for protocol in PROTOCOLS)) as chat:
        for protocol in (*PROTOCOLS, *reversed(PROTOCOLS)):
            for question, answer in (("the weather?", "It rains in Köln."), ("and on", "And so on.")):
                events = await ask(chat, question, model(protocol))
                assert ended(events).outcome is Outcome.COMPLETE, ended(events).failure
                assert streamed_text(events) == answer


@ALL
@pytest.mark.parametrize("question", ["cut me", "leave me"])
async def test_aimock_broken_off_reply_is_cut(server: str, protocol: ApiProtocol, question: str) -> None:
    async with session(model(protocol), provider_config(server, protocol)) as chat:
        events = await ask(chat, question)
        assert ended(events).outcome is Outcome.CUT
        assert LONG.startswith(streamed_text(events))
        assert len(streamed_text(events)) < len(LONG)
        assert ended(await ask(chat, "and on")).outcome is Outcome.COMPLETE


@ALL
async def test_rate_limited_reply_fails_with_matching_code(server: str, protocol: ApiProtocol) -> None:
    async with session(model(protocol), provider_config(server, protocol)) as chat:
        end = ended(await ask(chat, "too much"))
        assert exit_code(end.outcome, end.failure) is ExitCode.TRY_LATER
        assert ended(await ask(chat, "and on")).outcome is Outcome.COMPLETE


@pytest.mark.parametrize("kind", CHAOS)
async def test_aimock_chaos_never_completes(tmp_path: Path, kind: str) -> None:
    with mock(tmp_path, f"--chaos-{kind}", "1") as url:
        for protocol in PROTOCOLS:
            async with session(model(protocol), provider_config(url, protocol)) as chat:
                end = ended(await ask(chat, "hello"))
                assert exit_code(end.outcome, end.failure) in (CHAOS[kind], ExitCode.CUT), (protocol, end)
                assert end.failure is not None
                assert end.failure.message


async def test_aimock_partial_chaos_complete_replies_are_whole(tmp_path: Path) -> None:
    flags = [word for kind in CHAOS for word in (f"--chaos-{kind}", "0.15")]
    outcomes: list[Outcome] = []
    with mock(tmp_path, *flags) as url:
        async with session(model(PROTOCOLS[0]), *(provider_config(url, protocol) for protocol in PROTOCOLS)) as chat:
            for n in range(60):
                events = await ask(chat, "hello", model(PROTOCOLS[n % 4]))
                outcomes.append(ended(events).outcome)
                kept = [event.message for event in events if isinstance(event, MessageDone)]
                assert (outcomes[-1] is Outcome.COMPLETE) == ("".join(message.text for message in kept) == HELLO)
    assert set(outcomes) <= {Outcome.COMPLETE, Outcome.FAILED, Outcome.CUT}
    assert Outcome.COMPLETE in outcomes


@ALL
def test_oneshot_prints_reply_and_exits_with_its_code(server: str, tmp_path: Path, protocol: ApiProtocol) -> None:
    done = script(tmp_path, rows(server, protocol), "-m", f"it/{MODELS[protocol]}", "hello")
    assert (done.code, done.out.decode(), done.err) == (0, HELLO, "")
    done = script(tmp_path, rows(server, protocol), "-m", f"it/{MODELS[protocol]}", "cut me")
    assert done.code == ExitCode.CUT
    assert LONG.startswith(done.out.decode())
