"""Web search by the vendors: native requests, unique sources, data sent back only to its origin."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from termchat.core import messages
from termchat.core.events import MessageDone, ProviderNotice, Streamed
from termchat.core.messages import Citation, Search, unique_citations, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.provider import Params, Request
from termchat.engine.session import ChatSession
from tests import gateway as gw
from tests.engine.support import ask, ended, session, streamed_text
from tests.gateway import Block, Finish, Gateway, Reasoning, Reply, Text, fault
from tests.providers.support import PROTOCOLS, model, provider_config, run_request

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
ON = Params(search=True)
PAGE, OTHER = gw.Citation("https://a.example/x", "A"), gw.Citation("https://b.example/", "")
FOUND = gw.Search("tea 茶", (PAGE, OTHER))
REPLY = Reply(Reasoning("hm"), FOUND, Text("Tea "), PAGE, Block(), Text("is hot."), OTHER, PAGE)
NATIVE = {
    ApiProtocol.RESPONSES: [{"type": "web_search"}],
    ApiProtocol.ANTHROPIC: ["web_search_20250305"],
    ApiProtocol.GEMINI: [{"googleSearch": {}}, {"urlContext": {}}],
}
SEARCHED = ("web_search_call", "server_tool_use", "encrypted_index")


def provider_notices(events: list[Any]) -> list[str]:
    return [e.delta.words for e in events if isinstance(e, Streamed) and isinstance(e.delta, ProviderNotice)]


def reply_of(events: list[Any]) -> Any:
    return next(event.message for event in events if isinstance(event, MessageDone))


def switch(chat: ChatSession, *, search: bool) -> None:
    chat.update_settings(
        lambda settings: replace(settings, params=replace(settings.params, search=search)), lasting=False
    )


@ALL
async def test_search_is_requested_natively_or_left_out_with_one_notice(
    gateway: Gateway, protocol: ApiProtocol
) -> None:
    gateway.always(REPLY)
    async with session(gateway, protocol, params=ON, tools=None) as chat:
        events = [await ask(chat, "tea?"), await ask(chat, "sure?")]
    body = gateway.asked[0].body
    asked = [tool["type"] if protocol is ApiProtocol.ANTHROPIC else tool for tool in body.get("tools", ())]
    assert asked == NATIVE.get(protocol, [])
    lacking = ["gpt-5.2 does not support web search; left out."] if protocol is ApiProtocol.CHAT else []
    assert [provider_notices(seen) for seen in events] == [lacking, []]


@ALL
async def test_search_sources_are_unique_and_attached_to_text(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(REPLY)
    async with session(gateway, protocol, params=ON, tools=None) as chat:
        message = reply_of(await ask(chat, "tea?"))
    assert message.text == "Tea is hot."
    assert message.sources == (Citation("https://a.example/x", "A"), Citation("https://b.example/", ""))
    asked = [query for part in message.parts if isinstance(part, Search) for query in part.queries]
    assert asked == ([] if protocol is ApiProtocol.CHAT else ["tea 茶"])


@ALL
async def test_search_data_is_sent_only_while_search_is_on(gateway: Gateway, protocol: ApiProtocol) -> None:
    """The gateway refuses search data in a request without search."""
    gateway.reply(REPLY)
    gateway.always(Reply.text("ok"))
    async with session(gateway, protocol, params=ON, tools=None) as chat:
        await ask(chat, "tea?")
        for search in (False, True):
            switch(chat, search=search)
            assert ended(await ask(chat, "sure?")).outcome is Outcome.COMPLETE
    text = [json.dumps(request.body) for request in gateway.asked]
    own = protocol in (ApiProtocol.RESPONSES, ApiProtocol.ANTHROPIC)
    assert [any(word in body for word in SEARCHED) for body in text] == [False, False, own]
    assert all("Tea " in body for body in text[1:])


@ALL
async def test_search_data_is_not_sent_to_other_models(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(REPLY)
    gateway.always(Reply.text("ok"))
    others = [model(other) for other in PROTOCOLS if other is not protocol]
    others += [ModelRef(protocol.value, "claude-sonnet-5")] if protocol is ApiProtocol.ANTHROPIC else []
    async with session(gateway, protocol, params=ON, tools=None) as chat:
        await ask(chat, "tea?")
        for other in others:
            assert ended(await ask(chat, "sure?", other)).outcome is Outcome.COMPLETE
    bodies = [json.dumps(request.body | {"include": []}) for request in gateway.asked[1:]]
    assert not [word for body in bodies for word in (*SEARCHED, "encrypted_content") if word in body]


async def test_search_paused_reply_is_continued(gateway: Gateway) -> None:
    gateway.reply(Reply(Text("I look. "), FOUND, finish=Finish.PAUSED), Reply(Text("Tea."), PAGE))
    async with session(gateway, ApiProtocol.ANTHROPIC, params=ON, tools=None) as chat:
        events = await ask(chat, "tea?")
        parts = [part for m in chat.conversation.history() for part in m.parts]
        await_next = await _next(gateway, chat)
    assert (streamed_text(events), ended(events).outcome, await_next) == (
        "I look. Tea.",
        Outcome.COMPLETE,
        Outcome.COMPLETE,
    )
    blocks = gateway.asked[1].body["messages"][-1]["content"]
    assert [block["type"] for block in blocks] == ["text", "server_tool_use", "web_search_tool_result"]
    assert unique_citations(part for part in parts if isinstance(part, messages.Text)) == (
        Citation("https://a.example/x", "A"),
    )


async def _next(gateway: Gateway, chat: ChatSession) -> Outcome:
    gateway.reply(Reply.text("ok"))
    return ended(await ask(chat, "sure?")).outcome


async def test_search_without_results_is_not_sent_back(gateway: Gateway) -> None:
    use = '{"type":"content_block_start","index":1,"content_block":{"type":"server_tool_use","id":"srvtoolu_1",'
    use += '"name":"web_search","input":{"query":"tea"}}}'
    half = gw.Raw(f"event: content_block_start\ndata: {use}\n\n".encode())
    stop = gw.Raw(b'event: content_block_stop\ndata: {"type":"content_block_stop","index":1}\n\n')
    gateway.reply(Reply(Text("I look. "), half, stop, fault.fin()), Reply.text("ok"))
    async with session(gateway, ApiProtocol.ANTHROPIC, params=ON, tools=None) as chat:
        events = await ask(chat, "tea?")
        assert Search(("tea",)).queries in [p.queries for p in reply_of(events).parts if isinstance(p, Search)]
        assert ended(await ask(chat, "go on")).outcome is Outcome.COMPLETE
    assert "server_tool_use" not in json.dumps(gateway.asked[1].body)


@pytest.mark.parametrize("protocol", [ApiProtocol.RESPONSES, ApiProtocol.ANTHROPIC, ApiProtocol.GEMINI])
async def test_search_refused_by_server_is_left_out_with_notice(gateway: Gateway, protocol: ApiProtocol) -> None:
    words = {
        ApiProtocol.RESPONSES: "Hosted tool 'web_search' is not supported with this model.",
        ApiProtocol.ANTHROPIC: "tools.0: Input tag 'web_search_20250305' found using 'type' does not match any of the"
        " expected tags",
        ApiProtocol.GEMINI: "Invalid JSON. Unknown name \"googleSearch\" at 'tools[0]': Cannot find field.",
    }
    gateway.reply(fault.status(400, words[protocol]))
    gateway.always(Reply.text("ok"))
    async with session(gateway, protocol, params=ON, tools=None) as chat:
        events = [await ask(chat, "tea?"), await ask(chat, "sure?")]
    name = model(protocol).model
    assert [provider_notices(seen) for seen in events] == [[f"{name} does not support web search; left out."], []]
    assert ["tools" in request.body for request in gateway.asked] == [True, False, False]


async def test_search_of_chat_search_model_and_openrouter_plugin(gateway: Gateway) -> None:
    gateway.always(Reply(Text("Tea."), PAGE))
    params = Params(search=True, temperature=0.5)
    async with session(gateway, ApiProtocol.CHAT, params=params, tools=None) as chat:
        events = await ask(chat, "tea?", ModelRef("openai", "gpt-4o-search-preview"))
    assert provider_notices(events) == ["gpt-4o-search-preview does not support temperature; left out."]
    assert gateway.asked[0].body["web_search_options"] == {}
    assert reply_of(events).sources == (Citation("https://a.example/x", "A"),)
    openrouter = provider_config(gateway.url, ApiProtocol.CHAT, name="openrouter")
    deltas, failure = await run_request(openrouter, Request((user_message("tea?"),), params=ON), name="qwen/qwen3")
    assert (failure, [d for d in deltas if isinstance(d, ProviderNotice)]) == (None, [])
    assert gateway.asked[1].body["plugins"] == [{"id": "web"}]


async def test_gemini_search_leaves_out_tools_with_one_notice(gateway: Gateway) -> None:
    gateway.always(Reply.text("ok"))
    async with session(gateway, ApiProtocol.GEMINI, params=ON) as chat:
        words = [provider_notices(await ask(chat, "tea?")), provider_notices(await ask(chat, "sure?"))]
    notice = "gemini-3-pro-preview does not support tools together with a reply schema or web search; left out."
    assert words == [[notice], []]


async def test_search_failed_gives_notice(gateway: Gateway) -> None:
    gateway.reply(Reply(gw.Search("tea", failed="max_uses_exceeded"), Text("Sorry.")), Reply.text("ok"))
    async with session(gateway, ApiProtocol.ANTHROPIC, params=ON, tools=None) as chat:
        assert provider_notices(await ask(chat, "tea?")) == ["The web search failed: max_uses_exceeded."]
        assert ended(await ask(chat, "sure?")).outcome is Outcome.COMPLETE
