"""Every face with every upstream protocol: text, reasoning, calls, pictures, usage, errors, cuts, many at once."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.gateway import Call, Cut, Gate, Reasoning, Reply, Stall, Text, Usage, fault
from tests.gateway.clients import http
from tests.serve.sdk_clients import FACES, BrokenError, face_client
from tests.serve.served import MODELS, TOKEN, Served, running

pytestmark = pytest.mark.xdist_group("serve")
every_face = pytest.mark.parametrize("face", FACES)
every_upstream = pytest.mark.parametrize("upstream", MODELS)
HEADERS = {"authorization": f"Bearer {TOKEN}"}
ENDS = {"chat": ("stop", "tool_calls"), "responses": ("completed", "completed"), "messages": ("end_turn", "tool_use")}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    fallback = ["[fallback]", *(f'"y{face}openai/m" = ["{MODELS["gemini"]}"]' for face in FACES)]
    with running(tmp_path_factory.mktemp("home"), fallback) as found:
        yield found


@every_upstream
@every_face
async def test_face_passes_text_picture_reasoning_call_and_usage_both_ways(
    served: Served, face: str, upstream: str
) -> None:
    model, asked_before = MODELS[upstream], len(served.gateway.asked)
    reply = Reply(
        Reasoning("think ", "twice"), Text("It is ", "你好 😀"), Call("weather", {"city": "Köln"}), usage=Usage(40, 20)
    )
    served.gateway.reply(reply, reply, Reply(Text("17 °C")))
    async with face_client(face, served.url) as client:
        question = client.question(picture=True)
        plain = await client.ask(model, question, stream=False, tool=True)
        read = await client.ask(model, question, tool=True)
        for found in (plain, read):
            assert (found.text, [call[1:] for call in found.calls]) == (
                "It is 你好 😀",
                [("weather", {"city": "Köln"})],
            )
            assert found.reasoning == "think twice"
            assert (found.tokens, found.finish) == ((40, 20), ENDS[face][1])
        last = await client.ask(model, [*question, *client.result(read, "17")], tool=True)
    assert (last.text, last.finish) == ("17 °C", ENDS[face][0])
    bodies = [request.body for request in served.gateway.asked[asked_before:]]
    assert len(bodies) == 3
    assert "iVBORw" in str(bodies[0]) or "\x89PNG" in str(bodies[0])
    assert "weather" in str(bodies[2]) and "17" in str(bodies[2])


@every_upstream
@every_face
async def test_face_error_has_shape_of_dialect_and_retry_after(served: Served, face: str, upstream: str) -> None:
    import anthropic
    import openai

    limited = (openai.RateLimitError, anthropic.RateLimitError)
    served.gateway.reply(fault.status(429, retry_after="7"))
    async with face_client(face, served.url) as client:
        with pytest.raises(limited) as raised:
            await client.ask(f"y{face}{MODELS[upstream][1:]}", client.question())
    assert raised.value.response.headers["retry-after"] == "7"
    body: Any = raised.value.body
    assert (body["error"] if face == "messages" else body)["type"] == "rate_limit_error"


@every_upstream
@every_face
async def test_face_cut_upstream_ends_as_error(served: Served, face: str, upstream: str) -> None:
    import anthropic
    import openai

    errors = (openai.APIError, anthropic.APIError, BrokenError)
    plain_errors = (openai.APIStatusError, anthropic.APIStatusError)
    served.gateway.reply(Reply(Text("half"), Cut("fin")), Reply(Text("half"), Cut("fin")))
    async with face_client(face, served.url) as client:
        with pytest.raises(errors, match="cut"):
            await client.ask(MODELS[upstream], client.question())
        with pytest.raises(plain_errors, match="cut") as plain:
            await client.ask(MODELS[upstream], client.question(), stream=False)
    assert plain.value.status_code == 502


@every_face
async def test_face_answer_of_fallback_is_one_reply(served: Served, face: str) -> None:
    model, number = f"y{face}openai/m", len(served.gateway.asked)
    served.gateway.reply(fault.status(503), Reply(Text("instead")))
    async with face_client(face, served.url) as client:
        assert (await client.ask(model, client.question())).text == "instead"
    assert [str(request.protocol) for request in served.gateway.asked[number:]] == ["chat", "gemini"]


@every_face
async def test_face_streams_in_parallel_do_not_mix(served: Served, face: str) -> None:
    served.gateway.always(lambda request: Reply(Text.words(f"a b c d {request.model}")))
    names = [f"xopenai/m{n}" for n in range(50)]
    async with face_client(face, served.url) as client:
        found = await asyncio.gather(*(client.ask(name, client.question()) for name in names))
    assert [read.text for read in found] == [f"a b c d m{n}" for n in range(50)]


PATHS = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
    "responses": ("/v1/responses", {"input": "hi"}),
    "messages": ("/v1/messages", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}),
    "plain": ("/api/chat/stream", {"message": "hi"}),
}


@pytest.mark.parametrize("begun", [True, False], ids=["in_stream", "before_content"])
@pytest.mark.parametrize("face", PATHS)
async def test_client_that_leaves_stops_upstream_at_once(served: Served, face: str, begun: bool) -> None:
    path, body = PATHS[face]
    number = len(served.gateway.requests) + 1
    served.gateway.reply(Reply(*([Text("begin")] if begun else []), Stall(), Text("end")))
    async with http() as client:
        body = {**body, "model": MODELS["anthropic"], "stream": True}
        task = asyncio.create_task(_first_line(client, f"{served.url}{path}", body))
        request = await served.gateway.request(number)
        if begun:
            await asyncio.wait_for(task, 30)
        else:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    left = time.monotonic()
    await request.wait_closed()
    assert request.closed_at is not None
    assert request.closed_at - left < 10  # 0.1 on a quiet machine; the next keep-alive would find it after 15


async def _first_line(client: httpx2.AsyncClient, url: str, body: dict[str, object]) -> str:
    async with client.stream("POST", url, json=body, headers=HEADERS) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert (response.headers["cache-control"], response.headers["x-accel-buffering"]) == ("no-cache", "no")
        async for line in response.aiter_lines():
            if "begin" in line:
                return line
    return ""


async def test_plain_stream_keeps_sessions_and_names_replies(served: Served) -> None:
    gate = Gate()
    number = len(served.gateway.asked)
    served.gateway.reply(Reply(Text("one"), gate), Reply(Text("two")), Reply(Text("three")))
    async with http() as client:
        first = asyncio.create_task(_plain(client, served, "a"))
        await served.gateway.request(len(served.gateway.requests) + 1)
        second = await _plain(client, served, "a")
        gate.open()
        one = await first
        assert '"content":"one"' in one
        assert '"done":true,"outcome":"complete"' in one.splitlines()[-2]
        assert one.split('"id":"')[1][:32] != second.split('"id":"')[1][:32]
        await _plain(client, served, "a")
    words = [len(request.body["messages"]) for request in served.gateway.asked[number:]]
    assert words == [1, 1, 5]


async def _plain(client: httpx2.AsyncClient, served: Served, session: str) -> str:
    body = {"message": "hi", "model": MODELS["openai"], "session": session}
    found = await client.post(f"{served.url}/api/chat/stream", json=body, headers=HEADERS)
    assert found.status_code == 200
    return found.text


async def test_models_face_lists_all_providers_in_both_shapes(served: Served) -> None:
    import anthropic
    import openai

    async with http() as client:
        first = openai.AsyncOpenAI(api_key=TOKEN, base_url=f"{served.url}/v1", http_client=client)
        ids = [model.id async for model in first.models.list()]
        second = anthropic.AsyncAnthropic(api_key=TOKEN, base_url=served.url, http_client=client)
        assert [model.id async for model in second.models.list()] == ids
        assert (await first.models.retrieve("xgemini/gemini-2.5-pro")).owned_by == "xgemini"
        counted = await second.messages.count_tokens(
            model=MODELS["anthropic"], messages=[{"role": "user", "content": "word " * 100}]
        )
    assert {MODELS[upstream] for upstream in MODELS} <= set(ids)
    assert 50 < counted.input_tokens < 200


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize(("steps", "end"), [((), "data: [DONE]"), ((Cut("fin"),), "the reply is incomplete")])
async def test_curl_reads_stream_to_its_true_end(served: Served, steps: tuple[Cut, ...], end: str) -> None:
    served.gateway.reply(Reply(Text("hello"), *steps))
    path, body = PATHS["chat"]
    data = json.dumps({**body, "model": MODELS["anthropic"], "stream": True})
    words = ("-sN", f"{served.url}{path}", "-H", f"authorization: Bearer {TOKEN}", "-d", data)
    process = await asyncio.create_subprocess_exec("curl", "-q", *words, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert '"content":"hello"' in out.decode()
    assert end in out.decode().strip().splitlines()[-1]
