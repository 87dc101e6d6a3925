"""The provider `demo`: guide pages and tables of the declarations, loaded with the first question."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from termchat.core.events import Delta
from termchat.core.messages import Origin
from termchat.core.models import ApiProtocol, ProviderConfig
from termchat.core.provider import Request, StreamMonitor

if TYPE_CHECKING:
    from termchat.providers.demo.provider import DemoProvider
    from termchat.providers.demo.search import GuidePage

_CONNECT_TIMEOUT = 0.1  # seconds for a server on this machine to answer


class GuideProvider:
    """The provider `demo`; `offers` returns models and servers to use instead, and is called at most once."""

    origin = Origin("demo", ApiProtocol.DEMO, "tour")

    def __init__(self, env: Mapping[str, str], offers: Callable[[], Iterable[str]]) -> None:
        self._env = env
        self._offers = offers

    def stream(self, request: Request, monitor: StreamMonitor) -> AsyncGenerator[Delta, None]:
        return self._demo.stream(request, monitor)

    @cached_property
    def _demo(self) -> DemoProvider:
        from termchat.providers.demo.pages import guide_pages
        from termchat.providers.demo.provider import DemoProvider

        speed = self._env.get("TERMCHAT_DEMO_SPEED", "")
        return DemoProvider((*guide_pages(), *reference_pages()), speed, tuple(self._offers()), self.origin)


def reference_pages() -> Iterator[GuidePage]:
    """Yield one page for each table of declarations and language: settings, commands, keys, exit codes."""
    from termchat.commands.builtin import builtin
    from termchat.config.keys.key_bindings import KEYS
    from termchat.config.settings import SETTINGS
    from termchat.core.outcomes import ExitCode
    from termchat.providers.demo.search import Language, table_page

    rows = {
        ("Settings", "设置"): [(key, f"{s.help} {s.env} {s.flag}".strip()) for key, s in SETTINGS.items()],
        ("Commands", "命令"): [(f"/{c.name}", c.help) for c in builtin().commands],
        ("Keys", "按键"): [(key.label, key.help) for key in KEYS],
        ("Exit codes", "退出码"): [(str(code.value), code.description) for code in ExitCode],
    }
    for (english, chinese), table in rows.items():
        yield table_page(english.lower(), english, Language.EN, table)
        yield table_page(english.lower(), chinese, Language.ZH, table)


def running_local_servers(providers: Iterable[ProviderConfig]) -> Iterator[str]:
    """Yield the names of the local servers that accept connections at this moment."""
    for provider in providers:
        address = urlsplit(next(iter(provider.base_urls.values()), ""))
        if provider.local and address.hostname and address.port:
            try:
                socket.create_connection((address.hostname, address.port), _CONNECT_TIMEOUT).close()
            except OSError:
                continue
            yield provider.name
