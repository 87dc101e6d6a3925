"""The tool `fetch_url`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from termchat.core.approval import ToolEffect
from termchat.tools.files.names import escape_name
from termchat.tools.registry import Plan, Subject, ToolContext, ToolError, ToolOutput, tool

if TYPE_CHECKING:
    from termchat.tools.web.url_fetcher import UrlFetcher

_fetchers: list[UrlFetcher] = []  # made with the first call, as it is imported then


def _fetcher() -> UrlFetcher:
    from termchat.tools.web.url_fetcher import UrlFetcher

    if not _fetchers:
        _fetchers.append(UrlFetcher())
    return _fetchers[0]


async def _plan(context: ToolContext, arguments: Mapping[str, Any]) -> Plan | ToolError:
    return await plan_fetch(_fetcher(), str(arguments["url"]))


@tool(effect=ToolEffect.NETWORK, subject=Subject.HOST, subject_argument="url", plan=_plan)
async def fetch_url(
    context: ToolContext,
    url: Annotated[str, "An http or https address"],
    content: Annotated[
        Literal["readable", "source"], "readable: the text of a page as Markdown; source: what the server sent"
    ] = "readable",
) -> ToolOutput:
    """Fetch a web page, text or JSON by GET, without cookies and credentials."""
    return await run_fetch(_fetcher(), context, url, content)


async def plan_fetch(fetcher: UrlFetcher, url: str) -> Plan | ToolError:
    """Plan a fetch: the URL as it will be requested, and the private addresses behind it."""
    from termchat.tools.web.url_fetcher import seen_url
    from termchat.tools.web.web_url import UrlError, parse_url

    try:
        parsed = parse_url(url)
    except UrlError as error:
        return _not_fetched(url, error)
    private = await fetcher.private_addresses(parsed)
    facts = [f"private address {address}" for address in private]
    if parsed.scheme == "http":
        facts.append("not encrypted")
    question = f"{parsed.host} is not public, so each fetch from it asks." if private else ""
    seen = seen_url(parsed, private)
    return Plan(parsed.text, facts=tuple(facts), edit_argument="url", seen=seen, question=question)


async def run_fetch(fetcher: UrlFetcher, context: ToolContext, url: str, content: str) -> ToolOutput:
    """Fetch a URL, and return a line about the response and its text."""
    from termchat.tools.web.url_fetcher import FetchError
    from termchat.tools.web.web_text import response_text
    from termchat.tools.web.web_url import UrlError, parse_url

    try:
        response = await fetcher.fetch(parse_url(url), context.permit)
        return await response_text(response, readable=content == "readable")
    except UrlError as error:
        return _not_fetched(url, error)
    except FetchError as error:
        return ToolError(escape_name(str(error)) + _proxy_hint(context))


def _not_fetched(url: str, error: Exception) -> ToolError:
    return ToolError(f"'{escape_name(url[:200])}' cannot be fetched: {error}")


def _proxy_hint(context: ToolContext) -> str:
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    name = next((name for name in names if context.environment.get(name)), "")
    return f". fetch_url connects directly and does not use {name}" if name else ""
