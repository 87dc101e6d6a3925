"""One conversation with each face through the real SDK of its dialect: what it read, independent of the dialect."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.gateway.clients import http
from tests.serve.served import TOKEN

PICTURE = b64encode(b"\x89PNG").decode()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FACES = ("chat", "responses", "messages")


@dataclass
class Read:
    """A reply as an SDK read it; `turn` is what the next request carries of it."""

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)  # id, name, arguments
    finish: str = ""
    tokens: tuple[int, int] = (0, 0)
    turn: list[Any] = field(default_factory=list)


class FaceClient:
    """Asks one face of a server with the SDK of its dialect."""

    def __init__(self, face: str, url: str, client: httpx2.AsyncClient) -> None:
        self.face = face
        if face == "messages":
            import anthropic

            self.sdk: Any = anthropic.AsyncAnthropic(api_key=TOKEN, base_url=url, http_client=client, max_retries=0)
        else:
            import openai

            self.sdk = openai.AsyncOpenAI(api_key=TOKEN, base_url=f"{url}/v1", http_client=client, max_retries=0)

    def question(self, *, picture: bool = False) -> list[Any]:
        """The messages of a question, with a picture or without one."""
        data = f"data:image/png;base64,{PICTURE}"
        if self.face == "messages":
            source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
            parts = [{"type": "text", "text": "hello"}, *([{"type": "image", "source": source}] if picture else [])]
        elif self.face == "chat":
            image = {"type": "image_url", "image_url": {"url": data}}
            parts = [{"type": "text", "text": "hello"}, *([image] if picture else [])]
        else:
            image = {"type": "input_image", "image_url": data, "detail": "auto"}
            parts = [{"type": "input_text", "text": "hello"}, *([image] if picture else [])]
        return [{"role": "user", "content": parts}]

    def result(self, read: Read, text: str) -> list[Any]:
        """The messages that answer the calls of a reply, after the reply itself."""
        if self.face == "chat":
            return [*read.turn, *({"role": "tool", "tool_call_id": id_, "content": text} for id_, _, _ in read.calls)]
        if self.face == "responses":
            rows = ({"type": "function_call_output", "call_id": id_, "output": text} for id_, _, _ in read.calls)
            return [*read.turn, *rows]
        blocks = [{"type": "tool_result", "tool_use_id": id_, "content": text} for id_, _, _ in read.calls]
        return [*read.turn, {"role": "user", "content": blocks}]

    def _body(self, model: str, messages: list[Any], *, tool: bool) -> dict[str, Any]:
        described = {"name": "weather", "description": "the weather of a city"}
        if self.face == "chat":
            tools: Any = [{"type": "function", "function": {**described, "parameters": SCHEMA}}]
            body: dict[str, Any] = {"model": model, "messages": messages}
        elif self.face == "responses":
            tools = [{"type": "function", **described, "parameters": SCHEMA, "strict": None}]
            body = {"model": model, "input": messages}
        else:
            tools = [{**described, "input_schema": SCHEMA}]
            body = {"model": model, "messages": messages, "max_tokens": 2000}
        return {**body, "tools": tools} if tool else body

    async def ask(self, model: str, messages: list[Any], *, stream: bool = True, tool: bool = False) -> Read:
        """Ask, and read the reply to its end."""
        body = self._body(model, messages, tool=tool)
        if self.face == "chat":
            return await (self._chat_stream(body) if stream else self._chat(body))
        if self.face == "responses":
            if not stream:
                return _read_response(await self.sdk.responses.create(**body))
            async with self.sdk.responses.stream(**body) as events:
                async for event in events:
                    if event.type == "response.failed":
                        raise BrokenError(event.response.error.message)
                return _read_response(await events.get_final_response())
        if not stream:
            return _read_message(await self.sdk.messages.create(**body))
        async with self.sdk.messages.stream(**body) as events:
            return _read_message(await events.get_final_message())

    async def _chat(self, body: dict[str, Any]) -> Read:
        found = await self.sdk.chat.completions.create(**body)
        return _read_chat(found.choices[0], found.usage)

    async def _chat_stream(self, body: dict[str, Any]) -> Read:
        options = {"include_usage": True}
        async with self.sdk.chat.completions.stream(**body, stream_options=options) as events:
            async for _ in events:
                pass
            found = await events.get_final_completion()
        return _read_chat(found.choices[0], found.usage)


class BrokenError(Exception):
    """The error that a dialect sends as an event, without an exception of its SDK."""


def _read_chat(choice: Any, usage: Any) -> Read:
    message = choice.message
    calls = [(call.id, call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()]
    reasoning = getattr(message, "reasoning_content", "") or ""
    turn = message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"})
    for call in turn.get("tool_calls", ()):
        call.pop("index", None)
        call["function"].pop("parsed_arguments", None)
    tokens = (usage.prompt_tokens, usage.completion_tokens)
    return Read(message.content or "", reasoning, calls, choice.finish_reason, tokens, [turn])


def _read_response(found: Any) -> Read:
    read = Read(found.output_text, finish=found.status, tokens=(found.usage.input_tokens, found.usage.output_tokens))
    for item in found.output:
        if item.type == "reasoning":
            read.reasoning += "".join(part.text for part in item.summary)
        if item.type == "function_call":
            read.calls.append((item.call_id, item.name, json.loads(item.arguments)))
        read.turn.append(item.model_dump(exclude_none=True, exclude={"parsed_arguments"}))
    return read


def _read_message(found: Any) -> Read:
    read = Read(finish=found.stop_reason, tokens=(found.usage.input_tokens, found.usage.output_tokens))
    for block in found.content:
        if block.type == "text":
            read.text += block.text
        if block.type == "thinking":
            read.reasoning += block.thinking
        if block.type == "tool_use":
            read.calls.append((block.id, block.name, block.input))
    dumped = [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in found.content]
    read.turn = [{"role": "assistant", "content": dumped}]
    return read


@asynccontextmanager
async def face_client(face: str, url: str) -> AsyncIterator[FaceClient]:
    """A client of one face."""
    async with http() as client:
        yield FaceClient(face, url, client)
