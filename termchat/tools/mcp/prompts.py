"""Prompts of MCP servers: their names, and their texts for some arguments."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from termchat.core.approval import PromptRow
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import excerpt, repair_surrogates, safe_format, safe_line
from termchat.tools.mcp.tool_lists import ListedPrompt
from termchat.tools.source import SourcePrompt

if TYPE_CHECKING:
    from mcp_types import Prompt

    from termchat.tools.mcp.connection import McpConnection

_OTHER = re.compile(r"[^A-Za-z0-9_.-]+")
_SECONDS = 30.0
_LENGTH = 200_000  # characters of a text
_NAME = 64


def listed_prompt(prompt: Prompt, masked: Callable[[str], str]) -> ListedPrompt:
    """Return what is kept of a prompt; `masked` takes the secrets of a login out of its description."""
    arguments = tuple((argument.name, bool(argument.required)) for argument in prompt.arguments or ())
    return ListedPrompt(prompt.name, masked(prompt.description or prompt.title or ""), arguments)


def server_prompts(server: str, prompts: Iterable[ListedPrompt], connection: McpConnection) -> Iterator[SourcePrompt]:
    """Yield the prompts of a server, by name; of several with one name, the first."""
    taken: set[str] = set()
    for prompt in sorted(prompts, key=lambda prompt: prompt.name):
        name = f"{server}:{_OTHER.sub('-', prompt.name).strip('-')[:_NAME]}"
        if name in taken or name.endswith(":"):
            continue
        taken.add(name)
        row = PromptRow(
            name,
            prompt.description,
            tuple(argument for argument, _ in prompt.arguments),
            frozenset(argument for argument, needed in prompt.arguments if needed),
        )
        yield SourcePrompt(row, _text_of(prompt.name, name, connection))


def _text_of(own: str, name: str, connection: McpConnection) -> Callable[[Mapping[str, str]], Awaitable[str | Failure]]:
    async def text(arguments: Mapping[str, str]) -> str | Failure:
        client = await connection.client()
        if isinstance(client, Failure):
            return client
        try:
            async with asyncio.timeout(_SECONDS):
                result = await client.get_prompt(own, dict(arguments))
        except Exception as error:
            if failure := connection.login_failure():
                return failure
            why = "no answer" if isinstance(error, TimeoutError) else connection.error_text(error)
            words = safe_format(
                "The prompt {name} failed: {why}.", name=safe_line(name), why=excerpt(why.rstrip("."), 300)
            )
            return Failure(FailureKind.SERVER, words)
        texts = [message.content.text for message in result.messages if message.content.type == "text"]
        return repair_surrogates(connection.masked("\n\n".join(texts)))[:_LENGTH]

    return text
