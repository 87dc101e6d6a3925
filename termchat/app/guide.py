"""demo/tour joined: the guide's pages and tables made from the declarations, put together when it is first asked."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from termchat.core.chat_store import Request, Wire
from termchat.core.events import Delta
from termchat.core.messages import Origin
from termchat.core.models import ApiProtocol, Profile

if TYPE_CHECKING:
    from termchat.providers.demo.provider import Demo
    from termchat.providers.demo.search import Page

_KNOCK = 0.1  # seconds for a server on this machine to answer


class Tour:
    """The provider `demo`; `offers` tells what could be used instead, and is asked once."""

    origin = Origin("demo", ApiProtocol.DEMO, "tour")

    def __init__(self, env: Mapping[str, str], offers: Callable[[], Iterable[str]]) -> None:
        self._env = env
        self._offers = offers

    def stream(self, request: Request, wire: Wire) -> AsyncGenerator[Delta, None]:
        return self._demo.stream(request, wire)

    @cached_property
    def _demo(self) -> Demo:
        from termchat.providers.demo.pages import guide
        from termchat.providers.demo.provider import Demo

        speed = self._env.get("TERMCHAT_DEMO_SPEED", "")
        return Demo((*guide(), *tables()), speed, tuple(self._offers()), self.origin)


def tables() -> Iterator[Page]:
    """A page of each table of declarations, in each language: settings, commands, keys, exit codes."""
    from termchat.commands.builtin import builtin
    from termchat.config.keymap import KEYS
    from termchat.config.settings import SETTINGS
    from termchat.core.outcomes import ExitCode
    from termchat.providers.demo.search import Language, table_page

    rows = {
        ("Settings", "设置"): [(key, f"{s.help} {s.env} {s.flag}".strip()) for key, s in SETTINGS.items()],
        ("Commands", "命令"): [(f"/{c.name}", c.help) for c in builtin().commands],
        ("Keys", "按键"): [(key.shown, key.help) for key in KEYS],
        ("Exit codes", "退出码"): [(str(code.value), code.words) for code in ExitCode],
    }
    for (english, chinese), table in rows.items():
        yield table_page(english.lower(), english, Language.EN, table)
        yield table_page(english.lower(), chinese, Language.ZH, table)


def listening(profiles: Iterable[Profile]) -> Iterator[str]:
    """The local servers that take connections at this moment, by name."""
    for profile in profiles:
        address = urlsplit(next(iter(profile.bases.values()), ""))
        if profile.local and address.hostname and address.port:
            try:
                socket.create_connection((address.hostname, address.port), _KNOCK).close()
            except OSError:
                continue
            yield profile.name
