"""Refused requests: one part is changed, once, and the change is remembered."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from termchat.core.errors import FailureKind
from termchat.core.events import ProviderNotice
from termchat.core.messages import File, Image, Message, Origin, Part, Reasoning, Role, Text, ToolCall, ToolResult
from termchat.core.messages import user_message as question
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.provider import Effort, Params, Request, Speed, StreamMonitor, ToolSpec
from tests.gateway import Gateway, Reply, fault
from tests.gateway.answers import Answer
from tests.gateway.fault import Status
from tests.providers.support import PROTOCOLS, provider_config, registry, run_request, text_of

C, R, A, G = PROTOCOLS
TOOL = ToolSpec("look", "Looks.", {"type": "object", "properties": {}})
PICTURE, PAPER = Image("image/png", b"png"), File("a.pdf", "application/pdf", b"%PDF-")


def refusal(status: int, body: Any) -> Status:
    return fault.Status(status, body=json.dumps(body).encode())


def openai_error(message: str, param: str | None = None, code: Any = None, kind: str = "invalid_request_error") -> Any:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def sentence(message: str, status: int = 400) -> Status:
    return refusal(status, openai_error(message))


def detail(*loc: str | int, msg: str = "Extra inputs are not permitted", kind: str = "extra_forbidden") -> Status:
    return refusal(422, {"detail": [{"loc": ["body", *loc], "msg": msg, "type": kind}]})


NO_TOOLS = {
    "Ollama": sentence("registry.ollama.ai/library/gemma3:4b does not support tools"),
    "OpenRouter": refusal(404, {"error": {"message": "No endpoints found that support tool use.", "code": 404}}),
    "llama.cpp": refusal(500, openai_error("tools param requires --jinja flag", kind="server_error", code=500)),
    "vLLM": sentence('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
    "FastAPI": detail("tools"),
    "param": refusal(400, openai_error("This is not possible here.", "tools", "unsupported_parameter")),
    "camel case": sentence('Invalid JSON payload received. Unknown name "toolConfig": Cannot find field.'),
    "Chinese": sentence("该模型不支持工具调用"),
    "functions": sentence("Function calling is not enabled for this model.", 403),
    "quoted by a proxy": refusal(
        400,
        {"error": {"message": "Provider returned error", "metadata": {"raw": '{"error": "tools are not supported"}'}}},
    ),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("server", NO_TOOLS)
async def test_refused_tools_are_left_out_once_and_remembered(
    gateway: Gateway, protocol: ApiProtocol, server: str, tmp_path: Path
) -> None:
    gateway.reply(NO_TOOLS[server])
    gateway.always(Reply.text("plain"))
    shown: list[list[str]] = []
    request = Request((question("q"),), tools=(TOOL,), chat="one")
    for _ in range(2):  # two runs, which share the cache of listings
        async with registry(provider_config(gateway.url, protocol), cache=tmp_path / "models.json") as providers:
            provider = await providers.open(ModelRef(protocol.value, "m"))
            deltas = [delta async for delta in provider.stream(request, StreamMonitor())]
            assert text_of(deltas) == "plain"
            shown.append([delta.words for delta in deltas if isinstance(delta, ProviderNotice)])
    assert shown == [["m does not support tools; left out."], []]  # said by the run that learns it
    assert ["look" in str(asked.body) for asked in gateway.asked] == [True, False, False]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_tool_calls_of_history_become_text_for_model_without_tools(
    gateway: Gateway, protocol: ApiProtocol
) -> None:
    gateway.reply(NO_TOOLS["Ollama"], Reply.text("plain"))
    other = Origin("other", C, "x")
    called = Message(Role.ASSISTANT, (Text("I look."), ToolCall("c1", "look", '{"to": "sea"}')), other)
    result = Message(Role.TOOL, (ToolResult("c1", "look", (Text("blue"),)),))
    request = Request((question("q"), called, result, question("and?")), tools=(TOOL,))
    deltas, failure = await run_request(provider_config(gateway.url, protocol), request, name="m")
    assert (text_of(deltas), failure) == ("plain", None)
    sent = json.dumps(gateway.asked[1].body)
    assert "[result of look: blue]" in sent
    assert not any(word in sent for word in ("tool_call", "tool_use", "function_call", "functionCall"))


PARTS: dict[str, tuple[Params, tuple[Part, ...], Status, str]] = {
    "param": (Params(seed=7), (), refusal(400, openai_error("No.", "seed", "unknown_parameter")), '"seed"'),
    "loc": (Params(temperature=0.25), (), detail("temperature"), "temperature"),
    "zero": (Params(temperature=0.0), (), detail("temperature"), "temperature"),
    "camel case": (Params(top_p=0.5), (), detail("topP"), "top_p"),
    "message of Mistral": (
        Params(top_p=0.5),
        (),
        refusal(
            422,
            {"message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "top_p"], "msg": "Extra inputs"}]}},
        ),
        "top_p",
    ),
    "fieldViolations": (
        Params(temperature=0.25),
        (),
        refusal(
            400,
            {"error": {"code": 400, "message": "Unsupported.", "details": [{"fieldViolations": [{"field": "generationConfig.temperature"}]}]}},  # noqa: E501
        ),
        "temperature",
    ),
    "images": (Params(), (PICTURE,), sentence("No endpoints found that support image input", 404), "cG5n"),
    "images of llama.cpp": (Params(), (PICTURE,), sentence("image input is not supported", 500), "cG5n"),
    "variant": (Params(), (PICTURE,), sentence("messages[0]: unknown variant `image_url`, expected `text`"), "cG5n"),
    "content as text": (
        Params(),
        (PICTURE,),
        detail("messages", 0, "content", msg="Input should be a valid string", kind="string_type"),
        "cG5n",
    ),
    "files": (Params(), (PAPER,), sentence("This model does not support file content types."), "JVBERi0"),
    "speed": (Params(speed=Speed.FAST), (), refusal(400, openai_error("Invalid service_tier argument")), "priority"),
}  # fmt: skip


@pytest.mark.parametrize("case", PARTS)
async def test_refused_part_is_left_out(gateway: Gateway, case: str) -> None:
    params, parts, answer, there = PARTS[case]
    gateway.reply(answer, Reply.text("ok"))
    request = Request((question("q", *parts),), params=params)
    deltas, failure = await run_request(provider_config(gateway.url, C), request, name="m")
    assert (text_of(deltas), failure) == ("ok", None)
    assert [there in json.dumps(asked.body) for asked in gateway.asked] == [True, False]
    assert len([delta for delta in deltas if isinstance(delta, ProviderNotice)]) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_refused_system_prompt_is_sent_with_first_question(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(sentence("System role not supported"), Reply.text("ok"))
    deltas, failure = await run_request(
        provider_config(gateway.url, protocol), Request((question("q"),), "Be brief."), name="m"
    )
    assert (text_of(deltas), failure) == ("ok", None)
    sent = json.dumps(gateway.asked[1].body)
    assert "Be brief." in sent
    assert not any(f'"{name}"' in sent for name in ("system", "instructions", "systemInstruction"))


VALUES = {
    "limit of both names": (Params(max_tokens=9000), (), "'max_tokens' or 'max_completion_tokens' is too large: 9000."),
    "range": (Params(temperature=1.0), (), "temperature: Input should be less than or equal to 0.9"),
    "picture": (Params(), (PICTURE,), "The image format is not supported. Supported formats: png, jpeg."),
    "size": (Params(), (PICTURE,), "messages.0.content.0.image.source: image exceeds 5 MB maximum"),
}


@pytest.mark.parametrize("case", VALUES)
async def test_complaint_about_value_is_shown_and_not_repaired(gateway: Gateway, case: str) -> None:
    params, parts, words = VALUES[case]
    gateway.always(sentence(words))
    request = Request((question("q", *parts),), params=params)
    _, failure = await run_request(provider_config(gateway.url, C), request, name="m")
    assert failure is not None
    assert (failure.kind, len(gateway.asked)) == (FailureKind.BAD_REQUEST, 1)
    assert words in failure.message


async def test_schema_error_of_one_tool_leaves_tools_in(gateway: Gateway) -> None:
    gateway.always(refusal(400, openai_error("Invalid schema for function 'look'", "tools[0].function.parameters")))
    _, failure = await run_request(provider_config(gateway.url, C), Request((question("q"),), tools=(TOOL,)), name="m")
    assert failure is not None
    assert len(gateway.asked) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_server_that_refuses_everything_gets_few_requests(gateway: Gateway, protocol: ApiProtocol) -> None:
    """Each change is made once per turn, whatever the server says, over all requests of the turn."""
    words = (
        "temperature, top_p, stop, seed, tools, images, system, max_tokens, max_completion_tokens, stream: unsupported"
    )
    gateway.always(sentence(words))
    gateway.allow_plain()
    params = Params(max_tokens=50, temperature=0.5, top_p=0.5, stop=("x",), seed=1, think=Effort.LOW, search=True)
    request = Request((question("q", PICTURE, PAPER),), "Be brief.", (TOOL,), params)
    async with registry(provider_config(gateway.url, protocol)) as providers:
        provider = await providers.open(ModelRef(protocol.value, "m"))
        for _ in range(2):
            with pytest.raises(Exception, match="unsupported"):
                [delta async for delta in provider.stream(request, StreamMonitor())]
    assert len(gateway.asked) <= 9


@pytest.mark.parametrize("status", [400, 404, 422])
@pytest.mark.parametrize("kind", ["api_error", "INTERNAL", "server_error", "overloaded_error", "²", "9" * 5000])
async def test_status_4xx_is_not_retried_whatever_its_words(gateway: Gateway, status: int, kind: str) -> None:
    gateway.always(refusal(status, openai_error("Try later.", kind=kind)))
    _, failure = await run_request(provider_config(gateway.url, C), name="m")
    assert failure is not None
    assert (failure.retryable, len(gateway.asked)) == (False, 1)


async def test_header_of_server_forbids_retry(gateway: Gateway) -> None:
    gateway.always(fault.status(500, headers={"x-should-retry": "false"}))
    _, failure = await run_request(provider_config(gateway.url, C), name="m")
    assert failure is not None
    assert len(gateway.asked) == 1


FULL = [
    (400, openai_error("the request exceeds the available context size, try increasing it", kind="exceed_context_size_error")),  # noqa: E501
    (500, openai_error("the request exceeds the available context size", kind="server_error")),
    (400, openai_error("Prompt contains 33011 tokens, too large for model with 32768 maximum context length")),
    (422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097", "error_type": "v"}),
    (400, openai_error("This model's maximum prompt length is 131072 but the request contains 537812 tokens.")),
    (400, {"message": "Input is too long for requested model."}),
    (400, openai_error("input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000")),
    (400, openai_error("Your request exceeded model token limit: 8192")),
    (400, openai_error("Range of input length should be [1, 30720]", code="InvalidParameter")),
    (400, openai_error("提示词超长", code="1261")),
    (404, openai_error("No.", code="context_length_exceeded")),
    (413, openai_error("Request too large")),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body"), FULL, ids=range(len(FULL)))
async def test_full_context_is_recognized_and_not_retried(gateway: Gateway, status: int, body: Any) -> None:
    gateway.always(refusal(status, body))
    _, failure = await run_request(provider_config(gateway.url, C), name="m")
    assert failure is not None
    assert (failure.kind, len(gateway.asked)) == (FailureKind.CONTEXT_TOO_LONG, 1)


async def test_validation_error_of_fastapi_is_shown_with_its_field(gateway: Gateway) -> None:
    gateway.always(detail("messages", 0, "name", msg="Field required", kind="missing"))
    _, failure = await run_request(provider_config(gateway.url, C), name="m")
    assert failure is not None
    assert "messages.0.name: Field required" in failure.message


@pytest.mark.parametrize(
    ("protocol", "base", "paths"),
    [
        (C, "", ["/chat/completions", "/v1/chat/completions"]),
        (R, "", ["/responses", "/v1/responses"]),
        (C, "/v1/chat/completions", ["/v1/chat/completions/chat/completions", "/v1/chat/completions"]),
        (A, "/v1", ["/v1/v1/messages", "/v1/messages"]),
        (A, "/v1/messages", ["/v1/messages/v1/messages", "/v1/messages"]),
    ],
)
async def test_base_url_with_wrong_path_is_repaired_and_named(
    gateway: Gateway, protocol: ApiProtocol, base: str, paths: list[str]
) -> None:
    if protocol is A:  # the gateway takes any path before /v1/messages
        gateway.reply(fault.html(404))
    gateway.always(Reply.text("ok"))
    made = replace(provider_config(gateway.url, protocol), base_urls={protocol: gateway.url + base})
    gateway.expect_problems()
    async with registry(made) as providers:
        for _ in range(2):
            provider = await providers.open(ModelRef(protocol.value, "m"))
            deltas = [delta async for delta in provider.stream(Request((question("q"),)), StreamMonitor())]
            assert text_of(deltas) == "ok"
    posts = [request.path for request in gateway.requests]
    assert posts == [*paths, paths[-1]]


async def test_unknown_model_is_not_asked_for_at_another_path(gateway: Gateway) -> None:
    gateway.always(refusal(404, openai_error("model 'm' not found, try pulling it first")))
    made = replace(provider_config(gateway.url, C), base_urls={C: gateway.url + "/own"})
    gateway.expect_problems()
    _, failure = await run_request(made, name="m")
    assert failure is not None
    assert "m" in failure.message


EFFORTS: dict[str, tuple[ApiProtocol, Effort, Answer, str]] = {
    "listed levels": (
        C,
        Effort.MINIMAL,
        sentence("Unsupported value: 'minimal'. Supported values are: 'low', 'medium', and 'high'."),
        "'low'",
    ),
    "literal": (
        C,
        Effort.MAX,
        detail("reasoning_effort", msg="Input should be 'low', 'medium' or 'high'", kind="literal_error"),
        "'high'",
    ),
    "always thinks": (
        A,
        Effort.OFF,
        sentence('"thinking.type.disabled" is not supported for this model. Use "thinking.type.adaptive".'),
        "'adaptive'",
    ),
    "between tools": (
        A,
        Effort.OFF,
        sentence('"thinking.type.disabled" is not supported. Use "thinking.type.between_tools".'),
        "'between_tools'",
    ),
    "older model": (A, Effort.HIGH, sentence("adaptive thinking is not supported on this model"), "'enabled'"),
    "budget": (G, Effort.LOW, sentence("Thinking level is not supported for this model."), "1024"),
}


@pytest.mark.parametrize("case", EFFORTS)
async def test_refused_effort_is_replaced_by_what_server_takes(gateway: Gateway, case: str) -> None:
    protocol, effort, answer, there = EFFORTS[case]
    if case == "listed levels":
        answer = refusal(400, openai_error(json.loads(answer.body)["error"]["message"], "reasoning.effort"))  # type: ignore[union-attr,arg-type]
    gateway.reply(answer, Reply.text("ok"))
    request = Request((question("q"),), params=Params(think=effort))
    deltas, failure = await run_request(provider_config(gateway.url, protocol), request, name="m")
    assert (text_of(deltas), failure) == ("ok", None)
    assert there in str(gateway.asked[1].body)
    assert there not in str(gateway.asked[0].body)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("reasoning_content is missing in assistant tool call message at index 1", "reasoning_content"),
        ("The `reasoning_content` in the thinking mode must be passed back to the API.", "reasoning_content"),
        ("messages[1]: the field 'reasoning' is required in assistant messages with tool calls", "reasoning"),
    ],
)  # fmt: skip
async def test_reasoning_is_sent_back_when_server_misses_it(gateway: Gateway, words: str, field: str) -> None:
    gateway.reply(sentence(words), Reply.text("ok"))
    own = Origin("openai", C, "qwen3")
    called = Message(Role.ASSISTANT, (Reasoning("I should."), ToolCall("c1", "look", "{}")), own)
    result = Message(Role.TOOL, (ToolResult("c1", "look", (Text("blue"),)),))
    request = Request((question("q"), called, result), tools=(TOOL,))
    deltas, failure = await run_request(provider_config(gateway.url, C), request, name="qwen3")
    assert (text_of(deltas), failure) == ("ok", None)
    sent = [asked.body["messages"][1].get(field) for asked in gateway.asked]
    assert sent == [None, "I should."]
