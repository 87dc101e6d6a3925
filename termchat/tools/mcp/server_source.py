"""An MCP server as a source of tools."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from termchat.core.approval import ToolEffect
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import Text
from termchat.core.models import McpServer
from termchat.core.numbers import finite_number
from termchat.core.provider import ToolSpec
from termchat.core.sanitize import Safe, excerpt, repair_surrogates, safe, safe_format, safe_line
from termchat.tools.mcp.connection import McpConnection, McpEnvironment
from termchat.tools.mcp.elicitation import CURRENT_ASKER, Asker, answer_question
from termchat.tools.mcp.pins import PinFile, Pins, fingerprint
from termchat.tools.mcp.prompts import listed_prompt, server_prompts
from termchat.tools.mcp.server_resources import McpResources
from termchat.tools.mcp.tool_lists import ListedPrompt, ListedTool, ListFiles, ServerLists, listed_tool
from termchat.tools.mcp.tool_names import tool_names
from termchat.tools.registry import Plan, Tool, ToolContext, ToolError, ToolOutput
from termchat.tools.source import LoadedTools, SourceInfo, SourcePrompt

if TYPE_CHECKING:
    from mcp import Client

GROUP = "mcp"  # names the tools of all servers
TOOLS = 128  # of one server
PROMPTS = 100
_PAGES = 50
_DESCRIPTION = 8_000  # characters
_SCHEMA = 64_000  # characters of JSON
_LIST_SECONDS = 30.0
_RETRY_SECONDS = 30.0  # after a failure
_LEAST_TTL = 5.0  # seconds between two lists
_PROGRESS_SECONDS = 0.1
_AT_TOP = ("anyOf", "oneOf", "allOf", "not", "enum")  # that vendors refuse at the top of a schema
_INVISIBLE = {
    **dict.fromkeys((*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xAD)),
    **dict.fromkeys(range(0xE0000, 0xE0080)),
    **dict.fromkeys(c for c in (*range(0x20), *range(0x7F, 0xA0)) if c not in (9, 10)),
}


class McpSource:
    """The tools of one server. Its list is asked for again when it has changed or its time has run out.

    A list that was kept on disk holds until its server has been asked, which no request waits for.

    pins        the file of hashes of descriptions, None to trust what the server says
    turned_on   offer the tools unless the user turned them off
    lists       the lists on disk, None to ask the server at each start
    """

    def __init__(
        self,
        server: McpServer,
        environment: McpEnvironment,
        pins: PinFile | None = None,
        *,
        turned_on: bool = True,
        lists: ListFiles | None = None,
    ) -> None:
        self._server = server
        self._cwd = environment.cwd
        self._lists = lists
        self._kept: ServerLists | None = None  # as on disk
        self._from_disk = False  # the tools are those on disk
        self._lists_read = lists is None
        self._renewal: asyncio.Task[LoadedTools | Failure] | None = None
        self._turned_on = turned_on
        self._connection = McpConnection(server, environment, self._answer)
        self.resources = McpResources(server.name, self._connection)
        self._pin_file = pins
        self._agreed: Pins = {}
        self._listed: tuple[ListedTool, ...] | None = None
        self._tools: tuple[Tool, ...] = ()
        self._prompts: tuple[SourcePrompt, ...] = ()
        self._fresh_until = 0.0  # in monotonic seconds
        self._valid_until = 0.0  # in seconds since 1970, as the server says
        self._failure: tuple[float, Failure] | None = None
        self._prints: Pins = {}  # of the listed tools
        self._askers: list[Asker] = []  # of the calls that run
        self._told: list[str] = []  # the hashes that the last notice was about

    @property
    def info(self) -> SourceInfo:
        server = self._server
        effect = ToolEffect.NETWORK if server.url else ToolEffect.RUN
        name = f"MCP server {server.name}"
        prefix = f"mcp_{server.name}_"
        return SourceInfo(name, prefix, group=GROUP, effect=effect, turned_on=self._turned_on, seconds=server.seconds)

    async def tools(self) -> LoadedTools | Failure:
        """Return the tools; start the server first, and list them again when that is due.

        Tools that were kept on disk are returned at once. The server is asked meanwhile, unless the list is valid.
        """
        if self._failure and time.monotonic() - self._failure[0] < _RETRY_SECONDS:
            return self._failure[1]
        notices = await self._read_kept() if self._listed is None else ()
        known = LoadedTools(self._tools, notices, self._prompts)
        if self._renewal is None and self._listed is not None and not self._is_due():
            return known
        if self._from_disk:
            self._renewal = self._renewal or asyncio.create_task(self._load())
            if not self._renewal.done():
                return known
        renewal, self._renewal, self._from_disk = self._renewal or self._load(), None, False
        loaded = await renewal
        self._failure = (time.monotonic(), loaded) if isinstance(loaded, Failure) else None
        return loaded

    async def close(self) -> None:
        """End the server."""
        if self._renewal:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
        await self._connection.close()

    async def client(self) -> Client | Failure:
        """Return the connected client of the server."""
        return await self._connection.client()

    async def prompts(self) -> tuple[ListedPrompt, ...]:
        """Return the prompts of the server, none if it cannot be used."""
        client = await self._connection.client()
        if isinstance(client, Failure) or not client.server_capabilities.prompts:
            return ()
        with suppress(Exception):
            async with asyncio.timeout(_LIST_SECONDS):
                found = (await client.list_prompts()).prompts[:PROMPTS]
                return tuple(listed_prompt(prompt, self._connection.masked) for prompt in found)
        return ()

    def _is_due(self) -> bool:
        return self._connection.changed or time.monotonic() > self._fresh_until

    async def _load(self) -> LoadedTools | Failure:
        client = await self._connection.client()
        if isinstance(client, Failure):
            return client
        self._connection.changed = False
        try:
            async with asyncio.timeout(_LIST_SECONDS):
                offers = client.server_capabilities.tools is not None
                found = [tool async for tool in self._pages(client)] if offers else []
        except Exception as error:
            if failure := self._connection.login_failure():
                return failure
            why = "no answer" if isinstance(error, TimeoutError) else self._error(error)
            words = safe_format(
                "The MCP server {name} does not list its tools: {why}.",
                name=safe_line(self._server.name),
                why=excerpt(why.rstrip("."), 300),
            )
            hint = safe_format("Check it with: termchat mcp test {name}", name=safe_line(self._server.name))
            return Failure(FailureKind.SERVER, words, hint)
        lists = ServerLists(tuple(found), await self.prompts(), self._valid_until)
        notices = await self._use(lists)
        if self._lists and lists != self._kept:
            with suppress(OSError):  # then the next start asks again
                await asyncio.to_thread(self._lists.write, self._server, self._cwd, lists)
                self._kept = lists
        return LoadedTools(self._tools, notices, self._prompts)

    async def _read_kept(self) -> tuple[Safe, ...]:
        """Use the lists on disk if the user has used the server before; return notices about them."""
        lists, self._lists_read = (None if self._lists_read else self._lists), True
        kept = await asyncio.to_thread(lists.read, self._server, self._cwd) if lists else None
        if kept is None or not (self._pin_file and await asyncio.to_thread(self._pin_file.read, self._server.name)):
            return ()
        self._kept, self._from_disk = kept, True
        self._fresh_until = time.monotonic() + kept.until - time.time()
        return await self._use(kept)

    async def _use(self, lists: ServerLists) -> tuple[Safe, ...]:
        notices = (*await self._pin(lists.tools), *self._take(lists.tools))
        self._prompts = tuple(server_prompts(self._server.name, lists.prompts, self._connection))
        return notices

    async def _pages(self, client: Client) -> AsyncIterator[ListedTool]:
        """Yield the tools of all pages, up to a limit; note how long the list is valid."""
        from mcp_types.version import MODERN_PROTOCOL_VERSIONS

        cursor, count, ttl = None, 0, 0.0  # seconds
        for _ in range(_PAGES):
            page = await client.list_tools(cursor=cursor, cache_mode="refresh")
            ttl = (finite_number(page.ttl_ms) or 0.0) / 1000
            for tool in page.tools:
                count += 1
                if count <= TOOLS:
                    about = tool.description or tool.title or ""
                    yield listed_tool(tool.name, about, tool.input_schema, self._connection.masked)
            cursor = page.next_cursor
            if cursor is None or count > TOOLS:
                break
        modern = client.protocol_version in MODERN_PROTOCOL_VERSIONS
        self._fresh_until = time.monotonic() + max(ttl, _LEAST_TTL) if modern else float("inf")
        self._valid_until = time.time() + ttl if modern and ttl else 0.0

    async def _pin(self, found: Sequence[ListedTool]) -> list[Safe]:
        """Note the hashes of a server that is used for the first time; return a notice about later changes."""
        self._prints = {tool.name: fingerprint(tool.name, tool.description, tool.input_schema) for tool in found}
        if self._pin_file is None:
            self._agreed = dict(self._prints)
            return []
        known = await asyncio.to_thread(self._pin_file.read, self._server.name)
        if known is None:
            self._agreed = dict(self._prints)
            return await self._save()
        self._agreed = known
        changed = sorted(name for name, made in self._prints.items() if known.get(name) != made)
        told, self._told = self._told, [self._prints[name] for name in changed]
        return [self._changed_words(changed)] if changed and self._told != told else []

    def _changed_words(self, changed: list[str]) -> Safe:
        names = safe_line(", ".join(changed)[:200])
        return safe_format(
            "The MCP server {server} has new or changed tools, which ask before they run: {names}.",
            server=safe_line(self._server.name),
            names=names,
        )

    async def _save(self) -> list[Safe]:
        if self._pin_file is None:
            return []
        try:
            await asyncio.to_thread(self._pin_file.write, self._server.name, dict(self._agreed))
        except OSError as error:
            why = safe_line(error.strerror or str(error))
            return [safe_format("The descriptions of MCP tools cannot be saved: {why}.", why=why)]
        return []

    def _take(self, found: Sequence[ListedTool]) -> Iterator[Safe]:
        """Make the tools of a list; yield a notice about tools that cannot be used."""
        if self._listed == tuple(found):
            return
        self._listed = tuple(found)
        wanted = self._server.tools
        by_name = {tool.name: tool for tool in found if wanted is None or tool.name in wanted}
        missing = [name for name in wanted or () if name not in by_name]
        made: list[Tool] = []
        for name, own in tool_names(self._server.name, by_name).items():
            tool = self._tool(name, by_name[own])
            if tool is None:
                missing.append(own)
            else:
                made.append(tool)
        self._tools = tuple(made)
        if missing:
            yield safe_format(
                "The MCP server {server} has no usable tool {names}.",
                server=safe_line(self._server.name),
                names=safe_line(", ".join(missing)[:200]),
            )
        if len(found) >= TOOLS:
            yield safe_format(
                "Of the MCP server {server}, the first {n} tools are used.",
                server=safe_line(self._server.name),
                n=safe(str(TOOLS)),
            )

    def _tool(self, name: str, listed: ListedTool) -> Tool | None:
        schema = _schema(listed.input_schema)
        if schema is None:
            return None
        own, server = listed.name, self._server.name

        async def plan(context: ToolContext, arguments: Mapping[str, Any]) -> Plan:
            text = json.dumps(arguments, ensure_ascii=False, indent=2)
            if not self._question(own):
                return Plan(text, facts=(f"MCP server {server}", "not sandboxed"))
            told = f"{text}\n\nThe server now says about this tool:\n{listed.description}"
            return Plan(told, facts=(f"MCP server {server}", "new or changed", "not sandboxed"))

        async def run(context: ToolContext, /, **arguments: Any) -> ToolOutput:
            if self._question(own):
                if not context.permit.by_person:
                    return ToolError(f"{name} has changed since it was judged; call it again")
                self._agreed[own] = self._prints[own]
                await self._save()
            return await self._call(own, arguments, context)

        return Tool(
            ToolSpec(name, _visible(listed.description)[:_DESCRIPTION], schema),
            run,
            wants_context=True,
            effect=self.info.effect,
            plan=plan,
            any_arguments=True,
            source=f"MCP server {server}",
            question=lambda: self._question(own),
        )

    def _question(self, own: str) -> str:
        """Return why a call of a tool asks whatever rules say, "" if the user has agreed to its description."""
        if self._agreed.get(own) == self._prints.get(own):
            return ""
        return "The server has changed this tool since you agreed to it; rules do not apply until you approve a call."

    async def _call(self, own: str, arguments: dict[str, Any], context: ToolContext) -> ToolOutput:
        from termchat.tools.mcp.results import tool_output  # not before a call

        client = await self._connection.client()
        if isinstance(client, Failure):
            return ToolError(f"{client.message} {client.hint}")
        told = 0.0

        async def show(progress: float, total: float | None, message: str | None) -> None:
            nonlocal told
            if time.monotonic() - told >= _PROGRESS_SECONDS:
                told = time.monotonic()
                share = f"{progress:g} of {total:g}" if total else f"{progress:g}"
                words = self._connection.masked(message or "")[:200]
                context.output(f"{share} {words}".strip() + "\n")

        asker = Asker(self._server.name, context.call, context.ask) if context.ask else None
        self._askers += [asker] if asker else []
        CURRENT_ASKER.set(asker)
        try:
            result = await client.call_tool(own, arguments, progress_callback=show)
        except Exception as error:
            return ToolError(await self._call_error(error))
        finally:
            if asker:
                self._askers.remove(asker)
        return self._without_secrets(tool_output(result))

    def _without_secrets(self, output: ToolOutput) -> ToolOutput:
        """Mask the tokens of a login, which a server may send back."""
        masked = self._connection.masked
        match output:
            case str():
                return masked(output)
            case ToolError():
                return replace(output, words=masked(output.words))
            case _:
                return tuple(Text(masked(part.text)) if isinstance(part, Text) else part for part in output)

    async def _answer(self, context: Any, params: Any) -> Any:
        """Ask the user what the server wants to know.

        A question within a result is asked in the context of its call. An older server does not say for which call it
        asks, so the last one counts.
        """
        from mcp_types import ElicitResult

        own = CURRENT_ASKER.get()
        asker = own if own in self._askers else next(reversed(self._askers), None)
        return await answer_question(asker, params) if asker else ElicitResult(action="decline")

    async def _call_error(self, error: Exception) -> str:
        for _ in range(10):  # the end of a program is seen a moment after the end of its output
            if self._server.url or self._connection.end_reason():
                break
            await asyncio.sleep(0.02)
        if reason := self._connection.end_reason():
            self._connection.drop()
            return f"the MCP server {self._server.name} cannot answer: {reason}"
        if failure := self._connection.login_failure():
            return f"{failure.message} {failure.hint}"
        if _is_of_connection(error):
            self._connection.drop()
        return self._error(error)

    def _error(self, error: BaseException) -> str:
        return self._connection.error_text(error)


def _is_of_connection(error: Exception) -> bool:
    """Return True for an error after which the connection is of no use; a server's own error is none."""
    from mcp import MCPError
    from mcp_types import CONNECTION_CLOSED
    from pydantic import ValidationError

    if isinstance(error, MCPError):
        return error.code == CONNECTION_CLOSED or "session" in error.message.lower()
    return not isinstance(error, ValidationError | RuntimeError)


def _schema(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a schema that vendors take, None for one that is too long or not of an object."""
    with suppress(ValueError, RecursionError):
        if given.get("type", "object") != "object" or len(json.dumps(given)) > _SCHEMA:
            return None
        kept = {key: value for key, value in given.items() if key not in _AT_TOP and not key.startswith("$schema")}
        return {**kept, "type": "object", "properties": given.get("properties") or {}}
    return None


def _visible(text: str) -> str:
    """Remove characters that a model reads and no person sees."""
    return repair_surrogates(text).translate(_INVISIBLE)
