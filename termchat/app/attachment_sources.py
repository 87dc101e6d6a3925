"""The sources of attachments of a run: files, pages by `fetch_url`'s rules, resources of servers, the clipboard."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from termchat.app.build_tools import working_directory
from termchat.attachments.sources import AttachmentSources, Confirmation, IndexedFile
from termchat.config.load import Config
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import Part, attached_text
from termchat.core.provider import Resources
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line

if TYPE_CHECKING:
    from termchat.tools.web.url_fetcher import UrlFetcher, WebResponse
    from termchat.tools.web.web_url import WebUrl

_WALK_SECONDS = 10.0
_SOURCE = safe_format("Check the address, or save the page and attach the file.")


def attachment_sources(
    config: Config, env: Mapping[str, str], resources: Callable[[], Resources | None], directory: Path | None = None
) -> AttachmentSources:
    """Return the sources of attachments of a run, in `directory` or the current one. Nothing is read yet."""
    cwd = directory or working_directory(env)
    private = (config.paths.config, config.paths.data)
    return AttachmentSources(
        cwd,
        lambda path: _sensitive(path, cwd, private),
        _Pages().fetch,
        lambda stopped: _walk(cwd, private, stopped),
        resources,
        lambda: _clipboard(env),
    )


def _sensitive(path: Path, cwd: Path, private: tuple[Path, ...]) -> Safe:
    """Return why the tools would not read a file; EMPTY for one that they read."""
    from termchat.tools.policy.places import Place, locate

    place = locate(str(path), cwd, private).place
    if place in (Place.SECRET, Place.PRIVATE):
        return safe_format("{name} {why}", name=safe_line(path.name), why=Safe(place.value))
    return EMPTY


def _walk(cwd: Path, private: tuple[Path, ...], stopped: Callable[[], bool]) -> Iterator[IndexedFile]:
    from termchat.tools.files.folder import EntryKind
    from termchat.tools.files.resolved_path import resolve_path
    from termchat.tools.files.walk import TreeWalk, WalkStop
    from termchat.tools.registry import ToolContext, ToolError

    context = ToolContext(cwd, private)
    place = resolve_path(context, ".")
    if isinstance(place, ToolError):
        return
    stop = WalkStop(_WALK_SECONDS)
    with suppress(OSError):
        for found in TreeWalk(context, place, stop).entries():
            if stopped():
                return
            if found.secret or not found.path.isprintable():
                continue
            if found.entry.kind is EntryKind.FOLDER:
                yield IndexedFile(f"{found.path}/")
                continue
            with suppress(OSError):
                yield IndexedFile(found.path, found.folder.stat(found.parts[-1]).st_size)


async def _clipboard(env: Mapping[str, str]) -> Part | Failure:
    from termchat.attachments.clipboard_reader import clipboard_part

    return await clipboard_part(env)


class _Pages:
    """Fetches pages. An address that is not public is fetched after a question only, as a tool would."""

    def __init__(self) -> None:
        self._fetcher: UrlFetcher | None = None

    async def fetch(self, url: str, *, approved: bool) -> Part | Failure | Confirmation:
        """Return a page as readable text, or an image, a PDF or audio as it is."""
        from termchat.tools.web.url_fetcher import UrlFetcher
        from termchat.tools.web.web_url import UrlError, parse_url

        self._fetcher = self._fetcher or UrlFetcher()
        try:
            parsed = parse_url(url)
        except UrlError as error:
            return _not_fetched(url, str(error))
        return await self._fetch(self._fetcher, parsed, url, approved=approved)

    async def _fetch(
        self, fetcher: UrlFetcher, parsed: WebUrl, url: str, *, approved: bool
    ) -> Part | Failure | Confirmation:
        from termchat.core.approval import Permit
        from termchat.tools.web.url_fetcher import FetchError, seen_url

        private = await fetcher.private_addresses(parsed)
        if private and not approved:
            return _private(parsed, private)
        permit = Permit(by_person=True, seen=seen_url(parsed, private))
        try:
            response = await fetcher.fetch(parsed, permit)
        except FetchError as error:
            later = () if private else await fetcher.private_addresses(parsed)
            return _private(parsed, later) if later else _not_fetched(url, str(error))
        return await _page_part(url, response)


async def _page_part(url: str, response: WebResponse) -> Part | Failure:
    from termchat.attachments.classify import media_part
    from termchat.tools.registry import ToolError
    from termchat.tools.web.web_text import response_text

    if response.status < 400 and (part := media_part(url, response.body.raw)):
        return _not_fetched(url, "it is larger than 5 MB") if response.body.cut else part
    text = await response_text(response, readable=True)
    if isinstance(text, str):
        return attached_text(url, text)
    return _not_fetched(url, text.words if isinstance(text, ToolError) else "it has no text")


def _private(parsed: WebUrl, addresses: tuple[str, ...]) -> Confirmation:
    host, address = safe_line(parsed.host), safe_line(addresses[0])
    if parsed.host == addresses[0]:
        return Confirmation(safe_format("{host} is not a public address.", host=host))
    return Confirmation(safe_format("{host} is at {address}, which is not public.", host=host, address=address))


def _not_fetched(url: str, why: str) -> Failure:
    why = why.removeprefix(f"{url} ").rstrip(".")
    words = safe_format("Cannot attach {url}: {why}.", url=safe_line(url[:200]), why=safe_line(why[:300]))
    return Failure(FailureKind.NETWORK, words, _SOURCE)


def remote_attachment(name: str, config: Config, env: Mapping[str, str]) -> tuple[Part, ...] | Failure | None:
    """Return the page or the resource that `-f` of a script names, None for the name of a file.

    A resource is named `@server:uri`. Addresses that are not public are refused: a script cannot ask.
    """
    from termchat.attachments.mentions import is_url, split_resource

    if is_url(name):
        page = asyncio.run(_Pages().fetch(name, approved=False))
        if isinstance(page, Confirmation):
            words = safe_format("Cannot attach {url}: {why}", url=safe_line(name[:200]), why=page.words)
            step = safe_format("Download it first, for example with curl -O.")
            return Failure(FailureKind.BAD_CONFIG, words, step)
        return page if isinstance(page, Failure) else (page,)
    server, uri = split_resource(name.removeprefix("@"))
    if not name.startswith("@") or not uri or os.path.lexists(name):
        return None
    return asyncio.run(_resource(server, uri, config, env))


async def _resource(server: str, uri: str, config: Config, env: Mapping[str, str]) -> tuple[Part, ...] | Failure:
    from termchat.app.mcp_sources import mcp_sources
    from termchat.attachments.resolve import classified
    from termchat.tools.resources import SourceResources

    sources = tuple(mcp_sources(config, env, working_directory(env)))
    try:
        return classified(await SourceResources(lambda: sources).read(server, uri))
    finally:
        for source in sources:
            await source.close()
