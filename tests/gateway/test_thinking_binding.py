"""Thinking of Anthropic's newer models, which is bound to everything before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from termchat.core.messages import Message, Role, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.provider import Request, StreamMonitor, ToolSpec
from tests.gateway import Gateway, render
from tests.gateway.histories import LOOK, PATHS, conversation
from tests.gateway.render.frames import Ask
from tests.gateway.script import Reasoning, Reply, Text
from tests.gateway.signatures import Origin, Protocol
from tests.gateway.validate import problems
from tests.providers.decode_support import parts
from tests.providers.support import provider_config, registry, text_of

ANTHROPIC = Protocol.ANTHROPIC


def found(body: dict[str, Any]) -> list[str]:
    return problems(body, {"content-type": "application/json"}, PATHS[ANTHROPIC])


def bound(model: str = "claude-opus-5-5") -> dict[str, Any]:
    """A valid conversation whose thinking was signed for the requests that it came from."""
    body = conversation(ANTHROPIC, model=model)
    replies = (
        Reply(Reasoning("One."), Text("I look."), LOOK),
        Reply(Reasoning("Two."), Reasoning("Three."), Text("Rain.")),
    )
    for number, reply in zip((1, 3), replies, strict=True):
        asked = body | {"messages": body["messages"][:number]}
        ask = Ask(Origin("", ANTHROPIC, model), asked, f"bound{number}")
        body["messages"][number]["content"] = render.whole(reply, ask)["content"]
        calls = [block["id"] for block in body["messages"][number]["content"] if block["type"] == "tool_use"]
        if calls:
            results = [{"type": "tool_result", "tool_use_id": known, "content": "rain"} for known in calls]
            body["messages"][number + 1]["content"] = results
    del body["messages"][5:]
    return body


def changed_system(body: dict[str, Any]) -> None:
    body["system"] = "Be long."


def added_tool(body: dict[str, Any]) -> None:
    body["tools"] = [*body["tools"], body["tools"][0] | {"name": "more"}]


def pruned_message(body: dict[str, Any]) -> None:
    del body["messages"][:2]
    body["messages"][0]["content"] = "And now?"


def edited_message(body: dict[str, Any]) -> None:
    body["messages"][0]["content"] = "Other words"


def left_out_block(body: dict[str, Any]) -> None:
    del body["messages"][3]["content"][0]


@pytest.mark.parametrize("change", [changed_system, added_tool, pruned_message, edited_message, left_out_block])
def test_anthropic_thinking_is_bound_to_its_prefix(change: Callable[[dict[str, Any]], None]) -> None:
    body = bound()
    assert found(body) == []
    change(body)
    assert any("bound to" in problem or "missing" in problem for problem in found(body))
    assert not any("bound to" in problem for problem in found(bound("claude-opus-4-6")))


def test_anthropic_thinking_is_bound_to_its_model() -> None:
    body = bound() | {"model": "claude-sonnet-5-5"}
    assert "comes from" in found(body)[0]


def test_anthropic_thinking_binding_ignores_cache_marks_and_left_out_end() -> None:
    body = bound()
    body["system"] = [{"type": "text", "text": body["system"], "cache_control": {"type": "ephemeral"}}]
    del body["messages"][3]["content"][1]  # the last thinking block of a reply may be left out
    assert found(body) == []


LOOK_TOOL = ToolSpec("look", "Looks.", {"type": "object", "properties": {}})


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, True),
        ({"system": "Be long."}, False),
        ({"tools": (LOOK_TOOL,)}, False),
    ],
    ids=["same", "system", "tool"],
)
async def test_client_sends_thinking_only_after_the_same_prefix(
    gateway: Gateway, change: dict[str, Any], kept: bool
) -> None:
    gateway.always(Reply(Reasoning("One."), Text("Rain.")))
    first = Request((user_message("The weather?"),), "Be brief.")
    config = provider_config(gateway.url, ApiProtocol.ANTHROPIC)
    async with registry(config) as providers:
        provider = await providers.open(ModelRef(config.name, "claude-opus-5-5"))
        said = parts([delta async for delta in provider.stream(first, StreamMonitor())])
        reply = Message(Role.ASSISTANT, said, provider.origin)
        again = replace(first, messages=(*first.messages, reply, user_message("And now?")), **change)
        assert text_of([delta async for delta in provider.stream(again, StreamMonitor())]) == "Rain."
    sent = gateway.asked[-1].body["messages"][1]["content"]
    assert [block["type"] for block in sent] == (["thinking", "text"] if kept else ["text"])
