"""Logins to MCP servers with OAuth: a real authorization server, real MCP servers, a browser that agrees."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from termchat.core.errors import Failure
from termchat.core.messages import ToolCall
from termchat.core.models import McpServer
from termchat.tools.mcp.connection import McpEnvironment
from termchat.tools.mcp.login_store import Login, LoginStore
from termchat.tools.mcp.oauth_login import log_in
from termchat.tools.mcp.oauth_network import GuardedNetwork, RefusedAddressError, is_safe_page
from termchat.tools.mcp.server_source import McpSource
from termchat.tools.mcp.stored_login import StoredLogin
from termchat.tools.toolbox import Toolbox, ToolboxConfig
from tests.tools.mcp.oauth_server import OAuthWorld, agree, lying_server, oauth_world
from tests.tools.mcp.support import APPROVED, ENVIRONMENT, names, prepare, run


@pytest.fixture
def world() -> Iterator[OAuthWorld]:
    with oauth_world() as made:
        yield made


@pytest.fixture
def store(tmp_path: Path) -> LoginStore:
    return LoginStore(tmp_path / "logins")


async def browser(url: str) -> None:
    await asyncio.to_thread(agree, url)


def at(url: str, name: str = "web") -> McpServer:
    return McpServer(name, url=url, seconds=60)


async def login(store: LoginStore, server: McpServer) -> Login:
    made = await log_in(server, browser)
    assert isinstance(made, Login), made
    store.write(server.name, made)
    return made


async def add(
    store: LoginStore, server: McpServer, folder: Path, learn: Callable[[str], None] = lambda secret: None
) -> tuple[list[str], str]:
    """Ask a server in a new chat; return the notices and the answer."""
    box = Toolbox(ToolboxConfig(folder, offered=(), approve_all=True), ())
    box.add_source(McpSource(server, McpEnvironment(folder, ENVIRONMENT, logins=store, learn=learn)))
    try:
        notices = await prepare(box)
        if not names(box):
            return notices, ""
        call = ToolCall("id", f"mcp_{server.name}_add", json.dumps({"a": 2, "b": 3}))
        return notices, (await box.run(call, APPROVED, lambda text: None)).text
    finally:
        await box.close()


async def test_login_is_used_by_chat(world: OAuthWorld, store: LoginStore, tmp_path: Path) -> None:
    server = at(world.urls[0])
    needs = "The MCP server web needs a login. Log in with: termchat mcp login web"
    assert await add(store, server, tmp_path) == ([needs], "")
    made = await login(store, server)
    assert (made.url, made.issuer.rstrip("/")) == (server.url, world.issuer_url)
    assert await add(store, server, tmp_path) == ([], "5")
    assert store.remove("web")
    assert await add(store, server, tmp_path) == ([needs], "")


async def test_token_that_server_sends_back_is_masked(world: OAuthWorld, store: LoginStore, tmp_path: Path) -> None:
    server = at(world.urls[0])
    made = await login(store, server)
    box = Toolbox(ToolboxConfig(tmp_path, offered=(), approve_all=True), ())
    box.add_source(McpSource(server, McpEnvironment(tmp_path, ENVIRONMENT, logins=store)))
    try:
        await prepare(box)
        told = await run(box, "mcp_web_tell_token")
        prompt = await box.prompt("web:token_prompt", {})
        about = next(spec.description for spec in box.specs if spec.name == "mcp_web_add")
    finally:
        await box.close()
    masked = f"…{made.tokens['access_token'][-4:]}"
    assert (told.text, prompt) == (f"It is {masked}", f"Use {masked}")
    assert about == f"Add two numbers. The token is {masked}"


async def test_login_file_is_closed_and_bound_to_address(world: OAuthWorld, store: LoginStore, tmp_path: Path) -> None:
    made = await login(store, at(world.urls[0]))
    (file,) = (tmp_path / "logins").glob("*")
    assert file.stat().st_mode & 0o777 == 0o600
    assert store.read("web", made.url) == made
    assert store.read("web", world.urls[1]) is None
    assert set(store.secrets()) >= {made.tokens["access_token"], made.tokens["refresh_token"]}


@pytest.mark.parametrize("known", [True, False], ids=["known", "revoked"])
async def test_ended_access_token_is_refreshed(
    world: OAuthWorld, store: LoginStore, tmp_path: Path, *, known: bool
) -> None:
    server = at(world.urls[0])
    made = await login(store, server)
    world.issuer.access.clear()
    if known:
        store.write("web", dataclasses.replace(made, expires=1.0))
    assert await add(store, server, tmp_path) == ([], "5")
    assert world.issuer.refreshed == 1
    kept = store.read("web", server.url)
    assert kept and kept.tokens["refresh_token"] in world.issuer.refresh
    assert await add(store, server, tmp_path) == ([], "5")
    assert world.issuer.refreshed == 1


async def test_refresh_waits_for_that_of_another_process(world: OAuthWorld, store: LoginStore) -> None:
    server = at(world.urls[0])
    old = await login(store, server)
    fresh = await login(store, server)
    store.write("web", dataclasses.replace(old, expires=1.0))
    async with httpx2.AsyncClient(auth=StoredLogin(store, "web", server.url, lambda secret: None)) as client:
        async with store.exclusive("web"):
            asked = asyncio.create_task(client.get(server.url))
            await asyncio.wait((asked,), timeout=1)
            assert not asked.done()
            store.write("web", fresh)
        answer = await asked
    assert answer.request.headers["Authorization"] == f"Bearer {fresh.tokens['access_token']}"
    assert world.issuer.refreshed == 0


async def test_logout_during_refresh_keeps_the_lock_of_that_refresh(
    world: OAuthWorld, store: LoginStore, tmp_path: Path
) -> None:
    server = at(world.urls[0])
    await login(store, server)
    async with store.exclusive("web"):
        (lock,) = tmp_path.rglob(".web.lock")
        assert store.remove("web")
        assert lock.exists()
    await login(store, server)
    assert store.remove("web")
    assert not lock.exists()


async def test_refused_header_is_named(world: OAuthWorld, store: LoginStore, tmp_path: Path) -> None:
    server = dataclasses.replace(at(world.urls[0]), headers={"Authorization": "Bearer mine"})
    ((notice,), _) = await add(store, server, tmp_path)
    assert "The MCP server web cannot be used: it refuses the header Authorization (HTTP status 401)." in notice


async def test_refused_refresh_asks_for_login(world: OAuthWorld, store: LoginStore, tmp_path: Path) -> None:
    server = at(world.urls[0])
    await login(store, server)
    world.issuer.access.clear()
    world.issuer.refresh.clear()
    notices, _ = await add(store, server, tmp_path)
    assert notices == ["The MCP server web needs a login. Log in with: termchat mcp login web"]
    await login(store, server)
    assert await add(store, server, tmp_path) == ([], "5")


async def test_two_servers_of_one_issuer_have_logins_of_their_own(
    world: OAuthWorld, store: LoginStore, tmp_path: Path
) -> None:
    one, two = at(world.urls[0], "one"), at(world.urls[1], "two")
    first = await login(store, one)
    assert (await add(store, two, tmp_path))[1] == ""
    second = await login(store, two)
    assert first.issuer == second.issuer
    assert first.tokens["access_token"] != second.tokens["access_token"]
    assert await add(store, one, tmp_path) == ([], "5")
    assert await add(store, two, tmp_path) == ([], "5")
    store.write("two", dataclasses.replace(first, url=two.url))  # a token for the other server is worth nothing
    assert (await add(store, two, tmp_path))[1] == ""


@pytest.mark.parametrize(
    ("error", "extra", "words"),
    [
        ("access_denied", {}, "it was declined in the browser."),
        ("server_error", {"error_description": "no\x1b[31m luck"}, "server_error no"),
        ("", {"state": "other"}, "the answer of the browser belongs to another login."),
        ("", {"iss": "https://evil.example"}, "iss mismatch"),
        ("", {"code": "made-up"}, "Token exchange failed (400)"),
    ],
)
async def test_login_with_wrong_answer_of_browser_fails(
    world: OAuthWorld, error: str, extra: dict[str, str], words: str
) -> None:
    world.issuer.error, world.issuer.extra = error, extra
    failed = await log_in(at(world.urls[0]), browser)
    assert isinstance(failed, Failure)
    assert failed.message.startswith("The login to the MCP server web failed: ")
    assert words in failed.message
    assert "\x1b" not in failed.message
    assert world.issuer.access == {}


async def test_login_that_nobody_answers_ends_and_closes_port(world: OAuthWorld) -> None:
    pages: list[str] = []

    async def ignore(url: str) -> None:
        pages.append(url)

    failed = await log_in(at(world.urls[0]), ignore, seconds=0.1)
    assert isinstance(failed, Failure)
    assert "nobody agreed in the browser within 0.1 seconds" in failed.message
    asked = parse_qs(urlsplit(pages[0]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["resource"] == [world.urls[0]]
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(urllib.request.urlopen, asked["redirect_uri"][0], timeout=5)


@pytest.mark.parametrize(
    ("issuer", "words"),
    [
        ("https://169.254.169.254/latest", "leads to the private address 169.254.169.254"),
        ("http://169.254.169.254/latest", "http://169.254.169.254 is not encrypted"),
        ("https://[::ffff:169.254.169.254]/", "leads to the private address"),
        ("http://issuer.example/", "http://issuer.example is not encrypted"),
    ],
)
async def test_login_refuses_metadata_that_leads_elsewhere(issuer: str, words: str) -> None:
    with lying_server(issuer) as url:
        failed = await log_in(at(url), browser)
    assert isinstance(failed, Failure)
    assert words in failed.message


@pytest.mark.parametrize(
    ("server", "host", "allowed"),
    [
        ("https://1.1.1.1/mcp", "127.0.0.1", False),
        ("https://1.1.1.1/mcp", "10.0.0.1", False),
        ("https://1.1.1.1/mcp", "localhost", False),
        ("https://10.0.0.1/mcp", "169.254.169.254", False),
        ("http://127.0.0.1/mcp", "127.0.0.1", True),
    ],
)
async def test_guarded_network_connects_to_private_address_of_private_server_only(
    server: str, host: str, *, allowed: bool
) -> None:
    received = asyncio.Event()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.set()
        writer.close()

    listening = await asyncio.start_server(receive, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    network = GuardedNetwork(server)
    async with listening:
        if allowed:
            stream = await network.connect_tcp(host, port)
            await asyncio.wait_for(received.wait(), 30)
            await stream.aclose()
        else:
            with pytest.raises(RefusedAddressError, match="private address"):
                await network.connect_tcp(host, port)
            assert not received.is_set()


@pytest.mark.parametrize(
    ("url", "protected"),
    [
        ("https://example.com/", True),
        ("http://127.0.0.1:80/", True),
        ("http://[::1]/", True),
        ("http://localhost/", True),
        ("http://example.com/", False),
        ("http://10.0.0.1/", False),
        ("http://localhost.example.com/", False),
        ("file:///etc/passwd", False),
        ("javascript:alert(1)", False),
    ],
)
def test_page_of_login_is_encrypted_or_on_this_computer(url: str, *, protected: bool) -> None:
    assert is_safe_page(url) is protected


def login_to(url: str, issuer: str = "https://issuer.example") -> Login:
    return Login(url, issuer, {"access_token": "a-secret-token"}, {"client_id": "c"}, {}, {})


def test_login_is_kept_in_keyring_by_server_and_issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[tuple[str, str], str] = {}
    keyring = SimpleNamespace(
        set_password=lambda service, name, text: kept.__setitem__((service, name), text),
        get_password=lambda service, name: kept.get((service, name)),
        delete_password=lambda service, name: kept.pop((service, name)),
    )
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    store = LoginStore(tmp_path)
    store.write("web", login_to("https://a.example/mcp"))
    assert list(kept) == [("termchat", "mcp web https://a.example/mcp https://issuer.example")]
    assert "a-secret-token" not in (tmp_path / "web.json").read_text()
    assert store.read("web", "https://a.example/mcp") == login_to("https://a.example/mcp")
    assert list(store.secrets()) == []
    store.write("web", login_to("https://a.example/mcp", "https://other.example"))
    assert list(kept) == [("termchat", "mcp web https://a.example/mcp https://other.example")]
    assert store.remove("web")
    assert not kept
    assert not store.remove("web")


def test_login_is_kept_in_file_if_keyring_forgets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forgetful = SimpleNamespace(set_password=lambda *_: None, get_password=lambda *_: None)
    monkeypatch.setitem(sys.modules, "keyring", forgetful)
    store = LoginStore(tmp_path)
    store.write("web", login_to("https://a.example/mcp"))
    assert store.read("web", "https://a.example/mcp") == login_to("https://a.example/mcp")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": "web", "url": "https://a.example/mcp", "tokens": 1}'])
def test_damaged_login_file_counts_as_no_login(tmp_path: Path, text: str) -> None:
    (tmp_path / "web.json").write_text(text)
    assert LoginStore(tmp_path).read("web", "https://a.example/mcp") is None
    assert list(LoginStore(tmp_path).secrets()) == []
