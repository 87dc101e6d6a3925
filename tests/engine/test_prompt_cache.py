"""The prompt cache: a stable prefix and key, and the saving shown."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from termchat.core.messages import File, Image, Message, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.provider import Params, Request
from termchat.core.usage import Usage
from termchat.providers.protocols.openai_common import cache_key
from termchat.store.message_json import decode_message, encode_message, missing_blob
from termchat.ui.phrases import usage_line
from tests.engine.bare_ports import BarePrices
from tests.engine.support import ask, ended, session
from tests.gateway import Call, Gateway, Reasoning, Reply, Text, fault
from tests.gateway import Usage as Counted
from tests.providers.support import PROTOCOLS, model, provider_config, run_request

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
LOOK = Call("look", {"city": "Köln"})
CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def beginning(body: dict[str, Any]) -> Any:
    """The part of a request before its turns."""
    names = ("system", "instructions", "tools", "systemInstruction", "response_format", "text", "generationConfig")
    return json.dumps([body.get(name) for name in names])


def turns(body: dict[str, Any]) -> list[str]:
    """Each turn as text, without cache marks."""
    found = body.get("messages") or body.get("input") or body.get("contents") or []
    return [json.dumps(turn).replace(', "cache_control": {"type": "ephemeral"}', "") for turn in found]


@ALL
async def test_request_starts_with_previous_request(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply(Reasoning("hm"), LOOK), Reply.text("Rain."), Reply.text("Still."), Reply.text("Yes."))
    params = Params(temperature=0.5, stop=("END",), schema=CLOSED)
    async with session(gateway, protocol, system="Be brief.", params=params) as chat:
        for question in ("weather?", "and now?", "sure?"):
            await ask(chat, question)
    bodies = [request.body for request in gateway.asked]
    for before, body in pairwise(bodies):
        assert beginning(before) == beginning(body)
        assert turns(body)[: len(turns(before))] == turns(before)


def compared(body: dict[str, Any]) -> Any:
    """Return the earlier reply that a request asks to be compared with."""
    options = body.get("diagnostics") or body.get("prompt_cache_options") or {}
    return options.get("previous_message_id") or options.get("comparison_response_id")


DIAGNOSED = pytest.mark.parametrize("protocol", [ApiProtocol.ANTHROPIC, ApiProtocol.RESPONSES])


@DIAGNOSED
async def test_cache_diagnosis_compares_with_previous_reply_of_stored_chat(
    gateway: Gateway, protocol: ApiProtocol
) -> None:
    gateway.reply(Reply.text("one"), Reply.text("two"))
    async with session(gateway, protocol, fields={"quirks": frozenset({"cache_diagnosis"})}) as chat:
        await ask(chat, "first")
        first = chat.conversation.path()[-1].message
        assert decode_message(encode_message(first).text, missing_blob) == first
        await ask(chat, "second")
    assert first.reply_id.startswith(("msg_", "resp_"))
    assert [compared(request.body) for request in gateway.asked] == [None, first.reply_id]
    assert ("diagnostics" in gateway.asked[0].body) == (protocol is ApiProtocol.ANTHROPIC)


@DIAGNOSED
async def test_cache_diagnosis_is_not_asked_of_other_hosts(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply.text("one"), Reply.text("two"))
    async with session(gateway, protocol) as chat:
        await ask(chat, "first")
        await ask(chat, "second", ModelRef(protocol.value, "gpt-6-luna") if protocol is ApiProtocol.RESPONSES else None)
    assert not {"diagnostics", "prompt_cache_options"} & {name for request in gateway.asked for name in request.body}


@DIAGNOSED
async def test_cache_diagnosis_refused_is_left_out_and_remembered(gateway: Gateway, protocol: ApiProtocol) -> None:
    name = "diagnostics" if protocol is ApiProtocol.ANTHROPIC else "prompt_cache_options"
    refusal = fault.status(400, message=f"{name}: Extra inputs are not permitted")
    async with session(gateway, protocol, fields={"quirks": frozenset({"cache_diagnosis"})}) as chat:
        gateway.reply(Reply.text("one"))
        await ask(chat, "first")
        gateway.reply(refusal, Reply.text("two"), Reply.text("three"))
        await ask(chat, "second")
        await ask(chat, "third")
    assert [name in request.body for request in gateway.asked][1:] == [True, False, False]


def test_encoded_request_is_equal_in_every_process() -> None:
    code = (
        "import json; from tests.engine.support import TOOLBOX; from termchat.core.messages import *;"
        "from termchat.core.provider import *; from termchat.core.models import ProviderConfig, ApiProtocol;"
        "from termchat.providers.protocols.anthropic.encode import encode as a;"
        "from termchat.providers.protocols.gemini.encode import *;"
        "from termchat.providers.protocols.openai_chat.encode import encode as c, cache_key;"
        "from termchat.providers.protocols.openai_responses.encode import encode as r;"
        "q = Request((user_message('q'),), 'Be brief.', TOOLBOX.specs,"
        " Params(stop=('b', 'a'), schema={'type': 'object'}));"
        "o, p = [Origin('x', s, 'm') for s in ApiProtocol], ProviderConfig('x');"
        "print(json.dumps([c(q, o[0], p), r(q, o[1], p), a(q, o[2], p, 9), encode_config(q, o[3]), cache_key(q)]))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("protocol", [ApiProtocol.CHAT, ApiProtocol.RESPONSES])
async def test_cache_key_is_constant_per_chat_and_sent_only_when_supported(
    gateway: Gateway, protocol: ApiProtocol
) -> None:
    gateway.always(Reply.text("ok"))
    keys: list[str | None] = []
    for quirks in (frozenset({"cache_key"}), frozenset[str]()):
        async with session(gateway, protocol, fields={"quirks": quirks}) as chat:
            await ask(chat, "one")
            await ask(chat, "two")
            chat.new()
            await ask(chat, "another")
    keys = [request.body.get("prompt_cache_key") for request in gateway.asked]
    assert keys[0] is not None
    assert len(keys[0]) <= 64
    assert keys == [keys[0], keys[0], keys[2], None, None, None]
    assert keys[2] not in (None, keys[0])


@pytest.mark.parametrize("protocol", [ApiProtocol.CHAT, ApiProtocol.RESPONSES])
async def test_cache_key_refused_is_left_out_without_notice(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(fault.status(400, "Unknown parameter: 'prompt_cache_key'."))
    gateway.always(Reply.text("ok"))
    async with session(gateway, protocol, fields={"quirks": frozenset({"cache_key"})}) as chat:
        for _ in range(2):
            assert "does not" not in str(await ask(chat, "one"))
    assert ["prompt_cache_key" in request.body for request in gateway.asked] == [True, False, False]


def test_cache_key_depends_on_start_of_request() -> None:
    def key(message: Message, system: str = "") -> str:
        return cache_key(Request((message, user_message("more")), system))

    pdf = File("a.pdf", "application/pdf", b"%PDF")
    assert key(user_message("a")) == key(user_message("a")) != key(user_message("b"))
    assert key(user_message("a"), "Be brief.") == key(user_message("b"), "Be brief.")
    assert key(user_message("a", pdf)) == key(user_message("b", pdf)) != key(user_message("a"))
    assert key(user_message("a", Image("image/png", url="https://a.example/x"))) != key(user_message("a"))
    assert cache_key(Request(())) == cache_key(Request(()))


class PerToken(BarePrices):
    """A dollar a token; a tenth of it for a cached one, a quarter more for a cache write."""

    async def cost(self, model: ModelRef, usage: Usage, at: float | None = None) -> Decimal | None:
        if model.model == "unknown":
            return None
        full = usage.input - usage.cached - usage.cache_write
        return full + usage.cached * Decimal("0.1") + usage.cache_write * Decimal("1.25") + usage.output


@ALL
async def test_cache_saving_is_summed_over_steps(gateway: Gateway, protocol: ApiProtocol) -> None:
    written = 0 if protocol is ApiProtocol.GEMINI else 40
    gateway.reply(
        Reply(LOOK, usage=Counted(input=100, output=5, cache_write=written)),
        Reply(Text("Rain."), usage=Counted(input=120, output=5, cached=100)),
    )
    async with session(gateway, protocol, prices=PerToken()) as chat:
        end = ended(await ask(chat, "weather?"))
    assert end.saved == 90 - written * Decimal("0.25")
    assert "220 in (100 cached, saved $" in usage_line(end, full=True)


async def test_cache_saving_without_price_is_not_shown(gateway: Gateway) -> None:
    gateway.reply(Reply(Text("Rain."), usage=Counted(input=120, output=5, cached=100)))
    async with session(gateway, ApiProtocol.CHAT, prices=PerToken()) as chat:
        chat.switch_model(ModelRef(model(ApiProtocol.CHAT).provider, "unknown"))
        end = ended(await ask(chat, "weather?"))
    assert (end.saved, end.cost) == (0, None)
    assert "120 in (100 cached) ·" in usage_line(end, full=True)


async def test_cache_saving_of_only_writes_is_not_shown(gateway: Gateway) -> None:
    gateway.reply(Reply(Text("Rain."), usage=Counted(input=120, output=5, cached=10, cache_write=100)))
    async with session(gateway, ApiProtocol.ANTHROPIC, prices=PerToken()) as chat:
        end = ended(await ask(chat, "weather?"))
    assert end.saved < 0
    assert "120 in (10 cached) ·" in usage_line(end, full=True)


async def test_cache_key_is_sent_to_openai(monkeypatch: pytest.MonkeyPatch, gateway: Gateway) -> None:
    from termchat.providers.protocols import openai_sdk

    gateway.reply(Reply.text("ok"))
    monkeypatch.setattr(openai_sdk, "OWN_HOST", f"127.0.0.1:{gateway.port}")
    await run_request(provider_config(gateway.url, ApiProtocol.RESPONSES))
    assert "prompt_cache_key" in gateway.asked[0].body


def test_price_table_discounts_cached_tokens() -> None:
    from termchat.providers.catalog.prices import _list_price

    now = datetime.now(UTC)
    with_cache = _list_price("anthropic", "claude-opus-5", Usage(input=4100, output=10, cached=3200), now)
    without = _list_price("anthropic", "claude-opus-5", Usage(input=4100, output=10), now)
    assert with_cache is not None
    assert without is not None
    assert without - with_cache > Decimal("0.001")
