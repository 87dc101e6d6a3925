"""Admit requests: token, Host (DNS rebinding), Origin (CSRF), CORS for named origins only, strict headers."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from termchat.late_dataclass import dataclass
from termchat.serve.faults import Fault, error_shape
from termchat.serve.replies import raw_headers, send_json

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
OPEN_PATHS = ("/", "/health", "/api/csp-report")  # they need no token, and tell nothing
OPEN_FOLDER = "/page/"  # files of the package
_STRICT = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_CORS_HEADERS = "authorization, content-type, x-api-key, anthropic-version, anthropic-beta"


@dataclass(frozen=True, slots=True)
class TrustRules:
    """The rules of admission.

    token     the secret that every client sends
    names     the host names of the server besides those of loopback
    any_ip    True beyond loopback: any IP address is a name of the server, which no rebound domain is
    origins   the web origins that may call it
    """

    token: str
    names: Collection[str] = ()
    any_ip: bool = False
    origins: Collection[str] = ()

    def knows_host(self, host: str) -> bool:
        """Return True if the Host header names this server."""
        name = host_name(host)
        if name in LOCAL_NAMES or name in self.names:
            return True
        return self.any_ip and is_address(name)

    def admits_token(self, headers: Headers) -> bool:
        """Return True if the token is in `Authorization: Bearer` or in `x-api-key`."""
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        given = (bearer.strip() if kind.lower() == "bearer" else "", headers.get("x-api-key", ""))
        return any(hmac.compare_digest(text.encode(), self.token.encode()) for text in given)


def host_name(host: str) -> str:
    """Return the name of a Host header in lower case, without its port; "" for a malformed one."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_address(name: str) -> bool:
    """Return True for an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return True for a name or an address that only this machine reaches."""
    return host.lower() == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


class TrustGate:
    """An ASGI application that admits requests to another one."""

    def __init__(self, app: ASGIApp, rules: TrustRules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        foreign = bool(origin) and origin != _own_origin(scope, headers)
        allowed = foreign and origin in self._rules.origins
        sender = _StrictSender(send, origin if allowed else "")
        fault = self._fault(scope, headers, refused=foreign and not allowed)
        if fault and fault.status != 401:
            await send_json(sender, fault.status, error_shape(scope["path"], fault), fault.headers)
        elif allowed and scope["method"] == "OPTIONS":
            await sender({"type": "http.response.start", "status": 204, "headers": []})
            await sender({"type": "http.response.body", "body": b""})
        elif fault:
            await send_json(sender, fault.status, error_shape(scope["path"], fault), fault.headers)
        else:
            await self._app(scope, receive, sender)

    def _fault(self, scope: Scope, headers: Headers, *, refused: bool) -> Fault | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._rules.knows_host(hosts[0]):
            return Fault(421, "This server has another name: check Host, or start it with --name.")
        if refused:
            return Fault(403, "This origin may not call the server: start it with --cors to allow it.")
        path = scope["path"]
        is_open = path in OPEN_PATHS or path.startswith(OPEN_FOLDER)
        if not is_open and not self._rules.admits_token(headers):
            return Fault(401, "The token is missing or wrong. Send it as a bearer token or as x-api-key.")
        return None


def _own_origin(scope: Scope, headers: Headers) -> str:
    return f"{scope['scheme']}://{headers.get('host', '')}"


class _StrictSender:
    """Adds the strict headers to an answer, and those of CORS for an allowed origin."""

    def __init__(self, send: Send, origin: str) -> None:
        self._send = send
        self._origin = origin

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name for name, _ in message["headers"]}
            more = {**_STRICT, "cache-control": "no-store"}
            if self._origin:
                more |= {
                    "access-control-allow-origin": self._origin,
                    "access-control-allow-headers": _CORS_HEADERS,
                    "access-control-allow-methods": "GET, POST",
                    "cross-origin-resource-policy": "cross-origin",
                    "vary": "origin",
                }
            added = [(name, value) for name, value in raw_headers(more) if name not in given]
            message = {**message, "headers": [*message["headers"], *added]}
        await self._send(message)
