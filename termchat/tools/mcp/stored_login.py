"""Send the access token of a stored login with each request to an MCP server, and refresh it when that is due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

import httpx2
from mcp.client.auth import OAuthFlowError
from mcp.client.auth.utils import extract_field_from_www_auth, extract_scope_from_www_auth, union_scopes

from termchat.core.redact import Redactor
from termchat.tools.mcp.login_store import Login, LoginStore
from termchat.tools.mcp.oauth_login import LoginProvider, expired
from termchat.tools.mcp.oauth_network import RefusedAddressError

_REFUSED = 401
_FORBIDDEN = 403


class StoredLogin(httpx2.Auth):
    """The login to one server. It is read again when it is refused: another termchat may have refreshed it.

    needed   the server wants a login, and there is none that it takes
    lacking  the permissions that the login lacks, "" if the server tells none, None if it lacks none
    redact   masks the secrets of the login
    """

    def __init__(self, store: LoginStore, name: str, url: str, learn: Callable[[str], None]) -> None:
        """Create the login; `learn` receives each of its secrets before it is used."""
        self._learn = learn
        self._store = store
        self._name = name
        self._url = url
        self._login: Login | None = None
        self._lock = asyncio.Lock()
        self.needed = False
        self.lacking: str | None = None
        self.redact = Redactor(shapes=False)

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send a request with the token; after a refusal, once more with a new one."""
        token = await self._token()
        _add(request, token)
        response = yield request
        if response.status_code == _REFUSED and (token := await self._token(refused=token)):
            _add(request, token)
            response = yield request
        self.lacking = _missing_scope(response)
        self.needed = response.status_code == _REFUSED or self.lacking is not None
        if self.lacking and self._login:
            wanted = union_scopes(str(self._login.tokens.get("scope") or ""), self.lacking) or ""
            with suppress(OSError):  # then the next login asks for less
                await asyncio.to_thread(self._store.want_scope, self._name, wanted)

    async def _token(self, refused: str | None = None) -> str:
        """Return an access token other than the refused one, "" without one."""
        async with self._lock:
            if self._login is None or refused is not None or expired(self._login):
                await self._read()
            if self._login and self._is_over(self._login, refused):
                async with self._store.exclusive(self._name):
                    await self._read()  # another termchat may have refreshed it meanwhile
                    if self._login and self._is_over(self._login, refused):
                        return _access_token(await self._refreshed(self._login))
            return _access_token(self._login)

    async def _read(self) -> None:
        self._take(await asyncio.to_thread(self._store.read, self._name, self._url))

    def _is_over(self, login: Login, refused: str | None) -> bool:
        return expired(login) or _access_token(login) == refused

    async def _refreshed(self, login: Login) -> Login | None:
        try:
            provider = LoginProvider.of_login(login)
            fresh = provider.login() if await provider.refresh() else None
        except (RefusedAddressError, OAuthFlowError, ValueError):
            return None
        if fresh:
            self._take(fresh)
            try:
                await asyncio.to_thread(self._store.write, self._name, fresh)
            except OSError:
                pass  # it still holds for this process
        return fresh

    def _take(self, login: Login | None) -> None:
        self._login = login
        for secret in login.secrets() if login else ():
            self.redact.add(secret)
            self._learn(secret)


def _missing_scope(response: httpx2.Response) -> str | None:
    """Return the permissions that the token lacks, "" if they are not told; None for another answer (RFC 6750)."""
    if response.status_code != _FORBIDDEN or extract_field_from_www_auth(response, "error") != "insufficient_scope":
        return None
    return extract_scope_from_www_auth(response) or ""


def _access_token(login: Login | None) -> str:
    return str(login.tokens.get("access_token", "")) if login else ""


def _add(request: httpx2.Request, token: str) -> None:
    if token:
        request.headers["Authorization"] = f"Bearer {token}"
