"""Errors of vendors that quote the key, and bodies of the wrong shape: nothing leaks, nothing breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.gateway import ErrorEvent, Reply, Text, fault
from tests.serve.served import KEY, MODELS, TOKEN, Served, running

pytestmark = pytest.mark.xdist_group("serve")
HEADERS = {"x-api-key": TOKEN}
CHAT, RESPONSES, MESSAGES, PLAIN = "/v1/chat/completions", "/v1/responses", "/v1/messages", "/api/chat/stream"
USER = [{"role": "user", "content": "hi"}]
BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"messages": USER},
    RESPONSES: {"input": "hi"},
    MESSAGES: {"messages": USER, "max_tokens": 50},
    PLAIN: {"message": "hi"},
}
QUOTED = f"Incorrect API key provided: {KEY}. You can find your API key at https://example.com."


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with running(tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=20, headers=HEADERS) as found:
        yield found


@pytest.mark.parametrize("upstream", MODELS)
@pytest.mark.parametrize("path", BODIES)
def test_error_that_quotes_key_reaches_client_without_it(
    served: Served, client: httpx2.Client, path: str, upstream: str
) -> None:
    answers = [
        fault.status(400, QUOTED),
        fault.status(401, QUOTED),
        fault.status(500, QUOTED),
        Reply(Text("half"), ErrorEvent(500, QUOTED)),
    ]
    seen: list[bytes] = []
    for answer in answers:
        served.gateway.reply(answer, *([answer] * 3))  # a rejected key is read again, a part is left out
        body = {**BODIES[path], "model": MODELS[upstream], "stream": True}
        found = client.post(served.url + path, json=body)
        served.gateway.forget()
        seen.append(found.content + str(found.headers.raw).encode())
        assert "error" in found.text.lower()
    assert len(set(seen)) == len(answers)
    assert not [text for text in seen if KEY.encode() in text or KEY[12:].encode() in text]


ODD: tuple[Any, ...] = (None, True, 0, -1, 1.5, "", "x", "\ud800", [], [None], [[]], {}, {"type": 1}, [{"type": "?"}])
FIELDS = {
    CHAT: (
        "messages", "model", "tools", "tool_choice", "response_format", "stop", "temperature", "top_p", "max_tokens",
        "seed", "stream", "stream_options", "reasoning_effort", "parallel_tool_calls", "service_tier",
        "web_search_options", "n", "functions",
    ),
    RESPONSES: (
        "input", "instructions", "model", "tools", "tool_choice", "text", "temperature", "max_output_tokens", "stream",
        "reasoning", "parallel_tool_calls", "metadata", "previous_response_id", "service_tier",
    ),
    MESSAGES: (
        "messages", "system", "model", "tools", "tool_choice", "thinking", "output_config", "output_format",
        "stop_sequences", "temperature", "top_p", "top_k", "max_tokens", "stream", "metadata",
    ),
    PLAIN: ("message", "model", "session"),
}  # fmt: skip
INSIDE = {
    CHAT: [
        *([{"role": "user", "content": odd}] for odd in ODD),
        *([{"role": odd, "content": "x"}] for odd in ODD),
        *([{"role": "user", "content": [{"type": "image_url", "image_url": odd}]}] for odd in ODD),
        *([{"role": "user", "content": [{"type": "file", "file": odd}]}] for odd in ODD),
        *([*USER, {"role": "assistant", "tool_calls": odd}] for odd in ODD),
        *([*USER, {"role": "assistant", "tool_calls": [{"id": odd, "function": odd}]}] for odd in ODD),
    ],
    RESPONSES: [
        *([{"type": odd}] for odd in ODD),
        *([{"role": "user", "content": [{"type": "input_image", "image_url": odd}]}] for odd in ODD),
        *([{"type": "function_call", "call_id": odd, "name": odd, "arguments": odd}] for odd in ODD),
        *([{"type": "function_call_output", "call_id": odd, "output": odd}] for odd in ODD),
    ],
    MESSAGES: [
        *([{"role": "user", "content": odd}] for odd in ODD),
        *([{"role": "user", "content": [{"type": "image", "source": odd}]}] for odd in ODD),
        *([{"role": "user", "content": [{"type": "document", "source": odd, "title": odd}]}] for odd in ODD),
        *([{"role": "user", "content": [{"type": "tool_result", "tool_use_id": odd, "content": odd}]}] for odd in ODD),
        *([*USER, {"role": "assistant", "content": [{"type": "tool_use", "input": odd, "id": odd}]}] for odd in ODD),
    ],
    PLAIN: [],
}


@pytest.mark.parametrize("path", BODIES)
def test_body_of_wrong_shape_gets_error_of_dialect_or_reply(served: Served, client: httpx2.Client, path: str) -> None:
    served.gateway.always(Reply(Text("fine")))
    passed = {"model": MODELS["gemini"]}  # the vendor that answers most of what is passed on
    unsent = {"model": "nosuch/model"}  # read, and not sent
    name = "input" if path == RESPONSES else "messages"
    bodies = [{**BODIES[path], **unsent, field: odd} for field in FIELDS[path] for odd in ODD]
    bodies += [{**BODIES[path], **passed, field: odd} for field in FIELDS[path] for odd in ("\ud800", {})]
    bodies += [{**BODIES[path], **passed, name: inside} for inside in INSIDE[path]]
    statuses: list[int] = []
    for body in bodies:
        found = client.post(served.url + path, content=json.dumps(body).encode())
        statuses.append(found.status_code)
        assert found.status_code in (200, 400, 404), (body, found.text)
        if found.status_code != 200:
            value = found.json()
            assert (value.get("type") == "error") == (path == MESSAGES), body
            assert value["error"] if path == PLAIN else value["error"]["message"], body
            assert "Traceback" not in found.text and KEY not in found.text
    served.gateway.forget()
    assert {200, 400} <= set(statuses)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe{}",
        b'{"a":',
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b"null",
        b"1e999",
        b'"x"',
        b"{} {}",
        b"NaN",
        b'{"message":"x","more":NaN}',
    ],
    ids=["empty", "utf16", "torn", "deep_list", "deep_object", "null", "huge", "text", "two", "nan", "nan_field"],
)
def test_body_that_is_no_object_gets_400_of_dialect(
    served: Served, client: httpx2.Client, path: str, body: bytes
) -> None:
    found = client.post(served.url + path, content=body)
    assert found.status_code == 400
    assert (found.json().get("type") == "error") == (path == MESSAGES)
