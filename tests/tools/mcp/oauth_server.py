"""An authorization server and MCP servers that take its tokens, on loopback ports of their own."""

from __future__ import annotations

import secrets
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    OAuthAuthorizationServerProvider,
    ProviderTokenVerifier,
    RefreshToken,
    construct_redirect_uri,
)
from mcp.server.auth.routes import create_auth_routes
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions, RevocationOptions
from mcp.server.mcpserver import MCPServer
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyHttpUrl, TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PATIENCE = 30.0


@dataclass
class Issuer(OAuthAuthorizationServerProvider[AuthorizationCode, RefreshToken, AccessToken]):
    """The state of the authorization server.

    seconds    of an access token
    error      the error that the page of the user answers with, "" to agree
    extra      changes to the answer that is sent back to the client
    refreshed  how often a token was refreshed
    required   a permission without which an MCP server answers 403, "" for none
    asked      the requests of clients
    """

    seconds: int = 3600
    error: str = ""
    extra: dict[str, str] = field(default_factory=dict[str, str])
    refreshed: int = 0
    required: str = ""
    asked: list[str] = field(default_factory=list[str])
    clients: dict[str, OAuthClientInformationFull] = field(default_factory=dict[str, OAuthClientInformationFull])
    codes: dict[str, AuthorizationCode] = field(default_factory=dict[str, AuthorizationCode])
    access: dict[str, AccessToken] = field(default_factory=dict[str, AccessToken])
    refresh: dict[str, RefreshToken] = field(default_factory=dict[str, RefreshToken])

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        self.clients[client_info.client_id] = client_info
        self.asked.append("registration")

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        answer = {"state": params.state, **self.extra}
        if self.error:
            return construct_redirect_uri(str(params.redirect_uri), error=self.error, **answer)
        code = AuthorizationCode(
            code=secrets.token_hex(20),
            scopes=params.scopes or [],
            expires_at=time.time() + 60,
            client_id=client.client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
        )
        self.codes[code.code] = code
        return construct_redirect_uri(str(params.redirect_uri), **{"code": code.code, **answer})

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> AuthorizationCode | None:
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        del self.codes[authorization_code.code]
        return self._tokens(client, authorization_code.resource, authorization_code.scopes)

    async def load_refresh_token(self, client: OAuthClientInformationFull, refresh_token: str) -> RefreshToken | None:
        return self.refresh.get(refresh_token)

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        del self.refresh[refresh_token.token]
        self.refreshed += 1
        return self._tokens(client, refresh_token.resource, refresh_token.scopes)

    async def load_access_token(self, token: str) -> AccessToken | None:
        return self.access.get(token)

    async def revoke_token(self, token: AccessToken | RefreshToken) -> None:
        self.access = {text: kept for text, kept in self.access.items() if kept.client_id != token.client_id}
        self.refresh = {text: kept for text, kept in self.refresh.items() if kept.client_id != token.client_id}

    def lacks_permission(self, token: str) -> bool:
        known = self.access.get(token)
        return bool(self.required and known and self.required not in known.scopes)

    def _tokens(self, client: OAuthClientInformationFull, resource: str | None, scopes: list[str]) -> OAuthToken:
        made = OAuthToken(
            access_token=f"access-{secrets.token_hex(8)}",
            refresh_token=f"refresh-{secrets.token_hex(8)}",
            expires_in=self.seconds,
            scope=" ".join(scopes) or None,
        )
        about: dict[str, Any] = {"client_id": client.client_id, "scopes": scopes, "resource": resource}
        self.access[made.access_token] = AccessToken(token=made.access_token, **about)
        self.refresh[made.refresh_token or ""] = RefreshToken(token=made.refresh_token or "", **about)
        return made


@dataclass(frozen=True)
class OAuthWorld:
    """One issuer and the addresses of two MCP servers that trust it."""

    issuer: Issuer
    issuer_url: str
    urls: tuple[str, str]


@contextmanager
def oauth_world() -> Iterator[OAuthWorld]:
    """Serve the issuer and the MCP servers."""
    issuer = Issuer()
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        origins = [f"http://127.0.0.1:{each.getsockname()[1]}" for each in sockets]
        routes = create_auth_routes(
            issuer,
            _url(origins[0]),
            client_registration_options=ClientRegistrationOptions(enabled=True),
            revocation_options=RevocationOptions(enabled=True),
        )
        stack.enter_context(_served(Starlette(routes=routes), sockets[0]))
        for origin, each in zip(origins[1:], sockets[1:], strict=True):
            stack.enter_context(_served(_mcp_server(issuer, origins[0], origin), each))
        yield OAuthWorld(issuer, origins[0], (f"{origins[1]}/mcp", f"{origins[2]}/mcp"))


@contextmanager
def lying_server(issuer_url: str) -> Iterator[str]:
    """Serve the metadata of an MCP server that names a foreign issuer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"

        async def refuse(request: Request) -> Response:
            return Response(status_code=401)

        async def metadata(request: Request) -> Response:
            return JSONResponse({"resource": url, "authorization_servers": [issuer_url]})

        routes = [
            Route("/mcp", refuse, methods=["GET", "POST"]),
            Route("/.well-known/oauth-protected-resource/mcp", metadata),
        ]
        with _served(Starlette(routes=routes), listening):
            yield url


def agree(url: str) -> None:
    """Open a page as a browser does: follow the redirects to the end."""
    with urllib.request.urlopen(url, timeout=PATIENCE):
        pass


class _Telling(MCPServer):
    """A server that writes the token of the request into the descriptions of its tools."""

    async def list_tools(self) -> Any:
        tools = await super().list_tools()
        told = f"The token is {_token_of_request()}"
        return [tool.model_copy(update={"description": f"{tool.description} {told}"}) for tool in tools]


def _token_of_request() -> str:
    token = get_access_token()
    return token.token if token else "unknown"


def _mcp_server(issuer: Issuer, issuer_url: str, origin: str) -> Any:
    auth = AuthSettings(
        issuer_url=_url(issuer_url), resource_server_url=_url(f"{origin}/mcp"), validate_token_resource=True
    )
    server = _Telling("guarded", token_verifier=ProviderTokenVerifier(issuer), auth=auth)

    @server.tool()
    def add(a: int, b: int) -> str:  # pyright: ignore[reportUnusedFunction]
        """Add two numbers."""
        return str(a + b)

    @server.tool()
    def tell_token() -> str:  # pyright: ignore[reportUnusedFunction]
        """Send the token of the request back."""
        return f"It is {_token_of_request()}"

    @server.prompt()
    def token_prompt() -> str:  # pyright: ignore[reportUnusedFunction]
        """Send the token of the request back."""
        return f"Use {_token_of_request()}"

    app: Any = server.streamable_http_app()

    async def guard(scope: Any, receive: Any, send: Any) -> None:
        """Refuse a token without the required permission, and say which that is."""
        headers = dict(scope.get("headers") or ())
        token = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
        if issuer.lacks_permission(token):
            challenge = f'Bearer error="insufficient_scope", scope="{issuer.required}"'
            await Response(status_code=403, headers={"WWW-Authenticate": challenge})(scope, receive, send)
        else:
            await app(scope, receive, send)

    return guard


def _url(text: str) -> AnyHttpUrl:
    return TypeAdapter(AnyHttpUrl).validate_python(text)


@contextmanager
def _served(app: Any, listening: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield  # the socket listens already: connections wait for the server
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
