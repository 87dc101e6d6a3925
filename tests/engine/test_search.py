"""The vendors' own search of the web: asked natively, its sources told once each, its data back only to its maker."""

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
from tests.engine.support import ask, ended, said, session
from tests.gateway import Block, Finish, Gateway, Reasoning, Reply, Text, fault
from tests.providers.support import SPEECHES, heard, model, profile

ALL = pytest.mark.parametrize("speech", SPEECHES)
ON = Params(search=True)
PAGE, OTHER = gw.Citation("https://a.example/x", "A"), gw.Citation("https://b.example/", "")
FOUND = gw.Search("tea 茶", (PAGE, OTHER))
REPLY = Reply(Reasoning("hm"), FOUND, Text("Tea "), PAGE, Block(), Text("is hot."), OTHER, PAGE)
NATIVE = {
    ApiProtocol.RESPONSES: [{"type": "web_search"}],
    ApiProtocol.ANTHROPIC: ["web_search_20250305"],
    ApiProtocol.GEMINI: [{"googleSearch": {}}],
}
SEARCHED = ("web_search_call", "server_tool_use", "encrypted_index")


def adapted(events: list[Any]) -> list[str]:
    return [e.delta.words for e in events if isinstance(e, Streamed) and isinstance(e.delta, ProviderNotice)]


def reply_of(events: list[Any]) -> Any:
    return next(event.message for event in events if isinstance(event, MessageDone))


def switch(talk: ChatSession, *, search: bool) -> None:
    talk.update_settings(lambda terms: replace(terms, params=replace(terms.params, search=search)), lasting=False)


