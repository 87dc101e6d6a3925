"""Requests for every prefix of four hundred random conversations and each of five targets: valid and complete."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from termchat.core.messages import Message, Origin, Role, Text, user_message
from termchat.core.models import ApiProtocol, ProviderConfig
from termchat.core.provider import Params, Request, ToolSpec
from termchat.core.sanitize import repair_surrogates
from termchat.core.wire.history import strip_provider_data
from termchat.providers.catalog.attachment_limits import without_untaken
from termchat.providers.protocols.anthropic import encode as anthropic
from termchat.providers.protocols.gemini import encode as gemini
from termchat.providers.protocols.openai_chat import encode as chat
from termchat.providers.protocols.openai_responses import encode as responses
from tests.gateway.validate import problems
from tests.providers.conversations import origins, random_conversation, vendor

ROUNDS, CONVERSATIONS = 10, 40
TOOLS = (ToolSpec("look", "Looks.", {"type": "object", "properties": {}}),)
HEADERS = {"content-type": "application/json"}
TARGETS = origins()


def body_for(target: Origin, messages: list[Message]) -> tuple[str, dict[str, Any]]:
    """The path and the body of the request, with notes for attachments that the model does not take."""
    searching = len(messages) % 2 == 0 and target.protocol in (ApiProtocol.RESPONSES, ApiProtocol.ANTHROPIC)
    request, _ = without_untaken(Request(tuple(messages), "Be brief.", TOOLS, Params(search=searching)), target)
    provider_config = ProviderConfig(target.provider)
    match target.protocol:
        case ApiProtocol.CHAT:
            return "/v1/chat/completions", chat.encode(request, target, provider_config)
        case ApiProtocol.RESPONSES:
            return "/v1/responses", responses.encode(request, target, provider_config)
        case ApiProtocol.ANTHROPIC:
            return "/v1/messages", anthropic.encode(request, target, provider_config, 4096)
        case _:
            path = f"/v1beta/models/{target.model}:streamGenerateContent"
            return path, {"contents": gemini.encode_contents(request, target)}


def jsonable(body: Any) -> Any:
    """The body as JSON: bytes as base64, and no lone surrogate."""
    return json.loads(json.dumps(body, ensure_ascii=False, default=lambda b: b64encode(b).decode()).encode().decode())


def check(target: Origin, messages: list[Message]) -> None:
    path, made = body_for(target, messages)
    body = jsonable(made)
    assert problems(body, HEADERS, vendor(target).endpoint + path) == []
    assert body == jsonable(body_for(target, messages)[1]), "encoding is not deterministic"
    text = json.dumps(body, ensure_ascii=False)
    for part in (part for message in messages for part in required_texts(message)):
        assert as_json(part) in text or as_json(as_json(part)) in text, f"{part!r} is lost"
    calls = sum(call.complete for message in messages for call in message.calls)
    assert counted(body, target.protocol) == (calls, calls)


def required_texts(message: Message) -> Iterator[str]:
    """Texts of the message and of its tool results that the body must hold; blank text is optional."""
    results = [text for result in message.results for text in result.parts]
    for part in [*message.parts, *results]:
        if isinstance(part, Text) and part.text.strip():
            yield repair_surrogates(part.text)


def as_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def counted(body: dict[str, Any], protocol: ApiProtocol) -> tuple[int, int]:
    """Number of calls and of results in a body."""
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
def test_any_conversation_prefix_encodes_to_valid_request(round_: int) -> None:
    seed = random.randrange(1 << 32)
    for number in range(CONVERSATIONS):
        messages = random_conversation(random.Random(seed + number))
        for end, last in enumerate(messages, 1):
            if last.role is Role.ASSISTANT:
                continue  # a request never ends with a reply
            for target in TARGETS:
                try:
                    check(target, messages[:end])
                except AssertionError as error:
                    error.add_note(f"seed {seed + number}, {end} messages, to {target.protocol.value}")
                    raise
        for target in TARGETS:
            check(target, [*strip_provider_data(messages), user_message("go on")])
