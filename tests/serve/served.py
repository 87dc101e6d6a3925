"""A running server on a thread, with one provider per protocol of a gateway."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from termchat.app.build import build_app
from termchat.app.options import Options
from termchat.app.script.page.page_chats import open_page
from termchat.app.script.served_models import ServedModels
from termchat.config.load import load_config
from termchat.core.errors import Failure
from termchat.serve.run_server import run_server
from termchat.serve.trust import TrustRules
from termchat.serve.web_app import web_app
from tests.gateway import Gateway, GatewayThread

TOKEN = "token-of-the-tests"
KEY = "sk-obviously-not-a-real-key-4f2a"
ORIGIN = "https://allowed.example"
LIMITED = ("ychat", "yresponses", "ymessages")  # providers for rate limits, which all their requests share
MODELS = {
    "openai": "xopenai/gpt-5.2",
    "responses": "xresponses/gpt-5.2",
    "anthropic": "xanthropic/claude-opus-5",
    "gemini": "xgemini/gemini-3-pro-preview",
}


@dataclass
class Served:
    """The address of a server, and its upstream."""

    gateway: Gateway
    port: int
    home: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def write_config(home: Path, gateway: Gateway, *lines: str) -> dict[str, str]:
    """Write the configuration of a home; return its environment."""
    url = gateway.url
    bases = {"openai": f"{url}/v1", "responses": f"{url}/v1", "anthropic": f"{url}/anthropic", "gemini": url}
    names = ("x", *LIMITED)
    rows = (f'[providers.{n}{p}]\nkey = "{KEY}"\n{p} = "{base}"\n' for p, base in bases.items() for n in names)
    prices = '[providers.xopenai.prices]\n"*" = { input = 1000.0, output = 1000.0 }\n'
    file = home / ".config" / "termchat" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(('model = "xopenai/gpt-5.2"', *lines, *rows, prices)))
    file.chmod(0o600)
    return {"HOME": str(home), "LANG": "C", "TERMCHAT_MAX_RETRIES": "0"}


def end_all(*ends: Callable[[], None]) -> None:
    """Call all functions."""
    for end in ends:
        end()


@contextmanager
def running(home: Path, lines: Sequence[str] = (), tools: str = "") -> Iterator[Served]:
    """Run a gateway and a server in front of it; the page offers `tools`."""
    with GatewayThread() as gateway:
        env = write_config(home, gateway, *lines)
        listener = socket.create_server(("127.0.0.1", 0))
        ready = threading.Event()
        stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

        async def serve() -> None:
            loaded = load_config(env)
            assert not isinstance(loaded, Failure), loaded
            config = loaded.with_flags({"tools": tools or None})
            assert not isinstance(config, Failure), config
            async with build_app(config, env, Options(priced=True, tools=bool(tools)), lambda _: None) as app:
                assert not isinstance(app, Failure), app
                models, stop = ServedModels(app), asyncio.Event()
                stops.append((asyncio.get_running_loop(), stop))
                async with open_page(app, models) as page:
                    assert page
                    ready.set()
                    web = web_app(models, TrustRules(TOKEN, origins=(ORIGIN,)), page)
                    await run_server(web, listener, stop, lambda: end_all(models.stop, page.stop))

        thread = threading.Thread(target=asyncio.run, args=(serve(),), name="server", daemon=True)
        thread.start()
        assert ready.wait(60)
        try:
            yield Served(gateway, listener.getsockname()[1], home)
        finally:
            loop, stop = stops[0]
            loop.call_soon_threadsafe(stop.set)
            thread.join(60)
            listener.close()
            gateway.check()
            assert not thread.is_alive()
