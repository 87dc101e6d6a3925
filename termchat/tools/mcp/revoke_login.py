"""End a login at its issuer, so that its tokens are of no use to anybody (RFC 7009)."""

from __future__ import annotations

import httpx2
from mcp.client.auth import OAuthFlowError

from termchat.core.errors import Failure, FailureKind
from termchat.core.models import McpServer
from termchat.core.sanitize import excerpt, safe_format, safe_line
from termchat.tools.mcp.login_store import Login
from termchat.tools.mcp.oauth_login import LoginProvider
from termchat.tools.mcp.oauth_network import RefusedAddressError, oauth_client

_KINDS = ("refresh_token", "access_token")
_WORDS = 300  # characters of a foreign error


async def revoke_login(server: McpServer, login: Login) -> Failure | None:
    """Revoke the tokens of a login; return the failure of an issuer that has not done it."""
    url = login.server.get("revocation_endpoint")
    try:
        context = LoginProvider.of_login(login).context
        async with oauth_client(server.url) as client:
            for kind in _KINDS:
                if not (token := login.tokens.get(kind)):
                    continue
                data, headers = context.prepare_token_auth(
                    {"token": str(token), "token_type_hint": kind, "client_id": str(login.client.get("client_id"))}, {}
                )
                answer = await client.post(str(url), data=data, headers=headers)
                if answer.status_code == 400 and not login.client.get("client_secret"):
                    # The servers of the package mcp insist on the field, also of a client without a secret.
                    answer = await client.post(str(url), data={**data, "client_secret": ""}, headers=headers)
                if answer.status_code >= 400:
                    return _failure(server, f"HTTP status {answer.status_code}")
    except (httpx2.HTTPError, RefusedAddressError, OAuthFlowError, ValueError, OSError) as error:
        return _failure(server, str(error) or type(error).__name__)
    return None


def _failure(server: McpServer, why: str) -> Failure:
    words = safe_format(
        "The login to {name} is forgotten here, but its issuer could not be told: {why}.",
        name=safe_line(server.name),
        why=excerpt(why.rstrip("."), _WORDS),
    )
    return Failure(FailureKind.NETWORK, words, safe_format("Its tokens are valid until they run out."))
