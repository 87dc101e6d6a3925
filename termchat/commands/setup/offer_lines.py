"""The offer of servers that run on this machine to a user without a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from termchat.config.providers import presets
from termchat.core.provider import Providers
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.core.session import Session

if TYPE_CHECKING:
    from termchat.commands.setup.ports import LocalResult

_GUIDE = "demo"


def needs_model(session: Session, providers: Providers) -> bool:
    """Return True if the chat is with the guide, and no provider can be used instead."""
    return session.model.provider == _GUIDE and set(providers.usable_providers()) <= {_GUIDE}


def offer_lines(servers: Sequence[LocalResult], *, key: Safe = EMPTY) -> list[Safe]:
    """Return a line for each server; `key`, if there is one, takes the first one that wants no key."""
    lines: list[Safe] = []
    offered = False
    for server in servers:
        preset = presets().get(server.provider)
        title, port = safe_line(preset.title if preset else server.provider), safe(str(server.port))
        number = safe(str(len(server.models)))
        models = safe_format(" with {n} model{s}", n=number, s=EMPTY if len(server.models) == 1 else Safe("s"))
        name = safe_line(server.provider)
        if server.locked:
            words = "{title} answers on port {port} and wants a key: /login {name}"
            lines.append(safe_format(words, title=title, port=port, name=name))
            continue
        step = safe_format("{key} uses it", key=key) if key and not offered else safe_format("/login {name}", name=name)
        offered = True
        line = "{title} answers on port {port}{models}: {step}"
        lines.append(safe_format(line, title=title, port=port, models=models, step=step))
    return lines
