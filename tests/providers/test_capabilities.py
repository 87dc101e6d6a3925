"""Parameters in each protocol; unsupported ones are left out with one notice."""

from __future__ import annotations

import json
import random
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from termchat.core.events import ProviderNotice
from termchat.core.messages import File, Image, Message, Origin, Role, Text, user_message
from termchat.core.messages import Reasoning as Thought
from termchat.core.models import ApiProtocol, ModelRef, ProviderConfig
from termchat.core.provider import Effort, Params, Request, StreamMonitor, ToolSpec
from termchat.providers.catalog.capabilities import (
    drop_unsupported,
    matches_pattern,
    quirks,
    rows,
    unsupported_params,
)
from termchat.providers.protocols.anthropic import encode as anthropic
from termchat.providers.protocols.gemini import encode as gemini
from termchat.providers.protocols.openai_chat import encode as chat
from termchat.providers.protocols.openai_responses import encode as responses
from termchat.providers.registry import ProviderRegistry
from tests.gateway import Gateway, Quirk, Reasoning, Reply, fault
from tests.gateway import Text as Words
from tests.gateway.reading import searches
from tests.providers.decode_support import parts
from tests.providers.support import PROTOCOLS, provider_config, registry, run_request, text_of

C, R, A, G = PROTOCOLS
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
ALL = Params(temperature=0.5, top_p=0.9, stop=("END",), seed=7, schema=SCHEMA)
OLDER = {C: "gpt-4.1", R: "gpt-4.1", A: "claude-sonnet-4", G: "gemini-3-pro-preview"}
NEWER = {C: "gpt-5.2", R: "gpt-5.2", A: "claude-opus-5", G: "gemini-3-pro-preview"}


def test_encode_params_in_each_protocol() -> None:
    request = Request((user_message("q"),), params=ALL)
    assert {"temperature": 0.5, "top_p": 0.9, "stop": ["END"], "seed": 7}.items() <= chat.encode(
        request, Origin("p", C, "m"), ProviderConfig("p")
    ).items()
    named = {"name": "reply", "schema": SCHEMA, "strict": False}
    body = chat.encode(request, Origin("p", C, "m"), ProviderConfig("p"))
    assert body["response_format"] == {"type": "json_schema", "json_schema": named}
    body = responses.encode(request, Origin("p", R, "m"), ProviderConfig("p"))
    assert (body["temperature"], body["top_p"]) == (0.5, 0.9)
    assert body["text"] == {"format": {"type": "json_schema", **named}}
    body = anthropic.encode(request, Origin("p", A, "m"), ProviderConfig("p"), 100)
    assert (body["temperature"], body["top_p"], body["stop_sequences"]) == (0.5, 0.9, ["END"])
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    config = gemini.encode_config(request, Origin("p", G, "m"))
    assert (config["temperature"], config["top_p"], config["stop_sequences"], config["seed"]) == (0.5, 0.9, ["END"], 7)
    assert (config["response_mime_type"], config["response_json_schema"]) == ("application/json", SCHEMA)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("models", [OLDER, NEWER], ids=["older", "newer"])
async def test_unsupported_params_are_left_out_with_one_notice(
    gateway: Gateway, protocol: ApiProtocol, models: dict[ApiProtocol, str]
) -> None:
    """The gateway's validators know which parameters each model supports."""
    gateway.always(Reply.text("{}"))
    shown: list[list[str]] = []
    async with registry(provider_config(gateway.url, protocol)) as providers:
        for _ in range(2):
            provider = await providers.open(ModelRef(protocol.value, models[protocol]))
            deltas = [
                delta async for delta in provider.stream(Request((user_message("q"),), params=ALL), StreamMonitor())
            ]
            assert text_of(deltas) == "{}"
            shown.append([delta.words for delta in deltas if isinstance(delta, ProviderNotice)])
    lacking = unsupported_params(Origin(protocol.value, protocol, models[protocol])) & {
        "temperature",
        "top_p",
        "stop",
        "seed",
    }
    assert (len(shown[0]), shown[1]) == (1 if lacking else 0, [])
    sent = str(gateway.asked[0].body)
    assert ("0.5" in sent, "END" in sent) == ("temperature" not in lacking, "stop" not in lacking)


