"""Every prefix of two thousand made-up conversations, for each of five targets: no request that a vendor would refuse,
and all that was said, called and answered is in it."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from termchat.core.history import strip_provider_data
from termchat.core.messages import Message, Origin, Role, Text, user_message
from termchat.core.models import ApiProtocol, ProviderConfig
from termchat.core.provider import Params, Request, ToolSpec
from termchat.core.sanitize import repair_surrogates
from termchat.providers.protocols.anthropic import encode as anthropic
from termchat.providers.protocols.gemini import encode as gemini
from termchat.providers.protocols.openai_chat import encode as chat
from termchat.providers.protocols.openai_responses import encode as responses
from tests.gateway.validate import problems
from tests.providers.conversations import origins, talk, vendor

ROUNDS, TALKS = 20, 105
TOOLS = (ToolSpec("look", "Looks.", {"type": "object", "properties": {}}),)
HEADERS = {"content-type": "application/json"}
TARGETS = origins()


def body_for(target: Origin, messages: list[Message]) -> tuple[str, dict[str, Any]]:
    """The path and the body as they would go over the wire."""
    searching = len(messages) % 2 == 0 and target.protocol in (ApiProtocol.RESPONSES, ApiProtocol.ANTHROPIC)
    request = Request(tuple(messages), "Be brief.", TOOLS, Params(search=searching))
    profile = ProviderConfig(target.provider)
    match target.protocol:
        case ApiProtocol.CHAT:
            return "/v1/chat/completions", chat.encode(request, target, profile)
        case ApiProtocol.RESPONSES:
            return "/v1/responses", responses.encode(request, target, profile)
        case ApiProtocol.ANTHROPIC:
            return "/v1/messages", anthropic.encode(request, target, profile, 4096)
        case _:
            path = f"/v1beta/models/{target.model}:streamGenerateContent"
            return path, {"contents": gemini.encode_contents(request, target)}


def jsonable(body: Any) -> Any:
    """The body as JSON would carry it: bytes as base64, no half characters."""
    return json.loads(json.dumps(body, ensure_ascii=False, default=lambda b: b64encode(b).decode()).encode().decode())


def check(target: Origin, messages: list[Message]) -> None:
    path, made = body_for(target, messages)
    body = jsonable(made)
    assert problems(body, HEADERS, vendor(target).endpoint + path) == []
    assert body == jsonable(body_for(target, messages)[1]), "the same every time"
    text = json.dumps(body, ensure_ascii=False)
    for said in (said for message in messages for said in words(message)):
        assert as_json(said) in text or as_json(as_json(said)) in text, f"{said!r} is lost"
    calls = sum(call.complete for message in messages for call in message.calls)
    assert counted(body, target.protocol) == (calls, calls)


def words(message: Message) -> Iterator[str]:
    """What was said and what tools gave, as it must arrive; blank text need not."""
    results = [text for result in message.results for text in result.parts]
    for part in [*message.parts, *results]:
        if isinstance(part, Text) and part.text.strip():
            yield repair_surrogates(part.text)


def as_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def counted(body: dict[str, Any], protocol: ApiProtocol) -> tuple[int, int]:
    """How many calls and how many results a body has."""
    kinds = {
        ApiProtocol.CHAT: ('"type": "function", "function": {"name"', '"role": "tool"'),
        ApiProtocol.RESPONSES: ('"type": "function_call",', '"type": "function_call_output"'),
        ApiProtocol.ANTHROPIC: ('"type": "tool_use"', '"type": "tool_result"'),
        ApiProtocol.GEMINI: ('"function_call": {', '"function_response": {'),
    }
    turns = body.get("messages") or body.get("input") or body.get("contents")
    text = json.dumps(turns, ensure_ascii=False)
    call, result = kinds[protocol]
    return text.count(call), text.count(result)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_no_prefix_of_any_conversation_makes_a_request_that_is_refused(round_: int) -> None:
    seed = random.randrange(1 << 32)
    for number in range(TALKS):
        messages = talk(random.Random(seed + number))
        for end, last in enumerate(messages, 1):
            if last.role is Role.ASSISTANT:
                continue  # nobody is asked then
            for target in TARGETS:
                try:
                    check(target, messages[:end])
                except AssertionError as error:
                    error.add_note(f"seed {seed + number}, {end} messages, to {target.protocol.value}")
                    raise
        for target in TARGETS:
            check(target, [*strip_provider_data(messages), user_message("go on")])
