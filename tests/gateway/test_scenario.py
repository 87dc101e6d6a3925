"""The scenario for manual tries, and validation of full requests of the real SDKs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import httpx2
import pytest

from tests.gateway import Call, Gateway, Protocol, Reasoning, RecordedRequest, Reply, Text, fault, reading, scenario
from tests.gateway.clients import MODELS, ask, http
from tests.gateway.histories import PATHS, conversation
from tests.gateway.requests import RawRequest, record
from tests.gateway.script import Raw, Stall

ALL = pytest.mark.parametrize("protocol", list(Protocol))
EXPRESSION = {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]}
NOTHING = {"type": "object", "properties": {}}


def _request(protocol: Protocol, body: dict[str, Any], model: str = "") -> RecordedRequest:
    path = PATHS[protocol]
    if model and protocol is Protocol.GEMINI:
        path = path.replace("gemini-3-pro-preview", model)
    elif model:
        body = body | {"model": model}
    return record(RawRequest("POST", path, {}, json.dumps(body).encode()), 1)


@ALL
def test_reading_extracts_question_tools_and_results(protocol: Protocol) -> None:
    request = _request(protocol, conversation(protocol))
    assert reading.question(request) == "And now?"
    assert reading.offered(request) == {"look"}
    assert len(reading.results(request)) == 1
    assert reading.results(request)[0] in ("sun", "rain")


@ALL
def test_scenario_answer_depends_on_model_or_history(protocol: Protocol) -> None:
    plain = conversation(protocol)
    assert scenario.select_answer(
        _request(protocol, plain, "vendor-x/429" if protocol is not Protocol.GEMINI else "429")
    ) == (fault.status(429, retry_after="2"))
    answer = scenario.select_answer(_request(protocol, plain))
    assert isinstance(answer, Reply)
    assert answer.words.startswith("The tools said:")


TOOLS: dict[Protocol, dict[str, Any]] = {
    Protocol.CHAT: {
        "messages": [{"role": "user", "content": "calculate 6*7 and tell the time"}],
        "tools": [
            {"type": "function", "function": {"name": "calculate", "parameters": EXPRESSION}},
            {"type": "function", "function": {"name": "current_time", "parameters": NOTHING}},
        ],
        "reasoning_effort": "low",
        "max_completion_tokens": 100,
        "parallel_tool_calls": True,
    },
    Protocol.RESPONSES: {
        "input": [{"role": "user", "content": "calculate 6*7 and tell the time"}],
        "instructions": "Be brief.",
        "tools": [
            {"type": "function", "name": "calculate", "parameters": EXPRESSION, "strict": False},
            {"type": "function", "name": "current_time", "parameters": NOTHING, "strict": False},
        ],
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": 100,
    },
    Protocol.ANTHROPIC: {
        "messages": [{"role": "user", "content": "calculate 6*7 and tell the time"}],
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "tools": [
            {"name": "calculate", "description": "Calculates.", "input_schema": EXPRESSION},
            {"name": "current_time", "description": "The time.", "input_schema": NOTHING},
        ],
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "low"},
    },
    Protocol.GEMINI: {
        "contents": "calculate 6*7 and tell the time",
        "system_instruction": "Be brief.",
        "tools": [
            {
                "function_declarations": [
                    {"name": "calculate", "description": "x", "parameters_json_schema": EXPRESSION},
                    {"name": "current_time", "description": "x", "parameters_json_schema": NOTHING},
                ]
            }
        ],
        "thinking_config": {"include_thoughts": True, "thinking_level": "low"},
        "max_output_tokens": 100,
        "temperature": 1.0,
    },
}


@ALL
async def test_sdk_requests_with_tools_pass_validation(gateway: Gateway, protocol: Protocol) -> None:
    gateway.always(scenario.select_answer)
    reply = await ask(protocol, gateway.url, **TOOLS[protocol])
    assert sorted(reply.calls) == [("calculate", {"expression": "6*7"}), ("current_time", {})]
    assert reply.reasoning == "A tool knows that."


async def test_gemini_signature_survives_sdk_types(gateway: Gateway) -> None:
    gateway.reply(Reply(Reasoning("hm"), Call("calculate", {"expression": "1"})), Reply.text("done"))
    asked = TOOLS[Protocol.GEMINI]
    first = await ask(Protocol.GEMINI, gateway.url, **asked)
    parts = [part for chunk in first.raw for part in chunk.candidates[0].content.parts]
    called = next(part for part in parts if part.function_call)
    answer = {"name": "calculate", "response": {"output": "1"}, "id": called.function_call.id}
    contents = [
        {"role": "user", "parts": [{"text": "calculate 1"}]},
        {"role": "model", "parts": [called]},
        {"role": "user", "parts": [{"function_response": answer}]},
    ]
    assert (await ask(Protocol.GEMINI, gateway.url, **asked | {"contents": contents})).text == "done"


@ALL
async def test_scenario_answers_whole_conversation(gateway: Gateway, protocol: Protocol) -> None:
    gateway.always(scenario.select_answer)
    headers = {"authorization": "Bearer x", "anthropic-version": "2023-06-01"}
    if protocol is Protocol.GEMINI:
        headers = {"x-goog-api-key": "x"}
    async with http() as client:
        url = gateway.url + PATHS[protocol] + "?alt=sse" * (protocol is Protocol.GEMINI)
        answer = await client.post(url, json=conversation(protocol), headers=headers)
    assert "said" in answer.text


async def test_stall_sends_keep_alives_then_continues(gateway: Gateway) -> None:
    gateway.reply(Reply(Text("a"), Stall(seconds=0.03, keep_alive="comment", every=0.01), Text("b")))
    body = conversation(Protocol.CHAT)
    async with http() as client:
        headers = {"authorization": "Bearer x"}
        answer = await client.post(gateway.url + PATHS[Protocol.CHAT], json=body, headers=headers)
    assert ": PROCESSING" in answer.text
    assert answer.text.index('"content":"a"') < answer.text.index(": PROCESSING") < answer.text.index('"content":"b"')


async def test_huge_line_is_sent_completely(gateway: Gateway) -> None:
    gateway.reply(Reply(fault.huge_line(17_000_000), Raw(b'"}\n\n'), Text("end")))
    headers = {"authorization": "Bearer x"}
    async with (
        http() as client,
        client.stream(
            "POST", gateway.url + PATHS[Protocol.CHAT], json=conversation(Protocol.CHAT), headers=headers
        ) as answer,
    ):
        size = 0
        async for data in answer.aiter_raw():
            size += len(data)
    assert size > 17_000_000


async def test_header_pace_sends_head_byte_by_byte(gateway: Gateway) -> None:
    gateway.reply(Reply.text("late").on(header_pace=0.02))
    asking = asyncio.create_task(ask(Protocol.CHAT, gateway.url))
    request = await gateway.request()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await request.wait_closed()
    assert request.sent < 100


def test_module_serves_and_prints_environment() -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.gateway", "--port", "0", "--minutes", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(word for word in process.stdout.readline().split() if word.startswith("http"))
        with httpx2.Client(trust_env=False, timeout=30) as client:
            answer = client.get(url + "/v1/models", headers={"authorization": "Bearer x"})
        process.terminate()
        assert "ANTHROPIC_BASE_URL" in process.stdout.read()
    assert {"cut", "stall", MODELS[Protocol.CHAT]} <= {row["id"] for row in answer.json()["data"]}
