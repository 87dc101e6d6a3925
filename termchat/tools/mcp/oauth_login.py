"""Log in to an MCP server with OAuth: the package `mcp` does the protocol, the user agrees in the browser."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider, OAuthFlowError, OAuthRegistrationError, OAuthTokenError
from mcp.client.auth.utils import union_scopes
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
    ProtectedResourceMetadata,
)
from mcp_types.version import LATEST_HANDSHAKE_VERSION
from pydantic import AnyUrl, BaseModel, PrivateAttr, ValidationError

from termchat import __version__
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import McpServer
from termchat.core.sanitize import excerpt, safe_format, safe_line
from termchat.tools.mcp.login_store import Json, Login
from termchat.tools.mcp.loopback_redirect import loopback_redirect
from termchat.tools.mcp.oauth_network import RefusedAddressError, is_safe_page, oauth_client

LOGIN_SECONDS = 300.0  # that the user has in the browser
_WORDS = 300  # characters of a foreign error
_DENIED = "access_denied"
_NOWHERE = [AnyUrl("http://127.0.0.1/callback")]  # of a refresh, which redirects nobody

ShowPage = Callable[[str], Awaitable[None]]
"""Opens the page of a URL for the user."""


class _LoginError(Exception):
    """A login that the browser or its user ended, as a sentence."""


class _Metadata(OAuthClientMetadata):
    """The registration of termchat; some permissions are added to those that the package chooses."""

    _more: str = PrivateAttr(default="")

    def ask_more(self, scope: str) -> None:
        """Add permissions, separated by blanks."""
        self._more = scope

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, union_scopes(value, self._more) if name == "scope" else value)


class _Memory:
    """No storage: a login is kept when it is complete.

    client   the registration that the user has given, None for one that termchat makes
    """

    def __init__(self, client: OAuthClientInformationFull | None = None) -> None:
        self._client = client

    async def get_tokens(self) -> OAuthToken | None:
        return None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        pass

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        pass


class LoginProvider(OAuthClientProvider):
    """The client of the package for one login."""

    @classmethod
    def of_login(cls, login: Login) -> LoginProvider:
        """Return the provider of a stored login. Raises ValueError if the login is damaged."""
        client = OAuthClientInformationFull.model_validate(login.client)
        provider = cls(login.url, OAuthClientMetadata(redirect_uris=client.redirect_uris or _NOWHERE), _Memory())
        context = provider.context
        context.client_info, context.current_tokens = client, OAuthToken.model_validate(login.tokens)
        context.oauth_metadata = OAuthMetadata.model_validate(login.server) if login.server else None
        if login.resource:
            context.protected_resource_metadata = ProtectedResourceMetadata.model_validate(login.resource)
        context.protocol_version = LATEST_HANDSHAKE_VERSION
        return provider

    def login(self) -> Login | None:
        """Return the login, None before it is complete."""
        context = self.context
        if not (context.current_tokens and context.client_info):
            return None
        issuer = str(context.oauth_metadata.issuer) if context.oauth_metadata else _origin(context.server_url)
        return Login(
            context.server_url,
            issuer,
            _json(context.current_tokens),
            _json(context.client_info),
            _json(context.oauth_metadata),
            _json(context.protected_resource_metadata),
            context.token_expiry_time or 0.0,
        )

    async def refresh(self) -> bool:
        """Get new tokens; return False if the issuer refuses. Raises httpx2.HTTPError, RefusedAddressError."""
        if not self.context.can_refresh_token():
            return False
        async with oauth_client(self.context.server_url) as client:
            return await self._handle_refresh_response(await client.send(await self._refresh_token()))


async def log_in(
    server: McpServer, show: ShowPage, seconds: float = LOGIN_SECONDS, *, scope: str = ""
) -> Login | Failure | None:
    """Log in to a server, with the client of its configuration or a registration of its own.

    Returns None if the server asks for no login.

    show      opens the page where the user agrees
    seconds   the longest wait for the user
    scope     permissions to ask for in addition to those that the server names
    """
    try:
        async with loopback_redirect() as redirect:

            async def open_page(url: str) -> None:
                if not is_safe_page(url):
                    raise RefusedAddressError(f"{url[:100]} is not encrypted")
                await show(url)

            async def receive() -> AuthorizationCodeResult:
                async with asyncio.timeout(seconds):
                    return _result(await redirect.answer)

            about = _Metadata(
                client_name="termchat",
                software_id="termchat",
                software_version=__version__,
                redirect_uris=[AnyUrl(redirect.url)],
                token_endpoint_auth_method="none",  # noqa: S106
            )
            about.ask_more(scope)
            provider = LoginProvider(server.url, about, _Memory(_given_client(server, about)), open_page, receive)
            async with oauth_client(server.url) as client:
                return await _agree(server, provider, client)
    except TimeoutError:
        return _failure(server, f"nobody agreed in the browser within {seconds:g} seconds", FailureKind.TIMEOUT)
    except (httpx2.TransportError, httpx2.DecodingError, OSError) as error:
        return _failure(server, str(error) or type(error).__name__, FailureKind.NETWORK)
    except OAuthFlowError as error:
        # The text of this one names both states.
        wrong_state = str(error).startswith("State parameter mismatch")
        why = "the answer of the browser belongs to another login" if wrong_state else str(error)
        return _failure(server, _first_line(why))
    except ValidationError:
        return _failure(server, "the authorization server sends an invalid answer")
    except (_LoginError, RefusedAddressError, OAuthRegistrationError, OAuthTokenError, ValueError) as error:
        return _failure(server, _first_line(str(error)))


def _given_client(server: McpServer, about: OAuthClientMetadata) -> OAuthClientInformationFull | None:
    """Return the registration that the user has given, None if termchat registers itself."""
    if not server.client_id:
        return None
    method = "client_secret_post" if server.client_secret else "none"
    return OAuthClientInformationFull(
        client_id=server.client_id,
        client_secret=server.client_secret or None,
        redirect_uris=about.redirect_uris,
        token_endpoint_auth_method=method,
    )


async def _agree(server: McpServer, provider: LoginProvider, client: httpx2.AsyncClient) -> Login | Failure | None:
    request = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": LATEST_HANDSHAKE_VERSION,
            "capabilities": {},
            "clientInfo": {"name": "termchat", "version": __version__},
        },
    }
    headers = {
        **{name: value for name, value in server.headers.items() if name.lower() != "authorization"},
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": LATEST_HANDSHAKE_VERSION,
    }
    async with client.stream("POST", server.url, json=request, headers=headers, auth=provider) as answer:
        status = answer.status_code
    login = provider.login()
    if login and status not in (401, 403):
        return login
    if login or status >= 400:
        return _failure(server, f"the server answers with HTTP status {status}")
    return None


def _result(answer: dict[str, str]) -> AuthorizationCodeResult:
    if error := answer.get("error"):
        told = answer.get("error_description", "")
        raise _LoginError("it was declined in the browser" if error == _DENIED else f"{error} {told}".strip())
    return AuthorizationCodeResult(code=answer.get("code", ""), state=answer.get("state"), iss=answer.get("iss"))


def _failure(server: McpServer, why: str, kind: FailureKind = FailureKind.AUTH) -> Failure:
    words = safe_format(
        "The login to the MCP server {name} failed: {why}.",
        name=safe_line(server.name),
        why=excerpt(why.rstrip("."), _WORDS),
    )
    return Failure(kind, words)


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")


def _json(model: BaseModel | None) -> Json:
    made: Any = model.model_dump(mode="json", exclude_none=True) if model else {}
    return made


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def expired(login: Login) -> bool:
    """Return True if the access token of a login has run out."""
    return bool(login.expires) and time.time() >= login.expires
