"""What a user may ask, in each protocol's words; what a model does not take is left out, and said once."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from termchat.core.events import ProviderNotice
from termchat.core.messages import File, Image, Message, Origin, Role, Text, user_message
from termchat.core.messages import Reasoning as Thought
from termchat.core.models import ApiProtocol, ModelRef, ProviderConfig
from termchat.core.provider import Effort, Params, Request, StreamMonitor, ToolSpec
from termchat.providers.catalog.capabilities import drop_unsupported, quirks, rows, unsupported_params
from termchat.providers.protocols.anthropic import encode as anthropic
from termchat.providers.protocols.gemini import encode as gemini
from termchat.providers.protocols.openai_chat import encode as chat
from termchat.providers.protocols.openai_responses import encode as responses
from termchat.providers.registry import ProviderRegistry
from tests.gateway import Gateway, Quirk, Reasoning, Reply, fault
from tests.gateway import Text as Words
from tests.gateway.reading import searches
from tests.providers.decode_support import parts
from tests.providers.support import SPEECHES, heard, profile, registry, text_of

C, R, A, G = SPEECHES
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
ALL = Params(temperature=0.5, top_p=0.9, stop=("END",), seed=7, schema=SCHEMA)
OLDER = {C: "gpt-4.1", R: "gpt-4.1", A: "claude-sonnet-4", G: "gemini-3-pro"}
NEWER = {C: "gpt-5.2", R: "gpt-5.2", A: "claude-opus-5", G: "gemini-3-pro"}


def test_in_each_protocols_words() -> None:
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
    config = gemini.encode_config(request)
    assert (config["temperature"], config["top_p"], config["stop_sequences"], config["seed"]) == (0.5, 0.9, ["END"], 7)
    assert (config["response_mime_type"], config["response_json_schema"]) == ("application/json", SCHEMA)


@pytest.mark.parametrize("speech", SPEECHES)
@pytest.mark.parametrize("models", [OLDER, NEWER], ids=["older", "newer"])
async def test_no_model_is_sent_what_it_refuses(
    gateway: Gateway, speech: ApiProtocol, models: dict[ApiProtocol, str]
) -> None:
    """The gateway's validators know which model takes what."""
    gateway.always(Reply.text("{}"))
    said: list[list[str]] = []
    async with registry(profile(gateway.url, speech)) as providers:
        for _ in range(2):
            provider = await providers.open(ModelRef(speech.value, models[speech]))
            deltas = [
                delta async for delta in provider.stream(Request((user_message("q"),), params=ALL), StreamMonitor())
            ]
            assert text_of(deltas) == "{}"
            said.append([delta.words for delta in deltas if isinstance(delta, ProviderNotice)])
    lacking = unsupported_params(Origin(speech.value, speech, models[speech])) & {
        "temperature",
        "top_p",
        "stop",
        "seed",
    }
    assert (len(said[0]), said[1]) == (1 if lacking else 0, [])
    sent = str(gateway.asked[0].body)
    assert ("0.5" in sent, "END" in sent) == ("temperature" not in lacking, "stop" not in lacking)


async def notices(providers: ProviderRegistry, name: ModelRef, params: Params, chat: str) -> list[str]:
    """What is told while one request is answered."""
    provider = await providers.open(name)
    request = Request((user_message("q"),), params=params, chat=chat)
    return [
        delta.words async for delta in provider.stream(request, StreamMonitor()) if isinstance(delta, ProviderNotice)
    ]


async def test_what_is_left_out_is_told_once_in_each_chat(gateway: Gateway) -> None:
    gateway.always(Reply.text("ok"))
    cold, both = Params(temperature=0.0), Params(temperature=0.0, seed=1)
    name = ModelRef(R.value, "gpt-5.2")
    async with registry(profile(gateway.url, R)) as providers:
        said = [
            await notices(providers, name, params, chat)
            for params, chat in ((cold, "one"), (cold, "one"), (both, "one"), (both, "one"), (both, "two"))
        ]
    alone, seed = "gpt-5.2 does not take temperature; left out.", "gpt-5.2 does not take seed; left out."
    assert said == [[alone], [], [seed], [], ["gpt-5.2 does not take temperature, seed; left out."]]


REFUSALS = {
    C: "Unsupported parameter: 'temperature' is not supported with this model.",
    R: "Unknown parameter: 'temperature'.",
    A: "temperature: Extra inputs are not permitted",
    G: "Invalid JSON payload received. Unknown name \"temperature\" at 'generation_config': Cannot find field.",
}


