"""Model lists in each vendor's format."""

from __future__ import annotations

from tests.gateway.render.frames import Json
from tests.gateway.signatures import Protocol

_MADE = 1_780_000_000
_MADE_TEXT = "2026-05-28T20:26:40Z"


def listing(protocol: Protocol, names: tuple[str, ...]) -> Json:
    """The whole list, on one page."""
    if protocol is Protocol.ANTHROPIC:
        edges = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
        return {"data": [_anthropic(name) for name in names], "has_more": False, **edges}
    if protocol is Protocol.GEMINI:
        return {"models": [_gemini(name) for name in names]}
    return {"object": "list", "data": [_openai(name) for name in names]}


def _openai(name: str) -> Json:
    return {"id": name, "object": "model", "created": _MADE, "owned_by": "gateway"}


def _anthropic(name: str) -> Json:
    yes = {"supported": True}
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").title(),
        "created_at": _MADE_TEXT,
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
        "capabilities": {"image_input": yes, "pdf_input": yes, "thinking": yes},
    }


def _gemini(name: str) -> Json:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name.replace("-", " ").title(),
        "description": "A model of the gateway.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "thinking": True,
        "temperature": 1,
    }