async def notices(providers: ProviderRegistry, name: ModelRef, params: Params, chat: str) -> list[str]:
    """Send one request; return its notices."""
    provider = await providers.open(name)
    request = Request((user_message("q"),), params=params, chat=chat)
    return [
        delta.words async for delta in provider.stream(request, StreamMonitor()) if isinstance(delta, ProviderNotice)
    ]


async def test_unsupported_param_notice_is_given_once_per_chat(gateway: Gateway) -> None:
    gateway.always(Reply.text("ok"))
    cold, both = Params(temperature=0.0), Params(temperature=0.0, seed=1)
    name = ModelRef(R.value, "gpt-5.2")
    async with registry(provider_config(gateway.url, R)) as providers:
        shown = [
            await notices(providers, name, params, chat)
            for params, chat in ((cold, "one"), (cold, "one"), (both, "one"), (both, "one"), (both, "two"))
        ]
    alone, seed = "gpt-5.2 does not support temperature; left out.", "gpt-5.2 does not support seed; left out."
    assert shown == [[alone], [], [seed], [], ["gpt-5.2 does not support temperature, seed; left out."]]


REFUSALS = {
    C: "Unsupported parameter: 'temperature' is not supported with this model.",
    R: "Unknown parameter: 'temperature'.",
    A: "temperature: Extra inputs are not permitted",
    G: "Invalid JSON payload received. Unknown name \"temperature\" at 'generation_config': Cannot find field.",
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_param_refused_by_server_is_not_sent_again(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(fault.status(400, REFUSALS[protocol]))
    gateway.always(Reply.text("ok"))
    asked, name = Params(temperature=0.25, top_p=0.5), ModelRef(protocol.value, "some-model")
    async with registry(provider_config(gateway.url, protocol)) as providers:
        shown = [await notices(providers, name, asked, chat) for chat in ("one", "one", "two")]
    notice = "some-model does not support temperature; left out."
    assert shown == [[notice], [], [notice]]
    assert ["0.25" in str(request.body) for request in gateway.asked] == [True, False, False, False]
    assert all("0.5" in str(request.body) for request in gateway.asked)


async def test_param_with_invalid_value_fails_without_retry(gateway: Gateway) -> None:
    gateway.reply(fault.status(400, "temperature: 1.0 is not between 0 and 0.9."))
    _, failure = await run_request(
        provider_config(gateway.url, A), Request((user_message("q"),), params=Params(temperature=1.0)), name="old"
    )
    assert failure is not None
    assert "not between" in failure.message
    assert len(gateway.asked) == 1


def schema_sent(body: dict[str, Any]) -> Any:
    """The reply schema in a body, and its `strict` flag."""
    chat_form = body.get("response_format", {}).get("json_schema", {})
    form = chat_form or body.get("text", {}).get("format", {}) or body.get("output_config", {}).get("format", {})
    config = body.get("generationConfig", {})
    return form.get("schema") or config.get("responseJsonSchema") or config.get("response_json_schema"), form.get(
        "strict"
    )


CLOSED = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "schema", [CLOSED, SCHEMA | {"$schema": "x", "properties": {"a": {"type": "string", "format": "date"}}}]
)
async def test_schema_is_sent_natively_and_closed_one_is_strict_for_openai(
    gateway: Gateway, protocol: ApiProtocol, schema: dict[str, Any]
) -> None:
    gateway.reply(Reply.text('{"a": 1}'))
    deltas, _ = await run_request(
        provider_config(gateway.url, protocol), Request((user_message("q"),), params=Params(schema=schema))
    )
    assert not [delta for delta in deltas if isinstance(delta, ProviderNotice)]
    sent, strict = schema_sent(gateway.asked[0].body)
    assert sent["required"] == ["a"]
    assert "$schema" not in sent
    assert strict == ({C: schema is CLOSED, R: schema is CLOSED}.get(protocol))
    assert protocol is not A or sent["additionalProperties"] is False


IN_WORDS = "deepseek-chat does not support a reply schema; the schema is sent as an instruction."


@pytest.mark.parametrize(
    ("protocol", "name"),
    [(C, "deepseek-chat"), (A, "claude-3-5-haiku-latest"), (C, "gpt-4-turbo"), (G, "gemini-1.0-pro")],
)
async def test_schema_for_unsupporting_model_is_sent_in_prompt(
    gateway: Gateway, protocol: ApiProtocol, name: str
) -> None:
    gateway.always(Reply.text('{"a": 1}'))
    request = Request((user_message("q"),), "Be brief.", params=Params(schema=CLOSED), chat="one")
    shown: list[str] = []
    async with registry(provider_config(gateway.url, protocol)) as providers:
        for _ in range(2):
            provider = await providers.open(ModelRef(protocol.value, name))
            shown += [d.words async for d in provider.stream(request, StreamMonitor()) if isinstance(d, ProviderNotice)]
    assert shown == ([] if protocol is G else [IN_WORDS.replace("deepseek-chat", name)])
    body = gateway.asked[1].body
    assert (schema_sent(body)[0] is None) == (protocol is not G)
    if protocol is not G:
        assert "Be brief.\\n\\nReply with one JSON value" in json.dumps(body)
        assert "additionalProperties" in json.dumps(body)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_schema_refused_by_server_is_sent_in_prompt(gateway: Gateway, protocol: ApiProtocol) -> None:
    field = {C: "response_format", R: "text.format", A: "output_config", G: "response_json_schema"}[protocol]
    gateway.reply(fault.status(400, f"This {field} type is unavailable now"), Reply.text("{}"))
    request = Request((user_message("q"),), params=Params(schema=CLOSED))
    deltas, failure = await run_request(provider_config(gateway.url, protocol), request, name="m")
    assert (text_of(deltas), failure) == ("{}", None)
    words = [delta.words for delta in deltas if isinstance(delta, ProviderNotice)]
    assert words == ["m does not support a reply schema; the schema is sent as an instruction."]
    assert [schema_sent(request.body)[0] is None for request in gateway.asked] == [False, True]


async def test_gemini_2_5_with_schema_gets_no_tools(gateway: Gateway) -> None:
    gateway.always(Reply.text("{}"))
    tool = ToolSpec("look", "Looks.", {"type": "object", "properties": {}})
    request = Request((user_message("q"),), tools=(tool,), params=Params(schema=CLOSED))
    for name in ("gemini-2.5-pro", "gemini-3-pro-preview"):
        await run_request(provider_config(gateway.url, G), request, name=name)
    assert ["tools" in request.body for request in gateway.asked] == [False, True]


MODELS = {
    C: ("gpt-5.2", "gpt-4.1", "o3", "gpt-4", "deepseek-chat", "qwen3", "gpt-4o-search-preview"),
    R: ("gpt-5.2", "gpt-4.1", "o3", "gpt-4.1-nano"),
    A: ("claude-opus-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4", "claude-3-5-haiku-latest"),
    G: ("gemini-3-pro-preview", "gemini-2.5-flash", "gemini-1.5-pro"),
}
STOPS = ("END", "\n\n", " ", "你好", "a", "b", "c")


def random_params(rng: random.Random) -> Params:
    """Random parameters, each set in about half of the cases."""

    def maybe(value: Any, otherwise: Any = None) -> Any:
        return value if rng.random() < 0.5 else otherwise

    return Params(
        max_tokens=maybe(rng.randrange(16, 4096)),
        think=maybe(rng.choice(list(Effort))),
        temperature=maybe(rng.choice((0.0, 0.3, 1.0))),
        top_p=maybe(rng.choice((0.0, 0.5, 1.0))),
        stop=maybe(tuple(rng.sample(STOPS, rng.randrange(len(STOPS)))), ()),
        seed=maybe(rng.choice((0, 42, 2**31))),
        schema=maybe(rng.choice((SCHEMA, CLOSED))),
        search=maybe(True, False),
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_random_params_give_valid_request_or_notice(gateway: Gateway, protocol: ApiProtocol) -> None:
    """The gateway's validators know which parameters each model supports."""
    gateway.always(Reply.text("ok"))
    seed = random.randrange(1 << 32)
    rng, tool = random.Random(seed), ToolSpec("look", "Looks.", {"type": "object", "properties": {}})
    async with registry(provider_config(gateway.url, protocol)) as providers:
        for number in range(80):
            params, name = random_params(rng), ModelRef(protocol.value, rng.choice(MODELS[protocol]))
            request = Request((user_message("q"),), "Be brief.", (tool,) * rng.randrange(2), params, f"chat {number}")
            deltas = [d async for d in (await providers.open(name)).stream(request, StreamMonitor())]
            sent = gateway.asked[-1]
            assert (text_of(deltas), sent.problems) == ("ok", []), f"seed {seed}: {params} to {name}"
            notice = " ".join(d.words for d in deltas if isinstance(d, ProviderNotice))
            body = json.dumps(sent.body)
            there = {
                "temperature": (params.temperature, '"temperature"' in body),
                "top-p": (params.top_p, '"top_p"' in body or '"topP"' in body),
                "seed": (params.seed, '"seed"' in body),
                "reply schema": (params.schema, schema_sent(sent.body)[0] is not None),
                "web search": (params.search or None, searches(sent)),
            }
            for word, (asked, went) in there.items():
                right = not went if asked is None else went or word in notice
                assert right, f"seed {seed}: {word} of {params} to {name}"


@pytest.mark.parametrize(
    ("protocol", "kept", "notice"),
    [
        (C, ["a", "\n", "b", "c"], "stop sequences above its limit"),
        (A, ["a", "b", "c", "d", "e"], "blank stop sequences"),
        (G, ["a", "\n", "b", "c", "d"], "stop sequences above its limit"),
    ],
)
async def test_stop_texts_beyond_server_limit_are_left_out(
    gateway: Gateway, protocol: ApiProtocol, kept: list[str], notice: str
) -> None:
    gateway.reply(Reply.text("ok"))
    params = Params(stop=("a", "\n", "b", "c", "d", "e"))
    deltas, _ = await run_request(
        provider_config(gateway.url, protocol), Request((user_message("q"),), params=params), name="some-model"
    )
    assert [delta.words for delta in deltas if isinstance(delta, ProviderNotice)] == [
        f"some-model does not support {notice}; left out."
    ]
    body = gateway.asked[0].body
    sent = body.get("stop") or body.get("stop_sequences") or body["generationConfig"]["stopSequences"]
    assert sent == kept


async def test_claude_with_thinking_gets_no_temperature(gateway: Gateway) -> None:
    gateway.always(Reply.text("ok"))
    for effort in (Effort.HIGH, Effort.OFF):
        request = Request((user_message("q"),), params=Params(temperature=0.25, think=effort))
        await run_request(provider_config(gateway.url, A), request, name="claude-sonnet-4-5")
    assert ["0.25" in str(request.body) for request in gateway.asked] == [False, True]


@pytest.mark.parametrize(
    ("origin", "lacks"),
    [
        (Origin("openai", C, "gpt-5.2"), {"temperature", "top_p", "search"}),
        (Origin("gw", C, "openai/gpt-5.4-mini"), {"temperature", "top_p", "search"}),
        (Origin("openai", C, "gpt-4o-search-preview"), {"temperature", "top_p", "seed", "stop", "think"}),
        (Origin("openrouter", C, "qwen/qwen3"), set[str]()),
        (Origin("openai", R, "gpt-4.1-nano"), {"stop", "seed", "think", "search"}),
        (Origin("openai", C, "o3"), {"temperature", "top_p", "stop", "search"}),
        (Origin("groq", C, "openai/gpt-oss-120b"), {"files", "search"}),
        (Origin("deepseek", C, "deepseek-chat"), {"images", "files", "schema", "search"}),
        (Origin("anthropic", A, "claude-opus-4-7"), {"temperature", "top_p", "seed", "speed=cheap", "json_object"}),
        (Origin("anthropic", A, "claude-3-5-haiku-latest"), {"think", "seed", "schema", "speed=cheap", "json_object"}),
        (Origin("gemini", G, "gemini-3-pro-preview"), {"single_call"}),
    ],
)
def test_unsupported_params_of_model_match_table(origin: Origin, lacks: set[str]) -> None:
    assert unsupported_params(origin) == lacks


async def test_quirks_apply_to_model_behind_gateway(gateway: Gateway) -> None:
    gateway.reply(Reply(Reasoning("hm"), Words("so")).like(Quirk.THINK_TAGS))
    deltas, _ = await run_request(provider_config(gateway.url, C, name="ollama"), name="qwen3")
    assert parts(deltas) == (Thought("hm"), Text("so"))
    assert quirks(Origin("gw", C, "deepseek/deepseek-chat")) == {"reasoning_back"}


_NAMES = st.text("gpt-5.4o*[]!?", max_size=10)


@given(_NAMES, _NAMES)
@example("gpt-5.4-mini", "gpt-5.[2-5]-mini*")
@example("gpt-5.6-mini", "gpt-5.[2-5]-mini*")
def test_matches_pattern_returns_what_fnmatchcase_does(name: str, pattern: str) -> None:
    assert matches_pattern(name, pattern) is fnmatchcase(name, pattern)


def test_capability_rows_name_known_params_and_protocols() -> None:
    known = {*Params.__slots__, "tools", "images", "files", "system", "speed=cheap"}
    assert {word for row in rows() for word in row.without} <= known
    assert {word for row in rows() for word in row.protocols} <= {protocol.value for protocol in PROTOCOLS}


def test_unsupported_attachment_becomes_text_note() -> None:
    asked = Request((user_message("what?", Image("image/png", b"x"), File("a.pdf", "application/pdf", b"y")),))
    request, left = drop_unsupported(asked, Origin("deepseek", C, "deepseek-chat"))
    assert left == ("images", "files")
    assert request.messages[0].parts == (
        Text("[an image that this model cannot see]"),
        Text("[a file, a.pdf, that this model cannot see]"),
        Text("what?"),
    )
    same: tuple[Request, Any] = drop_unsupported(asked, Origin("openai", C, "gpt-5.2"))
    assert same == (asked, ())


async def test_anthropic_cache_marks_cover_system_tools_and_last_questions(gateway: Gateway) -> None:
    gateway.always(Reply.text("ok"))
    messages = (
        user_message("one"),
        assistant_message("a"),
        user_message("two"),
        assistant_message("b"),
        user_message("three"),
    )
    tool = ToolSpec("look", "Looks.", {"type": "object", "properties": {}})
    _, failure = await run_request(provider_config(gateway.url, A), Request(messages, "Be brief.", (tool,)))
    assert failure is None
    body = gateway.asked[0].body
    assert body["system"] == [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    assert "cache_control" in body["tools"][-1]
    assert ["cache_control" in turn["content"][-1] for turn in body["messages"]] == [False, False, True, False, True]


async def test_anthropic_cache_marks_refused_are_left_out(gateway: Gateway) -> None:
    gateway.reply(fault.status(400, "messages.0.content.0: Extra inputs: cache_control"), Reply.text("ok"))
    deltas, failure = await run_request(provider_config(gateway.url, A))
    assert (text_of(deltas), failure) == ("ok", None)
    assert ["cache_control" in str(request.body) for request in gateway.asked] == [True, False]


def assistant_message(text: str) -> Message:
    return Message(Role.ASSISTANT, (Text(text),))
