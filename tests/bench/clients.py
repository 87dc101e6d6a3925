"""The commands that are measured: termchat with a home of its own, and the bare libraries as floors."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.peer import KEY

OURS = (sys.executable, "-m", "termchat")
BASES = {"openai": "/v1", "responses": "/v1", "anthropic": "/anthropic", "gemini": ""}
FLOOR_PROMPT = """
import threading
from prompt_toolkit import PromptSession
threading.Thread(target=lambda: __import__("openai"), daemon=True).start()
PromptSession().prompt("> ")
"""
FLOOR_CHAT = """
import asyncio, sys
from openai import AsyncOpenAI
from prompt_toolkit import PromptSession
async def main():
    client = AsyncOpenAI(api_key="sk-not-a-real-key", base_url=sys.argv[1] + "/v1", max_retries=0)
    session, messages = PromptSession(), []
    while True:
        messages.append({"role": "user", "content": await session.prompt_async("❯ ")})
        pieces = []
        async for chunk in await client.chat.completions.create(model="m", messages=messages, stream=True):
            if chunk.choices:
                pieces.append(chunk.choices[0].delta.content or "")
                print(pieces[-1], end="", flush=True)
        messages.append({"role": "assistant", "content": "".join(pieces)})
asyncio.run(main())
"""
PROMPT = (sys.executable, "-c", "from prompt_toolkit import PromptSession; PromptSession().prompt('> ')")
FLOOR_SDK = {
    "openai": """
import sys
from openai import OpenAI
client = OpenAI(api_key="sk-not-a-real-key", base_url=sys.argv[1] + "/v1", max_retries=0)
for chunk in client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True):
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
""",
    "responses": """
import sys
from openai import OpenAI
client = OpenAI(api_key="sk-not-a-real-key", base_url=sys.argv[1] + "/v1", max_retries=0)
for event in client.responses.create(model="m", input="hi", store=False, stream=True):
    if event.type == "response.output_text.delta":
        print(event.delta, end="", flush=True)
""",
    "anthropic": """
import sys
from anthropic import Anthropic
client = Anthropic(api_key="sk-not-a-real-key", base_url=sys.argv[1] + "/anthropic", max_retries=0)
asked = dict(model="m", max_tokens=99, messages=[{"role": "user", "content": "hi"}])
for event in client.messages.create(stream=True, **asked):
    if event.type == "content_block_delta":
        print(event.delta.text, end="", flush=True)
""",
    "gemini": """
import sys
from google import genai
client = genai.Client(api_key="not-a-real-key", http_options={"base_url": sys.argv[1]})
for chunk in client.models.generate_content_stream(model="m", contents="hi"):
    print(chunk.text or "", end="", flush=True)
""",
}


class Home:
    """A fresh home directory; `env` is the whole environment of a program that lives in it."""

    def __init__(self, folder: Path) -> None:
        self.env = {"HOME": str(folder), "PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.config = folder / ".config" / "termchat" / "config.toml"
        self.database = folder / ".local" / "share" / "termchat" / "termchat.db"

    def serve(self, url: str) -> None:
        """Write a configuration with a provider of each protocol, `xopenai` for openai, at a server."""
        rows = (f'[providers.x{name}]\nkey = "{KEY}"\n{name} = "{url}{base}"\n' for name, base in BASES.items())
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text("\n".join(rows))
        self.config.chmod(0o600)


@contextmanager
def new_home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="termchat-bench-") as folder:
        yield Home(Path(folder))


def floor_script(protocol: str, url: str) -> list[str]:
    """The bare SDK that streams a reply and prints it."""
    return [sys.executable, "-c", FLOOR_SDK[protocol], url]


def floor_chat(url: str) -> list[str]:
    """A chat of prompt_toolkit and the bare SDK, which prints what comes and keeps it."""
    return [sys.executable, "-c", FLOOR_CHAT, url]


def our_script(protocol: str) -> list[str]:
    """One question to the provider that `Home.serve` wrote."""
    return [*OURS, "--no-tools", "-m", f"x{protocol}/m", "hi"]


def our_chat(protocol: str) -> list[str]:
    """A chat with that provider."""
    return [*OURS, "--no-tools", "-m", f"x{protocol}/m"]
