"""Paths to try when the server has no endpoint at the configured base URL.

Users give a base URL without its version, with the version twice, or with the whole path of the endpoint.
"""

from __future__ import annotations

import re

import httpx2

from termchat.core.models import ApiProtocol

_SUFFIX = {
    ApiProtocol.CHAT: "/chat/completions",
    ApiProtocol.RESPONSES: "/responses",
    ApiProtocol.ANTHROPIC: "/v1/messages",
}
_ENDPOINT = re.compile(r"(/chat/completions|/completions|/responses|/messages|/models)/*\Z")
_VERSION = re.compile(r"(?:\A|/)v\d+\w*\Z")


def lacks_version(protocol: ApiProtocol, base: str) -> bool:
    """Return True for a base URL of an OpenAI protocol without a version at its end."""
    return protocol in (ApiProtocol.CHAT, ApiProtocol.RESPONSES) and not _VERSION.search(_root(base))


def other_paths(protocol: ApiProtocol, base: str) -> tuple[str, ...]:
    """Return the likely paths of the endpoint besides that of the SDK, the most likely first; () for Gemini."""
    suffix = _SUFFIX.get(protocol)
    if suffix is None:
        return ()
    root = _root(base)
    if protocol is ApiProtocol.ANTHROPIC:
        found = [re.sub(r"/v1\Z", "", root) + suffix]
    else:
        found = [root + suffix] if _VERSION.search(root) else [f"{root}/v1{suffix}", root + suffix]
    own = httpx2.URL(base).path.rstrip("/") + suffix
    return tuple(path for path in dict.fromkeys(found) if path != own)


def likely_base(protocol: ApiProtocol, base: str, path: str) -> str:
    """Return the base URL whose endpoint is at a path that `other_paths` has returned."""
    root = path.removesuffix(_SUFFIX.get(protocol, ""))
    return str(httpx2.URL(base).copy_with(path=root or "/", query=None)).rstrip("/")


def _root(base: str) -> str:
    """Return the path of a base URL without an endpoint at its end: `/v1/chat/completions` -> `/v1`."""
    return _ENDPOINT.sub("", httpx2.URL(base).path.rstrip("/")).rstrip("/")
