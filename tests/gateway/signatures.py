"""Ids and signatures of the gateway, which validators can trace to their origin.

A seal replaces a signature, encrypted reasoning, or a thought signature. It holds its origin (endpoint, protocol,
model), the hash of the signed content and its place in the reply, so that any gateway, in any process, can check that
a client returned it unchanged and to the right origin.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

_KEY = b"the gateway's own ink"
DUMMY = b"skip_thought_signature_validator"  # Gemini's documented signature for calls of other models


class Protocol(StrEnum):
    """The protocols of the vendors."""

    CHAT = "chat"
    RESPONSES = "responses"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of a reply: the path before the API's own, the protocol, the model."""

    endpoint: str
    protocol: Protocol
    model: str


@dataclass(frozen=True, slots=True)
class Seal:
    """Content of a signature.

    reply, place   the reply's id, and the block's number within it
    nth            number of the thinking block among those of its reply
    prefix         hash of system prompt, tools and earlier messages of the request; empty for an unknown request
    """

    origin: Origin
    kind: str
    digest: str
    reply: str
    place: int
    nth: int = 0
    prefix: str = ""


def digest(content: Any) -> str:
    """A short hash of text or of a JSON value, independent of the order of keys.

    A lone surrogate is hashed as its UTF-8 replacement, which is all that a server receives.
    """
    text = content if isinstance(content, str) else json.dumps(content, sort_keys=True, ensure_ascii=False)
    known = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return hashlib.sha256(known.encode()).hexdigest()[:16]


def seal(
    origin: Origin, kind: str, content: Any, reply: str = "", place: int = 0, *, nth: int = 0, prefix: str = ""
) -> str:
    """A signature for `content`, as base64 text."""
    made = Seal(origin, kind, digest(content), reply, place, nth, prefix)
    payload = json.dumps(asdict(made), sort_keys=True).encode()
    return base64.b64encode(_proof(payload) + payload).decode()


def unseal(text: str) -> Seal | None:
    """The seal inside a signature in base64 or base64url; None for a foreign signature."""
    try:
        data = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    proof, payload = data[:8], data[8:]
    if not hmac.compare_digest(proof, _proof(payload)):
        return None
    value = json.loads(payload)
    value["origin"] = Origin(**(value["origin"] | {"protocol": Protocol(value["origin"]["protocol"])}))
    return Seal(**value)


def complaint(text: str, origin: Origin, kind: str, content: Any) -> str:
    """Reason why this signature is invalid for this content in a request to `origin`; empty if valid."""
    found = unseal(text)
    if found is None:
        return "is not a signature that was ever given out"
    if found.origin != origin:
        was = found.origin
        return f"comes from {was.protocol}:{was.endpoint}:{was.model}, not from {origin.endpoint}:{origin.model}"
    if found.kind != kind:
        return f"was given for {found.kind}, not for {kind}"
    if found.digest != digest(content):
        return "belongs to other words: the content was changed"
    return ""


def prefix_of(body: dict[str, Any], messages: list[Any]) -> str:
    """The hash of what a thinking block of Anthropic is bound to; cache marks do not count."""
    parts = {"system": _plain(body.get("system")), "tools": body.get("tools"), "messages": messages}
    return digest(_unmarked(parts | {"messages": [m | {"content": _plain(m.get("content"))} for m in messages]}))


def _plain(content: Any) -> Any:
    """Text as a list with one block."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _unmarked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unmarked(one) for one in value]
    if isinstance(value, dict):
        return {name: _unmarked(one) for name, one in value.items() if name != "cache_control"}
    return value


def word(*parts: object, length: int = 24) -> str:
    """Letters and digits that depend only on the parts."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:length]


def _proof(payload: bytes) -> bytes:
    return hmac.digest(_KEY, payload, "sha256")[:8]
