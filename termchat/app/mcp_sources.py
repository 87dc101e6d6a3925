"""The MCP servers of the config file as sources of tools."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from termchat.app.user_functions import environment_without_keys
from termchat.config.credentials import Credentials
from termchat.config.load import Config
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.models import McpServer
from termchat.core.sanitize import Safe, safe_format, safe_line

if TYPE_CHECKING:
    from termchat.tools.mcp.login_store import LoginStore
    from termchat.tools.mcp.pins import PinFile
    from termchat.tools.mcp.server_source import McpSource
    from termchat.tools.mcp.tool_lists import ListFiles


class SecretTexts:
    """Variables and headers of servers, with references replaced by what they name."""

    def __init__(self, keys: Credentials) -> None:
        self._credentials = keys

    def resolve(self, server: McpServer) -> dict[str, str] | Failure:
        """Return the variables or the headers of a server; it may block for seconds."""
        return self._resolve(server, server.headers if server.url else server.env)

    def client_secret(self, server: McpServer) -> str | Failure:
        """Return the secret of a registration that the user gave, "" if there is none; it may block for seconds."""
        found = self._resolve(server, {"client_secret": server.client_secret} if server.client_secret else {})
        return found if isinstance(found, Failure) else found.get("client_secret", "")

    def _resolve(self, server: McpServer, given: Mapping[str, str]) -> dict[str, str] | Failure:
        texts: dict[str, str] = {}
        for name, value in given.items():
            found = self._credentials.resolve_headers({name: value})
            if isinstance(found, Failure):
                words = safe_format(
                    "{name} is empty: {value} has no value.", name=safe_line(name), value=safe_line(value)
                )
                if not value.startswith("env:"):
                    words = found.message
                hint = safe_format("Set it, or change [mcp.{server}].", server=safe_line(server.name))
                named = safe_format("MCP server {server}: {words}", server=safe_line(server.name), words=words)
                return Failure(found.kind, named, hint)
            texts |= found
        return texts


def mcp_sources(
    config: Config,
    env: Mapping[str, str],
    cwd: Path,
    *,
    turned_on: bool = True,
    keys: Credentials | None = None,
    learn: Callable[[str], None] | None = None,
) -> Iterator[McpSource]:
    """Yield a source for each server that is not disabled, by name: the order is part of the prompt cache key.

    turned_on   offer their tools unless the user turned them off
    keys        resolves references in variables and headers
    learn       receives each token of a login, so that it is masked in saved chats
    """
    servers = [config.mcp[name] for name in sorted(config.mcp) if not config.mcp[name].disabled]
    if not servers:
        return
    from termchat.tools.mcp.connection import McpEnvironment
    from termchat.tools.mcp.server_source import McpSource

    resolve = SecretTexts(keys or Credentials(env)).resolve
    around = McpEnvironment(cwd, environment_without_keys(config, env), resolve, login_store(config), learn or _forget)
    pins, lists = pin_file(config), list_files(config)
    for server in servers:
        yield McpSource(server, around, pins, turned_on=turned_on, lists=lists)


def _forget(secret: str) -> None:
    pass


def pin_file(config: Config) -> PinFile:
    """Return the file of the tools that the user agreed to."""
    from termchat.tools.mcp.pins import PinFile

    return PinFile(config.paths.data / "mcp-tools.json")


def list_files(config: Config) -> ListFiles:
    """Return the lists of tools and prompts that are kept on disk."""
    from termchat.tools.mcp.tool_lists import ListFiles

    return ListFiles(config.paths.cache / "mcp-lists")


def login_store(config: Config) -> LoginStore:
    """Return the logins to servers."""
    from termchat.tools.mcp.login_store import LoginStore

    return LoginStore(config.paths.data / "mcp-logins")


async def log_in_to(
    server: McpServer, config: Config, env: Mapping[str, str], show: Callable[[str], Awaitable[None]]
) -> bool | Failure:
    """Log in to a server and keep the login; return False if the server asks for none.

    show   opens the page of a URL for the user
    """
    from termchat.tools.mcp.connection import import_package

    texts = SecretTexts(Credentials(env))
    headers, secret = texts.resolve(server), texts.client_secret(server)
    if isinstance(headers, Failure) or isinstance(secret, Failure):
        return headers if isinstance(headers, Failure) else cast("Failure", secret)
    if failure := import_package():
        return failure
    from termchat.tools.mcp.oauth_login import log_in

    store = login_store(config)
    scope = await asyncio.to_thread(store.wanted_scope, server.name)
    login = await log_in(replace(server, headers=headers, client_secret=secret), show, scope=scope)
    if isinstance(login, Failure) or login is None:
        return login or False
    try:
        store.write(server.name, login)
    except OSError as error:
        why = error_reason(error)
        return Failure(FailureKind.STORAGE, safe_format("The login cannot be saved: {why}.", why=why))
    return True


async def log_out_of(server: McpServer, config: Config) -> bool | Failure:
    """Forget the login to a server and end it at its issuer; return False if there was none.

    Returns the failure of an issuer that could not be told: the login is forgotten all the same. Raises OSError.
    """
    store = login_store(config)
    login = await asyncio.to_thread(store.read, server.name, server.url)
    known = store.remove(server.name)
    if login is None or not login.server.get("revocation_endpoint"):
        return known
    from termchat.tools.mcp.connection import import_package

    if failure := import_package():
        return failure
    from termchat.tools.mcp.revoke_login import revoke_login

    return await revoke_login(server, login) or True


def missing_extra() -> Failure | None:
    """Return the failure of a termchat without the extra for servers, None if it is installed."""
    from termchat.tools.mcp.connection import missing_package

    return missing_package()


class McpReport(NamedTuple):
    """A server that was started: what it calls itself, its protocol version, its tools with descriptions."""

    title: str
    version: str
    protocol: str
    tools: tuple[tuple[str, str], ...]
    prompts: int
    notices: tuple[Safe, ...]


async def probe_server(server: McpServer, config: Config, env: Mapping[str, str]) -> McpReport | Failure:
    """Start a server, also a disabled one, and end it again; return what it offers."""
    from termchat.app.build_tools import working_directory
    from termchat.tools.mcp.connection import McpEnvironment
    from termchat.tools.mcp.server_source import McpSource

    resolve, programs = SecretTexts(Credentials(env)).resolve, environment_without_keys(config, env)
    around = McpEnvironment(working_directory(env), programs, resolve, login_store(config))
    source = McpSource(server, around)
    try:
        loaded = await source.tools()
        client = await source.client()
        if isinstance(loaded, Failure) or isinstance(client, Failure):
            return loaded if isinstance(loaded, Failure) else cast("Failure", client)
        about = client.server_info
        return McpReport(
            about.name if about else server.name,
            about.version if about else "",
            client.protocol_version,
            tuple((tool.spec.name, tool.spec.description) for tool in loaded.tools),
            len(await source.prompts()),
            loaded.notices,
        )
    finally:
        await source.close()
