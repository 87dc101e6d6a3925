"""The LiteLLM proxy with mock responses, in every protocol it speaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from termchat.core.errors import exit_code
from termchat.core.events import ToolFinished
from termchat.core.models import ApiProtocol, ModelRef, ProviderConfig
from termchat.core.outcomes import ExitCode, Outcome
from tests.engine.support import ask, ended, said
from tests.interop.support import KEY, free_port, installed, profile, rows, script, serving, talk, venv
from tests.providers.support import SPEECHES

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
ALL = pytest.mark.parametrize("speech", SPEECHES)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home, work, port = installed("litellm", *venv("litellm[proxy]")), tmp_path_factory.mktemp("litellm"), free_port()
    settings = {"model_list": MODELS, "general_settings": {"master_key": KEY}}
    (work / "config.yaml").write_text(json.dumps(settings, ensure_ascii=False))  # JSON is YAML
    command = [str(home / "bin" / "litellm"), "--config", str(work / "config.yaml"), "--host", "127.0.0.1"]
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # the list in the package, not one from the network
    with serving([*command, "--port", str(port)], port, "/health/liveliness", work / "log", **env) as url:
        yield url


def at(url: str, speech: ApiProtocol) -> ProviderConfig:
    """The proxy in one protocol. It cannot stream a mock as Responses: it is asked for the whole reply there."""
    return profile(url, speech, stream=False if speech is ApiProtocol.RESPONSES else None)


def model(speech: ApiProtocol, name: str = "plain") -> ModelRef:
    return ModelRef(speech.value, name)


@ALL
async def test_two_turns(server: str, speech: ApiProtocol) -> None:
    async with talk(model(speech), at(server, speech)) as session:
        for question in ("hello", "and on?"):
            events = await ask(session, question)
            assert ended(events).outcome is Outcome.COMPLETE, ended(events).failure
            assert said(events) == HELLO


async def test_a_talk_goes_through_all_protocols_and_back(server: str) -> None:
    async with talk(model(SPEECHES[0]), *(at(server, speech) for speech in SPEECHES)) as session:
        for speech in (*SPEECHES, *reversed(SPEECHES)):
            events = await ask(session, "hello", model(speech))
            assert (ended(events).outcome, said(events)) == (Outcome.COMPLETE, HELLO), ended(events).failure


async def test_a_tool_is_run_until_the_rounds_are_over(server: str) -> None:
    """The mock calls in every reply, so the loop ends at its limit, with every call answered."""
    async with talk(model(ApiProtocol.CHAT, "caller"), at(server, ApiProtocol.CHAT), max_rounds=2) as session:
        events = await ask(session, "the weather?")
        finished = [event for event in events if isinstance(event, ToolFinished)]
        assert [event.result.text for event in finished] == ["rain in Köln"] * 2
        assert ended(events).outcome is Outcome.LIMIT
        events = await ask(session, "and on?", model(ApiProtocol.CHAT))
        assert ended(events).outcome is Outcome.COMPLETE, ended(events).failure


@pytest.mark.parametrize("speech", [ApiProtocol.CHAT, ApiProtocol.ANTHROPIC])  # elsewhere the mock says it as its reply
async def test_a_refusal_is_told(server: str, speech: ApiProtocol) -> None:
    async with talk(model(speech, "limited"), at(server, speech)) as session:
        end = ended(await ask(session, "hello"))
        assert end.outcome is Outcome.FAILED
        assert exit_code(end.outcome, end.failure) in (ExitCode.TRY_LATER, ExitCode.ERROR)


async def test_what_the_proxy_cannot_stream_is_a_failure_in_plain_words(server: str) -> None:
    async with talk(model(ApiProtocol.RESPONSES), profile(server, ApiProtocol.RESPONSES)) as session:
        end = ended(await ask(session, "hello"))
    if end.outcome is not Outcome.COMPLETE:  # a later version may be able to
        assert end.failure is not None
        assert "data:" not in end.failure.message


@ALL
def test_a_script(server: str, tmp_path: Path, speech: ApiProtocol) -> None:
    whole = "stream = false" if speech is ApiProtocol.RESPONSES else ""
    done = script(tmp_path, rows(server, speech, whole), "-m", "it/plain", "hello")
    assert (done.code, done.out.decode(), done.err) == (0, HELLO, "")
