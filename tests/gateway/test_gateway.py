"""The gateway, read by the vendors' SDKs."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from tests.gateway import Call, Cut, Finish, Gate, Gateway, Protocol, Quirk, Reasoning, Reply, Text, Usage, fault
from tests.gateway.clients import MODELS, ask, http

ALL = pytest.mark.parametrize("protocol", list(Protocol))
FINISHED = {"stop", "completed", "end_turn", "STOP"}
CALLED = {"tool_calls", "completed", "tool_use", "STOP"}


@ALL
async def test_sdk_receives_text_reasoning_and_usage(gateway: Gateway, protocol: Protocol) -> None:
    usage = Usage(input=100, cached=40, cache_write=10, output=30, reasoning=12)
    gateway.reply(Reply(Reasoning("let me ", "think"), Text("héllo ", "wörld 🙂"), usage=usage))

    reply = await ask(protocol, gateway.url)

    assert (reply.reasoning, reply.text) == ("let me think", "héllo wörld 🙂")
    assert reply.tokens == (100, 30)
    assert reply.finish in FINISHED
    assert gateway.asked[0].protocol is protocol
    assert gateway.asked[0].model == MODELS[protocol]


@ALL
async def test_sdk_receives_parallel_calls(gateway: Gateway, protocol: Protocol) -> None:
    calls = (Call("look", {"at": "né"}), Call("now"), Call("add", pieces=('{"a', '":1,"b"', ":2}")))
    gateway.reply(Reply(Text("I look."), *calls))

    reply = await ask(protocol, gateway.url)

    assert reply.calls == [("look", {"at": "né"}), ("now", {}), ("add", {"a": 1, "b": 2})]
    assert reply.finish in CALLED


@ALL
@pytest.mark.parametrize(
    "wire",
    [
        {},
        {"split": 1},
        {"split": (3, 50, 51, 200)},
        {"gzip": True},
        {"gzip": True, "split": 7},
        {"framing": "close"},
        {"framing": "length"},
        {"line_end": "\r\n"},
    ],
    ids=str,
)
async def test_sdk_reads_same_text_over_every_wire(
    gateway: Gateway, protocol: Protocol, wire: dict[str, object]
) -> None:
    gateway.reply(Reply.text("the very same wörds").on(**wire))

    reply = await ask(protocol, gateway.url)

    assert reply.text == "the very same wörds"
    assert reply.finish in FINISHED


FINISHES: dict[Finish, tuple[str, str, str, str]] = {
    Finish.STOP: ("stop", "completed", "end_turn", "STOP"),
    Finish.LENGTH: ("length", "max_output_tokens", "max_tokens", "MAX_TOKENS"),
    Finish.CONTENT_FILTER: ("content_filter", "content_filter", "refusal", "SAFETY"),
    Finish.REFUSAL: ("stop", "completed", "refusal", "PROHIBITED_CONTENT"),
    Finish.PAUSED: ("stop", "completed", "pause_turn", "CONTINUATION"),
    Finish.MALFORMED_TOOL: ("stop", "completed", "end_turn", "MALFORMED_FUNCTION_CALL"),
}


@ALL
@pytest.mark.parametrize("finish", list(FINISHES))
async def test_finish_is_sent_as_vendor_value(gateway: Gateway, protocol: Protocol, finish: Finish) -> None:
    gateway.reply(Reply.text("so far", finish=finish))
    assert f'"{FINISHES[finish][list(Protocol).index(protocol)]}"' in (await _post(gateway, protocol)).text


@pytest.mark.filterwarnings("ignore:strange_end is not a valid")  # google-genai warns about unknown values
@ALL
async def test_custom_finish_is_sent_unchanged(gateway: Gateway, protocol: Protocol) -> None:
    gateway.reply(Reply.text("so far", finish="strange_end"))
    assert (await ask(protocol, gateway.url)).finish == "strange_end"


@ALL
async def test_full_context_is_400_except_for_anthropic(gateway: Gateway, protocol: Protocol) -> None:
    gateway.reply(Reply.text("so far", finish=Finish.CONTEXT_FULL))
    answer = await _post(gateway, protocol)
    assert answer.status_code == (200 if protocol is Protocol.ANTHROPIC else 400)
    assert "context" in answer.text or "maximum number of tokens" in answer.text


@ALL
async def test_cut_ends_body_without_finish(gateway: Gateway, protocol: Protocol) -> None:
    gateway.reply(Reply.text("one two three four").after(2, fault.cut()))

    reply = await ask(protocol, gateway.url)

    assert (reply.text, reply.finish) == ("one two ", "")


@ALL
@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("inside", [None, "json", "utf8"])
async def test_connection_cut_raises_network_error(
    gateway: Gateway, protocol: Protocol, how: str, inside: str | None
) -> None:
    gateway.reply(Reply(Text("ein", "zwei", "drei ö", "vier")).after(2, Cut(how, inside)))  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r".*") as caught:
        await ask(protocol, gateway.url)
    assert _is_network(caught.value)


@ALL
async def test_connection_cut_inside_arguments_raises_network_error(gateway: Gateway, protocol: Protocol) -> None:
    gateway.reply(Reply(Call("add", pieces=('{"a":', "1,", '"b":2}'))).after(2, fault.fin()))
    with pytest.raises(Exception, match=r".*") as caught:
        await ask(protocol, gateway.url)
    assert _is_network(caught.value)


@ALL
@pytest.mark.parametrize("code", [400, 401, 403, 404, 429, 500, 503, 529])
async def test_error_status_has_vendor_body_and_retry_after(gateway: Gateway, protocol: Protocol, code: int) -> None:
    gateway.reply(fault.status(code, "it is so", retry_after="7"))
    with pytest.raises(Exception, match="it is so") as caught:
        await ask(protocol, gateway.url)
    error: Any = caught.value
    assert code in (getattr(error, "status_code", None), getattr(error, "code", None))
    assert error.response.headers["retry-after"] == "7"


@ALL
async def test_error_event_after_text_raises_in_sdk(gateway: Gateway, protocol: Protocol) -> None:
    gate = Gate()
    gateway.reply(Reply(Text("half"), gate, fault.error_event(500, "it broke")))
    asking = asyncio.create_task(ask(protocol, gateway.url))
    await gate.reached.wait()
    assert gateway.requests[0].sent > 0
    gate.open()

    if protocol is Protocol.RESPONSES:  # Responses sends errors as ordinary events
        assert (await asking).raw[-1].message == "it broke"
    else:
        with pytest.raises(Exception, match="it broke"):
            await asking


@ALL
async def test_client_disconnect_closes_request(gateway: Gateway, protocol: Protocol) -> None:
    gateway.reply(Reply(Text("half"), fault.stall(keep_alive="ping")))
    asking = asyncio.create_task(ask(protocol, gateway.url))
    request = await gateway.request()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await request.wait_closed() >= 0
    assert not request.answered


@ALL
@pytest.mark.parametrize("no_answer", [fault.reset(), fault.close(), fault.not_http()], ids=str)
async def test_dropped_connection_raises_network_error(
    gateway: Gateway, protocol: Protocol, no_answer: fault.Fault
) -> None:
    gateway.reply(no_answer)
    with pytest.raises(Exception, match=r".*") as caught:
        await ask(protocol, gateway.url)
    assert _is_network(caught.value)


@ALL
async def test_gateway_down_refuses_connections_until_up(gateway: Gateway, protocol: Protocol) -> None:
    await gateway.down()
    with pytest.raises(Exception, match=r".*") as caught:
        await ask(protocol, gateway.url)
    assert _is_network(caught.value)
    await gateway.up()
    gateway.reply(Reply.text("back"))
    assert (await ask(protocol, gateway.url)).text == "back"


@pytest.mark.parametrize("quirk", list(Quirk), ids=lambda quirk: quirk.name)
@ALL
async def test_quirk_events_are_valid_json(gateway: Gateway, protocol: Protocol, quirk: Quirk) -> None:
    reply = Reply(Reasoning("hm"), Text("hello"), Call("f", {"a": 1}), Call("g", {"b": 2})).like(quirk)
    gateway.reply(reply)
    frames = await _frames(gateway, protocol)
    assert frames
    assert all(isinstance(json.loads(data), object) for data in frames if data and data != "[DONE]")


SHAPES: list[tuple[Protocol, Quirk, str]] = [
    (Protocol.CHAT, Quirk.REASONING_KEY, '"reasoning":"hm"'),
    (Protocol.CHAT, Quirk.REASONING_BOTH, '"reasoning":"hm","reasoning_content":"hm"'),
    (Protocol.CHAT, Quirk.REASONING_DETAILS, '"type":"reasoning.text","text":"hm"'),
    (Protocol.CHAT, Quirk.THINK_TAGS, '"content":"<think>hm</think>'),
    (Protocol.CHAT, Quirk.CONTENT_PARTS, '"content":[{"type":"text","text":"hello"}]'),
    (Protocol.CHAT, Quirk.NULL_CHOICES, '"choices":null'),
    (Protocol.CHAT, Quirk.EMPTY_CHOICES_FIRST, '"choices":[],"prompt_filter_results"'),
    (Protocol.CHAT, Quirk.NULL_DELTA, '"delta":null'),
    (Protocol.CHAT, Quirk.ODD_FRAMES, "data: 7\n"),
    (Protocol.CHAT, Quirk.EMPTY_DATA, "data: \n"),
    (Protocol.CHAT, Quirk.BLANK_FINISH, '"finish_reason":""'),
    (Protocol.CHAT, Quirk.USAGE_WITH_FINISH, '"finish_reason":"tool_calls"}],"usage":{"prompt_tokens"'),
    (Protocol.CHAT, Quirk.CALL_NO_INDEX, '"tool_calls":[{"id":"call_'),
    (Protocol.CHAT, Quirk.CALL_NULL_INDEX, '"tool_calls":[{"index":null,"id"'),
    (Protocol.CHAT, Quirk.CALL_TEXT_INDEX, '"tool_calls":[{"index":"1","id"'),
    (Protocol.CHAT, Quirk.CALL_ID_BLANK, '{"index":1,"id":"","function"'),
    (Protocol.CHAT, Quirk.CALL_ID_NUMBER, '"id":4002'),
    (Protocol.CHAT, Quirk.CALL_NAME_REPEATED, '{"index":0,"function":{"name":"f"'),
    (Protocol.CHAT, Quirk.CALL_NAME_BLANK, '{"index":0,"function":{"name":""'),
    (Protocol.CHAT, Quirk.CALL_DICT_ARGUMENTS, '"arguments":{"a":1}'),
    (Protocol.CHAT, Quirk.CALL_NULL_FUNCTION, '"function":null'),
    (Protocol.CHAT, Quirk.CALL_LEGACY, '"delta":{"function_call":{"name":"f"'),
    (Protocol.CHAT, Quirk.CALL_SIGNED, '"extra_content":{"google":{"thought_signature"'),
    (Protocol.RESPONSES, Quirk.REASONING_TEXT, '"type":"response.reasoning_text.delta"'),
    (Protocol.RESPONSES, Quirk.CUT_OUTPUT, '"output":[],"parallel_tool_calls"'),
    (Protocol.ANTHROPIC, Quirk.INPUT_IN_START, '"name":"f","input":{"a":1}'),
    (Protocol.ANTHROPIC, Quirk.NULL_USAGE, '"usage":null'),
    (Protocol.ANTHROPIC, Quirk.INDEX_GAPS, '"type":"content_block_start","index":4'),
    (Protocol.GEMINI, Quirk.NULL_CANDIDATES, '"candidates":null'),
    (Protocol.GEMINI, Quirk.PROMPT_BLOCKED, '"promptFeedback":{"blockReason"'),
    (Protocol.GEMINI, Quirk.CALLS_TOGETHER, '{"functionCall":{"name":"g","args":{"b":2}'),
]


@pytest.mark.parametrize(("protocol", "quirk", "shape"), SHAPES, ids=lambda value: getattr(value, "name", ""))
async def test_quirk_changes_body_as_documented(gateway: Gateway, protocol: Protocol, quirk: Quirk, shape: str) -> None:
    reply = Reply(Reasoning("hm"), Text("hello"), Call("f", {"a": 1}), Call("g", {"b": 2}))
    gateway.reply(reply.like(quirk), reply)
    assert shape in (await _post(gateway, protocol)).text
    assert shape not in (await _post(gateway, protocol)).text or quirk in (Quirk.CUT_OUTPUT, Quirk.CALLS_TOGETHER)


async def test_interleaved_calls_alternate_chunks(gateway: Gateway) -> None:
    gateway.reply(Reply(Call("f", {"a": 1}), Call("g", {"b": 2})).like(Quirk.CALLS_INTERLEAVED))
    chunks = (await ask(Protocol.CHAT, gateway.url)).raw
    order = [chunk.choices[0].delta.tool_calls[0].index for chunk in chunks if _has_call(chunk)]
    assert order == [0, 1, 0, 1]


async def test_connection_serves_many_requests(gateway: Gateway) -> None:
    gateway.always(lambda request: Reply.text(request.body["messages"][-1]["content"]))
    async with http() as client:
        for word in ("a", "b", "c"):
            body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": word}]}
            answer = await client.post(
                gateway.url + "/v1/chat/completions", json=body, headers={"authorization": "Bearer x"}
            )
            assert f'"content":"{word}"' in answer.text
    assert gateway.connections == 1


async def test_gzip_bomb_and_unknown_encoding_are_sent(gateway: Gateway) -> None:
    gateway.reply(fault.gzip_bomb(2_000_000), fault.unknown_encoding())
    bomb, lost = [await _post(gateway, Protocol.CHAT) for _ in range(2)]
    assert int(bomb.headers["content-length"]) < 10_000 < len(bomb.content)
    assert lost.headers["content-encoding"] == "x-lost"


async def test_plain_bodies_errors_and_redirects_are_sent(gateway: Gateway) -> None:
    gateway.reply(
        Reply.text("whole").on(plain=True),
        fault.html_200(),
        fault.empty_200(),
        fault.json_error_200(),
        fault.redirect("http://127.0.0.1:1/v1"),
        fault.redirect_loop(),
        fault.big_error(size=1000),
        fault.html(502),
    )
    answers = [await _post(gateway, Protocol.CHAT) for _ in range(8)]
    assert answers[0].json()["choices"][0]["message"]["content"] == "whole"
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 307, 307, 500, 502]
    assert answers[1].text.startswith("<!DOCTYPE html>")
    assert answers[2].text == ""
    assert "error" in answers[3].json()
    assert answers[5].headers["location"] == "/v1/chat/completions"
    assert len(answers[6].content) > 1000


@ALL
async def test_unstreamed_reply_holds_same_content(gateway: Gateway, protocol: Protocol) -> None:
    gateway.reply(Reply(Reasoning("hm"), Text("hello"), Call("f", {"a": 1})).on(plain=True))
    text = (await _post(gateway, protocol)).text
    assert all(word in text for word in ("hm", "hello", '"f"'))


async def test_models_are_listed_in_vendor_format(gateway: Gateway) -> None:
    async with http() as client:
        key = {"authorization": "Bearer x"}
        openai = await client.get(gateway.url + "/v1/models", headers=key)
        anthropic = await client.get(
            gateway.url + "/anthropic/v1/models", headers=key | {"anthropic-version": "2023-06-01"}
        )
        gemini = await client.get(gateway.url + "/v1beta/models", headers={"x-goog-api-key": "x"})
        one = await client.get(gateway.url + "/v1/models/gpt-5.2", headers=key)
    assert openai.json()["data"][0]["id"] == "gpt-5.2"
    assert anthropic.json()["data"][0]["max_input_tokens"] == 200_000
    assert gemini.json()["models"][0]["name"] == "models/gemini-3-pro-preview"
    assert one.json()["id"] == "gpt-5.2"


async def test_invalid_request_is_refused_and_recorded(gateway: Gateway) -> None:
    gateway.expect_problems()
    gateway.reply(Reply.text("never"))
    with pytest.raises(Exception, match="'temperature' is not supported"):
        await ask(Protocol.CHAT, gateway.url, temperature=0.5)
    assert "temperature" in gateway.problems[0]
    assert gateway.unused == 1


async def test_check_fails_after_unexpected_problem() -> None:
    async with Gateway() as gateway:
        with pytest.raises(Exception, match="Nothing was scripted"):
            await ask(Protocol.CHAT, gateway.url)
        with pytest.raises(AssertionError, match="nothing was scripted"):
            gateway.check()


def test_gateway_thread_answers_blocking_client(gateway_thread: Gateway) -> None:
    gateway_thread.reply(Reply.text("from a thread"))
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    with httpx2.Client(trust_env=False, timeout=30) as client:
        url = gateway_thread.url + "/v1/chat/completions"
        answer = client.post(url, json=body, headers={"authorization": "Bearer x"})
    assert answer.text.endswith("data: [DONE]\n\n")
    assert gateway_thread.request_blocking().body == body


BODIES = {
    Protocol.CHAT: ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
    Protocol.RESPONSES: ("/v1/responses", {"input": "hi", "store": False}),
    Protocol.ANTHROPIC: ("/v1/messages", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}),
    Protocol.GEMINI: ("", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
}


async def _post(gateway: Gateway, protocol: Protocol) -> httpx2.Response:
    """Send the protocol's smallest request without an SDK."""
    path, body = BODIES[protocol]
    headers = {"authorization": "Bearer x"}
    if protocol is Protocol.GEMINI:
        path = "/v1/models/gemini-3-pro-preview:streamGenerateContent?alt=sse"
        headers = {"x-goog-api-key": "x"}
    else:
        body = body | {"model": MODELS[protocol], "stream": True}
    if protocol is Protocol.ANTHROPIC:
        headers["anthropic-version"] = "2023-06-01"
    async with http() as client:
        return await client.post(gateway.url + path, json=body, headers=headers)


async def _frames(gateway: Gateway, protocol: Protocol) -> list[str]:
    """The data of each event of a reply."""
    text = (await _post(gateway, protocol)).text
    return [line.removeprefix("data:").strip() for line in text.split("\n") if line.startswith("data:")]


def _has_call(chunk: object) -> bool:
    choices = getattr(chunk, "choices", None)
    return bool(choices and choices[0].delta.tool_calls)


def _is_network(error: BaseException) -> bool:
    """True for a network error of httpx2 or of an SDK."""
    return isinstance(error, httpx2.HTTPError) or type(error).__name__ == "APIConnectionError"