@ALL
async def test_it_is_asked_natively_or_left_out_and_said_once(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.always(REPLY)
    async with session(gateway, speech, params=ON, tools=None) as talk:
        events = [await ask(talk, "tea?"), await ask(talk, "sure?")]
    body = gateway.asked[0].body
    asked = [tool["type"] if speech is ApiProtocol.ANTHROPIC else tool for tool in body.get("tools", ())]
    assert asked == NATIVE.get(speech, [])
    lacking = ["gpt-5.2 does not take web search; left out."] if speech is ApiProtocol.CHAT else []
    assert [adapted(seen) for seen in events] == [lacking, []]


@ALL
async def test_its_sources_are_told_once_each_and_stand_with_the_words(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.reply(REPLY)
    async with session(gateway, speech, params=ON, tools=None) as talk:
        message = reply_of(await ask(talk, "tea?"))
    assert message.text == "Tea is hot."
    assert message.sources == (Citation("https://a.example/x", "A"), Citation("https://b.example/", ""))
    asked = [query for part in message.parts if isinstance(part, Search) for query in part.queries]
    assert asked == ([] if speech is ApiProtocol.CHAT else ["tea 茶"])


@ALL
async def test_switched_off_again_nothing_of_it_is_sent_and_on_again_all_of_it(
    gateway: Gateway, speech: ApiProtocol
) -> None:
    """The gateway's validators refuse the data of a search in a request that may not search."""
    gateway.reply(REPLY)
    gateway.always(Reply.text("ok"))
    async with session(gateway, speech, params=ON, tools=None) as talk:
        await ask(talk, "tea?")
        for search in (False, True):
            switch(talk, search=search)
            assert ended(await ask(talk, "sure?")).outcome is Outcome.COMPLETE
    text = [json.dumps(request.body) for request in gateway.asked]
    own = speech in (ApiProtocol.RESPONSES, ApiProtocol.ANTHROPIC)
    assert [any(word in body for word in SEARCHED) for body in text] == [False, False, own]
    assert all("Tea " in body for body in text[1:])


@ALL
async def test_nothing_of_it_goes_to_anyone_else(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.reply(REPLY)
    gateway.always(Reply.text("ok"))
    others = [model(other) for other in SPEECHES if other is not speech]
    others += [ModelRef(speech.value, "claude-sonnet-5")] if speech is ApiProtocol.ANTHROPIC else []
    async with session(gateway, speech, params=ON, tools=None) as talk:
        await ask(talk, "tea?")
        for other in others:
            assert ended(await ask(talk, "sure?", other)).outcome is Outcome.COMPLETE
    bodies = [json.dumps(request.body) for request in gateway.asked[1:]]
    assert not [word for body in bodies for word in (*SEARCHED, "encrypted_content") if word in body]


async def test_a_reply_that_the_vendor_pauses_goes_on_by_itself(gateway: Gateway) -> None:
    gateway.reply(Reply(Text("I look. "), FOUND, finish=Finish.PAUSED), Reply(Text("Tea."), PAGE))
    async with session(gateway, ApiProtocol.ANTHROPIC, params=ON, tools=None) as talk:
        events = await ask(talk, "tea?")
        parts = [part for m in talk.conversation.history() for part in m.parts]
        await_next = await _next(gateway, talk)
    assert (said(events), ended(events).outcome, await_next) == ("I look. Tea.", Outcome.COMPLETE, Outcome.COMPLETE)
    blocks = gateway.asked[1].body["messages"][-1]["content"]
    assert [block["type"] for block in blocks] == ["text", "server_tool_use", "web_search_tool_result"]
    assert unique_citations(part for part in parts if isinstance(part, messages.Text)) == (
        Citation("https://a.example/x", "A"),
    )


async def _next(gateway: Gateway, talk: ChatSession) -> Outcome:
    gateway.reply(Reply.text("ok"))
    return ended(await ask(talk, "sure?")).outcome


async def test_a_search_that_was_cut_off_from_its_results_does_not_go(gateway: Gateway) -> None:
    use = '{"type":"content_block_start","index":1,"content_block":{"type":"server_tool_use","id":"srvtoolu_1",'
    use += '"name":"web_search","input":{"query":"tea"}}}'
    half = gw.Raw(f"event: content_block_start\ndata: {use}\n\n".encode())
    stop = gw.Raw(b'event: content_block_stop\ndata: {"type":"content_block_stop","index":1}\n\n')
    gateway.reply(Reply(Text("I look. "), half, stop, fault.fin()), Reply.text("ok"))
    async with session(gateway, ApiProtocol.ANTHROPIC, params=ON, tools=None) as talk:
        events = await ask(talk, "tea?")
        assert Search(("tea",)).queries in [p.queries for p in reply_of(events).parts if isinstance(p, Search)]
        assert ended(await ask(talk, "go on")).outcome is Outcome.COMPLETE
    assert "server_tool_use" not in json.dumps(gateway.asked[1].body)


@pytest.mark.parametrize("speech", [ApiProtocol.RESPONSES, ApiProtocol.ANTHROPIC, ApiProtocol.GEMINI])
async def test_a_server_that_does_not_know_it_is_asked_without(gateway: Gateway, speech: ApiProtocol) -> None:
    words = {
        ApiProtocol.RESPONSES: "Hosted tool 'web_search' is not supported with this model.",
        ApiProtocol.ANTHROPIC: "tools.0: Input tag 'web_search_20250305' found using 'type' does not match any of the"
        " expected tags",
        ApiProtocol.GEMINI: "Invalid JSON. Unknown name \"googleSearch\" at 'tools[0]': Cannot find field.",
    }
    gateway.reply(fault.status(400, words[speech]))
    gateway.always(Reply.text("ok"))
    async with session(gateway, speech, params=ON, tools=None) as talk:
        events = [await ask(talk, "tea?"), await ask(talk, "sure?")]
    name = model(speech).model
    assert [adapted(seen) for seen in events] == [[f"{name} does not take web search; left out."], []]
    assert ["tools" in request.body for request in gateway.asked] == [True, False, False]


async def test_the_search_models_of_chat_completions_and_openrouters_plugin(gateway: Gateway) -> None:
    gateway.always(Reply(Text("Tea."), PAGE))
    params = Params(search=True, temperature=0.5)
    async with session(gateway, ApiProtocol.CHAT, params=params, tools=None) as talk:
        events = await ask(talk, "tea?", ModelRef("openai", "gpt-4o-search-preview"))
    assert adapted(events) == ["gpt-4o-search-preview does not take temperature; left out."]
    assert gateway.asked[0].body["web_search_options"] == {}
    assert reply_of(events).sources == (Citation("https://a.example/x", "A"),)
    openrouter = profile(gateway.url, ApiProtocol.CHAT, name="openrouter")
    deltas, failure = await heard(openrouter, Request((user_message("tea?"),), params=ON), name="qwen/qwen3")
    assert (failure, [d for d in deltas if isinstance(d, ProviderNotice)]) == (None, [])
    assert gateway.asked[1].body["plugins"] == [{"id": "web"}]


async def test_gemini_searches_or_calls_tools_and_is_told_so_once(gateway: Gateway) -> None:
    gateway.always(Reply.text("ok"))
    async with session(gateway, ApiProtocol.GEMINI, params=ON) as talk:
        said_of_it = [adapted(await ask(talk, "tea?")), adapted(await ask(talk, "sure?"))]
    told = "gemini-3-pro does not take tools beside a reply schema or web search; left out."
    assert said_of_it == [[told], []]


async def test_a_search_that_failed_is_told(gateway: Gateway) -> None:
    gateway.reply(Reply(gw.Search("tea", failed="max_uses_exceeded"), Text("Sorry.")), Reply.text("ok"))
    async with session(gateway, ApiProtocol.ANTHROPIC, params=ON, tools=None) as talk:
        assert adapted(await ask(talk, "tea?")) == ["The web search failed: max_uses_exceeded."]
        assert ended(await ask(talk, "sure?")).outcome is Outcome.COMPLETE
