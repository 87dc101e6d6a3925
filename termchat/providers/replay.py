"""Replay a recording as a provider, without a network: each request gets the next recorded response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, assert_never, cast

from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.events import Delta, RequestAccepted
from termchat.core.messages import Origin
from termchat.core.models import ApiProtocol, ProviderConfig, Timeouts
from termchat.core.provider import Request, StreamMonitor
from termchat.core.redact import Redactor
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.providers.client import Endpoint, ErrorResponse
from termchat.providers.decoder import Decoder, NewId, ServerError, new_call_id
from termchat.providers.http.recording import RecordedResponse
from termchat.providers.http.response_body import NotAReplyError, decode_body
from termchat.providers.http.status_errors import from_response
from termchat.providers.protocols.anthropic.decode import AnthropicDecoder
from termchat.providers.protocols.gemini.decode import GeminiDecoder
from termchat.providers.protocols.openai_chat.decode import ChatDecoder
from termchat.providers.protocols.openai_responses.decode import ResponsesDecoder

NAME = "replay"


class ReplayProvider:
    """Replays responses in their order. `speed` 1.0 is the recorded pace, 2.0 twice as fast, 0 without waiting."""

    def __init__(self, responses: Sequence[RecordedResponse], speed: float = 1.0) -> None:
        self._remaining = list(responses)
        self._speed = speed
        first = responses[0] if responses else None
        self.origin = Origin(NAME, first.protocol if first else ApiProtocol.DEMO, first.model if first else "nothing")

    async def stream(self, request: Request, monitor: StreamMonitor) -> AsyncGenerator[Delta, None]:
        """Stream the next response. Raises ProviderError when it failed, and when the recording has no more."""
        if not self._remaining:
            raise ProviderError(Failure(FailureKind.EMPTY, safe_format("The recording has no more responses.")))
        recorded = self._remaining.pop(0)
        if recorded.status >= 300:
            raise ProviderError(_error_response_failure(recorded))
        decoder = decoder_for(recorded)
        yield RequestAccepted(self.origin)
        try:
            async with aclosing(decode_body(self._chunks(recorded, monitor), decoder)) as deltas:
                async for delta in deltas:
                    yield delta
        except (ServerError, NotAReplyError, ValueError, RecursionError) as error:
            for delta in decoder.end() if decoder.finished else decoder.held():
                yield delta
            if not decoder.finished:
                raise ProviderError(_error_event_failure(recorded, error)) from error
        if not decoder.finished:
            raise ProviderError(Failure(FailureKind.CUT, safe_format("The recorded reply is incomplete.")))

    async def _chunks(self, recorded: RecordedResponse, monitor: StreamMonitor) -> AsyncGenerator[bytes, None]:
        now = 0.0
        for seconds, chunk in recorded.chunks:
            if self._speed and seconds > now:
                await asyncio.sleep((seconds - now) / self._speed)
            now = seconds
            monitor.bytes_received += len(chunk)
            yield chunk


def decoder_for(recorded: RecordedResponse, new_id: NewId = new_call_id) -> Decoder:
    """Return a decoder for the protocol and quirks of a recorded response."""
    match recorded.protocol:
        case ApiProtocol.CHAT:
            return ChatDecoder(think_tags="think_tags" in recorded.quirks, new_id=new_id)
        case ApiProtocol.RESPONSES:
            return ResponsesDecoder(new_id=new_id)
        case ApiProtocol.ANTHROPIC:
            return AnthropicDecoder(new_id=new_id)
        case ApiProtocol.GEMINI:
            return GeminiDecoder(new_id=new_id)
        case ApiProtocol.DEMO:
            raise ValueError("the demo is not recorded")
    assert_never(recorded.protocol)


def _error_response_failure(recorded: RecordedResponse) -> Failure:
    """Convert a recorded error response to a failure, which is never retried."""
    endpoint = Endpoint(
        ProviderConfig(recorded.provider or NAME),
        recorded.protocol,
        "https://recording",
        key="",
        key_source=Safe("the recording"),
        headers={},
        http=cast("Any", None),  # no request is made
        redact=Redactor(),
        timeouts=Timeouts(),
    )
    response = ErrorResponse(recorded.status, recorded.body.decode("utf-8", "replace"), {})
    return replace(from_response(response, endpoint, recorded.model), retryable=False)


def _error_event_failure(recorded: RecordedResponse, error: Exception) -> Failure:
    message = safe_format("The recorded response is an error ({status}).", status=safe_line(str(recorded.status)))
    return Failure(FailureKind.BAD_RESPONSE, message, safe_line(str(error)[:200]), recorded.status)
