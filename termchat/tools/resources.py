"""The resources of all MCP servers of a toolbox, by the names of the servers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from termchat.core import provider
from termchat.core.approval import ResourceRow
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import File, Text
from termchat.core.sanitize import safe_format, safe_line


class ServerResources(Protocol):
    """The resources of one server."""

    @property
    def server(self) -> str: ...

    async def listed(self) -> tuple[ResourceRow, ...] | Failure:
        """Return the resources and templates; start the server first."""
        ...

    async def read(self, uri: str) -> tuple[Text | File, ...] | Failure:
        """Return the contents of a resource."""
        ...


@runtime_checkable
class HasResources(Protocol):
    """A source of tools that has resources, too."""

    @property
    def resources(self) -> ServerResources: ...


class SourceResources:
    """The resources of the sources of a toolbox.

    sources   returns the sources that there are now
    """

    def __init__(self, sources: Callable[[], Iterable[object]]) -> None:
        self._sources = sources

    def servers(self) -> tuple[str, ...]:
        """Return the names of the servers, in the order of the sources."""
        return tuple(self._by_name())

    async def listed(self, server: str) -> tuple[ResourceRow, ...] | Failure:
        """Return the resources and templates of a server."""
        found = self._by_name().get(server)
        return await found.listed() if found else self._unknown(server)

    async def read(self, server: str, uri: str) -> tuple[Text | File, ...] | Failure:
        """Return the contents of a resource."""
        found = self._by_name().get(server)
        return await found.read(uri) if found else self._unknown(server)

    def _by_name(self) -> dict[str, ServerResources]:
        found = [source.resources for source in self._sources() if isinstance(source, HasResources)]
        return {resources.server: resources for resources in found}

    def _unknown(self, server: str) -> Failure:
        names = safe_line(", ".join(self.servers()) or "none")
        words = safe_format("There is no MCP server {name}.", name=safe_line(server))
        return Failure(FailureKind.NOT_FOUND, words, safe_format("Configured servers: {names}.", names=names))


if TYPE_CHECKING:
    _port: type[provider.Resources] = SourceResources
