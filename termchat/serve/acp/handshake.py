"""The first request of a client, `initialize`: answered before the package is imported, which takes half a second."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from termchat import __version__
from termchat.core.sanitize import safe_format
from termchat.serve.acp.editor_chats import EditorChats

VERSION = 1  # of the protocol; a client that speaks another one decides whether it goes on
LOGIN = "login"  # the id of the only way to authenticate


def initialize_result(chats: EditorChats) -> dict[str, Any]:
    """Return the version of the protocol and the abilities of this agent, as an `InitializeResponse`."""
    sessions: dict[str, Any] = {"close": {}}
    if chats.are_saved:
        sessions |= {"list": {}, "resume": {}}
    return {
        "protocolVersion": VERSION,
        "agentInfo": {"name": "termchat", "title": "termchat", "version": __version__},
        "agentCapabilities": {
            "loadSession": chats.are_saved,
            "promptCapabilities": {"image": True, "audio": True, "embeddedContext": True},
            "mcpCapabilities": {"http": can_connect_servers(chats), "sse": False},
            "sessionCapabilities": sessions,
        },
        "authMethods": _auth_methods(chats),
    }


def can_connect_servers(chats: EditorChats) -> bool:
    """Return True if MCP servers of a client can be connected."""
    return chats.connects_servers and find_spec("mcp") is not None


def _auth_methods(chats: EditorChats) -> list[dict[str, str]]:
    missing = chats.missing_key()
    if missing is None:
        return []
    about = safe_format("{why} Run it in a terminal, then try again.", why=missing.message)
    return [{"id": LOGIN, "name": "termchat login", "description": about}]
