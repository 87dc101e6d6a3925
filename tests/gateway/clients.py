"""One raw streamed request with each vendor's SDK, to check the gateway's output."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.gateway.signatures import Protocol

MODELS = {
    Protocol.CHAT: "gpt-5.2",
    Protocol.RESPONSES: "gpt-5.2",
    Protocol.ANTHROPIC: "claude-opus-5",
    Protocol.GEMINI: "gemini-3-pro-preview",
}


@dataclass
class SdkReply:
    """The reply read by an SDK, independent of the protocol; `raw` holds the SDK's own events."""

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    finish: str = ""
    tokens: tuple[int, int] = (0, 0)
    raw: list[Any] = field(default_factory=list[Any])


_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used; building one with certificates takes 20 ms each time


@asynccontextmanager
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client that ignores the environment."""
    async with httpx2.AsyncClient(trust_env=False, timeout=30, verify=_TLS) as client:
        yield client


async def ask(protocol: Protocol, url: str, **extra: Any) -> SdkReply:
    """Send `hello` and read the stream to its end."""
    reply = SdkReply()
    async with http() as client:
        async for event in _ASKERS[protocol](client, url, extra):
            reply.raw.append(event)
            _READERS[protocol](reply, event)
    reply.calls = [(name, _value(args)) for name, args in reply.calls]
    return reply


async def _chat(client: httpx2.AsyncClient, url: str, extra: dict[str, Any]) -> AsyncIterator[Any]:
    openai = await _sdk("openai")
    sdk = openai.AsyncOpenAI(api_key="sk-test-key", base_url=url + "/v1", http_client=client, max_retries=0)
    body = {"messages": [{"role": "user", "content": "hello"}], "stream_options": {"include_usage": True}} | extra
    stream = await sdk.chat.completions.create(model=MODELS[Protocol.CHAT], stream=True, **body)
    async with stream:
        async for chunk in stream:
            yield chunk


async def _responses(client: httpx2.AsyncClient, url: str, extra: dict[str, Any]) -> AsyncIterator[Any]:
    openai = await _sdk("openai")
    sdk = openai.AsyncOpenAI(api_key="sk-test-key", base_url=url + "/v1", http_client=client, max_retries=0)
    body = {"input": "hello", "store": False} | extra
    stream = await sdk.responses.create(model=MODELS[Protocol.RESPONSES], stream=True, **body)
    async with stream:
        async for event in stream:
            yield event


async def _anthropic(client: httpx2.AsyncClient, url: str, extra: dict[str, Any]) -> AsyncIterator[Any]:
    anthropic = await _sdk("anthropic")
    sdk = anthropic.AsyncAnthropic(
        api_key="sk-ant-test-key", base_url=url + "/anthropic", http_client=client, max_retries=0
    )
    body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 100} | extra
    stream = await sdk.messages.create(model=MODELS[Protocol.ANTHROPIC], stream=True, **body)
    async with stream:
        async for event in stream:
            yield event


async def _gemini(client: httpx2.AsyncClient, url: str, extra: dict[str, Any]) -> AsyncIterator[Any]:
    genai = await _sdk("google.genai")
    options = {"base_url": url, "httpx_async_client": client}
    sdk = genai.Client(api_key="AIza-test-key", vertexai=False, http_options=options)
    config = {"automatic_function_calling": {"disable": True}} | extra
    stream = await sdk.aio.models.generate_content_stream(
        model=MODELS[Protocol.GEMINI], contents=config.pop("contents", "hello"), config=config
    )
    async for chunk in stream:
        yield chunk


_ASKERS = {
    Protocol.CHAT: _chat,
    Protocol.RESPONSES: _responses,
    Protocol.ANTHROPIC: _anthropic,
    Protocol.GEMINI: _gemini,
}


def _read_chat(reply: SdkReply, chunk: Any) -> None:
    if chunk.usage:
        reply.tokens = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
    for choice in chunk.choices or ():
        reply.finish = choice.finish_reason or reply.finish
        delta = choice.delta
        reply.text += delta.content or ""
        reply.reasoning += (delta.model_extra or {}).get("reasoning_content") or ""
        for call in delta.tool_calls or ():
            if call.function.name:
                reply.calls.append((call.function.name, {"": ""}))
            name, so_far = reply.calls[call.index]
            reply.calls[call.index] = (name, {"": so_far[""] + call.function.arguments})


def _read_responses(reply: SdkReply, event: Any) -> None:
    if event.type == "response.output_text.delta":
        reply.text += event.delta
    elif event.type == "response.reasoning_summary_text.delta":
        reply.reasoning += event.delta
    elif event.type == "response.output_item.done" and event.item.type == "function_call":
        reply.calls.append((event.item.name, {"": event.item.arguments}))
    elif event.type in ("response.completed", "response.incomplete", "response.failed"):
        details = event.response.incomplete_details
        reply.finish = details.reason if details else event.response.status
        if event.response.usage:
            reply.tokens = (event.response.usage.input_tokens, event.response.usage.output_tokens)


def _read_anthropic(reply: SdkReply, event: Any) -> None:
    if event.type == "message_start" and event.message.usage:
        usage = event.message.usage
        cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        reply.tokens = (usage.input_tokens + cached, 0)
    elif event.type == "content_block_start" and event.content_block.type == "tool_use":
        reply.calls.append((event.content_block.name, {"": ""}))
    elif event.type == "content_block_delta":
        delta = event.delta
        reply.text += getattr(delta, "text", "")
        reply.reasoning += getattr(delta, "thinking", "")
        if delta.type == "input_json_delta":
            name, so_far = reply.calls[-1]
            reply.calls[-1] = (name, {"": so_far[""] + delta.partial_json})
    elif event.type == "message_delta":
        reply.finish = event.delta.stop_reason
        if event.usage:
            reply.tokens = (reply.tokens[0], event.usage.output_tokens)


def _read_gemini(reply: SdkReply, chunk: Any) -> None:
    if chunk.usage_metadata:
        usage = chunk.usage_metadata
        output_tokens = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        reply.tokens = (usage.prompt_token_count, output_tokens)
    for candidate in chunk.candidates or ():
        reply.finish = candidate.finish_reason.value if candidate.finish_reason else reply.finish
        for part in candidate.content.parts or ():
            if part.function_call:
                reply.calls.append((part.function_call.name, part.function_call.args))
            elif part.thought:
                reply.reasoning += part.text
            else:
                reply.text += part.text or ""


_READERS = {
    Protocol.CHAT: _read_chat,
    Protocol.RESPONSES: _read_responses,
    Protocol.ANTHROPIC: _read_anthropic,
    Protocol.GEMINI: _read_gemini,
}


def _value(args: Any) -> dict[str, Any]:
    """Arguments as a mapping; text collected under the empty name is parsed as JSON."""
    return json.loads(args[""] or "{}") if set(args) == {""} else args


async def _sdk(name: str) -> Any:
    """Import an SDK on a thread; it takes a second, and the gateway runs in the same loop."""
    import importlib

    return await asyncio.to_thread(importlib.import_module, name)
