"""Logins to MCP servers with OAuth: more permissions, a registration of the user, the end of a login, known secrets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mcp.shared.auth import OAuthClientInformationFull
from pydantic import AnyUrl

from termchat.core.errors import Failure
from termchat.core.models import McpServer
from termchat.tools.mcp.login_store import Login, LoginStore
from termchat.tools.mcp.oauth_login import log_in
from termchat.tools.mcp.revoke_login import revoke_login
from tests.tools.mcp.oauth_server import OAuthWorld
from tests.tools.mcp.test_oauth_login import add, at, browser, login, store, world

__all__ = ["store", "world"]  # fixtures


class AnyPort(OAuthClientInformationFull):
    """A client whose redirect may have any port, as RFC 8252 wants it."""

    def validate_redirect_uri(self, redirect_uri: AnyUrl | None) -> AnyUrl:
        assert redirect_uri and redirect_uri.host == "127.0.0.1"
        return redirect_uri


def registered(world: OAuthWorld) -> McpServer:
    """A server at whose issuer the user has registered a client."""
    world.issuer.clients["mine"] = AnyPort(
        client_id="mine",
        client_secret="hidden-42",
        redirect_uris=[AnyUrl("http://127.0.0.1/callback")],
        token_endpoint_auth_method="client_secret_post",
    )
    return replace(at(world.urls[0]), client_id="mine", client_secret="hidden-42")


async def test_server_that_wants_more_gets_it_with_next_login(
    world: OAuthWorld, store: LoginStore, tmp_path: Path
) -> None:
    server = at(world.urls[0])
    await login(store, server)
    world.issuer.required = "files:write"
    words = "The MCP server web needs a login with more permissions (files:write). Log in with: termchat mcp login web"
    assert await add(store, server, tmp_path) == ([words], "")
    assert store.wanted_scope("web") == "files:write"
    made = await log_in(server, browser, scope=store.wanted_scope("web"))
    assert isinstance(made, Login) and made.tokens["scope"] == "files:write"
    store.write("web", made)
    assert store.wanted_scope("web") == ""
    assert await add(store, server, tmp_path) == ([], "5")


async def test_secrets_of_login_are_known_before_they_are_used(
    world: OAuthWorld, store: LoginStore, tmp_path: Path
) -> None:
    server = at(world.urls[0])
    first = await login(store, server)
    world.issuer.access.clear()  # so that it is refreshed
    learnt: set[str] = set()
    assert await add(store, server, tmp_path, learnt.add) == ([], "5")
    second = store.read("web", server.url)
    assert second and second.tokens["access_token"] != first.tokens["access_token"]
    assert learnt >= {*first.secrets(), *second.secrets()}


@pytest.mark.parametrize("secret", [False, True])
async def test_ended_login_is_of_no_use_at_issuer(world: OAuthWorld, store: LoginStore, *, secret: bool) -> None:
    server = registered(world) if secret else at(world.urls[0])
    made = await login(store, server)
    assert world.issuer.access and world.issuer.refresh
    assert await revoke_login(server, made) is None
    assert not world.issuer.access and not world.issuer.refresh


async def test_issuer_that_cannot_be_told_of_logout_is_named(world: OAuthWorld, store: LoginStore) -> None:
    server = at(world.urls[0])
    made = await login(store, server)
    made.server["revocation_endpoint"] = "http://127.0.0.1:9/revoke"
    failure = await revoke_login(server, made)
    assert isinstance(failure, Failure)
    assert failure.message.startswith("The login to web is forgotten here, but its issuer could not be told: ")


async def test_login_uses_registration_of_user(world: OAuthWorld, store: LoginStore, tmp_path: Path) -> None:
    server = registered(world)
    made = await login(store, server)
    assert (made.client["client_id"], world.issuer.asked) == ("mine", [])
    assert "hidden-42" in set(made.secrets())
    assert await add(store, server, tmp_path) == ([], "5")
