"""The documented request rules of each protocol.

`problems(body, headers, path)` lists the complaints about a request, in the vendors' words where known; an empty list
means that the vendor would accept it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.gateway.requests import RawRequest, route
from tests.gateway.signatures import Protocol
from tests.gateway.validate import anthropic, chat, gemini, responses
from tests.gateway.validate.common import auth_problem, lone_surrogates

_VENDORS = {
    Protocol.CHAT: chat.problems,
    Protocol.RESPONSES: responses.problems,
    Protocol.ANTHROPIC: anthropic.problems,
    Protocol.GEMINI: gemini.problems,
}


def problems(body: Any, headers: Mapping[str, str], path: str) -> list[str]:
    """Complaints about a request for a reply; the path selects the protocol."""
    found = route(RawRequest("POST", path, dict(headers), b""), path, body)
    if found is None:
        return [f"no such path: {path}"]
    if not isinstance(body, dict):
        return ["the body is not a JSON object"]
    if not headers.get("content-type", "").startswith("application/json"):
        return ["content-type is not application/json"]
    return [*lone_surrogates(body), *_VENDORS[found.origin.protocol](body, found.origin)]


__all__ = ["auth_problem", "problems"]