@pytest.mark.parametrize("speech", SPEECHES)
async def test_what_a_server_refuses_to_know_is_not_sent_to_it_again(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.reply(fault.status(400, REFUSALS[speech]))
    gateway.always(Reply.text("ok"))
    asked, name = Params(temperature=0.25, top_p=0.5), ModelRef(speech.value, "some-model")
    async with registry(profile(gateway.url, speech)) as providers:
        said = [await notices(providers, name, asked, chat) for chat in ("one", "one", "two")]
    told = "some-model does not take temperature; left out."
    assert said == [[told], [], [told]]
    assert ["0.25" in str(request.body) for request in gateway.asked] == [True, False, False, False]
    assert all("0.5" in str(request.body) for request in gateway.asked)


async def test_a_wrong_value_is_told_and_not_left_out(gateway: Gateway) -> None:
    gateway.reply(fault.status(400, "temperature: 1.0 is not between 0 and 0.9."))
    _, failure = await heard(
        profile(gateway.url, A), Request((user_message("q"),), params=Params(temperature=1.0)), name="old"
    )
    assert failure is not None
    assert "not between" in failure.message
    assert len(gateway.asked) == 1


def schema_sent(body: dict[str, Any]) -> Any:
    """The schema of the reply, and whether the model is held to it word for word."""
    chat_form = body.get("response_format", {}).get("json_schema", {})
    form = chat_form or body.get("text", {}).get("format", {}) or body.get("output_config", {}).get("format", {})
    config = body.get("generationConfig", {})
    return form.get("schema") or config.get("responseJsonSchema") or config.get("response_json_schema"), form.get(
        "strict"
    )


CLOSED = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize("speech", SPEECHES)
@pytest.mark.parametrize(
    "schema", [CLOSED, SCHEMA | {"$schema": "x", "properties": {"a": {"type": "string", "format": "date"}}}]
)
async def test_a_schema_goes_along_natively_and_a_closed_one_holds_openai_to_it(
    gateway: Gateway, speech: ApiProtocol, schema: dict[str, Any]
) -> None:
    gateway.reply(Reply.text('{"a": 1}'))
    deltas, _ = await heard(profile(gateway.url, speech), Request((user_message("q"),), params=Params(schema=schema)))
    assert not [delta for delta in deltas if isinstance(delta, ProviderNotice)]
    sent, strict = schema_sent(gateway.asked[0].body)
    assert sent["required"] == ["a"]
    assert "$schema" not in sent
    assert strict == ({C: schema is CLOSED, R: schema is CLOSED}.get(speech))
    assert speech is not A or sent["additionalProperties"] is False


IN_WORDS = "deepseek-chat takes no reply schema; it is asked for in words."


@pytest.mark.parametrize(
    ("speech", "name"),
    [(C, "deepseek-chat"), (A, "claude-3-5-haiku-latest"), (C, "gpt-4-turbo"), (G, "gemini-1.0-pro")],
)
async def test_a_model_that_takes_no_schema_is_asked_for_it_in_words(
    gateway: Gateway, speech: ApiProtocol, name: str
) -> None:
    gateway.always(Reply.text('{"a": 1}'))
    request = Request((user_message("q"),), "Be brief.", params=Params(schema=CLOSED), chat="one")
    said: list[str] = []
    async with registry(profile(gateway.url, speech)) as providers:
        for _ in range(2):
            provider = await providers.open(ModelRef(speech.value, name))
            said += [d.words async for d in provider.stream(request, StreamMonitor()) if isinstance(d, ProviderNotice)]
    assert said == ([] if speech is G else [IN_WORDS.replace("deepseek-chat", name)])
    body = gateway.asked[1].body
    assert (schema_sent(body)[0] is None) == (speech is not G)
    if speech is not G:
        assert "Be brief.\\n\\nReply with one JSON value" in json.dumps(body)
        assert "additionalProperties" in json.dumps(body)


@pytest.mark.parametrize("speech", SPEECHES)
async def test_a_server_that_refuses_schemas_is_asked_for_it_in_words(gateway: Gateway, speech: ApiProtocol) -> None:
    field = {C: "response_format", R: "text.format", A: "output_config", G: "response_json_schema"}[speech]
    gateway.reply(fault.status(400, f"This {field} type is unavailable now"), Reply.text("{}"))
    request = Request((user_message("q"),), params=Params(schema=CLOSED))
    deltas, failure = await heard(profile(gateway.url, speech), request, name="m")
    assert (text_of(deltas), failure) == ("{}", None)
    words = [delta.words for delta in deltas if isinstance(delta, ProviderNotice)]
    assert words == ["m takes no reply schema; it is asked for in words."]
    assert [schema_sent(request.body)[0] is None for request in gateway.asked] == [False, True]


async def test_a_gemini_that_takes_a_schema_or_tools_gets_the_schema(gateway: Gateway) -> None:
    gateway.always(Reply.text("{}"))
    tool = ToolSpec("look", "Looks.", {"type": "object", "properties": {}})
    request = Request((user_message("q"),), tools=(tool,), params=Params(schema=CLOSED))
    for name in ("gemini-2.5-pro", "gemini-3-pro"):
        await heard(profile(gateway.url, G), request, name=name)
    assert ["tools" in request.body for request in gateway.asked] == [False, True]


MODELS = {
    C: ("gpt-5.2", "gpt-4.1", "o3", "gpt-4", "deepseek-chat", "qwen3", "gpt-4o-search-preview"),
    R: ("gpt-5.2", "gpt-4.1", "o3", "gpt-4.1-nano"),
    A: ("claude-opus-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4", "claude-3-5-haiku-latest"),
    G: ("gemini-3-pro", "gemini-2.5-flash", "gemini-1.5-pro"),
}
STOPS = ("END", "\n\n", " ", "你好", "a", "b", "c")


def anything(dice: random.Random) -> Params:
    """What a user might ask, each of it about every other time."""

    def maybe(value: Any, otherwise: Any = None) -> Any:
        return value if dice.random() < 0.5 else otherwise

    return Params(
        max_tokens=maybe(dice.randrange(16, 4096)),
        think=maybe(dice.choice(list(Effort))),
        temperature=maybe(dice.choice((0.0, 0.3, 1.0))),
        top_p=maybe(dice.choice((0.0, 0.5, 1.0))),
        stop=maybe(tuple(dice.sample(STOPS, dice.randrange(len(STOPS)))), ()),
        seed=maybe(dice.choice((0, 42, 2**31))),
        schema=maybe(dice.choice((SCHEMA, CLOSED))),
        search=maybe(True, False),
    )


@pytest.mark.parametrize("speech", SPEECHES)
async def test_whatever_is_asked_no_request_is_refused(gateway: Gateway, speech: ApiProtocol) -> None:
    """And nothing is left out unsaid: the gateway's validators know which model takes what."""
    gateway.always(Reply.text("ok"))
    seed = random.randrange(1 << 32)
    dice, tool = random.Random(seed), ToolSpec("look", "Looks.", {"type": "object", "properties": {}})
    async with registry(profile(gateway.url, speech)) as providers:
        for number in range(80):
            params, name = anything(dice), ModelRef(speech.value, dice.choice(MODELS[speech]))
            request = Request((user_message("q"),), "Be brief.", (tool,) * dice.randrange(2), params, f"chat {number}")
            said = [d async for d in (await providers.open(name)).stream(request, StreamMonitor())]
            sent = gateway.asked[-1]
            assert (text_of(said), sent.problems) == ("ok", []), f"seed {seed}: {params} to {name}"
            told = " ".join(d.words for d in said if isinstance(d, ProviderNotice))
            body = json.dumps(sent.body)
            there = {
                "temperature": (params.temperature, '"temperature"' in body),
                "top-p": (params.top_p, '"top_p"' in body or '"topP"' in body),
                "seed": (params.seed, '"seed"' in body),
                "reply schema": (params.schema, schema_sent(sent.body)[0] is not None),
                "web search": (params.search or None, searches(sent)),
            }
            for word, (asked, went) in there.items():
                right = not went if asked is None else went or word in told
                assert right, f"seed {seed}: {word} of {params} to {name}"


@pytest.mark.parametrize(
    ("speech", "kept", "told"),
    [
        (C, ["a", "\n", "b", "c"], "so many stop texts"),
        (A, ["a", "b", "c", "d", "e"], "stop texts that are blank"),
        (G, ["a", "\n", "b", "c", "d"], "so many stop texts"),
    ],
)
async def test_only_as_many_stop_texts_as_the_server_takes(
    gateway: Gateway, speech: ApiProtocol, kept: list[str], told: str
) -> None:
    gateway.reply(Reply.text("ok"))
    params = Params(stop=("a", "\n", "b", "c", "d", "e"))
    deltas, _ = await heard(
        profile(gateway.url, speech), Request((user_message("q"),), params=params), name="some-model"
    )
    assert [delta.words for delta in deltas if isinstance(delta, ProviderNotice)] == [
        f"some-model does not take {told}; left out."
    ]
    body = gateway.asked[0].body
    sent = body.get("stop") or body.get("stop_sequences") or body["generationConfig"]["stopSequences"]
    assert sent == kept


async def test_a_claude_that_thinks_chooses_by_itself_how_to_sample(gateway: Gateway) -> None:
    gateway.always(Reply.text("ok"))
    for effort in (Effort.HIGH, Effort.OFF):
        request = Request((user_message("q"),), params=Params(temperature=0.25, think=effort))
        await heard(profile(gateway.url, A), request, name="claude-sonnet-4-5")
    assert ["0.25" in str(request.body) for request in gateway.asked] == [False, True]


@pytest.mark.parametrize(
    ("origin", "lacks"),
    [
        (Origin("openai", C, "gpt-5.2"), {"temperature", "top_p", "search"}),
        (Origin("gw", C, "openai/gpt-5.2-mini"), {"temperature", "top_p", "search"}),
        (Origin("openai", C, "gpt-4o-search-preview"), {"temperature", "top_p", "seed", "stop", "think"}),
        (Origin("openrouter", C, "qwen/qwen3"), set[str]()),
        (Origin("openai", R, "gpt-4.1-nano"), {"stop", "seed", "think", "search"}),
        (Origin("openai", C, "o3"), {"temperature", "top_p", "stop", "search"}),
        (Origin("groq", C, "openai/gpt-oss-120b"), {"files", "search"}),
        (Origin("deepseek", C, "deepseek-chat"), {"images", "files", "schema", "search"}),
        (Origin("anthropic", A, "claude-opus-4-7"), {"temperature", "top_p", "seed"}),
        (Origin("anthropic", A, "claude-3-5-haiku-latest"), {"think", "seed", "schema"}),
        (Origin("gemini", G, "gemini-3-pro"), set[str]()),
    ],
)
def test_what_models_do_not_take_is_data(origin: Origin, lacks: set[str]) -> None:
    assert unsupported_params(origin) == lacks


async def test_a_model_behind_a_gateway_keeps_its_ways(gateway: Gateway) -> None:
    gateway.reply(Reply(Reasoning("hm"), Words("so")).like(Quirk.THINK_TAGS))
    deltas, _ = await heard(profile(gateway.url, C, name="ollama"), name="qwen3")
    assert parts(deltas) == (Thought("hm"), Text("so"))
    assert quirks(Origin("gw", C, "deepseek/deepseek-chat")) == {"reasoning_back"}


def test_every_word_of_the_table_means_something() -> None:
    known = {*Params.__slots__, "images", "files"}
    assert {word for row in rows() for word in row.without} <= known
    assert {word for row in rows() for word in row.protocols} <= {speech.value for speech in SPEECHES}


def test_an_attachment_that_a_model_cannot_see_is_a_note() -> None:
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


async def test_anthropic_is_asked_to_cache_what_will_be_sent_again(gateway: Gateway) -> None:
    gateway.always(Reply.text("ok"))
    talk = (user_message("one"), said_by_model("a"), user_message("two"), said_by_model("b"), user_message("three"))
    tool = ToolSpec("look", "Looks.", {"type": "object", "properties": {}})
    _, failure = await heard(profile(gateway.url, A), Request(talk, "Be brief.", (tool,)))
    assert failure is None
    body = gateway.asked[0].body
    assert body["system"] == [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    assert "cache_control" in body["tools"][-1]
    assert ["cache_control" in turn["content"][-1] for turn in body["messages"]] == [False, False, True, False, True]


async def test_a_server_that_does_not_know_the_marks_is_asked_without(gateway: Gateway) -> None:
    gateway.reply(fault.status(400, "messages.0.content.0: Extra inputs: cache_control"), Reply.text("ok"))
    deltas, failure = await heard(profile(gateway.url, A))
    assert (text_of(deltas), failure) == ("ok", None)
    assert ["cache_control" in str(request.body) for request in gateway.asked] == [True, False]


def said_by_model(text: str) -> Message:
    return Message(Role.ASSISTANT, (Text(text),))
