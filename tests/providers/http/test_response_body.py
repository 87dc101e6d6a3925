"""Bodies of responses: what follows the end of a reply is not part of it, in whatever chunks it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from termchat.core.events import Delta
from termchat.core.messages import Text
from termchat.providers.decoder import Decoder
from termchat.providers.http.response_body import NotAReplyError, decode_body
from termchat.providers.protocols.anthropic.decode import AnthropicDecoder
from termchat.providers.protocols.openai_chat.decode import ChatDecoder
from tests.providers.decode_support import parts

CHAT = (
    b'data: {"choices":[{"index":0,"delta":{"content":"whole"},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":" and more"}}]}\n\n',
    b"data: {not JSON\n\n",
)
ANTHROPIC = (
    b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"whole"}}\n\n',
    b'data: {"type":"content_block_stop","index":0}\n\n',
    b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\ndata: {"type":"message_stop"}\n\n',
    b'data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"rm"}}\n\n',
    b'data: {"type":"content_block_stop","index":1}\n\n',
)


async def body(chunks: tuple[bytes, ...]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize(("decoder", "chunks"), [(ChatDecoder, CHAT), (AnthropicDecoder, ANTHROPIC)])
async def test_body_after_end_of_reply_is_not_part_of_it(
    decoder: type[Decoder], chunks: tuple[bytes, ...], joined: bool
) -> None:
    reading = decoder()
    deltas = [delta async for delta in decode_body(body((b"".join(chunks),) if joined else chunks), reading)]
    assert parts(deltas) == (Text("whole"),)
    assert reading.finished


@pytest.mark.parametrize("chunks", [(b'}}\n\ndata: [DONE]\n\ndata: {"a', b"}"), (b'}}\n\ndata: [DONE]\n\ndata: {"a}',)])
async def test_body_with_only_end_word_is_no_reply(chunks: tuple[bytes, ...]) -> None:
    with pytest.raises(NotAReplyError):
        [delta async for delta in decode_body(body(chunks), ChatDecoder())]


async def test_body_that_breaks_off_after_a_whole_line_keeps_its_event() -> None:
    deltas: list[Delta] = []

    async def read() -> None:
        async for delta in decode_body(broken(), ChatDecoder()):
            deltas.append(delta)  # noqa: PERF401, deltas before the error are kept

    async def broken() -> AsyncIterator[bytes]:
        yield b'data: {"choices":[{"index":0,"delta":{"content":"whole"}}]}\n'
        raise httpx2.ReadError("reset")

    with pytest.raises(httpx2.ReadError):
        await read()
    assert parts(deltas) == (Text("whole"),)
