"""The LiteLLM proxy with mock responses, in every protocol it supports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from termchat.core.errors import exit_code
from termchat.core.events import ToolFinished
from termchat.core.models import ApiProtocol, ModelRef, ProviderConfig
from termchat.core.outcomes import ExitCode, Outcome
from tests.engine.support import ask, ended, streamed_text
from tests.interop.support import KEY, free_port, installed, provider_config, rows, script, serving, session, venv
from tests.providers.support import PROTOCOLS

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("litellm"), pytest.mark.timeout(1200)]
HELLO = "Hello from the proxy, wörld 🙂, on this fine day."
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Köln"}'}}
MODELS = [
    {"model_name": "plain", "litellm_params": {"model": "openai/gpt-4o", "api_key": "none", "mock_response": HELLO}},
    {
        "model_name": "caller",
        "litellm_params": {
            "model": "openai/gpt-4o",
            "api_key": "none",
            "mock_response": "Let me see.",
            "mock_tool_calls": [CALL],
        },
    },
    {
        "model_name": "limited",
        "litellm_params": {"model": "openai/gpt-4o", "api_key": "none", "mock_response": "litellm.RateLimitError"},
    },
]
ALL = pytest.mark.parametrize("protocol", PROTOCOLS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home, work, port = installed("litellm", *venv("litellm[proxy]")), tmp_path_factory.mktemp("litellm"), free_port()
    settings = {"model_list": MODELS, "general_settings": {"master_key": KEY}}
    (work / "config.yaml").write_text(json.dumps(settings, ensure_ascii=False))  # JSON is YAML
    command = [str(home / "bin" / "litellm"), "--config", str(work / "config.yaml"), "--host", "127.0.0.1"]
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # the packaged list, without a download
    with serving([*command, "--port", str(port)], port, "/health/liveliness", work / "log", **env) as url:
        yield url


def litellm_config(url: str, protocol: ApiProtocol) -> ProviderConfig:
    """The proxy in one protocol; without streaming for Responses, where it cannot stream a mock."""
    return provider_config(url, protocol, stream=False if protocol is ApiProtocol.RESPONSES else None)


def model(protocol: ApiProtocol, name: str = "plain") -> ModelRef:
    return ModelRef(protocol.value, name)


@ALL
async def test_litellm_two_turns_complete(server: str, protocol: ApiProtocol) -> None:
    async with session(model(protocol), litellm_config(server, protocol)) as chat:
        for question in ("hello", "and on?"):
            events = await ask(chat, question)
            assert ended(events).outcome is Outcome.COMPLETE, ended(events).failure
            assert streamed_text(events) == HELLO


async def test_chat_through_all_protocols_and_back_completes(server: str) -> None:
    async with session(model(PROTOCOLS[0]), *(litellm_config(server, protocol) for protocol in PROTOCOLS)) as chat:
        for protocol in (*PROTOCOLS, *reversed(PROTOCOLS)):
            events = await ask(chat, "hello", model(protocol))
            assert (ended(events).outcome, streamed_text(events)) == (Outcome.COMPLETE, HELLO), ended(events).failure


async def test_litellm_tool_calls_end_at_round_limit(server: str) -> None:
    """The mock calls a tool in every reply, so the turn ends at its limit, with a result for every call."""
    async with session(
        model(ApiProtocol.CHAT, "caller"), litellm_config(server, ApiProtocol.CHAT), max_rounds=2
    ) as chat:
        events = await ask(chat, "the weather?")
        finished = [event for event in events if isinstance(event, ToolFinished)]
        assert [event.result.text for event in finished] == ["rain in Köln"] * 2
        assert ended(events).outcome is Outcome.LIMIT
        events = await ask(chat, "and on?", model(ApiProtocol.CHAT))
        assert ended(events).outcome is Outcome.COMPLETE, ended(events).failure


@pytest.mark.parametrize(
    "protocol", [ApiProtocol.CHAT, ApiProtocol.ANTHROPIC]
)  # other protocols return the mock as a reply
async def test_rate_limited_reply_fails_with_matching_code(server: str, protocol: ApiProtocol) -> None:
    async with session(model(protocol, "limited"), litellm_config(server, protocol)) as chat:
        end = ended(await ask(chat, "hello"))
        assert end.outcome is Outcome.FAILED
        assert exit_code(end.outcome, end.failure) in (ExitCode.TRY_LATER, ExitCode.ERROR)


async def test_litellm_unsupported_streaming_fails_without_raw_data(server: str) -> None:
    async with session(model(ApiProtocol.RESPONSES), provider_config(server, ApiProtocol.RESPONSES)) as chat:
        end = ended(await ask(chat, "hello"))
    if end.outcome is not Outcome.COMPLETE:  # a later version may support it
        assert end.failure is not None
        assert "data:" not in end.failure.message


@ALL
def test_oneshot_prints_reply_and_exits_with_its_code(server: str, tmp_path: Path, protocol: ApiProtocol) -> None:
    whole = "stream = false" if protocol is ApiProtocol.RESPONSES else ""
    done = script(tmp_path, rows(server, protocol, whole), "-m", "it/plain", "hello")
    assert (done.code, done.out.decode(), done.err) == (0, HELLO, "")
