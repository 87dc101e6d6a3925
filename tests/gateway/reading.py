"""Fields of a request independent of its protocol, for scripts that answer by them."""

from __future__ import annotations

from typing import Any

from tests.gateway.requests import RecordedRequest
from tests.gateway.signatures import Protocol
from tests.gateway.validate.gemini_names import camel

_NAMES = {
    Protocol.CHAT: "messages",
    Protocol.RESPONSES: "input",
    Protocol.ANTHROPIC: "messages",
    Protocol.GEMINI: "contents",
}


def messages(request: RecordedRequest) -> list[Any]:
    """The turns or items of the body, unchanged."""
    body = request.body if isinstance(request.body, dict) else {}
    found = body.get(_NAMES[request.protocol or Protocol.CHAT])
    return found if isinstance(found, list) else [{"role": "user", "content": found}]


def question(request: RecordedRequest) -> str:
    """The text of the user's last message."""
    for message in reversed(messages(request)):
        if message.get("role") == "user" and (words := _words(message)):
            return words
    return ""


def offered(request: RecordedRequest) -> set[str]:
    """The names of the offered tools."""
    names: set[str] = set()
    for tool in request.body.get("tools") or ():
        declared = tool.get("functionDeclarations") or tool.get("function_declarations")
        names |= {one["name"] for one in declared or (tool.get("function") or tool,) if "name" in one}
    return names


def schema(request: RecordedRequest) -> dict[str, Any] | None:
    """The schema of the reply, if any."""
    body = camel(request.body) if request.protocol is Protocol.GEMINI else request.body
    named = (
        ("generationConfig", "responseJsonSchema"),
        ("response_format", "json_schema", "schema"),
        ("text", "format", "schema"),
        ("output_config", "format", "schema"),
    )
    for path in named:
        found: Any = body
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, dict):
            return found
    return None


def searches(request: RecordedRequest) -> bool:
    """True if the request allows web search."""
    tools = request.body.get("tools") or ()
    kinds = {str(tool.get("type")) for tool in tools} | {name for tool in tools for name in tool}
    found = any(kind.startswith("web_search") or kind.lower().replace("_", "") == "googlesearch" for kind in kinds)
    return found or "web_search_options" in request.body or "plugins" in request.body


def results(request: RecordedRequest) -> list[str]:
    """The tool results at the end of the request; empty if it ends with a user message."""
    found: list[str] = []
    for message in reversed(messages(request)):
        here = _results(message)
        if not here:
            break
        found = here + found
    return found


def _words(message: dict[str, Any]) -> str:
    content = message.get("content", message.get("parts"))
    if isinstance(content, str):
        return content
    parts = [part for part in content or () if isinstance(part, dict)]
    return "\n".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def _results(message: dict[str, Any]) -> list[str]:
    """The results of one turn or item."""
    if message.get("role") == "tool":
        return [_words(message)]
    if message.get("type") == "function_call_output":
        return [str(message.get("output"))]
    found: list[str] = []
    content = message.get("content", message.get("parts"))
    for part in camel(content) if isinstance(content, list) else ():
        if part.get("type") == "tool_result":
            found.append(_words(part))
        if "functionResponse" in part:
            answer = part["functionResponse"]["response"]
            found.append(str(answer.get("output", answer.get("error", answer))))
    return found
