"""Asking without streaming, for a server that refuses to stream."""

from __future__ import annotations

import re

from termchat.core.errors import Failure
from termchat.core.sanitize import safe_format, safe_line
from termchat.providers.client import AmendedRequest, Body, Endpoint


def without_streaming(body: Body, failure: Failure, endpoint: Endpoint) -> AmendedRequest | None:
    """The same request without streaming, for a server that refuses to stream."""
    refuses = re.search(
        r"\bstream(ing)?\b.*(not|n't|un)\s?(be )?(support|allow|avail|permit)", failure.message, re.IGNORECASE
    )
    if not body.get("stream") or not refuses:
        return None
    plain = {k: v for k, v in body.items() if k != "stream_options"} | {"stream": False}
    return AmendedRequest(
        plain, safe_format("{title} does not stream; waiting for the whole reply.", title=safe_line(endpoint.title))
    )
